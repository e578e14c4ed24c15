"""Nested cells of JSON lines and Parquet: read strictly, or a fault that says where and of which type."""

import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import column, contract

from landed.file import read_landed

ORDER = "struct<id:bigint,lines:array<struct<sku:string,price:decimal(9,2)>>,tags:map<string,string>>"


def read(tmp_path, type_, *values):
    file = tmp_path / "rows.json"
    file.write_text("".join(json.dumps({"v": value}) + "\n" for value in values), encoding="utf-8")
    return read_landed(file, contract(column("v", type_), format="json"), tmp_path)


def test_values_of_the_same_meaning_have_one_fingerprint(tmp_path):
    first = {"id": 7, "lines": [{"sku": "a", "price": 1.5}, None], "tags": {"x": None, "a": "é"}}
    same = {"Lines": [{"price": "1.50", "sku": "a"}, None], "ID": "7", "tags": {"a": "é", "x": None}}
    found = [read(tmp_path, ORDER, value).fingerprint for value in (first, same, {**first, "lines": []})]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("array<int>", [1, 2.5], "the value[1] is not int"),
        ("array<int>", [2**31], "the value[0] is not int"),
        ("array<int>", {"a": 1}, "the value is no list"),
        ("array<int>", "[1]", "the value is no list"),
        ("array<date>", ["2026-02-30"], "the value[0] is not date"),
        ("array<timestamp>", ["2026-01-02 03:04:05.1234"], "the value[0] is not timestamp"),
        ("array<decimal(4,2)>", ["123.45"], "the value[0] is not decimal(4,2)"),
        ("array<varchar(2)>", ["abc"], "the value[0] is not varchar(2)"),
        ("array<boolean>", ["true"], "the value[0] is not boolean"),
        ("array<string>", [1], "the value[0] is not string"),
        ("map<int,string>", {"x": "a"}, "a key of the value is not int"),
        ("map<string,array<int>>", {"x": [None, "y"]}, "a value of the value[1] is not int"),
        ("struct<a:int>", {"a": 1, "b": 2}, "the value has 1 members that struct<a:int> lacks"),
        ("struct<a:struct<b:int>>", {"a": {"b": True}}, "the value.a.b is not int"),
    ],
)
def test_a_value_within_that_is_not_of_its_type_is_a_fault_with_its_place(tmp_path, type_, value, said):
    found = read(tmp_path, type_, None, value)
    assert [(fault.line, fault.column) for fault in found.faults] == [(2, "v")]
    assert said in found.faults[0].message


def test_parquet_lands_as_json_does_if_the_types_are_the_same(tmp_path):
    rows = [{"id": 7, "lines": [{"sku": "a", "price": Decimal("1.50")}], "tags": [("a", "é")]}, None]
    lines = pa.list_(pa.struct([("sku", pa.string()), ("price", pa.decimal128(9, 2))]))
    of_order = pa.struct([("id", pa.int64()), ("lines", lines), ("tags", pa.map_(pa.string(), pa.string()))])
    content = io.BytesIO()
    pq.write_table(pa.table({"v": pa.array(rows, of_order)}), content)
    file = tmp_path / "rows.parquet"
    file.write_bytes(content.getvalue())
    landed = read_landed(file, contract(column("v", ORDER), format="parquet"), tmp_path)
    value = {"id": 7, "lines": [{"sku": "a", "price": 1.5}], "tags": {"a": "é"}}
    assert landed.fingerprint == read(tmp_path, ORDER, value, None).fingerprint
    other = read_landed(file, contract(column("v", ORDER.replace("bigint", "int")), format="parquet"), tmp_path)
    assert "STRUCT" in other.faults[0].message
