"""IAM, as far as Aceite's own policies go: who signs with an access key that is bound to a policy may do what it says.

Policies are bound from outside, at `/_aceite/policies/ACCESS-KEY-ID` of the sandbox's own port: PUT binds the document
that is sent, DELETE unbinds it, GET shows it. An access key that is bound to none may do everything, and so does the
sandbox's own pipeline. What Athena does in the name of whoever asks is asked of the same policy.

A document that says more than can be evaluated is refused: it would promise what nobody keeps.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MOST_CHARACTERS = 6144
_CONDITIONS = {"StringEquals", "StringLike"}
_KEYS = {"s3:prefix", "kms:ViaService"}
_FIELDS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_VARIABLE = re.compile(r"(\$\{[*?$]\}|[*?])")

Context = Mapping[str, str]
"""What is known of a request by the condition keys of IAM. One that is missing meets no condition."""


class BadPolicy(Exception):
    """The document is no policy, or says what cannot be evaluated here; with what is allowed."""


@dataclass(frozen=True, slots=True)
class RequiredPermission:
    """What a request takes of who makes it."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Statement:
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def says(self, need: RequiredPermission) -> bool:
        return (
            any(_matches(pattern.lower(), need.action.lower()) for pattern in self.actions)
            and any(_matches(pattern, need.resource) for pattern in self.resources)
            and all(self._holds(*condition, dict(need.context)) for condition in self.conditions)
        )

    @staticmethod
    def _holds(operator: str, key: str, values: Sequence[str], context: Context) -> bool:
        if key not in context:
            return False
        same = str.__eq__ if operator == "StringEquals" else _matches
        return any(same(value, context[key]) for value in values)


@dataclass(frozen=True, slots=True)
class Policy:
    statements: tuple[_Statement, ...]
    document: str

    def refusal(self, need: RequiredPermission) -> str:
        """Why it is denied, as all is that no statement allows, or that one denies; empty if it is allowed."""
        said = [statement for statement in self.statements if statement.says(need)]
        if any(not statement.allows for statement in said):
            return "with an explicit deny in an identity-based policy"
        return "" if said else f"because no identity-based policy allows the {need.action} action"


def read_policy(text: str) -> Policy:
    """Raises BadPolicy."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise BadPolicy(f"it is not JSON: {error}") from None
    if not isinstance(told, dict) or not told.keys() <= {"Version", "Id", "Statement"} or "Statement" not in told:
        raise BadPolicy('a policy is {"Version": "2012-10-17", "Statement": [...]}')
    if told.get("Version") != "2012-10-17":
        raise BadPolicy(f'its Version is {told.get("Version")!r}; "2012-10-17" is read here')
    size = len(json.dumps(told, separators=(",", ":"), ensure_ascii=False))
    if size > MOST_CHARACTERS:
        raise BadPolicy(f"it has {size:,} characters; IAM allows {MOST_CHARACTERS:,}")
    statements = told["Statement"] if isinstance(told["Statement"], list) else [told["Statement"]]
    sids = [each.get("Sid") for each in statements if isinstance(each, dict) and "Sid" in each]
    if len(set(sids)) < len(sids) or not all(re.fullmatch(r"[A-Za-z0-9]+", str(sid)) for sid in sids):
        raise BadPolicy("each Sid is of letters and digits, and no other statement's")
    return Policy(tuple(map(_read_statement, statements)), text)


def _read_statement(told: Any) -> _Statement:
    if not isinstance(told, dict):
        raise BadPolicy(f"a statement is an object, not {told!r}")
    name = f"the statement {told.get('Sid', json.dumps(told)[:60])}"
    if unknown := sorted(told.keys() - _FIELDS):
        raise BadPolicy(f"{name} holds {', '.join(unknown)}; evaluated are {', '.join(sorted(_FIELDS))}")
    if told.get("Effect") not in ("Allow", "Deny"):
        raise BadPolicy(f"{name} has the Effect {told.get('Effect')!r}; allowed are Allow and Deny")
    actions, resources = (_texts(told.get(field), f"{field} of {name}") for field in ("Action", "Resource"))
    for action in actions:
        if action != "*" and not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
            raise BadPolicy(f"{name} names the action {action!r}; one is service:Operation, with * and ?")
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            raise BadPolicy(f"{name} names the resource {resource!r}; one is an ARN, or *")
    conditions = []
    for operator, keys in (told.get("Condition") or {}).items():
        if operator not in _CONDITIONS or not isinstance(keys, dict):
            raise BadPolicy(f"{name} has the condition {operator}; evaluated are {', '.join(sorted(_CONDITIONS))}")
        for key, values in keys.items():
            if key not in _KEYS:
                raise BadPolicy(f"{name} has the condition key {key}; evaluated are {', '.join(sorted(_KEYS))}")
            conditions.append((operator, key, _texts(values, f"{key} of {name}")))
    for text in (*resources, *(value for _, _, values in conditions for value in values)):
        if "${" in re.sub(_VARIABLE, "", text):
            raise BadPolicy(f"{name} holds a variable in {text!r}; evaluated are ${{*}}, ${{?}} and ${{$}}")
    return _Statement(told["Effect"] == "Allow", actions, resources, tuple(conditions))


def _texts(told: Any, what: str) -> tuple[str, ...]:
    texts = told if isinstance(told, list) else [told]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise BadPolicy(f"{what} is {told!r}; it is a text, or a list of texts")
    return tuple(texts)


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """`*` stands for any characters, `?` for one, and `${*}` for the sign itself."""
    parts = _VARIABLE.split(pattern)
    return re.compile("".join(map(_part, parts)), re.DOTALL)


def _part(part: str) -> str:
    if part in ("*", "?"):
        return ".*" if part == "*" else "."
    return re.escape(part[2] if _VARIABLE.fullmatch(part) else part)
