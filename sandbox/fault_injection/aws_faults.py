"""Faults of AWS itself: throttling, errors, denials, lost connections, latency, time-outs.

A fault is for the callers that sign with one of its access keys: `sandbox` is Aceite's own, `pipeline` that of the
sandbox's functions and jobs.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.aws_requests import SERVICES, AwsRequest, operations

OURS = ("sandbox",)
ANY = "*"
MOST_SECONDS = 600


class AwsFaultKind(StrEnum):
    THROTTLED = "throttled"
    ERROR = "error"
    DENIED = "denied"
    RESET = "reset"
    TIMEOUT = "timeout"
    SLOW = "slow"


_COUNTED = ("asked", "made")
_NOT_AFTER = (AwsFaultKind.THROTTLED, AwsFaultKind.DENIED)
_SECONDS = {AwsFaultKind.SLOW: 1.0, AwsFaultKind.TIMEOUT: 120.0}
"""Of a fault that does not say: a time-out that is longer than the clients' own."""


class BadFault(Exception):
    """What was sent to the control is none; the message says what is allowed."""


@dataclass
class AwsFault:
    """Happens to `rate` of the requests for an operation, at most `at_most` times if that is given.

    `after`: the request has its effect, and only the answer is lost or late. `seconds` are those of latency or of a
    time-out, after which the connection is closed. The seed makes the same requests in the same order fail again.
    """

    kind: AwsFaultKind
    service: str = ANY
    operation: str = ANY
    rate: float = 1.0
    seed: int = field(default_factory=lambda: random.randrange(2**31))
    at_most: int | None = None
    after: bool = False
    seconds: float = 0.0
    callers: tuple[str, ...] = OURS
    asked: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def takes(self, request: AwsRequest) -> bool:
        """Whether it happens to this request."""
        if (
            self.service not in (ANY, request.service)
            or self.operation not in (ANY, request.operation)
            or not {request.access_key, ANY} & set(self.callers)
        ):
            return False
        self.asked += 1
        if self._random.random() >= self.rate or (self.at_most is not None and self.made >= self.at_most):
            return False
        self.made += 1
        return True


def read_faults(body: bytes) -> list[AwsFault]:
    """One fault, a list of them, or what GET answers.

    Raises:
        BadFault: it is none of these; with what is allowed.
    """
    try:
        told = json.loads(body)
    except ValueError as error:
        raise BadFault(f"the body is no JSON: {error}") from None
    if isinstance(told, dict) and told.keys() == {"faults"}:
        told = told["faults"]
    return [_fault(each) for each in (told if isinstance(told, list) else [told])]


def _fault(told: object) -> AwsFault:
    if not isinstance(told, dict):
        raise BadFault('a fault is an object such as {"service": "s3", "kind": "throttled", "rate": 0.3}')
    told = {name: value for name, value in told.items() if name not in _COUNTED}
    if unknown := sorted(set(told) - _FIELDS.keys()):
        raise BadFault(f"{', '.join(unknown)}: no such field; allowed are {', '.join(_FIELDS)}")
    for name, value in told.items():
        allowed, is_right = _FIELDS[name]
        if not is_right(value):
            raise BadFault(f"{name} is {json.dumps(value)}; allowed: {allowed}")
    if "kind" not in told:
        raise BadFault(f"kind is missing; allowed: {_FIELDS['kind'][0]}")
    service, operation, kind = told.get("service", ANY), told.get("operation", ANY), AwsFaultKind(told["kind"])
    if operation != ANY and (service == ANY or operation not in operations(service)):
        where = "without a service it can only be *" if service == ANY else f"{service} has no such operation"
        raise BadFault(f"operation is {json.dumps(operation)}: {where}; it is written as in boto3's model: PutObject")
    if told.get("after") and kind in _NOT_AFTER:
        raise BadFault(f"after: AWS does not do what it answers {kind} to; allowed for the other kinds")
    more = {
        "kind": kind,
        "callers": tuple(told.get("callers", OURS)),
        "seconds": told.get("seconds", _SECONDS.get(kind, 0)),
    }
    return AwsFault(**{**told, **more})


def _is_number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "kind": (", ".join(AwsFaultKind), lambda value: value in list(AwsFaultKind)),
    "service": (f"{', '.join(SERVICES)}, or * for all", lambda value: value in (*SERVICES, ANY)),
    "operation": ("an operation of the service, such as PutObject, or * for all", lambda value: isinstance(value, str)),
    "rate": ("a number from 0 to 1", lambda value: _is_number(value, 0, 1)),
    "seed": ("a whole number from 0 on", _is_count),
    "at_most": ("a whole number from 0 on, or null for no limit", lambda value: value is None or _is_count(value)),
    "after": ("true or false", lambda value: isinstance(value, bool)),
    "seconds": (f"a number from 0 to {MOST_SECONDS}", lambda value: _is_number(value, 0, MOST_SECONDS)),
    "callers": (
        'a list of access keys: "sandbox" is Aceite\'s, "pipeline" that of the functions and jobs, "*" is all',
        lambda value: isinstance(value, list) and value != [] and all(isinstance(each, str) for each in value),
    ),
}
