"""Reads and evaluates IAM policy documents, as far as Aceite's own policies use the language.

A document with an element that this module does not evaluate is refused. Ignoring the element would grant or deny
something else than IAM does.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MOST_CHARACTERS = 6144
"""IAM's limit for a managed policy, without whitespace."""
_CONDITIONS = {"StringEquals", "StringLike"}
_KEYS = {"s3:prefix", "kms:ViaService"}
_FIELDS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_VARIABLE = re.compile(r"(\$\{[*?$]\}|[*?])")

Context = Mapping[str, str]
"""Values of a request by IAM's condition keys. A condition on a missing key does not hold."""


class BadPolicy(Exception):
    """The document is no policy, or uses an element that is not evaluated here; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class RequiredPermission:
    """An action on a resource that a request must be allowed to do."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Statement:
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def applies_to(self, required: RequiredPermission) -> bool:
        return (
            any(_matches(pattern.lower(), required.action.lower()) for pattern in self.actions)
            and any(_matches(pattern, required.resource) for pattern in self.resources)
            and all(self._holds(*condition, dict(required.context)) for condition in self.conditions)
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

    def refusal(self, required: RequiredPermission) -> str:
        """Return the reason why the policy denies it, in IAM's words; empty if it allows it.

        A matching Deny wins over every Allow. Without a matching Allow the action is denied.
        """
        matching = [statement for statement in self.statements if statement.applies_to(required)]
        if any(not statement.allows for statement in matching):
            return "with an explicit deny in an identity-based policy"
        return "" if matching else f"because no identity-based policy allows the {required.action} action"


def read_policy(text: str) -> Policy:
    """Return the policy. Raise BadPolicy if the text is no policy or uses an element that is not evaluated here."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadPolicy(f"the document is not JSON: {error}") from None
    fields = document.keys() if isinstance(document, dict) else set[str]()
    if "Statement" not in fields or not fields <= {"Version", "Id", "Statement"}:
        raise BadPolicy('expected {"Version": "2012-10-17", "Statement": [...]}')
    if document.get("Version") != "2012-10-17":
        raise BadPolicy(f'Version is {document.get("Version")!r}; the sandbox evaluates "2012-10-17"')
    size = len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    if size > MOST_CHARACTERS:
        raise BadPolicy(f"the document has {size:,} characters; IAM allows {MOST_CHARACTERS:,}")
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    sids = [statement["Sid"] for statement in statements if isinstance(statement, dict) and "Sid" in statement]
    if len(set(sids)) < len(sids) or not all(re.fullmatch(r"[A-Za-z0-9]+", str(sid)) for sid in sids):
        raise BadPolicy("a Sid must consist of letters and digits, and be unique in the document")
    return Policy(tuple(map(_read_statement, statements)), text)


def _read_statement(statement: Any) -> _Statement:
    if not isinstance(statement, dict):
        raise BadPolicy(f"a statement must be an object, not {statement!r}")
    name = f"the statement {statement.get('Sid', json.dumps(statement)[:60])}"
    if unknown := sorted(statement.keys() - _FIELDS):
        raise BadPolicy(f"{name} has {', '.join(unknown)}; the sandbox evaluates {', '.join(sorted(_FIELDS))}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise BadPolicy(f"{name} has the Effect {statement.get('Effect')!r}; expected Allow or Deny")
    actions, resources = (_texts(statement.get(field), f"{field} of {name}") for field in ("Action", "Resource"))
    for action in actions:
        if action != "*" and not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
            raise BadPolicy(f"{name} has the action {action!r}; expected service:Operation, with * and ? as wildcards")
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            raise BadPolicy(f"{name} has the resource {resource!r}; expected an ARN or *")
    conditions = []
    for operator, keys in (statement.get("Condition") or {}).items():
        if operator not in _CONDITIONS or not isinstance(keys, dict):
            allowed = ", ".join(sorted(_CONDITIONS))
            raise BadPolicy(f"{name} has the condition {operator}; the sandbox evaluates {allowed}")
        for key, values in keys.items():
            if key not in _KEYS:
                allowed = ", ".join(sorted(_KEYS))
                raise BadPolicy(f"{name} has the condition key {key}; the sandbox evaluates {allowed}")
            conditions.append((operator, key, _texts(values, f"{key} of {name}")))
    for text in (*resources, *(value for _, _, values in conditions for value in values)):
        if "${" in re.sub(_VARIABLE, "", text):
            raise BadPolicy(f"{name} has a variable in {text!r}; the sandbox evaluates ${{*}}, ${{?}} and ${{$}}")
    return _Statement(statement["Effect"] == "Allow", actions, resources, tuple(conditions))


def _texts(value: Any, name: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise BadPolicy(f"{name} is {value!r}; expected a text or a list of texts")
    return tuple(texts)


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which `*` stands for any characters, `?` for one, and `${*}` for the character itself."""
    parts = _VARIABLE.split(pattern)
    return re.compile("".join(map(_part, parts)), re.DOTALL)


def _part(part: str) -> str:
    if part in ("*", "?"):
        return ".*" if part == "*" else "."
    return re.escape(part[2] if _VARIABLE.fullmatch(part) else part)
