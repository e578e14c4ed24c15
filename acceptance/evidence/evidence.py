"""The record that lets a third person reach the same verdict: `evidence.json`. All else is rendered from it."""

from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from acceptance.deliveries.delivery import LandingObject, common_folder
from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.message_record import MessageRecord, told
from acceptance.evidence.provenance import ContractRecord, ParameterRecord, RunRecord
from acceptance.judging.judge import Outcome, Verdict
from acceptance.messages.languages import ENGLISH, Language, in_language
from acceptance.messages.message import Message
from acceptance.proof.differences import Differences
from acceptance.record import Line, Lines, Record
from acceptance.untrusted_text import LONGEST_LINE, json_escaped

FORMAT = "1"
"""Version of the format of evidence.json; it changes when a field changes its meaning."""

WORST_FIRST = (Outcome.FAILED, Outcome.WARNED, Outcome.ERRORED, Outcome.SKIPPED, Outcome.PASSED)


class Member(Record):
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

    @classmethod
    def of(
        cls,
        landed: LandingObject,
        *,
        version_id: str | None = None,
        sha256: str | None = None,
        rows: int | None = None,
    ) -> "Member":
        return cls(**asdict(landed), version_id=version_id, sha256=sha256, rows=rows)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class JudgedBefore(Record):
    """The judgement of the same objects before this one. `prefix` is where its evidence is.

    `manifest_sha256` is of the bytes of its manifest, which seals it.
    """

    prefix: str
    revision: int
    verdict: Verdict
    judged: datetime
    manifest_sha256: str


class DeliveryRecord(Record):
    """`repetition` counts how often the same objects were judged before; `judged_before` is the last time.

    `judged_again` is the prefix of the next judgement's evidence, which is there if somebody asked for one. It follows
    from the objects, so that evidence that is sealed can tell it.
    """

    id: str
    dataset: str
    business_date: date
    revision: int
    members: tuple[Member, ...]
    repetition: int = 0
    judged_before: JudgedBefore | None = None
    judged_again: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The members' keys below their common folder, in the order of the keys."""
        keys = sorted(member.key for member in self.members)
        folder = common_folder(keys) if keys else ""
        return tuple(key.removeprefix(folder) for key in keys)


class StepStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepRecord(Record):
    """One action on AWS. `ids` are AWS's own: request_id, job_run_id, query_id. `detail` is one line for people."""

    name: Line
    status: StepStatus
    started: datetime | None = None
    ended: datetime | None = None
    ids: dict[str, Line] = Field(default_factory=dict)
    detail: Lines = ""


class Sample(Record):
    """A few rows that break checks, for people: the first column, "broken rule", holds the id of the check.

    Values are texts, None for null; those of sensitive columns are masked.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()

    @property
    def by_rule(self) -> dict[str, "Sample"]:
        """The rows that break each check, without that column."""
        rules = dict.fromkeys(row[0] or "" for row in self.rows)
        return {
            rule: Sample(columns=self.columns[1:], rows=tuple(row[1:] for row in self.rows if row[0] == rule))
            for rule in rules
        }


class CheckRecord(Record):
    """`expected` and `observed` are in English; their messages are the same in no language."""

    id: str
    metric: str
    outcome: Outcome
    severity: str
    expected: Line
    observed: Line
    columns: tuple[str, ...] = ()
    dimension: str | None = None
    description: Line = ""
    query_id: str | None = None
    expected_message: MessageRecord | None = None
    observed_message: MessageRecord | None = None

    @property
    def told_expected(self) -> str:
        """The expectation as a message, if the evidence has one."""
        return told(self.expected, self.expected_message)

    @property
    def told_observed(self) -> str:
        """The observation as a message, if the evidence has one."""
        return told(self.observed, self.observed_message)

    def in_language(self, language: Language) -> "CheckRecord":
        expected, observed = in_language(self.told_expected, language), in_language(self.told_observed, language)
        return self.model_copy(update={"expected": expected, "observed": observed})


class LandedFaultRecord(Record):
    """One fault of a landed file. `line` counts from 1 in the file as it landed; `file` is set if there are several."""

    line: int
    column: str | None
    message: Line
    file: str | None = None

    def __str__(self) -> str:
        file, column = f"{self.file} " if self.file else "", f", column {self.column}" if self.column else ""
        return f"{file}line {self.line}{column}: {self.message}"


class LandedRecord(Record):
    """The result of the independent reading of all landed files. At most 20 faults are kept of the count.

    `options` are the contract's, which decide what is the same: how cells are read, what is compared and what is not.
    """

    rows: int | None = None
    columns: tuple[str, ...] = ()
    fingerprint: str | None = None
    fault_count: int = 0
    faults: tuple[LandedFaultRecord, ...] = ()
    options: dict[str, str] = Field(default_factory=dict)


class TableRecord(Record):
    """The rows that Athena read. `partition` is column -> value, `location` the partition's s3:// prefix.

    `snapshot` is the id of the snapshot that was judged, of an Iceberg table.
    """

    database: str
    name: str
    catalog: str = "awsdatacatalog"
    region: str | None = None
    partition: dict[str, str] = Field(default_factory=dict)
    location: str | None = None
    rows: int | None = None
    fingerprint: str | None = None
    snapshot: str | None = None


class QueryRecord(Record):
    """One Athena query. `purpose` is what it was for; times are milliseconds, as Athena reports them.

    `deliveries` is how many were measured by it, this one among them. `error` is what Athena said if it failed.
    """

    purpose: Literal["checks", "sample", "differences", "landed", "snapshot"]
    query_id: str
    sql: str
    workgroup: str
    bytes_scanned: int = 0
    total_ms: int = 0
    engine_version: str = ""
    output_location: str = ""
    deliveries: int = 1
    error: Lines = ""


class Evidence(Record):
    format: str = FORMAT
    verdict: Verdict
    reason: Line
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
    differences: Differences | None = None
    history: tuple[PastDelivery, ...] = ()
    """The deliveries of the dataset that were judged before, the oldest first."""
    reason_message: MessageRecord | None = None
    """The reason in no language; `reason` is in English."""
    language: Language = ENGLISH
    """The language of the files that are rendered from this record."""

    @property
    def told_reason(self) -> str:
        """The reason as a message, if the evidence has one, so that it can be told in another language."""
        return told(self.reason, self.reason_message)

    def with_reason(self, reason: Message) -> "Evidence":
        reason = reason.shown(LONGEST_LINE)
        return self.model_copy(update={"reason": str.__str__(reason), "reason_message": MessageRecord.of(reason)})

    def in_language(self, language: Language | None = None) -> "Evidence":
        """Return the evidence with its texts in a language, else in the one that it names."""
        language = language or self.language
        if language == ENGLISH:
            return self
        checks = tuple(check.in_language(language) for check in self.checks)
        return self.model_copy(update={"reason": in_language(self.told_reason, language), "checks": checks})

    @property
    def summary(self) -> PastDelivery:
        """This delivery as later ones remember it."""
        return PastDelivery(
            delivery_id=self.delivery.id,
            business_date=self.delivery.business_date,
            revision=self.delivery.revision,
            verdict=self.verdict,
            judged=self.run.ended,
            duration_s=round((self.run.ended - self.run.started).total_seconds(), 3),
            rows=self.landed.rows,
            checks=len(self.checks),
            failed_checks=sum(check.outcome is Outcome.FAILED for check in self.checks),
        )

    @property
    def rows_agree(self) -> bool | None:
        """True if the table holds as many rows as landed; None when either count is unknown."""
        return _agree(self.landed.rows, self.table.rows)

    @property
    def cells_agree(self) -> bool | None:
        """True if the fingerprints are the same; None when either is unknown."""
        return _agree(self.landed.fingerprint, self.table.fingerprint)

    @property
    def checks_worst_first(self) -> tuple[CheckRecord, ...]:
        """The checks as a reader wants them; within one outcome in the contract's order."""
        return tuple(sorted(self.checks, key=lambda check: WORST_FIRST.index(check.outcome)))

    def to_json(self) -> bytes:
        return json_escaped(self.model_dump_json(indent=2)).encode() + b"\n"


def _agree(landed: object, table: object) -> bool | None:
    return None if landed is None or table is None else landed == table
