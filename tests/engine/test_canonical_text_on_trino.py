"""The canonical text and the fingerprint: Trino computes by Athena's SQL what the witness computes by DuckDB's."""

import duckdb
import pytest
from engine.every_type import COLUMNS, TYPES, in_duckdb, rows_of_every_type, write
from trino_server import Trino

from acceptance.contract.contract import Column
from acceptance.proof.canonical_text import ATHENA, DUCKDB, canonical_cell_text
from acceptance.proof.fingerprint import Fingerprint, athena_digest, athena_sums, duckdb_digest, duckdb_sums

pytestmark = pytest.mark.engine

MANY = 100_000


def in_both(trino: Trino, name: str, count: int) -> duckdb.DuckDBPyConnection:
    """The rows in DuckDB; Trino has them in a table of this name."""
    file = trino.external_table(name, TYPES) / "part.parquet"
    write(rows_of_every_type(count), file)
    return in_duckdb(file)


@pytest.fixture(scope="module")
def few(trino: Trino) -> duckdb.DuckDBPyConnection:
    return in_both(trino, "few", 3000)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_cell_of_each_type_has_the_same_canonical_text(trino: Trino, few: duckdb.DuckDBPyConnection, column: Column):
    ours = few.execute(f"SELECT DISTINCT {canonical_cell_text(DUCKDB, column, column.name)} FROM delivered").fetchall()
    theirs = trino.ask(f"SELECT DISTINCT {canonical_cell_text(ATHENA, column, column.name)} FROM few").rows
    of_witness, of_trino = {text for (text,) in ours}, {text for (text,) in theirs}
    assert (of_witness - of_trino, of_trino - of_witness) == (set(), set())
    assert len(of_trino) >= 3


def test_a_hundred_thousand_rows_have_the_same_fingerprint(trino: Trino):
    many = in_both(trino, "many", MANY)
    high, low = duckdb_sums(duckdb_digest(COLUMNS, [column.name for column in COLUMNS]))
    of_witness = many.execute(f"SELECT count(*), {high}, {low} FROM delivered").fetchone()
    assert of_witness is not None
    high, low = athena_sums("digest")
    rows = f"SELECT {athena_digest(COLUMNS)} AS digest FROM many"
    [of_trino] = trino.ask(f"SELECT count(*), {high}, {low} FROM ({rows})").rows
    assert Fingerprint.of_sums(*of_trino) == Fingerprint.of_sums(*of_witness)
    assert of_trino[0] == MANY
