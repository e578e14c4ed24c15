"""SSM Parameter Store: read a parameter, and change one for a while."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Overridden:
    """What `restore_parameter` needs: what was there before, None if nothing was.

    To restore from another process keep the name and `earlier.version`, no value: `recall_overridden` makes this again.
    """

    name: str
    earlier: Parameter | None


def read_parameter(ssm: Client, name: str) -> Parameter | None:
    """The parameter, decrypted, or None if there is none. `name` may end in `:<version>`."""
    with aws_call(f"read the parameter {name}"):
        try:
            found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        key_id = _key_id(ssm, found["Name"]) if found["Type"] == "SecureString" else None
    return Parameter(found["Name"], found["Value"], found["Type"], found["Version"], found["LastModifiedDate"], key_id)


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


def override_parameter(ssm: Client, name: str, value: str, type_: str = "String") -> Overridden:
    """Writes the parameter and tells what was there.

    Raises:
        StepFailed: it exists with another type, which SSM cannot change, or SSM refuses.
    """
    earlier = read_parameter(ssm, name)
    if earlier is not None and earlier.type != type_:
        raise StepFailed(
            f"override {name}: it exists as {earlier.type} and {type_} is needed; SSM cannot change a type: "
            "delete the parameter, or name another one in the contract"
        )
    _put(ssm, name, value, type_, earlier.key_id if earlier else None)
    return Overridden(name, earlier)


def recall_overridden(ssm: Client, name: str, earlier_version: int | None) -> Overridden:
    """What `override_parameter` returned in another process; SSM keeps the last 100 versions of a parameter.

    Raises:
        StepFailed: SSM no longer has that version.
    """
    if earlier_version is None:
        return Overridden(name, None)
    earlier = read_parameter(ssm, f"{name}:{earlier_version}")
    if earlier is None:
        raise StepFailed(
            f"restore {name}: SSM no longer has its version {earlier_version}; put the right value back by hand"
        )
    return Overridden(name, earlier)


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
    if now is None or (now.value, now.type) != (earlier.value, earlier.type):
        _put(ssm, overridden.name, earlier.value, earlier.type, earlier.key_id)


@contextmanager
def parameter_override(ssm: Client, name: str, value: str, type_: str = "String") -> Iterator[Overridden]:
    """The override holds inside the block; after it, however it ends, the parameter is as it was."""
    overridden = override_parameter(ssm, name, value, type_)
    try:
        yield overridden
    finally:
        restore_parameter(ssm, overridden)


def _put(ssm: Client, name: str, value: str, type_: str, key_id: str | None) -> None:
    options = {"KeyId": key_id} if key_id else {}
    if len(value.encode()) > _STANDARD_TIER_BYTES:
        options["Tier"] = "Intelligent-Tiering"
    with aws_call(f"put the parameter {name}"):
        ssm.put_parameter(Name=name, Value=value, Type=type_, Overwrite=True, **options)


def _key_id(ssm: Client, name: str) -> str | None:
    """Without it a SecureString would be put back under the account's default key."""
    found = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}])[
        "Parameters"
    ]
    return str(found[0]["KeyId"]) if found and found[0].get("KeyId") else None
