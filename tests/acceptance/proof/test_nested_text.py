"""The canonical text of nested cells: Athena's SQL and DuckDB's write the same one, and no two values have one text."""

import json
from itertools import combinations

import duckdb
import pytest
from nested_values import STRUCT, VALUES

from acceptance.contract.contract import Column
from acceptance.proof.canonical_text import ATHENA, DUCKDB, as_written, canonical_cell_text
from landed.reading.nested import canonical_value, duckdb_type
from sandbox.athena.sql import dialect


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        for statement in dialect.PREPARATION:
            connection.execute(statement)
        yield connection


def texts(connection, type_, values):
    """The texts by Athena's SQL, as the sandbox runs it, and by the SQL of the witness."""
    column = Column("v", type_, "v")
    typed = ", ".join(f"({place}, CAST({value} AS {duckdb_type(column.hive_type)}))" for place, value in values)
    connection.execute(f"CREATE OR REPLACE TABLE held AS SELECT * FROM (VALUES {typed}) AS t (place, v)")
    athena = dialect.to_duckdb(
        dialect.parse(f"SELECT {canonical_cell_text(ATHENA, column, chr(34) + 'v' + chr(34))} FROM held ORDER BY place")
    )
    witness = f"SELECT {canonical_cell_text(DUCKDB, column, canonical_value(column, 'v'))} FROM held ORDER BY place"
    return [[text for (text,) in connection.execute(sql).fetchall()] for sql in (athena, witness)]


@pytest.mark.parametrize("type_", VALUES)
def test_both_engines_write_one_text_and_no_two_values_have_the_same(connection, type_):
    by_athena, by_witness = texts(connection, type_, list(enumerate(VALUES[type_])))
    assert by_athena == by_witness
    assert by_athena[0] is None
    alike = [(one, other) for one, other in combinations(by_athena, 2) if one == other]
    assert alike == []


def test_the_order_of_a_maps_entries_does_not_matter(connection):
    (one, other), _ = texts(connection, "map<string,int>", [(0, "MAP {'a': 1, 'b': 2}"), (1, "MAP {'b': 2, 'a': 1}")])
    assert one == other == '{"a":"1","b":"2"}'


def test_a_person_sees_the_values_as_they_are_written(connection):
    (text,), _ = texts(connection, STRUCT, [(0, VALUES[STRUCT][2])])
    shown = json.loads(as_written(Column("v", STRUCT, "v"), text))
    assert shown == {
        **{"id": "1", "n": "1.50", "x": "0.1", "b": "true", "d": "2026-01-02"},
        **{"at": "2026-01-02 03:04:05.678", "c": "a"},
    }
