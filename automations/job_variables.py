"""Read the job variables that a person gives for a work pool: only ones of its base job template, and no secrets."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from prefect.client.schemas.objects import WorkPool

from acceptance.errors import SettingsError, did_you_mean

_SECRET = re.compile(r"(secret_access_key|session_token|password|passwd|api_key|auth_string|(^|_)secret)$", re.I)
_CREDENTIALS_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def job_variables(pool: WorkPool, given: Iterable[str]) -> dict[str, Any]:
    """Parse KEY=VALUE, or KEY.NAME=VALUE for one entry of a variable such as env.

    A value other than a text is JSON. A value with `{{ }}` is a template, which the worker fills from a block.

    Raises:
        SettingsError: the pool has no such variable, or the value is invalid for it, or is a secret.
    """
    variables: dict[str, Any] = {}
    for argument in given:
        key, is_pair, text = argument.partition("=")
        if not is_pair:
            raise SettingsError(f"the job variable {key!r} has no value: write it as KEY=VALUE")
        _refuse_secret(key, text)
        name, *parts = key.split(".", 1)
        schema = _schema(pool, name)
        value = text if "{{" in text else _value(pool, key, text, {} if parts else schema)
        if not parts:
            variables[name] = value
            continue
        whole = variables.setdefault(name, {})
        if not isinstance(whole, dict):
            raise SettingsError(f"the job variable {name} already has a whole value; give that or {key}, not both")
        whole[parts[0]] = value
    for name, value in variables.items():
        _refuse_invalid(pool, name, value)
    return variables


def default_of(pool: WorkPool, name: str) -> Any:
    """Return the variable's default, or None if it has none or the pool lacks the variable."""
    return _known(pool).get(name, {}).get("default")


def has(pool: WorkPool, name: str) -> bool:
    return name in _known(pool)


def _known(pool: WorkPool) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = pool.base_job_template.get("variables", {}).get("properties", {})
    return properties


def _schema(pool: WorkPool, name: str) -> Mapping[str, Any]:
    known = _known(pool)
    if name not in known:
        raise SettingsError(
            f"the work pool {pool.name!r}, of type {pool.type}, has no job variable {name!r}"
            f"{did_you_mean(name, known)} it has {', '.join(sorted(known))}"
        )
    schema: Mapping[str, Any] = known[name]
    return schema


def _value(pool: WorkPool, key: str, text: str, schema: Mapping[str, Any]) -> Any:
    """Return the text itself if that is valid, else parse it as JSON."""
    if _is_valid(pool, text, schema):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise SettingsError(f"the job variable {key} cannot be {text!r}; {_allowed(schema)}") from None


def _refuse_invalid(pool: WorkPool, name: str, value: Any) -> None:
    schema = _schema(pool, name)
    if "{{" not in json.dumps(value) and not _is_valid(pool, value, schema):
        raise SettingsError(f"the job variable {name} cannot be {json.dumps(value)}; {_allowed(schema)}")


def _is_valid(pool: WorkPool, value: Any, schema: Mapping[str, Any]) -> bool:
    variables = pool.base_job_template.get("variables", {})
    whole = {"$ref": "#/properties/given", "properties": {"given": schema}}
    return Draft202012Validator({**whole, "definitions": variables.get("definitions", {})}).is_valid(value)


def _allowed(schema: Mapping[str, Any]) -> str:
    choices: Sequence[Mapping[str, Any]] = schema.get("anyOf", [schema])
    kinds = [str(choice.get("type", "object")) for choice in choices if choice.get("type") != "null"]
    values = f" of {', '.join(map(str, schema['enum']))}" if "enum" in schema else ""
    return f"allowed: {' or '.join(kinds)}{values}, written as JSON unless it is a text"


def _refuse_secret(key: str, text: str) -> None:
    is_secret = _SECRET.search(key.rsplit(".", 1)[-1]) or _CREDENTIALS_IN_URL.search(text)
    if is_secret and "{{" not in text:
        raise SettingsError(
            f"the job variable {key} holds a secret, which everybody could read there: save it in a Secret block and "
            f"write {key}='{{{{ prefect.blocks.secret.NAME }}}}'. The block aceite-aws already holds AWS credentials"
        )
