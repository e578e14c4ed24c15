"""How Athena reads a landed cell as its type: strictly, as `aws.landed_cells` has it for DuckDB. Null if it is none."""

import re

from sqlglot import exp

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import type_and_sizes
from acceptance.contract.landing_format import LandingFormat

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.]FRACTION)?)?"
_OFFSET = "(Z|[+-][0-9]{2}:?[0-9]{2})"
_DIGITS = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_WHOLE = ("tinyint", "smallint", "int", "integer", "bigint")
_TEXTS = ("string", "varchar", "char")


def text_of(landing: LandingFormat, column: Column, cell: str) -> str:
    """The expression of a cell's text as the contract reads it; null if it is the null text. Parquet has values."""
    if landing.format == "parquet" and type_and_sizes(column.type)[0] not in _TEXTS:
        return cell
    text = f"regexp_replace({cell}, '\\A[ \t]+|[ \t]+\\z', '')" if landing.trim else cell
    if landing.format != "parquet":
        text = f"nullif({text}, {_literal(landing.null_text)})"
    return f"nullif({text}, '')" if landing.empty_as_null else text


def read_as(landing: LandingFormat, column: Column, cell: str) -> str:
    """The expression of the cell's value.

    Raises:
        ValueError: no rule for the column's type.
    """
    kind, sizes = type_and_sizes(column.type)
    if kind in _TEXTS:
        return f"CASE WHEN length({cell}) <= {sizes[0]} THEN {cell} END" if sizes else cell
    if landing.format == "parquet":
        return cell
    if kind in ("decimal", "float", "double") and landing.decimal_comma:
        cell = f"translate({cell}, ',.', '.,')"
    if kind in _WHOLE:
        return _if(cell, "[+-]?[0-9]+", f"TRY_CAST({cell} AS {kind})")
    if kind == "decimal":
        precision, scale = (*sizes, 0)[:2] if sizes else (10, 0)
        pattern = f"[+-]?0*[0-9]{{0,{precision - scale}}}([.][0-9]{{0,{scale}}}0*)?"
        return _if(cell, pattern, f"TRY_CAST({cell} AS decimal({precision}, {scale}))")
    if kind in ("float", "double"):
        value = f"TRY_CAST({cell} AS {'real' if kind == 'float' else 'double'})"
        finite = f"CASE WHEN is_finite({value}) THEN {value} END"
        return (
            f"CASE WHEN {_full(cell, _DIGITS)} THEN {finite} WHEN {_full(cell, 'NaN|[+-]?Infinity')} THEN {value} END"
        )
    if kind == "boolean":
        return f"CASE lower({cell}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if kind in ("date", "timestamp") and column.landed_format:
        return _formatted(column, cell, kind)
    if kind == "date":
        return _if(cell, _DATE, f"TRY_CAST({cell} AS date)")
    if kind == "timestamp":
        return _moment(column, cell)
    raise ValueError(f"column {column.name}: a landed cell cannot be read as {column.type}")


def _moment(column: Column, cell: str) -> str:
    time = _TIME.replace("FRACTION", "[0-9]{1,9}" if column.rounded else "[0-9]{1,3}0*")
    plain = f"TRY(CAST(replace({cell}, 'T', ' ') AS timestamp(3)))"
    offset = f"TRY(CAST(from_iso8601_timestamp(replace({cell}, ' ', 'T')) AT TIME ZONE 'UTC' AS timestamp(3)))"
    return (
        f"CASE WHEN {_full(cell, f'{_DATE}([ T]{time})?')} THEN {plain}"
        f" WHEN {_full(cell, f'{_DATE}[ T]{time}{_OFFSET}')} THEN {offset} END"
    )


def _formatted(column: Column, cell: str, kind: str) -> str:
    format_ = column.landed_format or ""
    fraction = "[0-9]{1,6}" if column.rounded else "[0-9]{1,3}0{0,3}"
    patterns = {"%Y": "[0-9]{4}", "%f": fraction, "%%": "%"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")
    parts = re.split("(%.)", format_)
    pattern = "".join(patterns[part] if part[:1] == "%" else re.escape(part) for part in parts)
    # MySQL's letters, which Athena reads: its %M is the name of a month.
    mysql = "".join({"%M": "%i", "%S": "%s"}.get(part, part) for part in parts)
    moment = f"TRY(CAST(date_parse({cell}, {_literal(mysql)}) AS {'date' if kind == 'date' else 'timestamp(3)'}))"
    return _if(cell, pattern, moment)


def _if(cell: str, pattern: str, value: str) -> str:
    return f"CASE WHEN {_full(cell, pattern)} THEN {value} END"


def _full(cell: str, pattern: str) -> str:
    anchored = rf"\A(?:{pattern})\z"
    return f"regexp_like({cell}, {_literal(anchored)})"


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql("athena")
