"""Validate a document against the official JSON schema of ODCS, with readable messages."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft201909Validator, ValidationError
from jsonschema.exceptions import best_match

from acceptance.contract.checks import Operator
from acceptance.odcs.document.node import At, Node, hint, shown

_UNKNOWN_KEYS = ("unevaluatedProperties", "additionalProperties")


def refuse_invalid(root: Node) -> None:
    """Record every violation of the ODCS v3.2 schema at its line."""
    if not isinstance(root.value, dict):
        keys = "apiVersion, kind, id and version"
        root.refuse(f"found {shown(root.value)}, which is no ODCS document: that is a YAML mapping with {keys}")
        return
    errors = [_deepest(error) for error in _validator().iter_errors(root.value)]
    causes = [_at(error) for error in errors if error.validator not in _UNKNOWN_KEYS]
    untyped = set(_without_logical_type(root))
    problems = {(at, "logicalType is missing; every property needs one") for at in untyped}
    for error in errors:
        at = _at(error)
        if _follows_from_missing_type(error, untyped):
            continue
        if error.validator in _UNKNOWN_KEYS:
            disturbed = any(cause[: len(at)] == at for cause in causes)
            problems |= {((*at, key), text) for key, text in _unknown_keys(error, disturbed)}
        else:
            problems |= {(at, message) for message in _messages(error)}
    for at, message in problems:
        Node(None, root.source, at).refuse(message)


@cache
def _validator() -> Draft201909Validator:
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return Draft201909Validator(json.loads(schema))


def _at(error: ValidationError) -> At:
    return tuple(error.absolute_path)


def _deepest(error: ValidationError) -> ValidationError:
    """Return the error of the best alternative; operators and relationships have our own messages."""
    if _is_about_operators(error) or _is_about_relationships(error) or not error.context:
        return error
    return best_match([error]) or error


def _is_about_operators(error: ValidationError) -> bool:
    return error.validator == "oneOf" and "mustBe" in json.dumps(error.validator_value)


def _without_logical_type(root: Node) -> Iterator[At]:
    for table in root["schema"]:
        yield from (
            node.at for node in table["properties"] if isinstance(node.value, dict) and "logicalType" not in node
        )


def _follows_from_missing_type(error: ValidationError, untyped: set[At]) -> bool:
    """Return True for an error of a type's branch: the schema applies all branches to a property without a type."""
    at = _at(error)
    instance: Any = error.instance
    of_a_branch = error.validator == "required" and "name" in instance
    return (at in untyped and of_a_branch) or (at[-1:] == ("logicalTypeOptions",) and at[:-1] in untyped)


def _messages(error: ValidationError) -> Iterator[str]:
    wanted: Any = error.validator_value
    found: Any = error.instance
    match error.validator:
        case _ if _is_about_operators(error) and not isinstance(found, dict):
            return  # the schema has another error about a value that is no mapping
        case _ if _is_about_operators(error):
            given = [operator for operator in Operator if operator in found]
            number = " and ".join(given) or "none"
            if len(given) == 1:
                two = ", two different ones" if "Between" in given[0] else ""
                yield f"{given[0]} needs numbers{two}; found {shown(found[given[0]])}"
                return
            yield f"exactly one operator is needed, found {number}; allowed: {', '.join(Operator)}"
        case "required":
            missing = f"the key {next(key for key in wanted if key not in found)!r} is missing"
            of_server = _at(error)[:1] == ("servers",) and len(_at(error)) == 2
            kind = f", which a server of type {found.get('type')} needs; a table is read by one of type athena"
            yield missing + (kind if of_server and found.get("type") not in (None, "s3", "athena") else "")
        case "type" if _at(error)[-2:-1] == ("enum",):
            yield f"found {shown(found)}; a value of an enum is a mapping{_as_in(found)}"
        case "type":
            yield f"found {shown(found)}; {_NEEDED.get(str(wanted), f'a value of type {wanted} is needed')}"
        case "enum" if _at(error)[-1:] == ("logicalType",) and str(found).lower() in _LOGICAL:
            logical = _LOGICAL[str(found).lower()]
            yield f"found {shown(found)}; {hint('', wanted)}; write {logical}, and what is in Glue as its physicalType"
        case "enum" | "const":
            allowed = [str(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
            yield f"found {shown(found)}; {hint(str(found), allowed)}"
        case "not" if isinstance(wanted, dict) and wanted.keys() == {"required"}:
            yield f"the key {wanted['required'][0]!r} is not allowed here"
        case _ if _is_about_relationships(error):
            if "from" in found and "to" in found:  # the schema has another error about a missing key
                yield "`from` and `to` are both one property, or both lists of properties"
        case "pattern":
            yield f"found {shown(found)}, which does not match {wanted}"
        case _:
            yield (
                error.message if len(error.message) < 200 else f"found {shown(found)}, which breaks {error.validator!r}"
            )


_LOGICAL = {
    **dict.fromkeys(("decimal", "numeric", "double", "float", "real"), "number"),
    **dict.fromkeys(("int", "bigint", "smallint", "tinyint", "long"), "integer"),
    **dict.fromkeys(("varchar", "char", "text"), "string"),
    **dict.fromkeys(("datetime", "timestamptz"), "timestamp"),
    **dict.fromkeys(("struct", "record"), "object"),
}
"""The logical types of words that are types elsewhere."""

_NEEDED = {
    "array": "a list is needed",
    "object": "a mapping is needed",
    "string": "a text is needed; quote it if it is one",
    "boolean": "allowed: true, false",
    "integer": "a whole number is needed",
    "number": "a number is needed, without quotes",
}
"""Each type of JSON schema in YAML's words."""


def _as_in(found: Any) -> str:
    """Return the mapping to write instead of a plain value, as it can be copied."""
    if isinstance(found, bool | int | float):
        return f", as in {{value: {json.dumps(found)}}}"
    if not isinstance(found, str) or len(found) > 60:
        return ", as in {value: paid}"
    plain = _PLAIN.fullmatch(found) and found.lower() not in ("yes", "no", "on", "off", "true", "false", "null")
    return f", as in {{value: {found if plain else json.dumps(found, ensure_ascii=False)}}}"


_PLAIN = re.compile(r"[^\W\d][\w-]*( [\w-]+)*")
"""A text that needs no quotes, within braces and for any reader of YAML."""


def _is_about_relationships(error: ValidationError) -> bool:
    return error.validator == "oneOf" and tuple(error.absolute_path)[-2:-1] == ("relationships",)


def _unknown_keys(error: ValidationError, disturbed: bool) -> Iterator[tuple[str, str]]:
    """Yield the keys that the schema does not allow here, each with its message.

    If the place has another problem, `unevaluatedProperties` names valid keys too. Only the keys that no branch of the
    schema has are then unknown.
    """
    instance: Any = error.instance
    known = sorted(set(_property_names(error.schema, None if disturbed else instance)))
    opened, rest = _opened(instance)
    if rest:
        whole = ",".join((opened, *rest))
        yield rest[0], f'the comma ends the text {opened!r} within braces; quote the whole, as in "{whole}"'
    for key in instance:
        if key in rest:
            continue
        if repr(key) in error.message and not (disturbed and key in known):
            yield key, f"unknown key; {hint(key, [word for word in known if word != key])}"


def _opened(instance: Any) -> tuple[str, tuple[str, ...]]:
    """Return a text that opens a bracket, and the keys behind it up to the one that closes it.

    YAML reads {physicalType: decimal(9,5)} as the text `decimal(9` and the key `5)`. Both are empty without one.
    """
    items = list(instance.items())
    for place, (_, text) in enumerate(items):
        depth, rest = _depth(text) if isinstance(text, str) else 0, []
        for key, value in items[place + 1 :] if depth > 0 else ():
            if value is not None:
                break
            rest.append(str(key))
            depth += _depth(str(key))
            if depth <= 0:
                return text, tuple(rest)
    return "", ()


def _depth(text: str) -> int:
    """Return how many more brackets a text opens than it closes."""
    return sum(map(text.count, "(<")) - sum(map(text.count, ")>"))


def _property_names(schema: Any, instance: Any) -> Iterator[str]:
    """Yield the keys of a schema and of its branches: those whose condition holds for the instance, all without one."""
    if not isinstance(schema, dict):
        return
    yield from schema.get("properties", ())
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            yield from _property_names(part, instance)
    if instance is None or _validator().evolve(schema=schema.get("if", True)).is_valid(instance):
        yield from _property_names(schema.get("then"), instance)
    if "$ref" in schema:
        target: Any = _validator().schema
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        yield from _property_names(target, instance)
