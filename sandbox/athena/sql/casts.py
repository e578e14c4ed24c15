"""Casts, which DuckDB makes from more texts than Trino does, and to other texts."""

from typing import Any

from sqlglot import exp

from sandbox.athena.sql.types import FLOATS, is_of, type_of

# Cast a double to text as Trino does (1.5E0, 1.0E-7, 0E0, NaN), from the shortest digits, which DuckDB writes.
_DOUBLE_TEXT = (
    "double_digits(x) AS trim(replace(split_part(ltrim(x, '-'), 'e', 1), '.', ''), '0')",
    """double_exponent(x) AS coalesce(try_cast(split_part(x, 'e', 2) AS INTEGER), 0) - 1 +
       CASE split_part(ltrim(x, '-'), '.', 1)
       WHEN '0' THEN length(ltrim(split_part(x, '.', 2), '0')) - length(split_part(x, '.', 2))
       ELSE length(split_part(split_part(ltrim(x, '-'), 'e', 1), '.', 1)) END""",
    """double_text(x) AS CASE x WHEN 'nan' THEN 'NaN' WHEN 'inf' THEN 'Infinity' WHEN '-inf' THEN '-Infinity'
       WHEN '0.0' THEN '0E0' WHEN '-0.0' THEN '-0E0' ELSE if(x[1] = '-', '-', '') || double_digits(x)[1] || '.' ||
       if(length(double_digits(x)) > 1, double_digits(x)[2:], '0') || 'E' || double_exponent(x) END""",
)

MACROS = (
    *_DOUBLE_TEXT,
    """cast_text(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN double_text(x::VARCHAR)
       WHEN typeof(x) LIKE 'TIMESTAMP%' THEN strftime(TRY_CAST(x::VARCHAR AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
       WHEN typeof(x) LIKE 'DECIMAL%' THEN regexp_replace(x::VARCHAR, '^(-?)[.]', '\\10.')
       ELSE x::VARCHAR END""",
    "with_micros(x) AS x",
    "micros_text(x) AS strftime(x, '%Y-%m-%d %H:%M:%S.%f')",
    # Half a millisecond is rounded up, and not away from 1970, as DuckDB's cast rounds it.
    "to_milliseconds(x) AS date_trunc('millisecond', CAST(x AS TIMESTAMP) + INTERVAL 500 MICROSECOND)",
    # The text that is no value fails in the cast, whose error TRY sees.
    """readable(x, pattern, type) AS if(x IS NULL OR regexp_full_match(x, pattern), x,
       'Cannot cast ''' || x || ''' to ' || type)""",
    "readable_or_null(x, pattern) AS if(regexp_full_match(x, pattern), x, NULL)",
)

_DIGITS = "([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
_READABLE = {
    **dict.fromkeys((exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT), r"\s*[+-]?[0-9]+\s*"),
    exp.DType.DECIMAL: f"[+-]?{_DIGITS}",
    **dict.fromkeys(FLOATS, rf"\s*[+-]?(NaN|Infinity|{_DIGITS})\s*"),
    exp.DType.BOOLEAN: "(?i)true|false|t|f|1|0",
    exp.DType.TIMESTAMP: "[^T]*|.*[^0-9]T.*",
}
"""The texts that Trino reads as a type, of those that DuckDB does."""
_WHOLE = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)


def cast(node: Any) -> Any:
    """Return DuckDB's expression for a cast, or for a cast that answers null."""
    to = node.to
    sizes, kinds = to.expressions, exp.DataType.Type
    if to.is_type(*exp.DataType.TEXT_TYPES):
        text = call("micros_text" if node.this.this == "with_micros" else "cast_text", node.this)
        size = sizes[0].this if sizes else exp.Literal.number(1)  # CHAR means CHAR(1), VARCHAR has no limit
        return call("slice", text, exp.Literal.number(1), size) if sizes or to.is_type("char") else text
    _read_as_trino(node)
    if to.this in (kinds.TIMESTAMP, kinds.TIMESTAMPNTZ) and sizes:
        to.set("expressions", None)
        if sizes[0].name == "3":
            node.set("this", call("to_milliseconds", node.this))
        elif sizes[0].name == "6":  # a cast to text, which sees no sizes in DuckDB, tells it by the name
            return call("with_micros", node.copy())
    if to.is_type("decimal") and not sizes:
        to.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(size)) for size in (38, 0)])
    return node


def _read_as_trino(node: Any) -> None:
    """Let the cast refuse the texts that Trino does, and round a double as Trino does."""
    to, kind = node.to.this, type_of(node.this)
    pattern = _READABLE.get(exp.DType.TIMESTAMP if to is exp.DType.TIMESTAMPNTZ else to)
    if kind and kind.this in exp.DataType.TEXT_TYPES and pattern:
        texts = [node.this, exp.Literal.string(pattern)]
        if isinstance(node, exp.TryCast):
            node.set("this", call("readable_or_null", *texts))
        else:
            node.set("this", call("readable", *texts, exp.Literal.string(node.to.sql("athena"))))
    elif to in _WHOLE and is_of(node.this, *FLOATS):
        node.set("this", call("round", node.this))  # half away from zero; DuckDB's cast takes the even neighbour


def call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
