"""The findings of a run, and the measurement of each check that follows from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import assert_never

from acceptance.contract.checks import Check, Metric
from acceptance.contract.contract import Column, Contract
from acceptance.judging.judge import CheckResult, Judgement, Measurement, judge, judge_check
from acceptance.messages.message import Message
from acceptance.messages.phrases import duration, listed, with_remark
from acceptance.proof.differences import Differences
from acceptance.proof.fingerprint import Fingerprint
from acceptance.sql.answers import may_be_a_cell
from acceptance.text_contrast import Others, unlike


@dataclass(frozen=True, slots=True)
class LandedFacts:
    """The independent reading of the landed file. `first_fault` is for people: line, column and what is wrong."""

    rows: int
    fingerprint: Fingerprint | None
    fault_count: int = 0
    first_fault: str = ""


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """The answers of the Glue catalog and S3. `columns` are name -> Hive type, partition keys included.

    `partition_found` is about the catalog, `has_objects` about S3; a table without partitions counts as found.
    """

    columns: Mapping[str, str]
    partition_found: bool
    has_objects: bool
    location: str | None
    projected: bool = False
    """The table projects its partitions, so the catalog lists none."""
    unlisted: str = ""
    """Why nobody looked for objects. The rows of the delivery then say whether it is there."""
    versioned: bool = False
    """The table is one of Iceberg, whose queries read one snapshot."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The measuring query's answer about the delivered rows as a whole."""

    rows: int
    fingerprint: Fingerprint | None


@dataclass(frozen=True)
class Findings:
    """None means that the run did not get that far; `stopped_by` then says why.

    `available_after` is the time from the landing of the last file until the partition was seen with objects.
    `undecided`: why Aceite cannot tell which of the landed rows the table must hold. `examples`: a value that breaks a
    check and does not look so, by the check's id.
    """

    landed: LandedFacts | None = None
    catalog: CatalogFacts | None = None
    table: TableFacts | None = None
    measured: Mapping[str, Measurement] = field(default_factory=dict)
    query_id: str | None = None
    available_after: timedelta | None = None
    stopped_by: str = ""
    differences: Differences | None = None
    undecided: str = ""
    judged_again: bool = False
    """The objects were judged before. The time until the table held them was measured then."""
    examples: Mapping[str, str] = field(default_factory=dict)

    @property
    def worth_running(self) -> bool:
        """True if the pipeline should run. A file that breaks its contract is rejected without it."""
        return self.landed is not None and self.landed.fault_count == 0

    @property
    def worth_measuring(self) -> bool:
        catalog = self.catalog
        return catalog is not None and catalog.partition_found and (catalog.has_objects or bool(catalog.unlisted))


def judge_findings(contract: Contract, findings: Findings) -> Judgement:
    """Judge every check of the contract. A check without a finding is skipped, with the reason; it never passes."""
    results = [
        judge_check(check, _withheld(contract, check, _measurement(contract, findings, check.id, check.metric)))
        for check in contract.checks
    ]
    results = [_with_example(result, findings.examples.get(result.check.id, "")) for result in results]
    return judge(results, findings.stopped_by)


def _with_example(result: CheckResult, example: str) -> CheckResult:
    return replace(result, observed=with_remark(result.observed, example))


def _withheld(contract: Contract, check: Check, found: Measurement) -> Measurement:
    """Return the measurement without the number that a rule in free SQL answered, if that may be a classified cell."""
    classified = frozenset(name.lower() for name in contract.classified)
    if check.sql is None or found.value is None or not may_be_a_cell(check.sql, classified):
        return found
    return replace(found, observed=_WITHHELD)


_WITHHELD = Message("a number that is withheld: it may be a cell of a column that is classified")


def usable_columns(contract: Contract, catalog: CatalogFacts) -> frozenset[str]:
    """Return the contract's columns that the table has with the promised type: only these can be measured."""
    return frozenset(column.name for column in contract.columns if _mismatch(column, catalog.columns) is None)


def _measurement(contract: Contract, findings: Findings, check_id: str, metric: Metric) -> Measurement:
    landed, catalog = findings.landed, findings.catalog
    if landed is not None and landed.fault_count and metric is not Metric.LANDED_READABLE:
        return Measurement(skipped=Message("the landed file breaks the contract"))
    found = None
    match metric:
        case Metric.LANDED_READABLE:
            found = _readable(landed) if landed is not None else None
        case Metric.PARTITION_EXISTS:
            found = _partition(catalog, findings) if catalog is not None else None
        case Metric.COLUMNS_MATCH:
            found = _columns(contract.columns, catalog.columns) if catalog is not None else None
        case Metric.LATENCY if findings.judged_again:
            again = Message("judged again: the first judgement of these objects has this time")
            found = Measurement(skipped=again)
        case Metric.LATENCY:
            found = _latency(findings.available_after) if findings.available_after is not None else None
        case Metric.ROWS_EQUAL_LANDED | Metric.CELLS_EQUAL_LANDED:
            found = _agreement(metric, findings)
        case (
            Metric.ROW_COUNT
            | Metric.NULL_VALUES
            | Metric.MISSING_VALUES
            | Metric.INVALID_VALUES
            | Metric.DUPLICATE_VALUES
            | Metric.ORPHANED_VALUES
            | Metric.SQL
        ):
            pass  # the measuring query has the answer
        case _:
            assert_never(metric)
    return found or findings.measured.get(check_id) or Measurement(skipped=_why_not(findings))


def _agreement(metric: Metric, findings: Findings) -> Measurement | None:
    """Compare what landed with the table; None if either was not read."""
    landed, table = findings.landed, findings.table
    if landed is None or table is None:
        return None
    if findings.undecided:
        return Measurement(query_id=findings.query_id, error=findings.undecided)
    if metric is Metric.ROWS_EQUAL_LANDED:
        return _rows(landed, table, findings.query_id)
    return _cells(landed, table, findings.query_id, findings.differences)


def _why_not(findings: Findings) -> str:
    if findings.stopped_by:
        return Message("not reached: {reason}", reason=findings.stopped_by)
    if findings.catalog is not None and not findings.worth_measuring:
        return Message("there is no partition to measure")
    return _without_columns()


def _without_columns() -> Message:
    return Message("its columns are missing or have another type")


def _readable(landed: LandedFacts) -> Measurement:
    return Measurement(landed.fault_count, landed.first_fault or Message("all rows and cells can be read"))


def _partition(catalog: CatalogFacts, findings: Findings) -> Measurement | None:
    if not catalog.partition_found:
        if catalog.projected:
            projected = Message("the table does not project such a partition: its projection.* parameters")
            return Measurement(1, projected)
        return Measurement(1, Message("the catalog has no such partition"))
    if catalog.unlisted:
        return _partition_by_rows(catalog.unlisted, findings)
    if not catalog.has_objects:
        return Measurement(1, Message("no object below {location}", location=catalog.location or ""))
    return Measurement(0, Message("objects below {location}", location=catalog.location or ""))


def _partition_by_rows(unlisted: str, findings: Findings) -> Measurement | None:
    """Return whether the delivery is there by its rows; None if they were not counted."""
    table, landed = findings.table, findings.landed
    if table is None:
        return None
    missing = not table.rows and landed is not None and landed.rows > 0
    observed = Message.counted(
        "{count} row; its objects were not listed: {reason}",
        "{count} rows; its objects were not listed: {reason}",
        table.rows,
        reason=unlisted,
    )
    return Measurement(int(missing), observed, findings.query_id)


def _columns(promised: Sequence[Column], found: Mapping[str, str]) -> Measurement:
    wrong = [text for column in promised if (text := _mismatch(column, found)) is not None]
    names = {column.name for column in promised}
    surplus = [
        with_remark(
            Message("{column} {type} is not in the contract", column=name, type=kind),
            unlike(name, names, Others.THE_CONTRACTS) or _nested(kind),
        )
        for name, kind in found.items()
        if name not in names
    ]
    if wrong or surplus:
        return Measurement(len(wrong) + len(surplus), listed(wrong + surplus))
    columns = len(promised)
    return Measurement(0, Message.counted("{count} column as promised", "{count} columns as promised", columns))


def _nested(kind: str) -> str:
    return Message("describe it; with `compare: false` its cells are not proven") if "<" in kind else ""


def _mismatch(column: Column, found: Mapping[str, str]) -> str | None:
    kind = found.get(column.name)
    if kind is None:
        return Message("{column} is missing", column=column.name)
    if kind == column.type:
        return None
    return Message("{column} is {type}, promised {promised}", column=column.name, type=kind, promised=column.type)


def _latency(available_after: timedelta) -> Measurement:
    """Round up to seconds: a delivery that is late by less than a second is late."""
    seconds = math.ceil(available_after.total_seconds())
    after = duration(timedelta(seconds=seconds))
    return Measurement(seconds, Message("in the table {duration} after it landed", duration=after))


def _rows(landed: LandedFacts, table: TableFacts, query_id: str | None) -> Measurement:
    observed = Message.counted(
        "{count} row in the table, {landed} landed",
        "{count} rows in the table, {landed} landed",
        table.rows,
        landed=landed.rows,
    )
    return Measurement(abs(table.rows - landed.rows), observed, query_id)


def _cells(
    landed: LandedFacts, table: TableFacts, query_id: str | None, differences: Differences | None
) -> Measurement:
    if table.fingerprint is None:
        return Measurement(query_id=query_id, skipped=_without_columns())
    if landed.fingerprint is None:
        return Measurement(query_id=query_id, error=Message("the landed file has no fingerprint"))
    if landed.fingerprint == table.fingerprint:
        same = Message("the same fingerprint, {fingerprint}", fingerprint=str(table.fingerprint))
        return Measurement(0, same, query_id)
    if differences is not None and differences.rows:
        return Measurement(1, str(differences), query_id)
    observed = Message(
        "other cells: fingerprint {table} in the table, {landed} landed",
        table=str(table.fingerprint),
        landed=str(landed.fingerprint),
    )
    return Measurement(1, observed, query_id)
