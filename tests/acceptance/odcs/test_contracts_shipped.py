"""The contracts that come with Aceite, and the data that comes with them."""

import csv
from pathlib import Path

import duckdb
import pytest
import sqlglot
from repository import CONTRACTS, ROOT

from acceptance.contract.checks import Check, Metric, Unit
from acceptance.contract.contract import Contract
from acceptance.odcs.reader import read_contract

DATA = ROOT / "sandbox" / "data"
FLIGHTS = sorted((DATA / "flights").glob("*.csv"))
LANDED = [*(("flights", path) for path in FLIGHTS), ("movies", DATA / "movies" / "movies.csv")]


def shipped(name: str) -> Contract:
    path = CONTRACTS / f"{name}.odcs.yaml"
    contract = read_contract(path.read_text(encoding="utf-8"), str(path), {})
    assert contract is not None
    return contract


def test_five_days_of_flights_are_shipped_with_their_licence() -> None:
    assert [path.stem for path in FLIGHTS] == [f"2013-01-0{day}" for day in range(1, 6)]
    assert "CC0" in (DATA / "flights" / "LICENSE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "path"), LANDED, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_file_has_the_header_that_its_contract_promises(name: str, path: Path) -> None:
    content = path.read_bytes()
    assert b"\r" not in content and content.endswith(b"\n")
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == [column.landed for column in shipped(name).landed_columns]
    assert {len(row) for row in rows} == {len(header)}
    assert not {"NA", "null", "None"} & {cell for row in rows for cell in row}


@pytest.mark.parametrize(("name", "path"), LANDED, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_file_keeps_every_rule_of_its_contract(name: str, path: Path) -> None:
    contract = shipped(name)
    database = as_table(contract, path)
    broken = {
        check.id: value
        for check in contract.checks
        if check.metric in MEASURES
        for value in [measured(database, check, contract)]
        if not check.threshold.holds(value)
    }
    assert broken == {}


def test_the_rules_of_flights_are_not_kept_by_everything() -> None:
    """A file under another day, late planes and a repeated row are found by rules that the shipped files keep."""
    contract = shipped("flights")
    database = as_table(contract, FLIGHTS[0])
    database.execute("UPDATE delivered SET anomesdia = 20130102, dep_delay = 90")
    database.execute("INSERT INTO delivered SELECT * FROM delivered LIMIT 1")
    database.execute("UPDATE delivered SET tailnum = 'UNKNOWN', dest = 'Boston', air_time = 1")
    broken = {
        check.id
        for check in contract.checks
        if check.metric in MEASURES and not check.threshold.holds(measured(database, check, contract))
    }
    assert broken == {
        "of_the_day_it_landed_for", "few_late_departures", "primary_key_unique", "aircraft_is_known", "tailnum_length",
        "tailnum_pattern", "dest_is_an_airport_code", "air_time_range", "plausible_speed", "delay_of_every_departure",
    }  # fmt: skip


def as_table(contract: Contract, path: Path) -> duckdb.DuckDBPyConnection:
    """The rows of a landed file, typed as the contract says; a cell that is not of its type raises."""
    database = duckdb.connect()
    formats = {column.landed: column.landed_format for column in contract.landed_columns if column.landed_format}
    typed = ", ".join(
        (
            f"strptime({column.landed}, '{formats[column.landed]}')"
            if column.landed in formats
            else f"CAST({column.landed} AS {column.type})"
        )
        + f" AS {column.name}"
        for column in contract.landed_columns
    )
    day = int(path.stem.replace("-", "")) if path.parent.name == "flights" else 20250102
    database.execute(
        f"CREATE TABLE delivered AS SELECT {typed}, CAST({day} AS int) AS anomesdia "
        f"FROM read_csv('{path.as_posix()}', header = true, all_varchar = true, nullstr = '')"
    )
    return database


MEASURES = (
    Metric.ROW_COUNT,
    Metric.NULL_VALUES,
    Metric.MISSING_VALUES,
    Metric.INVALID_VALUES,
    Metric.DUPLICATE_VALUES,
    Metric.SQL,
)


def measured(database: duckdb.DuckDBPyConnection, check: Check, contract: Contract) -> float:
    """What the check counts, by SQL that owes nothing to the compiler."""

    def number(sql: str) -> float:
        row = database.execute(sql).fetchone()
        assert row is not None
        return float(row[0])

    rows, column = number("SELECT count(*) FROM delivered"), ", ".join(check.columns)
    match check.metric:
        case Metric.ROW_COUNT:
            value = rows
        case Metric.NULL_VALUES:
            value = number(f"SELECT count(*) FROM delivered WHERE {column} IS NULL")
        case Metric.MISSING_VALUES:
            value = number(f"SELECT count(*) FROM delivered WHERE {column} IS NULL OR {column} IN {check.missing}")
        case Metric.DUPLICATE_VALUES:
            value = rows - number(f"SELECT count(*) FROM (SELECT DISTINCT {column} FROM delivered)")
        case Metric.INVALID_VALUES:
            value = number(f"SELECT count(*) FROM delivered WHERE NOT ({valid(check, column)})")
        case _:
            assert check.sql is not None
            value = number(sqlglot.transpile(check.sql.replace("{object}", "delivered"), "athena", "duckdb")[0])
    return 100 * value / rows if check.unit is Unit.PERCENT else value


def valid(check: Check, column: str) -> str:
    rule = check.valid
    assert rule is not None
    limits = ((">=", rule.minimum), ("<=", rule.maximum), (">", rule.exclusive_minimum), ("<", rule.exclusive_maximum))
    conditions = [f"{column} {sign} '{limit}'" for sign, limit in limits if limit is not None]
    conditions += [f"length({column}) >= {rule.min_length}"] if rule.min_length else []
    conditions += [f"length({column}) <= {rule.max_length}"] if rule.max_length else []
    conditions += [f"regexp_matches({column}, '{rule.pattern}')"] if rule.pattern else []
    conditions += [f"{column} IN {rule.values}"] if rule.values else []
    return " AND ".join(conditions)
