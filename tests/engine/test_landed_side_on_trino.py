"""Landed files that Athena reads itself: Trino reads the same cells of them as the sandbox does."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine.both_engines import answers_of_both, assert_alike
from engine.every_type import TYPES, rows_of_every_type, write
from landed_contract import READABLE, UNREADABLE, column, contract
from sandbox_sql import prepared, sandbox_table
from trino_server import Trino

from acceptance.contract.contract import Contract, Table
from acceptance.contract.landing_format import Negative, QuotedEmpty
from acceptance.queries.landed_query import both_sides_query, landed_query
from acceptance.queries.measuring_query import compile_together

pytestmark = pytest.mark.engine

OFFICE = {"delimiter": ";", "decimal_comma": True, "group_separator": ".", "negative": Negative.BRACKETS}
OPTIONS = {
    "plain": {},
    "trimmed": {"trim": True},
    "offices": {**OFFICE, "true_texts": ("S", "Sim"), "false_texts": ("N", "Não")},
    "trailing minus": {"negative": Negative.TRAILING, "group_separator": ","},
    "a null text": {"null_text": "NULL"},
    "empty is null": {"empty_as_null": True, "null_text": "-"},
    "empty is a text": {"quoted_empty": QuotedEmpty.TEXT},
    "a zone": {"zone": "America/Sao_Paulo"},
}
SIGNS = "0123456789012345678900..,,+-eE():TZ NaSsim/"
FORMS = ("%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%Y%m%d", "%H:%M:%S.%f on %d%%%m%%%Y")
WRITTEN_SO = {
    "boolean": ("s", "Sim", "n", "NÃO", "S ", " N"),
    "int": ("(7)", "7-", "1.000", "1,000", "(1.000)", "1.00", "-", "NULL", ""),
    "decimal(4,1)": ("(7,5)", "7.5-", "1,5", "999,9", "(999,9)", "1e2-", "NULL", "-"),
    "double": ("(1.234,5)", "1,234.5", "1.234,5e3", "1e3-", "-(1)", "NULL"),
    "date": ("31/01/2013", "20130131", "31-Jan-2013", "29/02/2013", "1/1/2013"),
    "timestamp": (
        "31/01/2013 05:15:00", "2018-11-04 00:30:00", "2018-02-17 23:30:00", "1913-12-31 23:59:59", "2018-11-04",
        "05:15:00.5 on 31%01%2013", "05:15:00.1234 on 31%01%2013", "24:00:00.0 on 01%01%2013",
    ),
    "string": ("NULL", "-", "", " ", "\t", " a "),
}  # fmt: skip


def texts_of(type_: str) -> list[str | None]:
    """Return cells that fit the type, that do not, that fit with an option, and random ones that may."""
    chance = random.Random(type_)
    drawn = ["".join(chance.choices(SIGNS, k=chance.randint(0, 12))) for _ in range(1500)]
    near = [_changed(text, chance) for text in READABLE[type_] for _ in range(30) if text]
    return [None, *READABLE[type_], *UNREADABLE.get(type_, ()), *WRITTEN_SO.get(type_, ()), *near, *drawn]


def _changed(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(SIGNS) + text[place + chance.randint(0, 1) :]


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    return prepared(duckdb.connect())


class Landed:
    """A table of texts in both engines, as Athena's reader of CSV gives them: each column is a varchar."""

    def __init__(self, trino: Trino, duck: duckdb.DuckDBPyConnection, name: str, cells: dict[str, Sequence]) -> None:
        longest = max(map(len, cells.values()))
        columns = {key: [*texts, *[None] * (longest - len(texts))] for key, texts in cells.items()}
        file = trino.external_table(name, dict.fromkeys(cells, "string")) / "part.parquet"
        pq.write_table(pa.table({key: pa.array(texts, pa.string()) for key, texts in columns.items()}), file)
        [[self.path]] = trino.ask(f'SELECT DISTINCT "$path" FROM {name}').rows
        duck.execute("CREATE SCHEMA IF NOT EXISTS lake")
        duck.execute(
            f"CREATE TABLE lake.{name} AS SELECT *, '{self.path}' AS \"$path\" FROM read_parquet('{file.as_posix()}')"
        )


@pytest.fixture(scope="module")
def landed(trino: Trino, duck: duckdb.DuckDBPyConnection) -> Landed:
    return Landed(trino, duck, "landed", {f"c{place}": texts_of(type_) for place, type_ in enumerate(READABLE)})


@pytest.mark.parametrize("type_", READABLE)
def test_each_cell_of_a_type_is_read_alike_under_every_option(
    trino: Trino, duck: duckdb.DuckDBPyConnection, landed: Landed, type_: str
):
    name = f"c{[*READABLE].index(type_)}"
    for options in OPTIONS.values():
        of = replace(contract(column(name, type_), **options), landed_table="lake.landed")
        assert_alike(trino, duck, landed_query(of, [landed.path]))


@pytest.mark.parametrize("form", FORMS)
def test_dates_in_the_format_of_a_contract_are_read_alike(
    trino: Trino, duck: duckdb.DuckDBPyConnection, landed: Landed, form: str
):
    for type_ in ("date", "timestamp"):
        name = f"c{[*READABLE].index(type_)}"
        of = replace(contract(column(name, type_, landed_format=form)), landed_table="lake.landed")
        assert_alike(trino, duck, landed_query(of, [landed.path]))


@pytest.fixture(scope="module")
def every(trino: Trino, duck: duckdb.DuckDBPyConnection) -> list[list[object]]:
    rows = rows_of_every_type(2000)
    file = trino.external_table("sides", TYPES) / "part.parquet"
    write(rows, file)
    sandbox_table(duck, "sides", TYPES, file)
    return rows


def contract_of(*names: str, **changes: object) -> Contract:
    of = contract(*(column(name, TYPES[name], primary_key=name == names[0]) for name in names))
    return replace(of, table=Table("awsdatacatalog", "lake", "sides", "primary"), **changes)


def test_the_rows_in_which_both_sides_differ_are_found_alike(
    trino: Trino, duck: duckdb.DuckDBPyConnection, every: list[list[object]]
):
    names = ("id", "tiny", "country", "score", "share", "total", "fine", "exact", "seen", "day", "moment")
    places = [[*TYPES].index(name) for name in names]
    texts = [[_text(row[place]) for place in places] for row in every]
    for number in range(0, len(texts), 10):
        texts[number][number % len(names)] = "1"
    landed = Landed(trino, duck, "landed_side", dict(zip(names, zip(*texts, strict=True), strict=True)))
    sql = both_sides_query(contract_of(*names, landed_table="lake.landed_side"), {}, TYPES, (), [landed.path])
    ours, theirs = answers_of_both(trino, duck, sql)
    assert sorted(theirs) == sorted(ours)  # the key is drawn, and several rows may have it
    assert [row[2] for row in theirs] == [row[2] for row in ours]
    assert 100 < len(theirs) < 1000


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case float():
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(value), repr(value))
        case datetime():
            rounded = value.replace(tzinfo=None) + timedelta(microseconds=500)  # as both engines round the table's
            return rounded.isoformat(" ", "milliseconds")
        case date():
            return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("by", ["tiny", "id", "day", "code"])
def test_deliveries_of_one_query_are_measured_alike(
    trino: Trino, duck: duckdb.DuckDBPyConnection, every: list[list[object]], by: str
):
    """What tells the deliveries apart is a partition column, of each type that may be one."""
    of = contract_of("id", "title", "score", "exact", "moment")
    of = replace(of, columns=(*(each for each in of.columns if each.name != by), column(by, TYPES[by], partition=True)))
    of = replace(of, partition={by: "{file}"})
    place = [*TYPES].index(by)
    values = [*dict.fromkeys(_text(row[place]) for row in every if row[place] is not None)]
    ours, theirs = answers_of_both(trino, duck, compile_together(of, [(each,) for each in values[:200]], TYPES).sql)
    assert sorted(theirs) == sorted(ours)
    assert len(theirs) > 100
