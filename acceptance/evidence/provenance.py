"""By what, and by whom, a delivery was judged."""

from datetime import datetime

from pydantic import Field

from acceptance.record import Record


class ContractRecord(Record):
    """`git_commit` is the commit whose file has these bytes; None if there is none."""

    id: str
    name: str
    version: str
    path: str
    sha256: str
    git_commit: str | None = None


class RunRecord(Record):
    """Who judged. `event_id` is the announcement that fired the run; None when a person asked for it.

    `triggered_by` is what Prefect says of it: the automation, the deployment, or who called the flow.
    """

    flow_run_id: str
    flow_run_name: str
    url: str | None = None
    event_id: str | None = None
    triggered_by: str | None = None
    aws_account: str
    aws_caller: str
    started: datetime
    ended: datetime
    software: dict[str, str] = Field(default_factory=dict)
