"""Kinds of tables in the Glue catalog, through the whole flow: judged, or named as what cannot be judged."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from judged_formats import Dataset, Installation, column, installed

from acceptance.evidence.evidence import Evidence
from acceptance.judging.judge import Verdict
from flows.installation.clients import load_clients

KINDS = ("plain", "view", "iceberg", "delta", "projected", "beyond")
COLUMNS = (
    column("id", "bigint", key=True),
    column("pieces", "decimal(10,0)"),
    {"name": "code", "logicalType": "string", "logicalTypeOptions": {"pattern": "^(?=.*[0-9])(?=.*[a-z])(?!x).{4,}$"}},
    {"name": "at", "logicalType": "timestamp", "logicalTypeOptions": {"minimum": "2024-01-01T00:00:00-03:00"}},
)
GOOD = b"id,pieces,code,at\n1,7,abc1,2024-01-01 03:00:00\n"
PROJECTED = {"projection.enabled": "true", "projection.day.type": "integer"}


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    datasets = [Dataset(f"table_{kind}", COLUMNS, by_job=False) for kind in KINDS]
    with installed(tmp_path_factory.mktemp("tables"), datasets, prefect_server) as found:
        yield found


def changed(kind: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the table in the Glue catalog."""
    glue: Any = load_clients().of("glue")
    found = glue.get_table(DatabaseName="formats", Name=f"table_{kind}")["Table"]
    table = {key: found[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
    change(table)
    glue.update_table(DatabaseName="formats", TableInput=table)


def told(evidence: Evidence) -> str:
    return " ".join([evidence.reason, *(check.observed for check in evidence.checks)])


def test_patterns_with_lookaheads_bounds_with_offsets_and_hives_bare_decimal_are_judged(installation):
    def bare(table: dict[str, Any]) -> None:
        for column_ in table["StorageDescriptor"]["Columns"]:
            column_["Type"] = "decimal" if column_["Name"] == "pieces" else column_["Type"]

    changed("plain", bare)
    evidence = installation.judge("table_plain", GOOD)
    assert evidence.verdict is Verdict.ACCEPTED, told(evidence)
    broken = installation.judge("table_plain", b"id,pieces,code,at\n1,7,x1bc,2024-01-01 02:59:59\n", file="g")
    failed = {check.id for check in broken.checks if check.outcome == "failed"}
    assert failed == {"code_pattern", "at_range"}, told(broken)


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        ("view", {"TableType": "VIRTUAL_VIEW"}, "table_view cannot be judged: it is a view"),
        ("iceberg", {"Parameters": {"table_type": "ICEBERG"}}, "it is a table of Apache Iceberg, whose partitions"),
        ("delta", {"Parameters": {"spark.sql.sources.provider": "delta"}}, "it is a table of Delta Lake, whose"),
    ],
)
def test_a_table_of_another_kind_is_named_and_rejects_nothing(installation, kind, said, words):
    changed(kind, lambda table: table.update(said))
    evidence = installation.judge(f"table_{kind}", GOOD)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert words in told(evidence)


@pytest.mark.parametrize(
    ("kind", "range_", "verdict", "words"),
    [
        ("projected", "20200101,20301231", Verdict.ACCEPTED, ""),
        ("beyond", "20200101,20251231", Verdict.REJECTED, "the table does not project such a partition"),
    ],
)
def test_a_projected_partition_needs_no_entry_in_the_catalog(installation, kind, range_, verdict, words):
    parameters = {**PROJECTED, "projection.day.range": range_}
    changed(kind, lambda table: table.setdefault("Parameters", {}).update(parameters))
    evidence = installation.judge(f"table_{kind}", GOOD, fault="no-partition")
    assert evidence.verdict is verdict, told(evidence)
    assert words in " ".join(check.observed for check in evidence.checks)
