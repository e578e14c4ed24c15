"""Read a cell strictly as its type, in DuckDB's SQL: a cell that does not fit, or would lose digits, becomes null."""

import re
from dataclasses import dataclass
from typing import assert_never

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat
from acceptance.proof.canonical_text import DUCKDB
from acceptance.queries.landed_cells import OFFSET, expected_cell
from acceptance.queries.landed_values import boolean, decimal, plain_number
from landed.reading.nested import canonical_value, duckdb_type

MAX_RECORD_BYTES = 10_000_000
IN_UTC = "in_utc"
"""The function of DuckDB for a local time of the contract's zone in UTC, both in microseconds."""


@dataclass(frozen=True, slots=True)
class CellRule:
    """How to read a cell. `typed` is the SQL of its value, null if the text does not fit; `expected` is for people."""

    typed: str
    expected: str


def duckdb_cell_text(landing: LandingFormat, column: Column, cell: str) -> str:
    """Return the SQL of a cell's text as the contract reads it: trimmed if it says so, null for what means null.

    The cell is null where nothing stands; in JSON, where null does.
    """
    if landing.format.has_null_text and not landing.nothing_is_null:
        cell = f"coalesce({cell}, '')"
    text = f"trim({cell}, chr(32) || chr(9))" if landing.trim else cell
    if landing.format.has_null_text and landing.null_text:
        text = f"nullif({text}, {quoted(landing.null_text)})"
    if not landing.nothing_is_null:
        return text
    if not (column.kind.is_text and landing.quoted_empty_is_text):
        return f"nullif({text}, '')"
    return f"CASE WHEN {cell} = '' THEN '' ELSE nullif({text}, '') END" if landing.trim else text


def cell_rule(column: Column, text: str, landing: LandingFormat) -> CellRule:
    """Return the rule for a column of the contract. `text` is the SQL of the cell.

    Raises:
        ValueError: as `Column.hive_type`.
    """
    return CellRule(_typed(column, text, landing), expected_cell(column, landing))


def _typed(column: Column, text: str, landing: LandingFormat) -> str:
    type_ = column.hive_type
    match type_.kind:
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT:
            # DuckDB's cast alone would read 7.6 as 8, 1e3 as 1000 and 1_000 as 1000, and so hide a bad file.
            return _if_written_so(plain_number(landing, text, _matches), "[+-]?[0-9]+", type_.kind)
        case HiveKind.DECIMAL:
            return _decimal(type_.precision, type_.scale, text, landing)
        case HiveKind.TIMESTAMP:
            return _timestamp(column, text, landing.zone)
        case HiveKind.DATE if column.landed_format:
            return f"CAST({_formatted(column, text)} AS date)"
        case HiveKind.DATE:
            return _if_matches(text, _DATE, type_.kind)
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            measured = DUCKDB.unpadded.format(text) if type_.kind.is_padded else text
            return f"CASE WHEN length({measured}) <= {type_.length} THEN {text} END" if type_.length else text
        case HiveKind.BOOLEAN:
            return boolean(column, landing, text)
        case HiveKind.FLOAT | HiveKind.DOUBLE:
            return _number(type_.kind, plain_number(landing, text, _matches))
        case HiveKind.ARRAY | HiveKind.MAP | HiveKind.STRUCT:
            return canonical_value(column, f"TRY_CAST({text} AS JSON)::{duckdb_type(type_)}")
        case _:
            assert_never(type_.kind)


def quoted(text: str) -> str:
    """Return a text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.]FRACTION)?)?"
_MILLISECONDS = "[0-9]{1,3}0*"  # Athena reads milliseconds and would lose further digits
_MICROSECONDS = "[0-9]{1,6}0*"  # of Iceberg, these


def _if_matches(text: str, pattern: str, type_: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN TRY_CAST({text} AS {type_}) END"


def _if_written_so(text: str, pattern: str, type_: str) -> str:
    """Do the same faster for whole numbers and decimals: a text that DuckDB writes identically skips the pattern."""
    value = f"TRY_CAST({text} AS {type_})"
    return f"CASE WHEN CAST({value} AS varchar) = {text} THEN {value} ELSE {_if_matches(text, pattern, type_)} END"


def _decimal(precision: int, scale: int, text: str, landing: LandingFormat) -> str:
    """Return the SQL of a decimal. DuckDB's cast alone would round excess digits."""
    plain = plain_number(landing, text, _matches)
    value = f"TRY_CAST({plain} AS decimal({precision}, {scale}))"
    otherwise = decimal(landing, text, precision, scale, _matches)
    return f"CASE WHEN CAST({value} AS varchar) = {plain} THEN {value} ELSE {otherwise} END"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quoted(pattern)})"


def _number(type_: str, text: str) -> str:
    """Read numbers as Java does, without its suffixes d and f. A number too big for the type is null, not infinity."""
    value = f"TRY_CAST({text} AS {type_})"
    digits = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
    return (
        f"CASE WHEN regexp_full_match({text}, '{digits}') THEN CASE WHEN isfinite({value}) THEN {value} END"
        f" WHEN regexp_full_match({text}, 'NaN|[+-]?Infinity') THEN {value} END"
    )


def _formatted(column: Column, text: str) -> str:
    """Return the SQL of a timestamp in the column's format. strptime alone would accept 2024-1-5 for %Y-%m-%d."""
    format_ = column.landed_format or ""
    fraction = "[0-9]{1,6}" if column.rounded or column.micros else "[0-9]{1,3}0{0,3}"
    directives = {"%Y": "[0-9]{4}", "%f": fraction, "%%": "%"} | dict.fromkeys(
        ("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}"
    )
    parts = re.split("(%.)", format_)
    pattern = "".join(directives.get(part, ".+") if part[:1] == "%" else re.escape(part) for part in parts)
    moment = f"CAST(try_strptime({text}, {quoted(format_)}) AS TIMESTAMP)"
    return f"CASE WHEN regexp_full_match({text}, {quoted(pattern)}) THEN {moment} END"


def _timestamp(column: Column, text: str, zone: str) -> str:
    """Return the SQL of a timestamp. DuckDB's cast to TIMESTAMP drops an offset; TIMESTAMPTZ applies it (in UTC)."""
    if column.landed_format:
        return duckdb_in_utc(_formatted(column, text), zone)
    time = _TIME.replace("FRACTION", "[0-9]{1,9}" if column.rounded else _finest(column))
    local = duckdb_in_utc(f"TRY_CAST({text} AS TIMESTAMP)", zone)
    with_offset = f"CAST(TRY_CAST({_usual_offset(text)} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_DATE}([ T]{time})?') THEN {local}"
        f" WHEN regexp_full_match({text}, '{_DATE}[ T]{time}{OFFSET}') THEN {with_offset} END"
    )


def _finest(column: Column) -> str:
    return _MICROSECONDS if column.micros else _MILLISECONDS


def _usual_offset(text: str) -> str:
    """Return the SQL of a time whose offset DuckDB reads: without a blank before it, and with colons if in seconds."""
    joined = f"replace(replace({text}, ' +', '+'), ' -', '-')"
    return rf"regexp_replace({joined}, '([+-]\d\d)(\d\d)(\d\d)$', '\1:\2:\3')"


def duckdb_in_utc(moment: str, zone: str) -> str:
    """Return the SQL of a local time in UTC, for a connection that knows the zone: `landed.reading.duckdb_reader`."""
    return moment if zone == "UTC" else f"make_timestamp({IN_UTC}(epoch_us({moment})))"
