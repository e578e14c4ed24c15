"""The canonical text of nested cells: Trino writes by Athena's SQL what the witness writes by DuckDB's."""

import duckdb
import pytest
from nested_values import VALUES
from trino_server import Trino

from acceptance.contract.contract import Column
from acceptance.proof.canonical_text import ATHENA, DUCKDB, canonical_cell_text
from landed.reading.nested import canonical_value, duckdb_type

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_a_nested_cell_has_the_same_canonical_text(trino: Trino, place: int) -> None:
    type_, values = list(VALUES.items())[place]
    column, name = Column("v", type_, "v"), f"nested_{place}"
    file = trino.external_table(name, {"place": "int", "v": type_}) / "part.parquet"
    typed = ", ".join(f"({at}, CAST({value} AS {duckdb_type(column.hive_type)}))" for at, value in enumerate(values))
    rows = f"SELECT CAST(place AS INTEGER) AS place, v FROM (VALUES {typed}) AS t (place, v)"
    witness = canonical_cell_text(DUCKDB, column, canonical_value(column, "v"))
    with duckdb.connect() as duck:
        duck.execute(f"COPY ({rows}) TO '{file.as_posix()}' (FORMAT parquet)")
        ours = duck.execute(f"SELECT {witness} FROM ({rows}) ORDER BY place").fetchall()
    sql = canonical_cell_text(ATHENA, column, '"v"')
    theirs = trino.ask(f"SELECT {sql} FROM {name} ORDER BY place").rows
    assert [text for (text,) in theirs] == [text for (text,) in ours]
