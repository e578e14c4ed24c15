"""Read a landed cell in Athena as a value of its type; null if it is none. `landed.reading.cells` does so in DuckDB."""

import re
from typing import assert_never

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind, HiveType
from acceptance.contract.landing_format import LandingFormat, Negative
from acceptance.queries.landed_values import DIGITS, boolean, decimal, plain_number
from acceptance.sql.text import UNPADDED, text_literal

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.]FRACTION)?)?"
OFFSET = "( UTC|Z| ?[+-]((0[0-9]|1[0-7])(:?[0-5][0-9]){0,2}|18(:?00){0,2}))"
"""The offsets of ISO 8601, of PostgreSQL and of Spark, at most 18 hours as in Java."""
_DIGITS = f"{DIGITS}([eE][+-]?[0-9]+)?"


def athena_cell_text(landing: LandingFormat, column: Column, cell: str) -> str:
    """Return the expression of a cell's text, null for the contract's null text; of a cell in Parquet, its value."""
    if not landing.format.is_text and not column.kind.is_text:
        return cell
    text = f"regexp_replace({cell}, '\\A[ \t]+|[ \t]+\\z', '')" if landing.trim else cell
    if landing.format.is_text:
        text = f"nullif({text}, {text_literal(landing.null_text)})"
    return f"nullif({text}, '')" if landing.empty_as_null else text


def athena_value(landing: LandingFormat, column: Column, cell: str) -> str:
    """Return the expression of the value of a cell, from that of its text.

    Raises:
        ValueError: as `Column.hive_type`.
    """
    type_ = column.hive_type
    if type_.kind.is_text:
        cell = UNPADDED.format(cell) if type_.kind.is_padded else cell
        return f"CASE WHEN length({cell}) <= {type_.length} THEN {cell} END" if type_.length else cell
    if not landing.format.is_text:
        return cell
    return _value(column, type_, cell, landing)


def expected_cell(column: Column, landing: LandingFormat) -> str:
    """Return which texts the column allows, as a phrase for people. Both engines read a cell by the same rule.

    Raises:
        ValueError: as `Column.hive_type`.
    """
    type_ = column.hive_type
    match type_.kind:
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            return f"at most {type_.length} characters" if type_.length else "any text"
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT:
            low, high = type_.integer_bounds or (0, 0)
            return f"an integer from {low} to {high}{_written_so(landing, '')}"
        case HiveKind.DECIMAL:
            point, before = "comma" if landing.decimal_comma else "point", type_.precision - type_.scale
            written_so = _written_so(landing, f"{landing.decimal_sign}50" if type_.scale > 1 else "")
            return f"a number with at most {before} digits before the {point} and {type_.scale} after it{written_so}"
        case HiveKind.FLOAT | HiveKind.DOUBLE:
            point = landing.decimal_sign
            return f"a number such as -1{point}5, 2e10 or NaN{_written_so(landing, f'{point}5')}"
        case HiveKind.BOOLEAN:
            return " or ".join(" or ".join(texts) for texts in column.truth(landing))
        case HiveKind.DATE:
            return f"a date written as {column.shown_format}" if column.landed_format else "a date such as 2013-01-31"
        case HiveKind.TIMESTAMP:
            return _expected_timestamp(column, landing.zone)
        case HiveKind.ARRAY | HiveKind.MAP | HiveKind.STRUCT:
            return f"one of {type_}"
        case _:
            assert_never(type_.kind)


def _written_so(landing: LandingFormat, fraction: str) -> str:
    """Return an example of a negative number if it is not written as everywhere, after a comma."""
    number = f"1{landing.group_separator}234{fraction}"
    written = {Negative.MINUS: f"-{number}", Negative.BRACKETS: f"({number})", Negative.TRAILING: f"{number}-"}
    is_usual = landing.negative is Negative.MINUS and not landing.group_separator
    return "" if is_usual else f", such as {written[landing.negative]}"


def _expected_timestamp(column: Column, zone: str) -> str:
    if column.landed_format:
        return f"a timestamp written as {column.shown_format}" + ("" if zone == "UTC" else f", of {zone}")
    in_zone = "in UTC" if zone == "UTC" else f"of {zone}"
    precision = "" if column.rounded else f", to the {'microsecond' if column.micros else 'millisecond'}"
    return f"a time such as 2013-01-31 05:15:00, {in_zone} or with an offset{precision}"


def _value(column: Column, type_: HiveType, cell: str, landing: LandingFormat) -> str:
    match type_.kind:
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            return cell
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT:
            cell = plain_number(landing, cell, _matches)
            return _matched(cell, "[+-]?[0-9]+", f"TRY_CAST({cell} AS {type_.kind})")
        case HiveKind.DECIMAL:
            return decimal(landing, cell, type_.precision, type_.scale, _matches)
        case HiveKind.FLOAT:
            return _floating(plain_number(landing, cell, _matches), "real")
        case HiveKind.DOUBLE:
            return _floating(plain_number(landing, cell, _matches), "double")
        case HiveKind.BOOLEAN:
            return boolean(column, landing, cell)
        case HiveKind.DATE if column.landed_format:
            return _formatted(column, cell, "date")
        case HiveKind.DATE:
            return _matched(cell, _DATE, f"TRY_CAST({cell} AS date)")
        case HiveKind.TIMESTAMP:
            return _formatted(column, cell, "timestamp(3)") if column.landed_format else _timestamp(column, cell)
        case HiveKind.ARRAY | HiveKind.MAP | HiveKind.STRUCT:
            return cell  # no text: the reader of contracts refuses it
        case _:
            assert_never(type_.kind)


def _floating(cell: str, type_: str) -> str:
    value = f"TRY_CAST({cell} AS {type_})"
    finite = f"CASE WHEN is_finite({value}) THEN {value} END"
    return (
        f"CASE WHEN {_matches(cell, _DIGITS)} THEN {finite} WHEN {_matches(cell, 'NaN|[+-]?Infinity')} THEN {value} END"
    )


def _timestamp(column: Column, cell: str) -> str:
    time = _TIME.replace("FRACTION", "[0-9]{1,9}" if column.rounded else "[0-9]{1,3}0*")
    plain = "TRY(CAST(replace({}, 'T', ' ') AS timestamp(3)))"
    local = f"regexp_replace({cell}, '{OFFSET}$', '')"
    return (
        f"CASE WHEN {_matches(cell, f'{_DATE}([ T]{time})?')} THEN {plain.format(cell)}"
        f" WHEN {_matches(cell, f'{_DATE}[ T]{time}{OFFSET}')}"
        f" THEN date_add('second', {_seconds_to_utc(cell)}, {plain.format(local)}) END"
    )


def _seconds_to_utc(cell: str) -> str:
    """Return the SQL of the seconds to add to a time with an offset. from_iso8601_timestamp knows fewer offsets."""
    digits = f"rpad(replace(regexp_extract({cell}, '[+-]([0-9:]+)$', 1), ':', ''), 6, '0')"
    parts = (
        f"{unit} * TRY_CAST(substr({digits}, {first}, 2) AS integer)" for first, unit in ((1, 3600), (3, 60), (5, 1))
    )
    sign = f"CASE WHEN strpos({cell}, '+') > 0 THEN -1 ELSE 1 END"
    return f"coalesce({sign} * ({' + '.join(parts)}), 0)"


def _formatted(column: Column, cell: str, type_: str) -> str:
    format_ = column.landed_format or ""
    fraction = "[0-9]{1,6}" if column.rounded else "[0-9]{1,3}0{0,3}"
    patterns = {"%Y": "[0-9]{4}", "%f": fraction, "%%": "%"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")
    parts = re.split("(%.)", format_)
    pattern = "".join(patterns[part] if part[:1] == "%" else re.escape(part) for part in parts)
    # Athena's date_parse has the letters of MySQL, whose %M is the name of a month.
    mysql = "".join({"%M": "%i", "%S": "%s"}.get(part, part) for part in parts)
    moment = f"TRY(CAST(date_parse({cell}, {text_literal(mysql)}) AS {type_}))"
    return _matched(cell, pattern, moment)


def _matched(cell: str, pattern: str, value: str) -> str:
    return f"CASE WHEN {_matches(cell, pattern)} THEN {value} END"


def _matches(cell: str, pattern: str) -> str:
    """Return the condition that the whole cell matches the pattern."""
    anchored = rf"\A(?:{pattern})\z"
    return f"regexp_like({cell}, {text_literal(anchored)})"
