"""SSM Parameter Store: read a parameter, and change one for a while."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.calls import Client, aws_call, error_code

_ABSENT = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_STANDARD_TIER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Parameter:
    """One version of a parameter. `value` is decrypted, and never shown. `key_id`: the KMS key of a SecureString."""

    name: str
    value: str = field(repr=False)
    type: str
    version: int
    last_modified: datetime
    key_id: str | None = None
    description: str = ""

    def says_what(self, other: "Parameter") -> bool:
        """Whether a reader gets the same from both."""
        return (self.value, self.type) == (other.value, other.type)


@dataclass(frozen=True, slots=True)
class Overridden:
    """What `restore_parameter` needs: what was there before, None if nothing was.

    To restore from another process keep the name and the mark, no value: `undo_override` finds the rest in SSM.
    """

    name: str
    earlier: Parameter | None
    mark: str = ""


class Undone(Enum):
    """What became of an override of a process that died. The value is told to people."""

    RESTORED = "restored"
    WAS_AS_BEFORE = "it was as before"
    CHANGED_SINCE = "somebody changed it since, so it was left as it is"


def read_parameter(ssm: Client, name: str) -> Parameter | None:
    """The parameter, decrypted, or None if there is none. `name` may end in `:<version>`."""
    with aws_call(f"read the parameter {name}"):
        try:
            found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
    read = Parameter(found["Name"], found["Value"], found["Type"], found["Version"], found["LastModifiedDate"])
    return _described(ssm, read) if read.type == "SecureString" else read


def override_value(name: str, copy_of: str | None, source: Parameter | None, values: Mapping[str, Any]) -> str:
    """The JSON text for a temporary parameter: the object in `source` with `values` put over it, or `values` alone.

    Raises:
        StepFailed: `copy_of` is named but was not found, or does not hold a JSON object.
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
        raise StepFailed(f"override {name}: the parameter {copy_of} holds a JSON {kind}, where an object is needed")
    return json.dumps({**base, **values}, ensure_ascii=False)


def override_parameter(ssm: Client, name: str, value: str, type_: str = "String", mark: str = "") -> Overridden:
    """Writes the parameter and tells what was there. `mark` becomes part of its description, until it is restored.

    Raises:
        StepFailed: it exists with another type, which SSM cannot change, or SSM refuses.
    """
    earlier = read_parameter(ssm, name)
    if earlier is not None and earlier.type != type_:
        raise StepFailed(
            f"override {name}: it exists as {earlier.type} and {type_} is needed; SSM cannot change a type: "
            "delete the parameter, or name another one in the contract"
        )
    if earlier is not None:
        earlier = _described(ssm, earlier)
    description = f"Temporary, by Aceite: {mark}" if mark else ""
    version = _put(ssm, name, value, type_, earlier.key_id if earlier else None, description)
    if version - 1 != (earlier.version if earlier else 0) or (earlier and mark and mark in earlier.description):
        # Somebody wrote or deleted it since it was read; or we did, and the answer was lost.
        earlier = _version(ssm, name, (_first_marked(_history(ssm, name), mark) or version) - 1)
    return Overridden(name, earlier, mark)


def undo_override(ssm: Client, name: str, mark: str) -> Undone:
    """Puts back, from any process, what was there before the override with this mark; again, it changes nothing.

    SSM's own history tells: the mark came with the value, so there is no moment at which one is there and not the
    other. Somebody who edits the parameter later may keep the description; the first version with the mark is ours.

    Raises:
        StepFailed: SSM no longer has the version before, or refuses.
    """
    history = _history(ssm, name)
    ours = _first_marked(history, mark)
    if ours is None:  # never written, or deleted since
        return Undone.WAS_AS_BEFORE
    earlier, last = _version(ssm, name, ours - 1), max(history)
    if last == ours or (mark in history[last].get("Description", "") and _same_value(ssm, name, ours, last)):
        restore_parameter(ssm, Overridden(name, earlier, mark))
        return Undone.RESTORED
    later = [read_parameter(ssm, f"{name}:{version}") for version in (ours + 1, last)]
    restored = earlier is not None and any(found is not None and found.says_what(earlier) for found in later)
    return Undone.WAS_AS_BEFORE if restored else Undone.CHANGED_SINCE


def _first_marked(history: Mapping[int, Mapping[str, Any]], mark: str) -> int | None:
    """boto3 repeats a put whose answer was lost, so several versions may have the mark, one behind the other."""
    return min(
        (version for version, entry in history.items() if mark and mark in entry.get("Description", "")), default=None
    )


def _same_value(ssm: Client, name: str, one: int, other: int) -> bool:
    first, second = (read_parameter(ssm, f"{name}:{version}") for version in (one, other))
    return first is not None and second is not None and first.value == second.value


def _version(ssm: Client, name: str, version: int) -> Parameter | None:
    """None for the version 0, before the first. Raises StepFailed if SSM, which keeps 100, no longer has it."""
    if version == 0:
        return None
    found = read_parameter(ssm, f"{name}:{version}")
    if found is None:
        raise StepFailed(f"restore {name}: SSM no longer has its version {version}; put the right value back by hand")
    return _described(ssm, found)


def restore_parameter(ssm: Client, overridden: Overridden) -> None:
    """Puts back what was there before the override; deletes the parameter if nothing was. Again, it changes nothing."""
    earlier = overridden.earlier
    if earlier is None:
        with aws_call(f"delete the parameter {overridden.name}"):
            try:
                ssm.delete_parameter(Name=overridden.name)
            except ClientError as error:
                if error_code(error) not in _ABSENT:
                    raise
        return
    now = read_parameter(ssm, overridden.name)
    # An override of the same value has left its mark all the same.
    if now is None or not now.says_what(earlier) or _described(ssm, now).description != earlier.description:
        _put(ssm, overridden.name, earlier.value, earlier.type, earlier.key_id, earlier.description)


def _put(ssm: Client, name: str, value: str, type_: str, key_id: str | None, description: str) -> int:
    """The version that it has now."""
    options = {"KeyId": key_id} if key_id else {}
    if len(value.encode()) > _STANDARD_TIER_BYTES:
        options["Tier"] = "Intelligent-Tiering"
    with aws_call(f"put the parameter {name}"):
        answer = ssm.put_parameter(
            Name=name, Value=value, Type=type_, Overwrite=True, Description=description, **options
        )
    return int(answer["Version"])


def _history(ssm: Client, name: str) -> dict[int, dict[str, Any]]:
    """By version, without values that are secret. Empty if there is no such parameter."""
    found: dict[int, dict[str, Any]] = {}
    with aws_call(f"read the history of the parameter {name}"):
        try:
            for page in ssm.get_paginator("get_parameter_history").paginate(Name=name):
                found |= {entry["Version"]: entry for entry in page["Parameters"]}
        except ClientError as error:
            if error_code(error) not in _ABSENT:
                raise
    return found


def _described(ssm: Client, parameter: Parameter) -> Parameter:
    """With what else must be put back: its description, and the key without which a secret gets the account's own."""
    entry = _history(ssm, parameter.name).get(parameter.version, {})
    return replace(parameter, key_id=entry.get("KeyId"), description=entry.get("Description", ""))
