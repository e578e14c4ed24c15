"""Every check that Aceite generates, of every type: Trino measures what the sandbox does."""

from dataclasses import replace
from functools import cache

import duckdb
import pytest
from builders import contract_text
from engine.both_engines import answers_of_both, assert_alike
from engine.every_type import TYPES, rows_of_every_type, write
from sandbox_sql import prepared, sandbox_table
from trino_server import Trino

from acceptance.contract.contract import Contract
from acceptance.odcs.reader import read_contract
from acceptance.queries.difference_query import difference_query
from acceptance.queries.measuring_query import compile_checks

pytestmark = pytest.mark.engine

LOGICAL = {
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "string": "string",
    "varchar(40)": "string",
    "char(5)": "string",
    "decimal(4,1)": "number",
    "decimal(4,4)": "number",
    "decimal(38,0)": "number",
    "decimal(38,38)": "number",
    "double": "number",
    "float": "number",
}
BOUNDS = {
    "tinyint": ("-7", "100"),
    "smallint": ("-700", "700"),
    "int": ("-70000", "70000.5"),
    "bigint": ("-9223372036854775807", "9223372036854775806"),
    "decimal(4,1)": ("-99.95", "500.5"),
    "decimal(4,4)": ("-0.5", "0.12345"),
    "decimal(38,0)": ("-1", "99999999999999999999"),
    "decimal(38,38)": ("-0.25", "0.1"),
    "double": ("-1000000", "9000000000.5"),
    "float": ("-0.1", "123456.79"),
    "date": ("1582-10-15", "2026-01-31"),
    "timestamp": ("1969-12-31T23:59:59", "2026-12-31T23:59:59"),
}
VALUES = {
    "boolean": "[true]",
    "date": "['1970-01-01', '9999-12-31']",
    "timestamp": "['1970-12-31T23:59:59', '2026-12-31T23:59:59.999']",
    "string": "['a', 'a  ', '', ' ', \"it's\"]",
    "varchar(40)": "['a', 'a  ', '', 'NULL']",
    "char(5)": "['a', 'a  ', '', '\U0001f3ac']",
    "double": "[0.1, 0, 2.5, 9000000000000000]",
    "float": "[0.5, 0, 0.1, 2.5]",
    "decimal(4,1)": "[0, -0.1, 999.9]",
    "decimal(4,4)": "[0, 0.9999]",
    "decimal(38,38)": "[0, 0.5]",
}
FORMATS = ("byte", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")
TEXT_RULES = [
    "logicalTypeOptions: {minLength: 1, maxLength: 3}",
    "logicalTypeOptions: {pattern: '^[a-z\\u00e0-\\u00ff ]+$'}",
    "logicalTypeOptions: {pattern: 'B|\\\\.'}",
    *(f"logicalTypeOptions: {{format: {name}}}" for name in FORMATS),
]
STEPS = {"double": ("0.5", "0.1", "3"), "float": ("0.5", "0.1", "3"), "decimal(4,1)": ("0.5", "0.3", "7")}


def rules_of(type_: str) -> list[str]:
    """Each is what one property of a contract says of its cells."""
    texts = type_ == "string" or type_.startswith(("varchar", "char"))
    rules = ["unique: true, required: true", *(TEXT_RULES if texts else ())]
    if type_ in BOUNDS:
        low, high = BOUNDS[type_]
        rules += [
            f"logicalTypeOptions: {{minimum: {low}, maximum: {high}}}",
            f"logicalTypeOptions: {{exclusiveMinimum: {low}, exclusiveMaximum: {high}}}",
        ]
        if type_ not in ("date", "timestamp"):
            rules += [f"logicalTypeOptions: {{multipleOf: {step}}}" for step in STEPS.get(type_, ("3", "0.25"))]
    if LOGICAL.get(type_, "integer") == "integer":
        rules += [f"logicalTypeOptions: {{format: {name}}}" for name in ("i8", "u16", "i32", "u64")]
    values = VALUES.get(type_, "[0, 1, -1]")
    rules += [
        f"enum: [{', '.join('{value: ' + each + '}' for each in values.strip('[]').split(', '))}]",
        f"quality: [{{metric: missingValues, mustBe: 0, arguments: {{missingValues: {values}}}}}, "
        f"{{metric: invalidValues, mustBe: 0, unit: percent, arguments: {{validValues: {values}}}}}, "
        "{metric: nullValues, mustBe: 0}, {metric: duplicateValues, mustBe: 0}]",
    ]
    return rules


@cache
def contracts() -> list[Contract]:
    """Contracts of the table with every type; each says another rule of each column, the last one values."""
    rules = {name: rules_of(type_) for name, type_ in TYPES.items()}
    most = max(map(len, rules.values()))
    spread = {name: [*said[:-1], *[""] * (most - len(said)), said[-1]] for name, said in rules.items()}
    return [_contract({name: said[number] for name, said in spread.items()}) for number in range(most)]


def _contract(rules: dict[str, str], **more: str) -> Contract:
    columns = "\n".join(
        f"- {{name: {name}, logicalType: {LOGICAL.get(type_, 'integer')}, physicalType: '{type_}'"
        f"{', ' * bool(rules.get(name)) + rules.get(name, '')}}}"
        for name, type_ in TYPES.items()
    )
    contract = read_contract(contract_text("every", columns, database="lake", **more), "every.odcs.yaml", {})
    assert contract is not None
    return contract


@pytest.fixture(scope="module")
def duck(trino: Trino) -> duckdb.DuckDBPyConnection:
    """The rows in the sandbox's table `lake.every`, and in Trino's."""
    file, duck = trino.external_table("every", TYPES) / "part.parquet", prepared(duckdb.connect())
    write(rows_of_every_type(2000), file)
    sandbox_table(duck, "every", TYPES, file)
    return duck


@pytest.mark.parametrize("name", TYPES)
def test_each_check_of_a_column_is_measured_alike(trino: Trino, duck: duckdb.DuckDBPyConnection, name: str):
    checks = {f"{number} {check.id}": check for number, each in enumerate(contracts()) for check in each.checks}
    mine = [replace(check, id=id_) for id_, check in checks.items() if name in check.columns or id_ == "0 rows"]
    contract = replace(contracts()[0], checks=tuple(mine))
    query = compile_checks(contract, {}, TYPES)
    asked = {check.id for check in query.checks} | {own.check.id for own in query.own_queries}
    assert asked == {check.id for check in mine}
    assert_alike(trino, duck, query.sql)
    for own in query.own_queries:
        assert_alike(trino, duck, own.sql)


def test_keys_of_several_columns_and_their_relationships_are_measured_alike(
    trino: Trino, duck: duckdb.DuckDBPyConnection
):
    for names in (("country", "tiny"), ("score", "day")):
        key = f"[{', '.join(f'every.{name}' for name in names)}]"
        contract = _contract(
            {},
            relationships=f"- {{from: {key}, to: {key}}}",
            quality=f"- {{metric: duplicateValues, mustBe: 0, arguments: {{properties: [{', '.join(names)}]}}}}\n"
            "- {metric: rowCount, mustBeGreaterThan: 5}",
        )
        query = compile_checks(contract, {}, TYPES)
        assert len(query.own_queries) == 1
        for sql in (query.sql, query.own_queries[0].sql):
            assert_alike(trino, duck, sql)


def test_the_rows_of_buckets_that_differ_are_found_alike(trino: Trino, duck: duckdb.DuckDBPyConnection):
    contract = replace(_contract({"id": "primaryKey: true"}), checks=())
    sql = difference_query(contract, {}, TYPES, (), {0: 1, 3: 5}, 2000)
    ours, theirs = answers_of_both(trino, duck, sql)
    assert theirs == ours
    assert len(theirs) > 1000
