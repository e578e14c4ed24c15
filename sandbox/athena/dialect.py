"""Translates Athena's SQL (Trino) to DuckDB's: with sqlglot, and by rewrites and macros where sqlglot falls short."""

import contextlib
import re
from collections.abc import Sequence
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from acceptance.sql.text import with_sizes
from sandbox.athena.lookaheads import split_lookaheads
from sandbox.athena.values import AthenaError

# Cast a double to text as Trino does (1.5E0, 1.0E-7, NaN), from the shortest digits, which DuckDB writes.
_DOUBLE_TEXT = (
    "double_digits(x) AS trim(replace(split_part(ltrim(x, '-'), 'e', 1), '.', ''), '0')",
    """double_exponent(x) AS coalesce(try_cast(split_part(x, 'e', 2) AS INTEGER), 0) - 1 +
       CASE split_part(ltrim(x, '-'), '.', 1)
       WHEN '0' THEN length(ltrim(split_part(x, '.', 2), '0')) - length(split_part(x, '.', 2))
       ELSE length(split_part(split_part(ltrim(x, '-'), 'e', 1), '.', 1)) END""",
    """double_text(x) AS CASE x WHEN 'nan' THEN 'NaN' WHEN 'inf' THEN 'Infinity' WHEN '-inf' THEN '-Infinity'
       WHEN '0.0' THEN '0.0E0' WHEN '-0.0' THEN '-0.0E0' ELSE if(x[1] = '-', '-', '') || double_digits(x)[1] || '.' ||
       if(length(double_digits(x)) > 1, double_digits(x)[2:], '0') || 'E' || double_exponent(x) END""",
)

MACROS = (
    *_DOUBLE_TEXT,
    """cast_text(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN double_text(x::VARCHAR)
       WHEN typeof(x) LIKE 'TIMESTAMP%' THEN strftime(TRY_CAST(x::VARCHAR AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
       WHEN typeof(x) LIKE 'DECIMAL%' THEN regexp_replace(x::VARCHAR, '^(-?)[.]', '\\10.')
       ELSE x::VARCHAR END""",
    """slice(x, s) AS x[if(s = 0, 2147483647, s):],
       (x, s, n) AS x[if(s = 0, 2147483647, s):if(s < 0 AND s + n >= 1, -1, s + n - 1)]""",
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
)

PREPARATION = (
    "SET TimeZone='UTC'",
    "SET integer_division=true",
    *(f"CREATE OR REPLACE MACRO {macro}" for macro in MACROS),
)
"""Statements that a connection runs once before the queries that `to_duckdb` returns."""

# A pattern of DuckDB's message, and Athena's error code and message; {} is the text that the pattern captured.
_REASONS = (
    (
        r'Referenced column "([^"]+)"',
        "COLUMN_NOT_FOUND",
        "Column '{}' cannot be resolved or requester is not authorized",
    ),
    (r'does not have a column named "([^"]+)"', "COLUMN_NOT_FOUND", "Column '{}' cannot be resolved"),
    (r"Function with name (\w+) does not exist", "FUNCTION_NOT_FOUND", "Function '{}' not registered"),
    (r"(No function matches .*|Cannot compare .*|Cannot mix .*)", "TYPE_MISMATCH", "{}"),
    (
        r'column "([^"]+)" must appear in the GROUP BY',
        "EXPRESSION_NOT_AGGREGATE",
        "'{}' must be an aggregate or in GROUP BY",
    ),
    (
        r"(More than one row returned by a subquery)",
        "SUBQUERY_MULTIPLE_ROWS",
        "Scalar sub-query has returned multiple rows",
    ),
    (r"(Division by zero)", "DIVISION_BY_ZERO", "Division by zero"),
    (
        r"(invalid perl operator: .*|invalid escape sequence: .*|bad repetition operator: .*)",
        "NOT_SUPPORTED",
        "the sandbox matches by RE2, which lacks a part of this pattern that Athena has ({}); try it in an account",
    ),
    (r"(HIVE_\w+: .*)", "", "{}"),
    (r"(.*\bJSON\b.*)", "HIVE_CURSOR_ERROR", "Row is not a valid JSON Object: {}"),
)
_CODES = (
    (duckdb.ParserException, "SYNTAX_ERROR"),
    (duckdb.BinderException, "SYNTAX_ERROR"),
    (duckdb.CatalogException, "SYNTAX_ERROR"),
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT"),
    (duckdb.OutOfRangeException, "NUMERIC_VALUE_OUT_OF_RANGE"),
)


def with_parameters(sql: str, parameters: Sequence[str] | None) -> str:
    """Replace each `?` by its parameter, which must be one literal or expression."""
    pieces = re.findall(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\?|[^'\"?-]+|-", sql)
    expected = pieces.count("?")
    if expected != len(parameters or ()):
        count = f"expected {expected} but found {len(parameters or ())}"
        raise AthenaError(f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: {count}")
    values = iter([f"({parse(text, exp.Expression).sql('athena')})" for text in parameters or ()])
    return "".join(next(values) if piece == "?" else piece for piece in pieces)


def parse(sql: str, kind: type[Any] = exp.Query) -> Any:
    """Return the tree of one statement, or of one expression if `kind` says so.

    Raises:
        AthenaError: the text is no SQL (SYNTAX_ERROR), or is not one tree of this kind.
    """
    try:
        trees = sqlglot.parse(with_sizes(sql), read="athena")
    except sqlglot.errors.SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        place = f"line {first.get('line', 1)}:{first.get('col', 1)}"
        message = f"mismatched input '{first['highlight']}'" if first.get("highlight") else str(error)
        raise AthenaError(f"SYNTAX_ERROR: {place}: {message}") from error
    if len(trees) != 1 or not isinstance(trees[0], kind):
        raise AthenaError("NOT_SUPPORTED: line 1:1: The sandbox runs one SELECT, or one of its DDL statements")
    return trees[0]


def tables(tree: exp.Expression) -> list[exp.Table]:
    """Return the tables that a query reads, without its common table expressions."""
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    named = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return [table for table in named if table.db or table.name.lower() not in defined]


def expose_path(tree: exp.Expression) -> bool:
    """Return True if the query names the hidden column "$path"; its stars then exclude it."""
    if all(column.name != "$path" for column in tree.find_all(exp.Column)):
        return False
    for select in [table.parent_select for table in tables(tree) if table.parent_select]:
        for star in [star for item in select.selects if item.is_star for star in item.find_all(exp.Star)]:
            star.set("except_", [exp.to_identifier("$path", quoted=True)])
    return True


def check_types(tree: exp.Expression, schema: Any, sql: str) -> None:
    """Raise AthenaError (TYPE_MISMATCH) where values of different kinds are compared, which DuckDB would cast.

    `schema` is {database: {table: {column: Hive type}}}.
    """
    tree = tree.copy()
    with contextlib.suppress(sqlglot.errors.SqlglotError):  # DuckDB reports an unknown column
        qualify(tree, schema=schema, dialect="athena", validate_qualify_columns=False, quote_identifiers=False)
    annotate_types(tree, schema=schema, dialect="athena")
    for comparison in tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between):
        known = {part: family for part in comparison.iter_expressions() if (family := _family(part.type))}
        if len(set(known.values())) > 1:
            kinds = ", ".join(part.type.sql("athena").lower() for part in known if part.type)
            place = position(sql, next((part.name for part in known if isinstance(part, exp.Column)), ""))
            raise AthenaError(f"TYPE_MISMATCH: {place}: '{comparison.key}' cannot be applied to {kinds}")


def _family(kind: Any) -> str:
    """Return text, number or time; empty for a type that compares with other kinds, or is unknown."""
    types = exp.DataType
    families = {"text": types.TEXT_TYPES, "number": types.NUMERIC_TYPES, "time": types.TEMPORAL_TYPES}
    return next((name for name, members in families.items() if kind and kind.this in members), "")


def to_duckdb(tree: exp.Expression) -> str:
    """Return DuckDB's SQL for the tree, which is changed in place."""
    for node in reversed(list(tree.walk())):  # from the leaves up, so that children are rewritten before their parent
        if (rewritten := _rewrite(node)) is not node:
            node.replace(rewritten)
    if isinstance(tree, exp.Query):
        for index, column in enumerate(tree.selects):  # Athena names unnamed columns _col0, _col1, ...
            if not isinstance(column, (exp.Alias, exp.Column, exp.Dot)) and not column.is_star:
                column.replace(exp.alias_(column.copy(), f"_col{index}"))
    return tree.sql("duckdb")


def reason(error: duckdb.Error, sql: str) -> str:
    """Return Athena's StateChangeReason for an error of DuckDB."""
    text = str(error).split("\n\nLINE")[0].partition(" Error: ")[2] or str(error)
    for pattern, code, words in _REASONS:
        if match := re.search(pattern, text):
            place = f"{position(sql, match[1])}: " if match[1].lower() in sql.lower() else ""
            return f"{code}: {place}{words.format(match[1])}" if code else match[1]
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "GENERIC_INTERNAL_ERROR")
    return f"{code}: {text}"


def position(sql: str, name: str) -> str:
    """Return the first position of a name in the query, as Athena writes it: 'line 1:8'."""
    start = max(re.sub(r'["`]', " ", sql).lower().find(name.lower()), 0)
    return f"line {sql.count(chr(10), 0, start) + 1}:{start - sql.rfind(chr(10), 0, start)}"


def _rewrite(node: Any) -> Any:
    match node:
        case exp.Cast():
            return _cast(node, node.to)
        case exp.Substring():
            bounds = [node.args[name] for name in ("start", "length") if node.args.get(name)]
            return _call("slice", node.this, *bounds)
        case exp.Length():
            return _call("bytes_or_letters", node.this)
        case exp.Struct() if not isinstance(node.parent, exp.Cast):
            return _call("ROW", *(getattr(field, "expression", field) or field for field in node.expressions))
        case exp.DateDiff():  # Trino counts whole units, DuckDB's date_diff counts boundaries
            unit = exp.Literal.string(node.text("unit").lower() or "day")
            return _call("date_sub", unit, node.expression, node.this)
        case exp.RegexpExtract():  # without a match Trino returns null, DuckDB an empty text
            extracted = _call("regexp_extract", *node.iter_expressions())
            return exp.func("nullif", extracted, exp.Literal.string(""))
        case exp.RegexpLike() if node.expression.is_string and (ahead := split_lookaheads(node.expression.name)):
            like = [exp.RegexpLike(this=node.this.copy(), expression=exp.Literal.string(p)) for p in ahead.matching]
            unlike = [exp.RegexpLike(this=node.this.copy(), expression=exp.Literal.string(p)) for p in ahead.failing]
            return exp.paren(exp.and_(*like, *map(exp.not_, unlike)))
    return node


def _cast(node: Any, to: Any) -> Any:
    sizes, kinds = to.expressions, exp.DataType.Type
    if to.is_type(*exp.DataType.TEXT_TYPES):
        text = _call("cast_text", node.this)
        size = sizes[0].this if sizes else exp.Literal.number(1)  # CHAR means CHAR(1), VARCHAR has no limit
        return _call("slice", text, exp.Literal.number(1), size) if sizes or to.is_type("char") else text
    if to.this in (kinds.TIMESTAMP, kinds.TIMESTAMPNTZ) and sizes:
        to.set("expressions", None)
        if sizes[0].name == "3":
            node.set("this", exp.cast(node.this, "TIMESTAMP_MS", dialect="duckdb"))
    if to.is_type("decimal") and not sizes:
        to.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(size)) for size in (38, 0)])
    return node


def _call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
