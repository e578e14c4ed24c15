"""Override a parameter temporarily, and restore it: by the run that did, or by whoever comes after a dead run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from acceptance.errors import StepFailed
from aws.calls import Client
from aws.parameters.versions import (
    MOST_VERSIONS,
    STANDARD,
    STANDARD_BYTES,
    TEXT,
    History,
    Parameter,
    delete,
    put_version,
    read_history,
    read_parameter,
    read_version,
    with_history,
)

_MARKED = "Temporary, by Aceite: "
"""The beginning of the description of a temporary version. The mark is all that follows."""
_VERSIONS_NEEDED = 4
"""An override writes two versions. boto3 may repeat each of the puts when an answer is lost."""


@dataclass(frozen=True, slots=True)
class Overridden:
    """The input of `restore_parameter`: the earlier parameter, or None if there was none.

    To restore from another process, keep the name and the mark but no value: `undo_override` finds the rest in SSM.
    """

    name: str
    earlier: Parameter | None
    mark: str


class UndoResult(Enum):
    """The fate of a parameter that was to be restored. The values are phrases for people."""

    RESTORED = "restored"
    WAS_AS_BEFORE = "it already had its earlier value"
    CHANGED_SINCE = "somebody changed it since, so Aceite left it as it is"


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


@dataclass(frozen=True, slots=True)
class NoWayBack:
    """Why SSM could not restore a parameter, and what to do."""

    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.why}; {self.remedy}"


def no_way_back(name: str, history: History, value_bytes: int) -> NoWayBack | None:
    """Return why SSM could not restore the parameter after an override by so long a value; None if it could.

    What does not exist has a way back: it is deleted.
    """
    if not history:
        return None
    now = history[max(history)]
    deleted = sorted(history)[: max(len(history) + _VERSIONS_NEEDED - MOST_VERSIONS, 0)]
    labels = next((entry["Labels"] for version in deleted if (entry := history[version]).get("Labels")), None)
    if labels:
        return NoWayBack(
            f"SSM keeps {MOST_VERSIONS} versions and deletes none that has a label, so it would soon refuse changes",
            "move the label to a later version: "
            f"`aws ssm label-parameter-version --name {name} --labels {' '.join(labels)}`",
        )
    if (now.get("Tier") or STANDARD) == STANDARD and value_bytes > STANDARD_BYTES:
        return NoWayBack(
            f"a value of {value_bytes:,} bytes, more than {STANDARD_BYTES:,}, makes it an advanced parameter, and SSM "
            "makes none standard again",
            f"make {name} advanced yourself, or name in the contract a parameter that does not exist",
        )
    if (data_type := now.get("DataType") or TEXT) != TEXT:
        return NoWayBack(f"SSM takes no JSON for its data type {data_type}", "name another parameter in the contract")
    return None


def override_parameter(ssm: Client, name: str, value: str, mark: str, type_: str = "String") -> Overridden:
    """Write the parameter and return its earlier state. Its description holds `mark` until it is restored.

    Nothing is changed that could not be restored.

    Raises:
        StepFailed: the parameter has the value of another override, another type, which SSM cannot change, or could not
            be restored; or SSM refuses.
    """
    earlier, history = read_parameter(ssm, name), read_history(ssm, name)
    if earlier is not None:
        earlier = with_history(earlier, history)
        if earlier.description.startswith(_MARKED) and mark_in_force(ssm, name) not in (None, mark):
            raise StepFailed(
                f"override {name}: it still has the temporary value of another run, of which no lock tells; put the "
                f"version before {earlier.version} back by hand, as SSM's history has it"
            )
        _refuse_without_way_back(earlier, history, value, type_)
    description = f"{_MARKED}{mark}"
    key_id, policies = (earlier.key_id, earlier.policies) if earlier else (None, None)
    temporary = Parameter(name, value, type_, 0, datetime.now(UTC), key_id, description, policies=policies)
    version = put_version(ssm, temporary, earlier)
    if version - 1 != (earlier.version if earlier else 0) or (earlier and earlier.description == description):
        # Somebody wrote or deleted it since we read it; or we wrote it ourselves and the response was lost.
        history = read_history(ssm, name)
        earlier = read_version(ssm, name, (_first_marked(history, mark) or version) - 1, history)
    return Overridden(name, earlier, mark)


def _refuse_without_way_back(earlier: Parameter, history: History, value: str, type_: str) -> None:
    if earlier.type != type_:
        raise StepFailed(
            f"override {earlier.name}: the parameter is a {earlier.type}, the contract asks for a {type_}, and SSM "
            "cannot change a type; delete the parameter, or name another one in the contract"
        )
    if why := no_way_back(earlier.name, history, len(value.encode())):
        raise StepFailed(f"override {earlier.name}: nothing was changed, as it could not be restored: {why}")


def restore_parameter(ssm: Client, overridden: Overridden) -> UndoResult:
    """Restore the parameter as it was before the override; delete it if there was none. Idempotent.

    What somebody wrote or deleted since the override is left as it is.

    Raises:
        StepFailed: SSM no longer has the earlier version, or refuses.
    """
    name, earlier = overridden.name, overridden.earlier
    history = read_history(ssm, name)
    if _first_marked(history, overridden.mark) is not None:
        return undo_override(ssm, name, overridden.mark)
    now = read_parameter(ssm, name)
    as_before = now.has_same_content(earlier) if now and earlier else now is earlier
    return UndoResult.WAS_AS_BEFORE if as_before else UndoResult.CHANGED_SINCE


def undo_override(ssm: Client, name: str, mark: str) -> UndoResult:
    """Restore, from any process, the parameter as it was before the override with this mark. Idempotent.

    SSM's history holds the mark and the value in one version, so neither exists without the other. Somebody who edits
    the parameter later may keep the description; the first version with the mark is ours.

    Raises:
        StepFailed: SSM no longer has the earlier version, or refuses.
    """
    history = read_history(ssm, name)
    ours = _first_marked(history, mark)
    if ours is None:  # we never wrote it, or somebody deleted it since
        return UndoResult.WAS_AS_BEFORE
    earlier, last = read_version(ssm, name, ours - 1, history), max(history)
    if _is_in_force(ssm, name, history, mark):
        if earlier is None:
            delete(ssm, name)
        else:
            put_version(ssm, earlier, replace(earlier, tier=history[last].get("Tier") or earlier.tier))
        return UndoResult.RESTORED
    later = [read_parameter(ssm, f"{name}:{version}") for version in (ours + 1, last)]
    restored = earlier is not None and any(one is not None and one.has_same_content(earlier) for one in later)
    return UndoResult.WAS_AS_BEFORE if restored else UndoResult.CHANGED_SINCE


def mark_in_force(ssm: Client, name: str) -> str | None:
    """Return the mark of the override whose value the parameter has now; None if it has another value."""
    history = read_history(ssm, name)
    description = history[max(history)].get("Description", "") if history else ""
    mark: str = description.removeprefix(_MARKED)
    return mark if mark != description and _is_in_force(ssm, name, history, mark) else None


def _is_in_force(ssm: Client, name: str, history: History, mark: str) -> bool:
    """Return True if the last version is the override's own, or a copy with the same mark and value."""
    ours, last = _first_marked(history, mark), max(history, default=0)
    if ours is None or ours == last:
        return ours is not None
    return _is_marked(history[last], mark) and _same_value(ssm, name, ours, last)


def _is_marked(entry: Mapping[str, Any], mark: str) -> bool:
    """Return True if the version was put with this mark: in its place, whole, and with nothing beside it."""
    return bool(mark) and entry.get("Description", "") == f"{_MARKED}{mark}"


def _first_marked(history: History, mark: str) -> int | None:
    """Return the first version with the mark. boto3 may have repeated a put, so several may have it."""
    return min((version for version, entry in history.items() if _is_marked(entry, mark)), default=None)


def _same_value(ssm: Client, name: str, one: int, other: int) -> bool:
    first, second = (read_parameter(ssm, f"{name}:{version}") for version in (one, other))
    return first is not None and second is not None and first.value == second.value
