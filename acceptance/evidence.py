"""The record that lets a third person reach the same verdict: `evidence.json`. All else is rendered from it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from acceptance.delivery import common_folder
from acceptance.judge import CheckResult, Judgement, Outcome, Verdict

FORMAT = "1"
"""Version of the format of evidence.json; it changes when a field changes its meaning."""

WORST_FIRST = (Outcome.FAILED, Outcome.WARNED, Outcome.ERRORED, Outcome.SKIPPED, Outcome.PASSED)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Record):
    """A landed object of the delivery. Sizes are in bytes.

    `sha256` is of its bytes, `rows` are those of the file as far as they can be told apart; None when it was not read.
    """

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    version_id: str | None = None
    sha256: str | None = None
    rows: int | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class DeliveryRecord(_Record):
    id: str
    dataset: str
    business_date: date
    revision: int
    members: tuple[Member, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The members' keys below their common folder, in the order of the keys."""
        keys = sorted(member.key for member in self.members)
        folder = common_folder(keys) if keys else ""
        return tuple(key.removeprefix(folder) for key in keys)


class ContractRecord(_Record):
    id: str
    name: str
    version: str
    path: str
    sha256: str


class RunRecord(_Record):
    """Who judged. `event_id` is the announcement that fired the run; None when a person asked for it."""

    flow_run_id: str
    flow_run_name: str
    url: str | None = None
    event_id: str | None = None
    aws_account: str
    aws_caller: str
    started: datetime
    ended: datetime
    software: dict[str, str] = Field(default_factory=dict)


class StepStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepRecord(_Record):
    """One action on AWS. `ids` are AWS's own: request_id, job_run_id, query_id. `detail` is one line for people."""

    name: str
    status: StepStatus
    started: datetime | None = None
    ended: datetime | None = None
    ids: dict[str, str] = Field(default_factory=dict)
    detail: str = ""


class CheckRecord(_Record):
    id: str
    metric: str
    outcome: Outcome
    severity: str
    expected: str
    observed: str
    columns: tuple[str, ...] = ()
    dimension: str | None = None
    description: str = ""
    query_id: str | None = None

    @classmethod
    def of(cls, result: CheckResult) -> "CheckRecord":
        check = result.check
        return cls(
            id=check.id,
            metric=check.metric.value,
            outcome=result.outcome,
            severity=check.severity.value,
            expected=result.expected,
            observed=result.observed,
            columns=check.columns,
            dimension=check.dimension,
            description=check.description,
            query_id=result.query_id,
        )


class LandedFaultRecord(_Record):
    """One fault of a landed file. `line` counts from 1 in the file as it landed; `file` is set if there are several."""

    line: int
    column: str | None
    message: str
    file: str | None = None

    def __str__(self) -> str:
        file, column = f"{self.file} " if self.file else "", f", column {self.column}" if self.column else ""
        return f"{file}line {self.line}{column}: {self.message}"


class LandedRecord(_Record):
    """What the independent reading of the landed files found, all together. At most 20 faults are kept of the count."""

    rows: int | None = None
    columns: tuple[str, ...] = ()
    fingerprint: str | None = None
    fault_count: int = 0
    faults: tuple[LandedFaultRecord, ...] = ()


class TableRecord(_Record):
    """What Athena read. `partition` is column -> value, `location` the partition's s3:// prefix."""

    database: str
    name: str
    partition: dict[str, str] = Field(default_factory=dict)
    location: str | None = None
    rows: int | None = None
    fingerprint: str | None = None


class QueryRecord(_Record):
    """One Athena query. `purpose` is "checks" or "sample"; times are milliseconds, as Athena reports them."""

    purpose: Literal["checks", "sample"]
    query_id: str
    sql: str
    workgroup: str
    bytes_scanned: int
    total_ms: int
    engine_version: str
    output_location: str


class Sample(_Record):
    """A few rows of the table, for people. Values are texts, None for null; those of sensitive columns are masked."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()


class ParameterRecord(_Record):
    """An SSM parameter that the run changed. Values are never recorded, only the names of the keys that were set."""

    name: str
    copy_of: str | None
    keys_set: tuple[str, ...]
    existed_before: bool
    restored: bool


class Evidence(_Record):
    format: str = FORMAT
    verdict: Verdict
    reason: str
    delivery: DeliveryRecord
    contract: ContractRecord
    run: RunRecord
    landed: LandedRecord
    table: TableRecord
    steps: tuple[StepRecord, ...]
    checks: tuple[CheckRecord, ...]
    queries: tuple[QueryRecord, ...] = ()
    sample: Sample = Sample()
    parameters: tuple[ParameterRecord, ...] = ()

    @property
    def rows_agree(self) -> bool | None:
        """Whether as many rows landed as the table holds; None when either count is unknown."""
        return _agree(self.landed.rows, self.table.rows)

    @property
    def cells_agree(self) -> bool | None:
        """Whether the fingerprints are the same; None when either is unknown."""
        return _agree(self.landed.fingerprint, self.table.fingerprint)

    @property
    def checks_worst_first(self) -> tuple[CheckRecord, ...]:
        """The checks as a reader wants them; within one outcome in the contract's order."""
        return tuple(sorted(self.checks, key=lambda check: WORST_FIRST.index(check.outcome)))

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"


def _agree(landed: object, table: object) -> bool | None:
    return None if landed is None or table is None else landed == table


def check_records(judgement: Judgement) -> tuple[CheckRecord, ...]:
    return tuple(CheckRecord.of(result) for result in judgement.results)


def dataset_prefix(dataset: str) -> str:
    """The key prefix in the evidence bucket below which all evidence of a dataset is."""
    return f"deliveries/{dataset}/"


def evidence_prefix(dataset: str, business_date: date, delivery_id: str) -> str:
    """The key prefix in the evidence bucket below which a delivery's files are put once."""
    return f"{dataset_prefix(dataset)}{business_date.isoformat()}/{delivery_id}/"


def claim_key(dataset: str, business_date: date, delivery_id: str) -> str:
    """The key of the conditional put by which one run takes a delivery."""
    return evidence_prefix(dataset, business_date, delivery_id) + "claim.json"
