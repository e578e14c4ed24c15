"""What a Hive type is has one home: each type of a table is known to everything that reads, compares or drafts it."""

import pytest

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import FLOATS, NESTED, NUMBERS, TEXTS, WHOLE_NUMBERS, HiveKind, HiveType
from acceptance.contract.landing_format import LandingFormat
from acceptance.odcs.columns.columns import LOGICAL_TYPES
from acceptance.odcs.draft import LOGICAL_TYPE_OF
from acceptance.proof.canonical_text import ATHENA, DUCKDB, canonical_cell_text
from acceptance.queries.landed_cells import athena_value
from acceptance.sql.text import literal
from landed.formats.parquet import typed_rule
from landed.formats.parquet_types import HELD_BY
from landed.reading.cells import cell_rule

SIZED = {
    HiveKind.DECIMAL: "decimal(9,2)",
    HiveKind.VARCHAR: "varchar(20)",
    HiveKind.CHAR: "char(3)",
    HiveKind.ARRAY: "array<int>",
    HiveKind.MAP: "map<string,int>",
    HiveKind.STRUCT: "struct<id:int>",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bigint", HiveType(HiveKind.BIGINT)),
        ("integer", HiveType(HiveKind.INT)),
        ("decimal(4,1)", HiveType(HiveKind.DECIMAL, precision=4, scale=1)),
        ("decimal(9)", HiveType(HiveKind.DECIMAL, precision=9, scale=0)),
        ("decimal(38,38)", HiveType(HiveKind.DECIMAL, precision=38, scale=38)),
        ("varchar(65535)", HiveType(HiveKind.VARCHAR, length=65535)),
        ("char(3)", HiveType(HiveKind.CHAR, length=3)),
        ("string", HiveType(HiveKind.STRING)),
        ("array<decimal(9)>", HiveType(HiveKind.ARRAY, of=(HiveType.parse("decimal(9,0)"),))),
        (
            "struct<id:int,tags:map<string,array<date>>>",
            HiveType(
                HiveKind.STRUCT,
                of=(HiveType.parse("int"), HiveType.parse("map<string,array<date>>")),
                fields=("id", "tags"),
            ),
        ),
    ],
)
def test_a_type_is_read_with_its_sizes(text: str, expected: HiveType) -> None:
    assert HiveType.parse(text) == expected
    assert HiveType.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("array<binary>", "cells of type binary cannot be compared; allowed: array, bigint, boolean"),
        ("array", "write array with the types within it, such as array<string>"),
        ("array<int,int>", "write array with the types within it"),
        ("map<int>", "write map with the types within it, such as map<string,int>"),
        ("map<double,int>", "a key of a map cannot be double; allowed: string"),
        ("struct<a,b:int>", "write each field of a struct as name:type"),
        ("struct<a:int,a:int>", "each name once"),
        ("array<array<array<array<array<array<int>>>>>>", "at most 5 nested types may be within each other; found 6"),
        ("interval", "cells of type interval cannot be compared"),
        ("decimal", "write decimal(precision,scale) with a precision from 1 to 38"),
        ("decimal(39,0)", "a precision from 1 to 38"),
        ("decimal(4,5)", "a scale up to it"),
        ("varchar", "write varchar(length) with a length from 1 to 65535"),
        ("char(256)", "a length from 1 to 255"),
        ("varchar(3,1)", "write varchar(length)"),
        ("int(5)", "int has no parameters"),
        ("int(", "int has no parameters"),
    ],
)
def test_what_is_no_type_of_a_column_is_refused_with_what_is_allowed(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        HiveType.parse(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize("kind", HiveKind)
def test_each_type_is_known_to_everything_that_reads_compares_or_drafts_it(kind: HiveKind) -> None:
    column = Column("c", SIZED.get(kind, kind), "c")
    assert column.kind is kind
    for dialect in (ATHENA, DUCKDB):
        assert "c" in canonical_cell_text(dialect, column, "c")
    assert "c" in cell_rule(column, "c", LandingFormat()).typed, "a landed text becomes a value in DuckDB"
    assert "c" in typed_rule(column, "c", LandingFormat()).typed, "a cell of Parquet becomes a value in DuckDB"
    assert "c" in athena_value(LandingFormat(), column, "c"), "a landed text becomes a value in Athena"
    assert HELD_BY[kind], "a column of Parquet can hold it"
    assert kind in LOGICAL_TYPES[LOGICAL_TYPE_OF[kind]], "a draft says a logical type that can be read again"


@pytest.mark.parametrize("kind", HiveKind)
def test_each_type_is_of_one_family(kind: HiveKind) -> None:
    families = [
        kind in TEXTS,
        kind in NUMBERS,
        kind in NESTED,
        kind in (HiveKind.BOOLEAN, HiveKind.DATE, HiveKind.TIMESTAMP),
    ]
    assert families.count(True) == 1
    assert (kind in WHOLE_NUMBERS) + (kind in FLOATS) + (kind is HiveKind.DECIMAL) == (kind in NUMBERS)
    assert (HiveType.parse(SIZED.get(kind, kind)).integer_bounds is not None) == (kind in WHOLE_NUMBERS)


def test_a_value_is_written_as_a_literal_of_its_type() -> None:
    timestamp, day = Column("c", "timestamp", "c"), Column("c", "date", "c")
    moments = [literal("2026-01-31T10:00:00Z", timestamp), literal("2026-01-31", day)]
    assert moments == ["TIMESTAMP '2026-01-31 10:00:00'", "DATE '2026-01-31'"]
    assert literal("o'clock", Column("c", "varchar(9)", "c")) == "'o''clock'"
    assert literal(2**63, Column("c", "decimal(38,0)", "c")) == "DECIMAL '9223372036854775808'"
