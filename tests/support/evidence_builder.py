"""Evidence of one delivery of flights, as tests want it: accepted unless something is replaced."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from acceptance.contract.checks import Metric
from acceptance.evidence.evidence import (
    CheckRecord,
    DeliveryRecord,
    Evidence,
    LandedFaultRecord,
    LandedRecord,
    Member,
    QueryRecord,
    Sample,
    StepRecord,
    StepStatus,
    TableRecord,
)
from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.provenance import ContractRecord, ParameterRecord, ParameterState, RunRecord
from acceptance.judging.judge import Outcome, Verdict
from acceptance.proof.differences import DifferenceKind, Differences, DifferingCell, DifferingRow
from acceptance.queries.sample_query import BROKEN_RULE

START = datetime(2026, 11, 23, 8, 12, 5, tzinfo=UTC)
DELIVERY_ID = "4be1f0a7c2d95e6b8a01"
QUERY_ID = "2f6c0f1e-7a54-4b57-9d0e-1f8f6f0c3a11"
SQL = """WITH delivered AS (
  SELECT * FROM "database_sor"."flights_table" WHERE "anomesdia" = 20130101
)
SELECT
  count(*) AS "rows",
  sum(CAST(from_big_endian_64(substr(h, 1, 8)) AS decimal(38, 0))) AS "fingerprint_high",
  count_if("carrier" IS NULL) AS "carrier_required",
  count_if("distance" <= 0) AS "distance_valid"
FROM delivered"""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def step(name: str, start_s: float, end_s: float, **facts: Any) -> StepRecord:
    return StepRecord(
        **{"name": name, "status": StepStatus.SUCCEEDED, "started": at(start_s), "ended": at(end_s), **facts}
    )


def check(check_id: str, outcome: Outcome = Outcome.PASSED, **facts: Any) -> CheckRecord:
    described = {"metric": Metric.INVALID_VALUES.value, "severity": "error", "expected": "0 rows", "observed": "0 rows"}
    return CheckRecord(id=check_id, outcome=outcome, query_id=QUERY_ID, **{**described, **facts})


MEMBER = Member(
    bucket="landing",
    key="business/nycflights/20130101/flights/flights 2013-01-01.csv",
    etag="5d41402abc4b2a76b9719d911017c592",
    size=88_214,
    last_modified=at(-4),
    version_id="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
STEPS = (
    step("override parameter /stage/nycflights/flights/_test", 0.2, 0.5, ids={"request_id": "b8f2c1d4-9a71-4f6e"}),
    step("invoke lambdastartecstask", 0.5, 3.1, ids={"request_id": "0d3f9c52-6c1b-4e0a-a4f7-1f2b3c4d5e6f"}),
    step("await s3://stage/business/nycflights/20130101/flights/flights 2013-01-01.csv", 3.1, 4.4),
    step("invoke lambdastartjob", 4.4, 5.0, ids={"request_id": "77aa10c2-0b6e-4a34-8f2d-c0ffee000001"}),
    step(
        "await Glue job jobstagetosoringestion",
        5.0,
        21.8,
        ids={"job_run_id": "jr_8c1d0b7e52f44a0f"},
        detail="SUCCEEDED",
    ),
    step("await s3://sor/flights_table/anomesdia=20130101/", 21.8, 22.3),
    step("measure", 22.3, 25.6, ids={"query_id": QUERY_ID}, detail="13 checks in one query"),
    step("restore parameter /stage/nycflights/flights/_test", 25.6, 25.9, ids={"request_id": "c0de0002-9a71-4f6e"}),
)
CHECKS = (
    check(
        "landed_readable",
        metric=Metric.LANDED_READABLE.value,
        dimension="conformity",
        expected="no fault",
        observed="no fault",
        description="The landed file can be read as the contract describes it.",
    ),
    check("rows_equal_landed", dimension="completeness", expected="842 rows", observed="842 rows"),
    check("cells_equal_landed", dimension="accuracy", expected="the same fingerprint", observed="the same fingerprint"),
    check("carrier_required", columns=("carrier",), dimension="completeness"),
    check("key_unique", columns=("year", "month", "day", "carrier", "flight"), dimension="uniqueness"),
    check("distance_valid", columns=("distance",), dimension="conformity", description="A flight has a length."),
)
QUERY = QueryRecord(
    purpose="checks",
    query_id=QUERY_ID,
    sql=SQL,
    workgroup="primary",
    bytes_scanned=10_485_760,
    total_ms=2871,
    engine_version="Athena engine version 3",
    output_location=f"s3://athena-results/{QUERY_ID}.csv",
)
COLUMNS = ("year", "month", "day", "carrier", "flight", "origin", "dest", "dep_delay", "distance")
PARAMETER = ParameterRecord(
    name="/stage/nycflights/flights/_test",
    copy_of="/stage/nycflights/flights",
    keys_set=("source_bucket", "source_key"),
    existed_before=False,
    restored=True,
    during=ParameterState(version=1, type="String", last_modified=at(0.4)),
)
HISTORY = tuple(
    PastDelivery(
        delivery_id=f"{number:020x}",
        business_date=date(2012, 12, 2) + timedelta(days=number),
        revision=1,
        verdict=Verdict.REJECTED if number in (9, 21) else Verdict.INCONCLUSIVE if number == 14 else Verdict.ACCEPTED,
        judged=at(86400 * (number - 29)),
        duration_s=22 + (number * 7) % 11 + (95 if number == 14 else 0),
        rows=None if number == 14 else 700 + (number * 37) % 180,
        checks=13,
        failed_checks={9: 3, 21: 1}.get(number, 0),
    )
    for number in range(29)
)
OPTIONS = {"empty cells": "null", "spaces at the ends": "kept", "timestamps": "UTC, compared in milliseconds"}
DIFFERENCES = Differences(
    buckets=2,
    of_buckets=64,
    looked_into=2,
    counts={DifferenceKind.CHANGED: 1, DifferenceKind.ONLY_LANDED: 1, DifferenceKind.REPEATED: 1},
    columns={"distance": 1, "dep_delay": 1},
    rows=(
        DifferingRow(
            DifferenceKind.CHANGED,
            {"carrier": "UA", "flight": "1545"},
            (DifferingCell("distance", "1400", "1401"), DifferingCell("dep_delay", "2.0", None)),
        ),
        DifferingRow(
            DifferenceKind.ONLY_LANDED,
            {"carrier": "AA", "flight": "1141"},
            (DifferingCell("carrier", "AA", None), DifferingCell("origin", "JFK", None)),
            landed_times=1,
            table_times=0,
        ),
        DifferingRow(DifferenceKind.REPEATED, {"carrier": "B6", "flight": "725"}, landed_times=1, table_times=2),
    ),
)
FINGERPRINT = "842:-3b9aca00f2e1d4c7a:1c6bf526340003ff52"


def accepted(**replaced: Any) -> Evidence:
    """Everything holds. Any field can be replaced."""
    evidence = Evidence(
        verdict=Verdict.ACCEPTED,
        reason=f"{len(CHECKS)} checks hold",
        delivery=DeliveryRecord(
            id=DELIVERY_ID, dataset="nycflights-flights", business_date=date(2013, 1, 1), revision=1, members=(MEMBER,)
        ),
        contract=ContractRecord(
            id="nycflights-flights",
            name="Flights from New York",
            version="1.2.0",
            path="contracts/flights.odcs.yaml",
            sha256="0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b",
            git_commit="1b0e5c8f3d3f4b1c9a7e6d5c4b3a29181716f5e4",
        ),
        run=RunRecord(
            flow_run_id="f3c1a9d2-52f7-4a53-8d6e-2f4a6f1f7b90",
            flow_run_name="nycflights-flights 2013-01-01 flights 2013-01-01.csv",
            url="http://127.0.0.1:4200/runs/flow-run/f3c1a9d2-52f7-4a53-8d6e-2f4a6f1f7b90",
            event_id="6a1d2f0e-2f5e-4d4f-9f0b-2f9f5c0b7d11",
            triggered_by="automation Aceite: validate each delivery",
            aws_account="123456789012",
            aws_caller="arn:aws:sts::123456789012:assumed-role/aceite-validator/prefect",
            started=START,
            ended=at(26.4),
            software={"aceite": "0.1.0", "prefect": "3.8.8", "python": "3.11.9"},
        ),
        landed=LandedRecord(rows=842, columns=COLUMNS, fingerprint=FINGERPRINT),
        table=TableRecord(
            database="database_sor",
            name="flights_table",
            partition={"anomesdia": "20130101"},
            location="s3://sor/flights_table/anomesdia=20130101/",
            rows=842,
            fingerprint=FINGERPRINT,
        ),
        steps=STEPS,
        checks=CHECKS,
        queries=(QUERY,),
        parameters=(PARAMETER,),
        history=HISTORY,
    )
    return evidence.model_copy(update=replaced)


def rejected(**replaced: Any) -> Evidence:
    """The file breaks the contract, the pipeline changed a cell, and every outcome of a check appears."""
    faults = (
        LandedFaultRecord(line=118, column="distance", message="'12 km' is not a whole number"),
        LandedFaultRecord(line=640, column=None, message="17 columns, the header has 19"),
    )
    checks = (
        CHECKS[0].model_copy(update={"outcome": Outcome.FAILED, "observed": "23 faults, the first in line 118"}),
        CHECKS[1],
        CHECKS[2].model_copy(update={"outcome": Outcome.FAILED, "observed": "different fingerprints"}),
        CHECKS[3],
        check(
            "dep_delay_mostly_known",
            Outcome.WARNED,
            severity="warning",
            columns=("dep_delay",),
            dimension="completeness",
            expected="< 5 percent",
            observed="7.25 percent",
        ),
        check("dest_known", Outcome.SKIPPED, columns=("dest",), observed="the column is missing in the table"),
        check("tail_numbers", Outcome.ERRORED, columns=("tailnum",), observed="the query answered NULL"),
        CHECKS[4],
    )
    changed: dict[str, Any] = {
        "verdict": Verdict.REJECTED,
        "reason": "landed_readable: expected no fault, observed 23 faults, the first in line 118 (and 1 more)",
        "landed": LandedRecord(
            rows=842, columns=COLUMNS, fingerprint=FINGERPRINT, fault_count=23, faults=faults, options=OPTIONS
        ),
        "table": accepted().table.model_copy(update={"fingerprint": "842:-3b9aca00f2e1d4c7a:1c6bf5263400042d18"}),
        "checks": checks,
        "differences": DIFFERENCES,
        "sample": Sample(
            columns=(BROKEN_RULE, "carrier", "flight", "dep_delay"),
            rows=(("dep_delay_mostly_known", "AA", "1141", None), ("dep_delay_mostly_known", "UA", "1545", None)),
        ),
        "queries": (
            QUERY,
            QUERY.model_copy(update={"purpose": "sample", "sql": 'SELECT "year" FROM delivered LIMIT 5'}),
        ),
    }
    return accepted(**{**changed, **replaced})


def inconclusive(**replaced: Any) -> Evidence:
    """A Lambda failed: nothing was measured, and the parameter could not be restored."""
    reason = "invoke lambdastartecstask: KeyError: 'source_bucket' (Unhandled)"
    failed = step(
        "invoke lambdastartecstask", 0.5, 3.1, status=StepStatus.FAILED, ids={"request_id": "0d3f9c52"}, detail=reason
    )
    skipped = [StepRecord(name=later.name, status=StepStatus.SKIPPED) for later in STEPS[2:-1]]
    restore = StepRecord(name=STEPS[-1].name, status=StepStatus.FAILED, started=at(3.2), detail="AccessDeniedException")
    unmeasured = {"outcome": Outcome.ERRORED, "observed": "not measured", "query_id": None}
    changed: dict[str, Any] = {
        "verdict": Verdict.INCONCLUSIVE,
        "reason": reason,
        "steps": (STEPS[0], failed, *skipped, restore),
        "checks": tuple(known.model_copy(update=unmeasured) for known in CHECKS),
        "table": TableRecord(database="database_sor", name="flights_table", partition={"anomesdia": "20130101"}),
        "queries": (),
        "sample": Sample(),
        "parameters": (PARAMETER.model_copy(update={"restored": False}),),
        "run": accepted().run.model_copy(update={"ended": at(4.1), "event_id": None}),
    }
    return accepted(**{**changed, **replaced})


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=https://example.com/x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    '=HYPERLINK("https://example.com","pay")',
    "'; DROP TABLE flights; --",
    "[pay](javascript:alert(1)) ![x](https://example.com/x.png)",
    "a|b `c` **d** _e_ ~~f~~ <!-- g --> &lt;h&gt; &amp;",
    "bell\x07 null\x00 escape\x1b[31m c1\x9b",
    "user\u202egpj.exe\u2066 zero\u200bwidth \ufeff \ufffe",
    "שלום עולם مرحبا بالعالم",
    "{{ 7 * 7 }} {% raw %}",
    "]]> <![CDATA[ x",
    "W" * 4000,
)


def hostile(text: str) -> Evidence:
    """A rejected delivery in which every text that comes from outside is `text`."""
    evidence = rejected()
    bad = check(text, Outcome.FAILED, columns=(text,), dimension=text, expected=text, observed=text, description=text)
    facts = {"ids": {text: text}, "detail": text}
    changed = DifferingRow(DifferenceKind.CHANGED, {text: text}, (DifferingCell(text, text, text),))
    lone = DifferingRow(DifferenceKind.ONLY_TABLE, {text: text}, (DifferingCell(text, None, text),), 0, 1)
    return rejected(
        reason=text,
        delivery=evidence.delivery.model_copy(
            update={"members": (MEMBER.model_copy(update={"key": text, "etag": text, "version_id": text}),)}
        ),
        contract=evidence.contract.model_copy(update={"name": text, "version": text, "path": text}),
        run=evidence.run.model_copy(
            update={"flow_run_name": text, "url": text, "software": {text: text}, "triggered_by": text}
        ),
        landed=LandedRecord(
            rows=1,
            columns=(text,),
            fingerprint=text,
            fault_count=1,
            faults=(LandedFaultRecord(line=2, column=text, message=text),),
        ),
        table=TableRecord(database=text, name=text, partition={text: text}, location=text, rows=1, fingerprint=text),
        steps=(step(text, 0, 1, **facts), step(text, 1, 2, status=StepStatus.FAILED, **facts)),
        checks=(bad, *(bad.model_copy(update={"outcome": outcome}) for outcome in Outcome)),
        queries=(QUERY.model_copy(update={"sql": text, "query_id": text, "workgroup": text, "output_location": text}),),
        sample=Sample(columns=(BROKEN_RULE, text), rows=((text, text), (text, None))),
        differences=Differences(1, 1, 1, {DifferenceKind.CHANGED: 1}, {text: 1}, (changed, lone)),
        parameters=(ParameterRecord(name=text, copy_of=text, keys_set=(text,), existed_before=True, restored=True),),
    )
