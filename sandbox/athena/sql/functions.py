"""Functions and operators that DuckDB has not, or computes in another way than Trino."""

import re
from typing import Any

from sqlglot import Dialect, exp

from sandbox.athena.sql import decimals
from sandbox.athena.sql.casts import call, cast
from sandbox.athena.sql.lookaheads import for_re2, split_lookaheads
from sandbox.athena.sql.types import FLOATS, is_of, type_of
from sandbox.athena.values import AthenaError

MACROS = (
    """slice(x, s) AS x[if(s = 0, 2147483647, s):],
       (x, s, n) AS x[if(s = 0, 2147483647, s):if(s < 0 AND s + n >= 1, -1, s + n - 1)]""",
    """ascii_only(x) AS if(octet_length(encode(x::VARCHAR)) > length(x::VARCHAR), error('letters beyond ASCII here'),
       x::VARCHAR)""",
    "bytes_or_letters(x) AS if(typeof(x) = 'BLOB', octet_length(TRY_CAST(x AS BLOB)), length(x::VARCHAR))",
    "from_big_endian_64(x) AS CAST(CAST(x AS BIT) AS BIGINT)",
    "from_big_endian_32(x) AS CAST(CAST(x AS BIT) AS INTEGER)",
    "to_ieee754_64(x) AS CAST(CAST(CAST(x AS DOUBLE) AS BIT) AS BLOB)",
    "is_finite(x) AS isfinite(x)",
    "is_infinite(x) AS isinf(x)",
    "nan() AS CAST('NaN' AS DOUBLE)",
    "infinity() AS CAST('Infinity' AS DOUBLE)",
    "every(x) AS bool_and(x)",
    "count_if(x) AS count(*) FILTER (WHERE x)",  # DuckDB's own returns null for no rows
    "codepoint(x) AS unicode(x)",
    "small_to_base(x, base) AS lower(to_base(x, base))",
    "part_of(x, d, n) AS if(n > length(string_split(x, d)), NULL, split_part(x, d, n))",
    "item_of_array(x, n) AS if(n < 1 OR n > len(x), error('Array subscript out of bounds: ' || n), x[n])",
    "item_of_map(x, k) AS if(map_contains(x, k), x[k], if(x IS NULL, NULL, error('Key not present in map: ' || k)))",
    "greatest_item(x) AS if(list_count(x) < len(x), NULL, list_max(x))",
    "least_item(x) AS if(list_count(x) < len(x), NULL, list_min(x))",
    "distinct_items(x) AS if(list_count(x) < len(x), list_append(list_distinct(x), NULL), list_distinct(x))",
    "scalar_of(kind, x) AS if(kind IN ('ARRAY', 'OBJECT'), NULL, x)",
)

_DUCKDB = Dialect.get_or_raise("duckdb").generator()

_UNLIKE_NAN = {exp.EQ: False, exp.NEQ: True, exp.GT: False, exp.GTE: False, exp.LT: False, exp.LTE: False}
"""Trino's answer where one side is NaN, which DuckDB takes for the greatest number."""

_OF_TEXTS = (exp.Length, exp.DPipe, exp.Concat, exp.Like, exp.Substring)
"""These see the padding of a char; a comparison does not."""


def rewrite(node: Any) -> Any:
    """Return DuckDB's expression for one of Trino, whose parts were rewritten before; the same one if both agree.

    Raises:
        AthenaError: the sandbox cannot tell what Athena answers (NOT_SUPPORTED).
    """
    for of_its_kind in (_number, _text, _collection, _time):
        if (rewritten := of_its_kind(node)) is not node:
            return _padded(node, rewritten)
    return _padded(node, node)


def _number(node: Any) -> Any:
    match node:
        case exp.Div():
            return decimals.division(node, type_of(node.left), type_of(node.right))
        case exp.Filter(this=exp.Avg()) if type_ := decimals.decimal_of(type_of(node.this)):
            return decimals.average(node.this, type_, node.expression)
        case exp.Avg() if not isinstance(node.parent, exp.Filter) and (type_ := decimals.decimal_of(type_of(node))):
            return decimals.average(node, type_)
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            return _compared(node)
        case exp.Cast():
            return cast(node)
        case exp.Typeof():
            raise AthenaError("NOT_SUPPORTED: the sandbox cannot tell how Athena writes a type")
        case exp.Anonymous(this=str(name)) if name.lower() == "to_base":
            return call("small_to_base", *node.expressions)
    return node


def _compared(node: Any) -> Any:
    floats = [
        side for side in (node.left, node.right) if is_of(side, *FLOATS) and not isinstance(side.unnest(), exp.Literal)
    ]
    if not floats:
        return node
    no_number = exp.or_(*(call("isnan", side.copy()) for side in floats))
    known = exp.and_(
        *(exp.Not(this=exp.Is(this=side.copy(), expression=exp.Null())) for side in (node.left, node.right))
    )
    answer = exp.Boolean(this=_UNLIKE_NAN[type(node)])
    return exp.paren(exp.Case(ifs=[exp.If(this=exp.and_(known, no_number), true=answer)], default=node.copy()))


def _text(node: Any) -> Any:
    match node:
        case exp.Substring():
            bounds = [node.args[name] for name in ("start", "length") if node.args.get(name)]
            return call("slice", node.this, *bounds)
        case exp.Length():
            return call("bytes_or_letters", node.this)
        case exp.SplitPart():
            return call("part_of", *node.iter_expressions())
        case exp.RegexpLike() | exp.RegexpExtract() | exp.RegexpReplace() if is_of(node.this, exp.DType.CHAR):
            raise AthenaError("TYPE_MISMATCH: a function of patterns takes no char; cast it to varchar")
        case exp.RegexpExtract():  # without a match Trino returns null, DuckDB an empty text
            extracted = call("regexp_extract", *node.iter_expressions())
            return exp.func("nullif", extracted, exp.Literal.string(""))
        case exp.RegexpReplace() if "$" in node.text("replacement"):
            node.set("replacement", exp.Literal.string(_groups_for_re2(node.text("replacement"))))
        case exp.RegexpLike() if node.expression.is_string:
            ahead = split_lookaheads(node.expression.name)
            if ahead is None:
                return _matches(node.this, node.expression.name)
            like = [_matches(node.this.copy(), pattern) for pattern in ahead.matching]
            unlike = [_matches(node.this.copy(), pattern) for pattern in ahead.failing]
            return exp.paren(exp.and_(*like, *map(exp.not_, unlike)))
        case exp.JSONExtractScalar():
            kind = call("json_type", node.this.copy(), node.expression.copy())
            return call("scalar_of", kind, node.copy())
    return node


def _matches(text: Any, pattern: str) -> exp.Expression:
    translated = for_re2(pattern)
    subject = call("ascii_only", text) if translated.ascii_only else text
    return exp.RegexpLike(this=subject, expression=exp.Literal.string(translated.pattern))


def _groups_for_re2(replacement: str) -> str:
    r"""Return \1 for $1, and $ for \$."""
    if re.search(r"(?<!\\)\$\{|(?<!\\)\$[0-9]{2}", replacement):
        raise AthenaError("NOT_SUPPORTED: the sandbox cannot tell what a named group, or one above 9, puts there")
    return re.sub(r"\\(.)|\$([0-9])", lambda found: f"\\{found[2]}" if found[2] else found[1], replacement)


def _collection(node: Any) -> Any:
    match node:
        case exp.Struct() if not isinstance(node.parent, exp.Cast):
            return call("ROW", *(getattr(field, "expression", field) or field for field in node.expressions))
        case exp.Bracket() if node.args.get("safe"):  # element_at, which answers null as DuckDB does
            return node
        case exp.Bracket(expressions=[_]) if is_of(node.this, exp.DType.ARRAY):
            return call("item_of_array", node.this, *_DUCKDB.bracket_offset_expressions(node))
        case exp.Bracket(expressions=[_]) if is_of(node.this, exp.DType.MAP):
            return call("item_of_map", node.this, *_DUCKDB.bracket_offset_expressions(node))
        case exp.ArrayMax():
            return call("greatest_item", node.this)
        case exp.ArrayMin():
            return call("least_item", node.this)
        case exp.ArrayDistinct():
            return call("distinct_items", node.this)
    return node


def _time(node: Any) -> Any:
    match node:
        case exp.DateDiff():  # Trino counts whole units, DuckDB's date_diff counts boundaries
            unit = exp.Literal.string(node.text("unit").lower() or "day")
            return call("date_sub", unit, node.expression, node.this)
        case exp.Extract() if node.this.name.upper() in ("DOW", "DAY_OF_WEEK"):  # Monday is 1
            node.set("this", exp.var("ISODOW"))
        case exp.DateTrunc() | exp.TimestampTrunc() | exp.DateAdd() if is_of(node.this, exp.DType.DATE):
            return _as_date(node)
        case exp.Add() | exp.Sub() if isinstance(node.right, exp.Interval) and is_of(node.left, exp.DType.DATE):
            return _as_date(node)
    return node


def _as_date(node: Any) -> exp.Cast:
    return exp.Cast(this=node.copy(), to=exp.DataType(this=exp.DType.DATE))


def _padded(node: Any, rewritten: Any) -> Any:
    """Return a char with the padding that Athena gives it and the sandbox's tables do not have, where it is seen."""
    kind, parent = type_of(node), node.parent
    if kind is None or kind.this is not exp.DType.CHAR or not kind.expressions or isinstance(node, exp.Identifier):
        return rewritten
    to_text = isinstance(parent, exp.Cast) and parent.to.is_type(exp.DType.VARCHAR, exp.DType.TEXT)
    if not to_text and not isinstance(parent, _OF_TEXTS):
        return rewritten
    return call("rpad", rewritten.copy(), kind.expressions[0].this.copy(), exp.Literal.string(" "))
