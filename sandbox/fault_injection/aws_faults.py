"""Faults of AWS: throttling, errors, denials, lost connections, latency and time-outs.

A fault affects the callers that sign with one of its access keys. Aceite signs with `sandbox`, the sandbox's functions
and jobs with `pipeline`.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.aws_requests import SERVICES, AwsRequest, operations

ACEITE = ("sandbox",)
ANY = "*"
MOST_SECONDS = 600


class AwsFaultKind(StrEnum):
    THROTTLED = "throttled"
    ERROR = "error"
    DENIED = "denied"
    RESET = "reset"
    TIMEOUT = "timeout"
    SLOW = "slow"


_COUNTERS = ("requested", "made")
"""Fields of a fault in an answer to GET. They are ignored when the fault is sent back."""
_NEVER_AFTER = (AwsFaultKind.THROTTLED, AwsFaultKind.DENIED)
"""Kinds of errors after which the request never had its effect."""
_SECONDS = {AwsFaultKind.SLOW: 1.0, AwsFaultKind.TIMEOUT: 120.0}
"""The defaults of `seconds`. The time-out is longer than those of Aceite's clients."""


class BadFault(Exception):
    """The body describes no fault; the message says what is allowed."""


@dataclass
class AwsFault:
    """A fault that happens to the share `rate` of the requests for an operation, at most `at_most` times.

    With `after` the request has its effect, and only the answer is lost or late. `seconds` is the latency, or the time
    until a time-out closes the connection. The same seed makes the same requests in the same order fail again.
    `requested` counts the requests that it could happen to, `made` those that it happened to.
    """

    kind: AwsFaultKind
    service: str = ANY
    operation: str = ANY
    rate: float = 1.0
    seed: int = field(default_factory=lambda: random.randrange(2**31))
    at_most: int | None = None
    after: bool = False
    seconds: float = 0.0
    callers: tuple[str, ...] = ACEITE
    requested: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def happens_to(self, request: AwsRequest) -> bool:
        """Return True if the fault happens to this request, and count it."""
        if (
            self.service not in (ANY, request.service)
            or self.operation not in (ANY, request.operation)
            or not {request.access_key, ANY} & set(self.callers)
        ):
            return False
        self.requested += 1
        if self._random.random() >= self.rate or (self.at_most is not None and self.made >= self.at_most):
            return False
        self.made += 1
        return True


def read_faults(body: bytes) -> list[AwsFault]:
    """Read one fault, a list of faults, or an answer to GET.

    Raises:
        BadFault: the body is none of these, or a field has a wrong value.
    """
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise BadFault(f"the body is not JSON: {error}") from None
    if isinstance(parsed, dict) and parsed.keys() == {"faults"}:
        parsed = parsed["faults"]
    return [_fault(value) for value in (parsed if isinstance(parsed, list) else [parsed])]


def _fault(fields: object) -> AwsFault:
    if not isinstance(fields, dict):
        raise BadFault('a fault must be an object such as {"service": "s3", "kind": "throttled", "rate": 0.3}')
    fields = {name: value for name, value in fields.items() if name not in _COUNTERS}
    if unknown := sorted(set(fields) - _FIELDS.keys()):
        raise BadFault(f"{', '.join(unknown)}: unknown field; allowed are {', '.join(_FIELDS)}")
    for name, value in fields.items():
        allowed, is_right = _FIELDS[name]
        if not is_right(value):
            raise BadFault(f"{name} is {json.dumps(value)}; allowed: {allowed}")
    if "kind" not in fields:
        raise BadFault(f"kind is missing; allowed: {_FIELDS['kind'][0]}")
    service, operation, kind = fields.get("service", ANY), fields.get("operation", ANY), AwsFaultKind(fields["kind"])
    if operation != ANY and (service == ANY or operation not in operations(service)):
        reason = "without a service it can only be *" if service == ANY else f"{service} has no such operation"
        raise BadFault(f"operation is {json.dumps(operation)}: {reason}; write it as boto3's model does: PutObject")
    if fields.get("after") and kind in _NEVER_AFTER:
        raise BadFault(f"after: a request that AWS answers with {kind} has no effect; allowed for the other kinds")
    more = {
        "kind": kind,
        "callers": tuple(fields.get("callers", ACEITE)),
        "seconds": fields.get("seconds", _SECONDS.get(kind, 0)),
    }
    return AwsFault(**{**fields, **more})


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
        lambda value: isinstance(value, list) and value != [] and all(isinstance(key, str) for key in value),
    ),
}
