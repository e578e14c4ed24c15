"""Who judged a delivery, by which contract, and what the run changed meanwhile."""

from datetime import datetime

from pydantic import Field

from acceptance.record import Line, Record


class ContractRecord(Record):
    """`git_commit` is the commit whose file has these bytes; None if there is none.

    `time_zone` is the dataset's: a name of the IANA database, or an offset such as UTC-03:00.
    """

    id: str
    name: Line
    version: str
    path: str
    sha256: str
    git_commit: str | None = None
    time_zone: str = "UTC"


class RunRecord(Record):
    """Who judged. `event_id` is the announcement that fired the run; None when a person asked for it.

    `triggered_by` is what Prefect says of it: the automation, the deployment, or who called the flow.
    """

    flow_run_id: str
    flow_run_name: Line
    url: str | None = None
    event_id: str | None = None
    triggered_by: Line | None = None
    aws_account: str
    aws_caller: str
    started: datetime
    ended: datetime
    software: dict[str, str] = Field(default_factory=dict)


class ParameterState(Record):
    """SSM's description of a parameter. Aceite never records values: SSM keeps them, by version."""

    version: int
    type: str
    last_modified: datetime


class ParameterRecord(Record):
    """An SSM parameter that the run changed: the names of the keys that were set, and what was read back from SSM.

    The states are None where there was no parameter. `restored` is what was seen, not what was meant: afterwards the
    parameter had the value that it had before, or was gone as before.
    """

    name: str
    copy_of: str | None
    keys_set: tuple[str, ...]
    existed_before: bool
    restored: bool
    before: ParameterState | None = None
    during: ParameterState | None = None
    after: ParameterState | None = None
