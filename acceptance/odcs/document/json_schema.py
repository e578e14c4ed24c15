"""Validate a document against the official JSON schema of ODCS, with readable messages."""

import json
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
            yield f"found {shown(found)}; a value of an enum is a mapping, as in {{value: {found}}}"
        case "type":
            yield f"found {shown(found)}, a value of type {wanted} is needed"
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


def _is_about_relationships(error: ValidationError) -> bool:
    return error.validator == "oneOf" and tuple(error.absolute_path)[-2:-1] == ("relationships",)


def _unknown_keys(error: ValidationError, disturbed: bool) -> Iterator[tuple[str, str]]:
    """Yield the keys that the schema does not allow here, each with its message.

    If the place has another problem, `unevaluatedProperties` names valid keys too. Only the keys that no branch of the
    schema has are then unknown.
    """
    instance: Any = error.instance
    known = sorted(set(_property_names(error.schema, None if disturbed else instance)))
    for key in instance:
        if key.endswith(")") and (opened := _opened(instance)):
            yield key, f'the comma ends the text {opened!r} within braces; quote the whole, as in "{opened},{key}"'
        elif repr(key) in error.message and not (disturbed and key in known):
            yield key, f"unknown key; {hint(key, [word for word in known if word != key])}"


def _opened(instance: Any) -> str:
    """Return the text that opens a bracket and closes none, as `decimal(9` of {physicalType: decimal(9,5)}; or ""."""
    texts = [value for value in instance.values() if isinstance(value, str)]
    return next((text for text in texts if text.count("(") > text.count(")")), "")


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
