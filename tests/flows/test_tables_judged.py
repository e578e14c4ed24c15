"""Kinds of tables in the Glue catalog, through the whole flow: judged, or named as what cannot be judged."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from judged_formats import Dataset, Installation, column, installed

from acceptance.evidence.evidence import Evidence
from acceptance.judging.judge import Verdict
from aws.athena import OWN_CATALOG
from flows.installation.clients import load_clients
from sandbox.pipeline.deployed import iceberg

pytest.importorskip("pyiceberg", reason="the sandbox makes tables of Iceberg by it")
KINDS = (
    *("plain", "view", "iceberg", "hidden", "delta", "projected", "beyond", "camel", "governed", "more_keys"),
    *("producer", "bucket", "link", "iced_producer", "iced_bucket"),
)
COLUMNS = (
    column("id", "bigint", key=True),
    column("pieces", "decimal(10,0)"),
    {"name": "code", "logicalType": "string", "logicalTypeOptions": {"pattern": "^(?=.*[0-9])(?=.*[a-z])(?!x).{4,}$"}},
    {"name": "at", "logicalType": "timestamp", "logicalTypeOptions": {"minimum": "2024-01-01T00:00:00-03:00"}},
)
LINES = {
    "name": "lines",
    "logicalType": "array",
    "physicalType": "array<struct<sku:string,price:decimal(9,2),tags:map<string,string>>>",
}
GOOD = b"id,pieces,code,at\n1,7,abc1,2024-01-01 03:00:00\n"
ICEBERG = "customProperties: [{property: tableProperties, vendor: aceite, value: {table_type: ICEBERG}}]"
ICED = ("iceberg", "hidden", "iced_producer", "iced_bucket")
MADE_AS = {"view": "physicalType: view", **dict.fromkeys(ICED, ICEBERG)}
OF_S3_TABLES = "s3tablescatalog/lake"
CATALOGS = {"producer": "producer", "bucket": OF_S3_TABLES, "iced_producer": "producer", "iced_bucket": OF_S3_TABLES}
PROJECTED = {"projection.enabled": "true", "projection.day.type": "integer"}


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    datasets = [
        Dataset(
            f"table_{kind}",
            COLUMNS,
            by_job=False,
            table=MADE_AS.get(kind, ""),
            catalog=CATALOGS.get(kind, OWN_CATALOG),
            awaits=kind not in MADE_AS,
        )
        for kind in KINDS
    ]
    nested = (column("id", "bigint", key=True), LINES)
    datasets.append(Dataset("nested", nested, "json", "json", by_job=False))
    datasets.append(Dataset("nested_iced", nested, "json", "json", by_job=False, table=ICEBERG, awaits=False))
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


def in_capitals(table: dict[str, Any]) -> None:
    for column_ in (*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]):
        column_["Name"] = column_["Name"].title()


def registered(table: dict[str, Any]) -> None:
    bucket, _, key = table["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
    register = load_clients().of("lakeformation").register_resource
    register(ResourceArn=f"arn:aws:s3:::{bucket}/{key.rstrip('/')}", UseServiceLinkedRole=True)


def hide_the_partition() -> None:
    """Partition the table by the month of its day, with a column that was dropped."""
    from pyiceberg.transforms import TruncateTransform
    from pyiceberg.types import StringType

    clients = load_clients()
    table = iceberg.catalog(clients.session(), clients.endpoint_url).load_table(("formats", "table_hidden"))
    with table.update_spec() as spec:
        spec.remove_field("day")
        spec.add_field("day", TruncateTransform(100), "month")
    with table.update_schema() as schema:
        schema.add_column("gone", StringType())
    with table.update_schema() as schema:
        schema.delete_column("gone")


def put_behind_a_link() -> None:
    """Give the table to another account, and leave a resource link in its place."""
    glue: Any = load_clients().of("glue")
    found = glue.get_table(DatabaseName="formats", Name="table_link")["Table"]
    table = {key: found[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
    target = {"CatalogId": "210987654321", "DatabaseName": "shared", "Name": "of_theirs"}
    glue.create_database(CatalogId=target["CatalogId"], DatabaseInput={"Name": "shared"})
    theirs = {**table, "Name": target["Name"]}
    glue.create_table(CatalogId=target["CatalogId"], DatabaseName="shared", TableInput=theirs)
    glue.delete_table(DatabaseName="formats", Name="table_link")
    glue.create_table(DatabaseName="formats", TableInput={"Name": "table_link", "TargetTable": target})


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("view", None, "1 row; its objects were not listed: it is a view"),
        ("governed", registered, "1 row; its objects were not listed: Lake Formation governs it"),
        ("camel", in_capitals, "objects below s3://sor/table_camel/day=20260102/"),
        ("iceberg", None, "1 row; its objects were not listed: Iceberg itself says"),
        ("hidden", None, "1 row; its objects were not listed: Iceberg itself says"),
        ("iced_producer", None, "1 row; its objects were not listed: Iceberg itself says"),
        ("iced_bucket", None, "1 row; its objects were not listed: Iceberg itself says"),
        ("producer", None, "objects below s3://sor/table_producer/day=20260102/"),
        ("bucket", None, "objects below s3://sor/table_bucket/day=20260102/"),
        ("link", None, "objects below s3://sor/table_link/day=20260102/"),
    ],
)
def test_a_kind_of_table_is_judged_and_a_changed_cell_is_found(installation, kind, change, words):
    if change:
        changed(kind, change)
    if kind == "hidden":
        hide_the_partition()
    if kind == "link":
        put_behind_a_link()
    evidence = installation.judge(f"table_{kind}", GOOD)
    assert evidence.verdict is Verdict.ACCEPTED, told(evidence)
    assert words in told(evidence)
    read = [query.sql for query in evidence.queries if query.purpose == "checks"]
    assert (evidence.table.snapshot is not None) == (kind in ICED)
    assert all(f"FOR VERSION AS OF {evidence.table.snapshot}" in sql for sql in read if evidence.table.snapshot)
    corrupt = installation.judge(f"table_{kind}", GOOD.replace(b"7", b"8"), fault="cell-changed", file="g")
    assert {check.id for check in corrupt.checks if check.outcome == "failed"} == {"cells_equal_landed"}, told(corrupt)


@pytest.mark.parametrize("kind", ["view", "iceberg"])
def test_a_kind_that_has_no_partitions_rejects_a_delivery_without_its_rows(installation, kind):
    evidence = installation.judge(f"table_{kind}", GOOD, fault="wrong-partition", file="h", day=date(2026, 3, 1))
    assert evidence.verdict is Verdict.REJECTED
    assert "partition_exists" in {check.id for check in evidence.checks if check.outcome == "failed"}, told(evidence)


def test_other_partition_keys_than_the_contracts_are_told_with_both_lists(installation):
    changed("more_keys", lambda table: table["PartitionKeys"].append({"Name": "Country", "Type": "string"}))
    evidence = installation.judge("table_more_keys", GOOD)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "its partition keys are day, country, and those of the contract day; mark exactly" in told(evidence)


def test_a_nested_column_is_compared_cell_by_cell(installation):
    order = {"id": 1, "lines": [{"sku": "a", "price": 1.5, "tags": {"x": "y", "a": None}}, None]}
    content = b"\n".join(json.dumps({**order, "id": number}).encode() for number in range(3))
    evidence = installation.judge("nested", content)
    assert evidence.verdict is Verdict.ACCEPTED, told(evidence)
    corrupt = installation.judge("nested", content, fault="cell-changed", file="g")
    assert {check.id for check in corrupt.checks if check.outcome == "failed"} == {"cells_equal_landed"}, told(corrupt)
    assert "null, null]' in the table" in told(corrupt)


def test_a_nested_column_of_a_table_of_iceberg_is_compared_cell_by_cell(installation):
    lines = [{"sku": "a", "price": 1.5, "tags": {"x": "y", "a": None}}, None]
    content = b"\n".join(json.dumps({"id": number, "lines": lines[: number + 1]}).encode() for number in range(3))
    evidence = installation.judge("nested_iced", content)
    assert evidence.verdict is Verdict.ACCEPTED, told(evidence)
    corrupt = installation.judge("nested_iced", content, fault="cell-changed", file="g")
    assert {check.id for check in corrupt.checks if check.outcome == "failed"} == {"cells_equal_landed"}, told(corrupt)
    absent = installation.judge("nested_iced", b'{"id": 1, "lines": null}', file="h", day=date(2026, 3, 1))
    assert absent.verdict is Verdict.INCONCLUSIVE
    assert "the sandbox writes no null list or map of structs into a table of Iceberg" in told(absent)
