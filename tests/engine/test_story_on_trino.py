"""The story with Athena's own engine: files land, the pipeline fills the tables, and Trino's answers judge them."""

import json
from collections.abc import Iterator

import pytest
from judged_formats import Dataset, Installation, column, installed

from acceptance.evidence.evidence import Evidence
from acceptance.judging.judge import Verdict

pytestmark = pytest.mark.engine
pytest.importorskip("pyiceberg", reason="the sandbox makes tables of Iceberg by it")

TYPES = {
    "id": "bigint", "tiny": "tinyint", "small": "smallint", "whole": "int", "title": "string", "code": "varchar(40)",
    "country": "char(5)", "score": "decimal(4,1)", "total": "decimal(38,0)", "fine": "decimal(38,38)",
    "audience": "double", "ratio": "float", "seen": "boolean", "born": "date", "moment": "timestamp",
}  # fmt: skip
OF_EVERY_TYPE = (
    f"{','.join(TYPES)}\n"
    "1,-128,32767,-2147483648,São 🎬,a  ,br,-999.9,99999999999999999999999999999999999999,-0.5,1e300,-0.5,true,"
    "0001-01-01,1582-10-15 23:59:59.999\n"
    "2,0,0,0,\"a\"\"b\n,c\",b,b,0.0,0,0,-0.0,NaN,false,9999-12-31,1970-01-01 00:00:00\n"
    "3,,,,,,,,,,,,,,\n"
).encode()  # fmt: skip
PLAIN = (column("id", "bigint", key=True), column("title", "string"), column("price", "decimal(9,2)"))
PLAIN_ROWS = b"id,title,price\n1,a,1.50\n2,S\xc3\xa3o,2.25\n3,,\n"
LINES = {"name": "lines", "logicalType": "array", "physicalType": "array<struct<sku:string,tags:map<string,double>>>"}
NESTED = b'{"id": 1, "lines": [{"sku": "a", "tags": {"x": 1.5, "a": null}}, null]}\n{"id": 2, "lines": []}\n{"id": 3}\n'
ICEBERG = {"table_type": "ICEBERG"}
PROJECTED = {
    "projection.enabled": "true",
    "projection.day.type": "integer",
    "projection.day.range": "20200101,20301231",
}
BY_ATHENA = {"engine": "athena", "landedTable": "", "quotedEmpty": "null"}


def with_properties(properties: dict[str, str]) -> str:
    return f"customProperties: {json.dumps([{'property': 'tableProperties', 'vendor': 'aceite', 'value': properties}])}"


ALL = [
    {**column(name, type_, key=name == "id"), **({"logicalType": "integer"} if type_.endswith("int") else {})}
    for name, type_ in TYPES.items()
]
DATASETS = {
    "every_type": (Dataset("every_type", ALL, by_job=False), OF_EVERY_TYPE),
    "csv_by_athena": (Dataset("csv_by_athena", PLAIN, by_job=False, options=BY_ATHENA), PLAIN_ROWS),
    "iceberg": (Dataset("iceberg", PLAIN, by_job=False, table=with_properties(ICEBERG), awaits=False), PLAIN_ROWS),
    "projected": (Dataset("projected", PLAIN, by_job=False, table=with_properties(PROJECTED)), PLAIN_ROWS),
    "producer": (Dataset("producer", PLAIN, by_job=False, catalog="producer"), PLAIN_ROWS),
    "bucket": (Dataset("bucket", PLAIN, by_job=False, catalog="s3tablescatalog/lake"), PLAIN_ROWS),
    "nested": (Dataset("nested", (PLAIN[0], LINES), "json", "json", by_job=False), NESTED),
}  # fmt: skip


@pytest.fixture(scope="module")
def aceite(
    engine_is_there: None, prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    datasets = [dataset for dataset, _ in DATASETS.values()]
    with installed(tmp_path_factory.mktemp("story"), datasets, prefect_server, "trino") as running:
        yield running


def told(evidence: Evidence) -> str:
    return " ".join([evidence.reason, *(check.observed for check in evidence.checks if check.outcome != "passed")])


@pytest.mark.parametrize("name", DATASETS)
def test_a_delivery_is_accepted_and_a_changed_cell_is_found(aceite: Installation, name: str) -> None:
    dataset, content = DATASETS[name]
    evidence = aceite.judge(dataset.id, content)
    assert (evidence.verdict, evidence.cells_agree) == (Verdict.ACCEPTED, True), told(evidence)
    assert evidence.landed.rows == evidence.table.rows == 3
    corrupt = aceite.judge(dataset.id, content, "cell-changed", file="g")
    assert {check.id for check in corrupt.checks if check.outcome == "failed"} == {"cells_equal_landed"}, told(corrupt)
    assert len(corrupt.differences.rows if corrupt.differences else ()) == 1
