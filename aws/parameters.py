"""SSM Parameter Store: read a parameter, override one temporarily, and restore it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.calls import Client, answer_or_none, aws_call
from aws.error_codes import error_code

_ABSENT = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_STANDARD_TIER_BYTES = 4096
_MARKED = "Temporary, by Aceite: "
"""The beginning of the description of a temporary version. The mark is all that follows."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One version of a parameter. `value` is decrypted and never shown. `key_id` is the KMS key of a SecureString."""

    name: str
    value: str = field(repr=False)
    type: str
    version: int
    last_modified: datetime
    key_id: str | None = None
    description: str = ""

    def has_same_content(self, other: "Parameter") -> bool:
        """Return True if a reader gets the same value and type from both."""
        return (self.value, self.type) == (other.value, other.type)


@dataclass(frozen=True, slots=True)
class Overridden:
    """The input of `restore_parameter`: the earlier parameter, or None if there was none.

    To restore from another process, keep the name and the mark but no value: `undo_override` finds the rest in SSM.
    """

    name: str
    earlier: Parameter | None
    mark: str = ""


class UndoResult(Enum):
    """The result of `undo_override`. The values are phrases for people."""

    RESTORED = "restored"
    WAS_AS_BEFORE = "it already had its earlier value"
    CHANGED_SINCE = "somebody changed it since, so Aceite left it as it is"


def read_parameter(ssm: Client, name: str) -> Parameter | None:
    """Return the decrypted parameter, or None if it does not exist. `name` may end in `:<version>`."""
    with aws_call(f"read the parameter {name}"):
        found = answer_or_none(_ABSENT, ssm.get_parameter, Name=name, WithDecryption=True)
    if found is None:
        return None
    answer = found["Parameter"]
    read = Parameter(answer["Name"], answer["Value"], answer["Type"], answer["Version"], answer["LastModifiedDate"])
    return _with_history(ssm, read) if read.type == "SecureString" else read


def override_value(name: str, copy_of: str | None, source: Parameter | None, values: Mapping[str, Any]) -> str:
    """Return the JSON text of a temporary parameter: the object in `source` updated with `values`, or `values` alone.

    Raises:
        StepFailed: the parameter `copy_of` does not exist or does not hold a JSON object.
    """
    if copy_of is None:
        return json.dumps(dict(values), ensure_ascii=False)
    if source is None:
        raise StepFailed(
            f"override {name}: the parameter {copy_of} to copy does not exist; create it, or correct copy_of"
        )
    try:
        base = json.loads(source.value)
    except ValueError as error:
        # The error's own text quotes no value; the value itself may be a secret.
        raise StepFailed(f"override {name}: the parameter {copy_of} does not hold JSON: {error}") from None
    if not isinstance(base, dict):
        kind = type(base).__name__
        raise StepFailed(f"override {name}: the parameter {copy_of} holds a JSON {kind}, not a JSON object")
    return json.dumps({**base, **values}, ensure_ascii=False)


def override_parameter(ssm: Client, name: str, value: str, type_: str = "String", mark: str = "") -> Overridden:
    """Write the parameter and return its earlier state. Its description holds `mark` until it is restored.

    Raises:
        StepFailed: the parameter has the value of another override, or another type, which SSM cannot change; or SSM
            refuses.
    """
    earlier = read_parameter(ssm, name)
    if earlier is not None and earlier.type != type_:
        raise StepFailed(
            f"override {name}: the parameter is a {earlier.type}, the contract asks for a {type_}, and SSM cannot "
            "change a type; delete the parameter, or name another one in the contract"
        )
    if earlier is not None:
        earlier = _with_history(ssm, earlier)
        is_temporary = bool(mark) and earlier.description.startswith(_MARKED)
        if is_temporary and mark_in_force(ssm, name) not in (None, mark):
            raise StepFailed(
                f"override {name}: it still has the temporary value of another run, of which no lock tells; put the "
                f"version before {earlier.version} back by hand, as SSM's history has it"
            )
    description = f"{_MARKED}{mark}" if mark else ""
    version = _put(ssm, name, value, type_, earlier.key_id if earlier else None, description)
    if version - 1 != (earlier.version if earlier else 0) or (earlier and mark and earlier.description == description):
        # Somebody wrote or deleted it since we read it; or we wrote it ourselves and the response was lost.
        earlier = _version(ssm, name, (_first_marked(_history(ssm, name), mark) or version) - 1)
    return Overridden(name, earlier, mark)


def undo_override(ssm: Client, name: str, mark: str) -> UndoResult:
    """Restore, from any process, the parameter as it was before the override with this mark. Idempotent.

    SSM's history holds the mark and the value in one version, so neither exists without the other. Somebody who edits
    the parameter later may keep the description; the first version with the mark is ours.

    Raises:
        StepFailed: SSM no longer has the earlier version, or refuses.
    """
    history = _history(ssm, name)
    ours = _first_marked(history, mark)
    if ours is None:  # we never wrote it, or somebody deleted it since
        return UndoResult.WAS_AS_BEFORE
    earlier, last = _version(ssm, name, ours - 1), max(history)
    if _is_in_force(ssm, name, history, mark):
        restore_parameter(ssm, Overridden(name, earlier, mark))
        return UndoResult.RESTORED
    later = [read_parameter(ssm, f"{name}:{version}") for version in (ours + 1, last)]
    restored = earlier is not None and any(one is not None and one.has_same_content(earlier) for one in later)
    return UndoResult.WAS_AS_BEFORE if restored else UndoResult.CHANGED_SINCE


def mark_in_force(ssm: Client, name: str) -> str | None:
    """Return the mark of the override whose value the parameter has now; None if it has another value."""
    history = _history(ssm, name)
    description = history[max(history)].get("Description", "") if history else ""
    mark: str = description.removeprefix(_MARKED)
    return mark if mark != description and _is_in_force(ssm, name, history, mark) else None


def _is_in_force(ssm: Client, name: str, history: Mapping[int, Mapping[str, Any]], mark: str) -> bool:
    """Return True if the last version is the override's own, or a copy with the same mark and value."""
    ours, last = _first_marked(history, mark), max(history, default=0)
    if ours is None or ours == last:
        return ours is not None
    return _is_marked(history[last], mark) and _same_value(ssm, name, ours, last)


def _is_marked(entry: Mapping[str, Any], mark: str) -> bool:
    """Return True if the version was put with this mark: in its place, whole, and with nothing beside it."""
    return bool(mark) and entry.get("Description", "") == f"{_MARKED}{mark}"


def _first_marked(history: Mapping[int, Mapping[str, Any]], mark: str) -> int | None:
    """Return the first version with the mark. boto3 may have repeated a put, so several may have it."""
    return min((version for version, entry in history.items() if _is_marked(entry, mark)), default=None)


def _same_value(ssm: Client, name: str, one: int, other: int) -> bool:
    first, second = (read_parameter(ssm, f"{name}:{version}") for version in (one, other))
    return first is not None and second is not None and first.value == second.value


def _version(ssm: Client, name: str, version: int) -> Parameter | None:
    """Return one version, None for version 0. Raise StepFailed if SSM, which keeps 100 versions, no longer has it."""
    if version == 0:
        return None
    parameter = read_parameter(ssm, f"{name}:{version}")
    if parameter is None:
        raise StepFailed(f"restore {name}: SSM no longer has its version {version}; put the right value back by hand")
    return _with_history(ssm, parameter)


def restore_parameter(ssm: Client, overridden: Overridden) -> None:
    """Restore the parameter as it was before the override; delete it if there was none. Idempotent."""
    earlier = overridden.earlier
    if earlier is None:
        with aws_call(f"delete the parameter {overridden.name}"):
            answer_or_none(_ABSENT, ssm.delete_parameter, Name=overridden.name)
        return
    now = read_parameter(ssm, overridden.name)
    # An override with an equal value still changed the description.
    if now is None or not now.has_same_content(earlier) or _with_history(ssm, now).description != earlier.description:
        _put(ssm, overridden.name, earlier.value, earlier.type, earlier.key_id, earlier.description)


def _put(ssm: Client, name: str, value: str, type_: str, key_id: str | None, description: str) -> int:
    """Write the parameter and return its new version."""
    options = {"KeyId": key_id} if key_id else {}
    if len(value.encode()) > _STANDARD_TIER_BYTES:
        options["Tier"] = "Intelligent-Tiering"
    with aws_call(f"put the parameter {name}"):
        answer = ssm.put_parameter(
            Name=name, Value=value, Type=type_, Overwrite=True, Description=description, **options
        )
    return int(answer["Version"])


def _history(ssm: Client, name: str) -> dict[int, dict[str, Any]]:
    """Return the entries by version, without secret values; empty if the parameter does not exist."""
    entries: dict[int, dict[str, Any]] = {}
    with aws_call(f"read the history of the parameter {name}"):
        try:
            for page in ssm.get_paginator("get_parameter_history").paginate(Name=name):
                entries |= {entry["Version"]: entry for entry in page["Parameters"]}
        except ClientError as error:
            if error_code(error) not in _ABSENT:
                raise
    return entries


def _with_history(ssm: Client, parameter: Parameter) -> Parameter:
    """Add what only the history tells: the description, and the KMS key, without which SSM uses the account's own."""
    entry = _history(ssm, parameter.name).get(parameter.version, {})
    return replace(parameter, key_id=entry.get("KeyId"), description=entry.get("Description", ""))
