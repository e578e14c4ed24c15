"""How Athena reads a landed cell as its type: strictly, as `aws.landed_cells` has it for DuckDB. Null if it is none."""

import re
from typing import assert_never

from sqlglot import exp

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind, HiveType
from acceptance.contract.landing_format import LandingFormat

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.]FRACTION)?)?"
_OFFSET = "(Z|[+-][0-9]{2}:?[0-9]{2})"
_DIGITS = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"


def text_of(landing: LandingFormat, column: Column, cell: str) -> str:
    """The expression of a cell's text as the contract reads it; null if it is the null text. Parquet has values."""
    if not landing.format.is_text and not column.kind.is_text:
        return cell
    text = f"regexp_replace({cell}, '\\A[ \t]+|[ \t]+\\z', '')" if landing.trim else cell
    if landing.format.is_text:
        text = f"nullif({text}, {_literal(landing.null_text)})"
    return f"nullif({text}, '')" if landing.empty_as_null else text


def read_as(landing: LandingFormat, column: Column, cell: str) -> str:
    """The expression of the cell's value.

    Raises:
        ValueError: as `Column.hive_type`.
    """
    type_ = column.hive_type
    if type_.kind.is_text:
        return f"CASE WHEN length({cell}) <= {type_.length} THEN {cell} END" if type_.length else cell
    if not landing.format.is_text:
        return cell
    if landing.decimal_comma and type_.kind.is_number and not type_.kind.is_whole:
        cell = f"translate({cell}, ',.', '.,')"
    return _value(column, type_, cell)


def _value(column: Column, type_: HiveType, cell: str) -> str:
    match type_.kind:
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            return cell
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT:
            return _if(cell, "[+-]?[0-9]+", f"TRY_CAST({cell} AS {type_.kind})")
        case HiveKind.DECIMAL:
            before, scale = type_.precision - type_.scale, type_.scale
            pattern = f"[+-]?0*[0-9]{{0,{before}}}([.][0-9]{{0,{scale}}}0*)?"
            return _if(cell, pattern, f"TRY_CAST({cell} AS decimal({type_.precision}, {scale}))")
        case HiveKind.FLOAT:
            return _floating(cell, "real")
        case HiveKind.DOUBLE:
            return _floating(cell, "double")
        case HiveKind.BOOLEAN:
            return f"CASE lower({cell}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case HiveKind.DATE if column.landed_format:
            return _formatted(column, cell, "date")
        case HiveKind.DATE:
            return _if(cell, _DATE, f"TRY_CAST({cell} AS date)")
        case HiveKind.TIMESTAMP:
            return _formatted(column, cell, "timestamp(3)") if column.landed_format else _moment(column, cell)
        case _:
            assert_never(type_.kind)


def _floating(cell: str, type_: str) -> str:
    value = f"TRY_CAST({cell} AS {type_})"
    finite = f"CASE WHEN is_finite({value}) THEN {value} END"
    return f"CASE WHEN {_full(cell, _DIGITS)} THEN {finite} WHEN {_full(cell, 'NaN|[+-]?Infinity')} THEN {value} END"


def _moment(column: Column, cell: str) -> str:
    time = _TIME.replace("FRACTION", "[0-9]{1,9}" if column.rounded else "[0-9]{1,3}0*")
    plain = f"TRY(CAST(replace({cell}, 'T', ' ') AS timestamp(3)))"
    offset = f"TRY(CAST(from_iso8601_timestamp(replace({cell}, ' ', 'T')) AT TIME ZONE 'UTC' AS timestamp(3)))"
    return (
        f"CASE WHEN {_full(cell, f'{_DATE}([ T]{time})?')} THEN {plain}"
        f" WHEN {_full(cell, f'{_DATE}[ T]{time}{_OFFSET}')} THEN {offset} END"
    )


def _formatted(column: Column, cell: str, type_: str) -> str:
    format_ = column.landed_format or ""
    fraction = "[0-9]{1,6}" if column.rounded else "[0-9]{1,3}0{0,3}"
    patterns = {"%Y": "[0-9]{4}", "%f": fraction, "%%": "%"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")
    parts = re.split("(%.)", format_)
    pattern = "".join(patterns[part] if part[:1] == "%" else re.escape(part) for part in parts)
    # MySQL's letters, which Athena reads: its %M is the name of a month.
    mysql = "".join({"%M": "%i", "%S": "%s"}.get(part, part) for part in parts)
    moment = f"TRY(CAST(date_parse({cell}, {_literal(mysql)}) AS {type_}))"
    return _if(cell, pattern, moment)


def _if(cell: str, pattern: str, value: str) -> str:
    return f"CASE WHEN {_full(cell, pattern)} THEN {value} END"


def _full(cell: str, pattern: str) -> str:
    anchored = rf"\A(?:{pattern})\z"
    return f"regexp_like({cell}, {_literal(anchored)})"


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql("athena")
