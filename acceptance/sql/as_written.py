"""A rule's SQL must reach Athena as it is written, and read the rows that it seems to read.

The parser knows many dialects. It keeps some clauses that Athena has not, drops others when it writes SQL again (PIVOT,
SORT BY), and writes some as other SQL (IS TRUE). So a rule may hold only what is listed here, and is read once more
after it was written: the two must be equal.
"""

from collections import Counter
from collections.abc import Collection, Sequence

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from acceptance.sql.text import DIALECT

_CLAUSES = (exp.Select, exp.Subquery, exp.SetOperation, exp.With, exp.CTE, exp.TableAlias, exp.From, exp.Join,
            exp.Where, exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup, exp.Having, exp.Order, exp.Ordered, exp.Limit,
            exp.Offset, exp.Fetch, exp.LimitOptions, exp.Distinct, exp.Table, exp.Values, exp.Unnest, exp.Window,
            exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)  # fmt: skip
_VALUES = (exp.Identifier, exp.Column, exp.Dot, exp.Star, exp.Alias, exp.Literal, exp.HexString, exp.UnicodeString,
           exp.Null, exp.Boolean, exp.Interval, exp.IntervalSpan, exp.Var, exp.DataType, exp.DataTypeParam,
           exp.ColumnDef, exp.Tuple, exp.Bracket, exp.Lambda, exp.JSONPath, exp.JSONPathPart, exp.JSON,
           exp.JSONValue)  # fmt: skip
_OPERATORS = (exp.Paren, exp.Not, exp.Neg, exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe,
              exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In,
              exp.Between, exp.Like, exp.Escape, exp.Any, exp.All, exp.Exists, exp.AtTimeZone, exp.BitwiseAnd,
              exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot, exp.BitwiseLeftShift, exp.BitwiseRightShift)  # fmt: skip
_ALLOWED = (*_CLAUSES, *_VALUES, *_OPERATORS, exp.Func)

_NOT_OF_THE_ROWS = (exp.CurrentUser, exp.SessionUser, exp.CurrentCatalog, exp.CurrentSchema, exp.CurrentRole,
                    exp.CurrentSession, exp.CurrentVersion, exp.Rand, exp.Randn, exp.Uuid)  # fmt: skip
"""Functions whose answer depends on who asks, or on chance."""
_LIKE_COLUMNS = {"current_catalog", "current_schema", "current_path", "current_role", "session_user"}
"""Such functions that the parser takes for columns."""
_LIKE_FUNCTIONS = {"current_groups", "shuffle"}
"""Such functions that the parser has no class for."""

_JOINS = {"", "NATURAL", "INNER", "OUTER", "CROSS"}
_SOURCES = (exp.Table, exp.Subquery, exp.Unnest, exp.Values)
_WORDS = {
    "tablesample": "TABLESAMPLE, which judges some of the rows",
    "version": "FOR VERSION or TIMESTAMP AS OF, which reads rows of another time",
    "pivot": "PIVOT or UNPIVOT",
    "lateral": "LATERAL",
    "matchrecognize": "MATCH_RECOGNIZE",
    "placeholder": "a parameter",
    "withtablehint": "a hint",
}
_PARTS = (
    "SELECT, FROM, JOIN, UNNEST, WHERE, GROUP BY, HAVING, WINDOW, ORDER BY, LIMIT, WITH, UNION, functions, operators"
)


def unfit(query: exp.Query) -> str:
    """Return what a rule may not hold, as a phrase that completes "the query ...", or ""."""
    for node in query.walk():
        if _is_of_a_session(node):
            return f"asks {_shown(node)}{place(node)}, whose answer depends on who asks, or on chance; leave it out"
        if not isinstance(node, _ALLOWED):
            return f"holds {_WORDS.get(node.key, node.key.upper())}{place(node)}; a rule is made of {_PARTS}"
        if isinstance(node, exp.Join) and not _JOINS.issuperset((node.method, node.kind)):
            kind = (node.method or node.kind).removesuffix("_JOIN")
            return f"holds {kind} JOIN{place(node)}, which is no join of Athena's: it would join in another way"
        if isinstance(node, exp.From | exp.Join) and not isinstance(node.this, _SOURCES):
            return (
                f"reads a function in FROM, {_shown(node.this)}{place(node)}; only tables and UNNEST are allowed there"
            )
    return ""


def hidden(query: exp.Query, rows: Sequence[str], tables: Collection[str]) -> str:
    """Return which name hides what the query seems to read, as a phrase that completes "the query ...", or "".

    `rows` are the names of the delivered rows, first the one in this query; `tables` are tables of contracts.
    """
    common = Counter(cte.alias.lower() for cte in query.find_all(exp.CTE))
    for cte in query.find_all(exp.CTE):
        name = cte.alias.lower()
        if name in (*rows, *tables):
            return f"names a subquery {cte.alias}{place(cte)}, which hides what else has that name; rename it"
        if common[name] > 1:
            return f"names {common[name]} subqueries {cte.alias}{place(cte)}, and one hides the other; rename one"
        if not any(_reads(each, name) and each.find_ancestor(exp.CTE) is not cte for each in query.find_all(exp.Table)):
            return f"names a subquery {cte.alias}{place(cte)} and does not read it; leave it out"
    standing, *others = rows
    for source in query.find_all(*_SOURCES):
        if source.alias.lower() in rows and not _reads(source, standing):
            return f"gives the name {source.alias}{place(source)} to something else than the delivered rows; rename it"
        if any(_reads(source, name) for name in others):
            return f"reads {source.name}{place(source)}, as the delivered rows are named; write its database before it"
    return ""


def rewritten(query: exp.Query) -> str:
    """Return how Athena would get another query than is written, as a phrase that completes "the query ...", or ""."""
    try:
        text = query.sql(DIALECT, comments=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        return f"holds what Athena does not know: {str(error).splitlines()[0]}"
    if _plain(sqlglot.parse_one(text, read=DIALECT)) == _plain(query):
        return ""
    return f"would reach Athena in other words, {_shown(query)}; write what is meant as Athena's documentation does"


def _plain(query: exp.Expr) -> exp.Expr:
    """Return the query without brackets that only group, and with the one form of AT TIME ZONE that is written."""

    def plain(node: exp.Expr) -> exp.Expr:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.AtTimeZone):
            return exp.func("AT_TIMEZONE", node.this, node.args["zone"], dialect=DIALECT)
        return node

    return query.copy().transform(plain)


def _is_of_a_session(node: exp.Expr) -> bool:
    if isinstance(node, exp.Column):
        return not node.table and not node.this.args.get("quoted") and node.name.lower() in _LIKE_COLUMNS
    return isinstance(node, _NOT_OF_THE_ROWS) or (
        isinstance(node, exp.Anonymous) and node.name.lower() in _LIKE_FUNCTIONS
    )


def _reads(source: exp.Expr, name: str) -> bool:
    return isinstance(source, exp.Table) and not source.db and source.name.lower() == name


def place(node: exp.Expr) -> str:
    """Return the line of the query, of the node or the first of its parts that has one."""
    line = next((part.meta["line"] for part in node.walk() if "line" in part.meta), None)
    return "" if line is None else f" (line {line} of the query)"


def _shown(node: exp.Expr) -> str:
    text = node.sql(DIALECT, comments=False)
    return text if len(text) <= 200 else text[:197] + "..."
