"""Read and write versions of a parameter, with everything that SSM keeps of them.

SSM keeps 100 versions of a parameter. Each new one then deletes the oldest, unless that has a label: SSM refuses to
write until somebody moves it (AWS Systems Manager User Guide, "Working with parameter versions").
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.calls import Client, answer_or_none, aws_call
from aws.error_codes import error_code

MOST_VERSIONS = 100
STANDARD_BYTES = 4096
"""The longest value of a parameter of the standard tier."""
STANDARD, ADVANCED = "Standard", "Advanced"
TEXT = "text"
_ABSENT = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})

History = Mapping[int, Mapping[str, Any]]
"""SSM's entries by version, without secret values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One version of a parameter. `value` is decrypted and never shown.

    What stands below `last_modified` only the history tells. `key_id` is the KMS key of a SecureString; `policies` are
    those of an advanced parameter, as the JSON text that SSM takes.
    """

    name: str
    value: str = field(repr=False)
    type: str
    version: int
    last_modified: datetime
    key_id: str | None = None
    description: str = ""
    tier: str = STANDARD
    policies: str | None = None
    allowed_pattern: str | None = None
    data_type: str = TEXT

    def has_same_content(self, other: "Parameter") -> bool:
        """Return True if a reader gets the same value and type from both."""
        return (self.value, self.type) == (other.value, other.type)


def read_parameter(ssm: Client, name: str) -> Parameter | None:
    """Return the decrypted parameter, or None if it does not exist. `name` may end in `:<version>`.

    Of what only the history tells, a SecureString has its key.
    """
    with aws_call(f"read the parameter {name}"):
        found = answer_or_none(_ABSENT, ssm.get_parameter, Name=name, WithDecryption=True)
    if found is None:
        return None
    answer = found["Parameter"]
    read = Parameter(answer["Name"], answer["Value"], answer["Type"], answer["Version"], answer["LastModifiedDate"])
    return with_history(read, read_history(ssm, read.name)) if read.type == "SecureString" else read


def read_version(ssm: Client, name: str, version: int, history: History) -> Parameter | None:
    """Return one version, None for version 0. Raise StepFailed if SSM no longer has it."""
    if version == 0:
        return None
    parameter = read_parameter(ssm, f"{name}:{version}")
    if parameter is None:
        raise StepFailed(f"restore {name}: SSM no longer has its version {version}; put the right value back by hand")
    return with_history(parameter, history)


def read_history(ssm: Client, name: str) -> History:
    """Return the entries by version; empty if the parameter does not exist."""
    entries: dict[int, Mapping[str, Any]] = {}
    with aws_call(f"read the history of the parameter {name}"):
        try:
            for page in ssm.get_paginator("get_parameter_history").paginate(Name=name):
                entries |= {entry["Version"]: entry for entry in page["Parameters"]}
        except ClientError as error:
            if error_code(error) not in _ABSENT:
                raise
    return entries


def with_history(parameter: Parameter, history: History) -> Parameter:
    """Add what only the history tells. Without the KMS key, for example, SSM would use the account's own.

    Raises:
        StepFailed: SSM shows a policy that is no JSON.
    """
    entry = history.get(parameter.version, {})
    return replace(
        parameter,
        key_id=entry.get("KeyId"),
        description=entry.get("Description", ""),
        tier=entry.get("Tier") or STANDARD,
        policies=_policies(parameter.name, entry),
        allowed_pattern=entry.get("AllowedPattern"),
        data_type=entry.get("DataType") or TEXT,
    )


def _policies(name: str, entry: Mapping[str, Any]) -> str | None:
    texts = [policy["PolicyText"] for policy in entry.get("Policies") or ()]
    try:
        return json.dumps([json.loads(text) for text in texts]) if texts else None
    except ValueError as error:
        raise StepFailed(f"read the parameter {name}: SSM shows a policy that is no JSON: {error}") from None


def put_version(ssm: Client, parameter: Parameter, now: Parameter | None) -> int:
    """Write the parameter as it is described, in the place of `now`, and return the new version.

    An advanced parameter stays one: SSM makes none standard again, and refuses a put that asks for it.

    Raises:
        StepFailed: SSM refuses.
    """
    options: dict[str, str] = {}
    if now is not None and now.tier == ADVANCED:
        options["Tier"] = ADVANCED
    elif len(parameter.value.encode()) > STANDARD_BYTES:
        options["Tier"] = "Intelligent-Tiering"
    given = {
        "KeyId": parameter.key_id,
        "Policies": parameter.policies,
        "AllowedPattern": parameter.allowed_pattern,
        "DataType": parameter.data_type if parameter.data_type != TEXT else None,
    }
    options |= {name: value for name, value in given.items() if value}
    with aws_call(f"put the parameter {parameter.name}"):
        answer = ssm.put_parameter(
            Name=parameter.name,
            Value=parameter.value,
            Type=parameter.type,
            Overwrite=True,
            Description=parameter.description,
            **options,
        )
    return int(answer["Version"])


def delete(ssm: Client, name: str) -> None:
    """Delete the parameter, if it exists."""
    with aws_call(f"delete the parameter {name}"):
        answer_or_none(_ABSENT, ssm.delete_parameter, Name=name)
