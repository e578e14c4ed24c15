"""The query of a `type: sql` rule: exactly one SELECT of one column, over the delivered rows."""

import re

import sqlglot
from sqlglot import exp

from acceptance.contract.contract import Column
from acceptance.errors import nearest
from acceptance.odcs.checks.relationships import Tables
from acceptance.odcs.document.node import Node, hint, shown
from acceptance.sql.allowed import TOO_DEEP, foreign_table, parsed_statements
from acceptance.sql.as_written import hidden, place, rewritten, unfit
from acceptance.sql.columns import unknown_column
from acceptance.sql.functions import FUNCTIONS, unfit_pattern, unknown_function
from acceptance.sql.text import DIALECT, NO_SELECT

_OBJECT = "aceite_delivered_rows_object"
_ROWS = (_OBJECT, "delivered")
"""The names of the delivered rows: while the query is read, and in the query that Athena gets."""
_BRACED = re.compile(r"\$?\{([A-Za-z_]+)\}")
_SYNONYMS = {"table": "object", "column": "property"}
"""Words of earlier versions of ODCS, and of the examples in its schema."""


def read_query(node: Node, column: Column | None, tables: Tables) -> tuple[str, frozenset[str]] | None:
    """Read the query of a rule and the columns that it mentions, of any table, in lower case; None after a refusal.

    The query is a SELECT in Athena's dialect, without comments, where `{object}` stands for the delivered rows.
    `{property}` becomes the column's quoted name.
    """
    text = _BRACED.sub(lambda braced: f"{{{_SYNONYMS.get(braced[1], braced[1])}}}", node.text())
    allowed = ("{object}", "{property}") if column else ("{object}",)
    for name in dict.fromkeys(_BRACED.findall(text)):
        braced = f"{{{name}}}"
        if braced not in allowed:
            node.refuse(f"{braced} is not known in a query here; allowed: {' and '.join(allowed)}")
            return None
    if "{object}" not in text:
        node.refuse("the query does not mention {object}, the delivered rows: it would judge something else")
        return None
    if column:
        text = text.replace("{property}", exp.to_identifier(column.name, quoted=True).sql(DIALECT))
    query, problem = _one_select(text)
    if query is not None:
        problem = _problem_of(query, text, tables)
    if query is None or problem:
        node.refuse(f"the query {problem}".replace(_OBJECT, "{object}"))
        return None
    mentioned = frozenset(column.name.lower() for column in query.find_all(exp.Column))
    return query.sql(DIALECT, comments=False).replace(_OBJECT, "{object}"), mentioned


def _problem_of(query: exp.Query, text: str, tables: Tables) -> str:
    """Return why the query would not judge what it says, as a phrase that follows "the query", or ""."""
    published = [each.table for each in tables.published if each.table]
    try:
        return (
            foreign_table(query, tables.own, published)
            or _misplaced(query, text)
            or hidden(
                query, _ROWS, {each.name for each in (tables.own, *published) if each.database == tables.own.database}
            )
            or unfit(query)
            or rewritten(query)
            or _unknown_to_athena(query)
            or _no_column(query, tables)
        )
    except RecursionError:
        return TOO_DEEP


def _unknown_to_athena(query: exp.Query) -> str:
    """Return what Athena cannot run, as a phrase that follows "the query", or ""."""
    if name := unknown_function(query):
        near = hint(name, sorted(FUNCTIONS)) if nearest(name, FUNCTIONS) else "see its documentation"
        return f"calls {name}, which is no function of Athena; {near}"
    if pattern := unfit_pattern(query):
        return f"holds {shown(pattern[0])}, no regular expression as Athena, that is Java, reads it: {pattern[1]}"
    return ""


def _no_column(query: exp.Query, tables: Tables) -> str:
    """Return which column the delivered rows do not have, as a phrase that follows "the query", or ""."""
    own = [column for each in tables.published if each.path == tables.path for column in each.columns]
    columns = {column.column: column for column in own}
    unknown = unknown_column(query, _OBJECT, columns)
    if unknown is None:
        return ""
    told = f"names the column {shown(unknown.name)}{place(unknown)}, which {{object}} does not have"
    if renamed := [column.column for column in own if column.name.lower() == unknown.name.lower()]:
        return f"{told}; its physicalName is {renamed[0]}"
    if unknown.this.args.get("quoted") and nearest(unknown.name, columns) is None:
        return f"{told}; a text stands in single quotes, or it is one of: {', '.join(columns)}"
    return f"{told}; {hint(unknown.name, tuple(columns))}"


def _misplaced(query: exp.Query, text: str) -> str:
    """Return where {object} stands for no rows, as a phrase that follows "the query", or ""."""
    if _OBJECT in text.lower():
        return "holds the name that Aceite has for {object} itself; write {object}"
    tokens = sqlglot.tokenize(text.replace("{object}", _OBJECT), read=DIALECT)
    if any("/*+" in text and comment.strip().startswith("+") for token in tokens for comment in token.comments):
        return "holds a hint, /*+ ... */, which Athena takes for a comment; leave it out"
    standing = [node for node in query.find_all(exp.Identifier) if node.name == _OBJECT and _names_rows(node)]
    if len(standing) < sum(token.text.count(_OBJECT) for token in tokens):
        return "holds {object} where no table stands; it may follow FROM or JOIN, or stand before a column: {object}.x"
    return ""


def _names_rows(node: exp.Identifier) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Table):
        return parent.this is node and not parent.db
    return isinstance(parent, exp.Column) and parent.args.get("table") is node


def _one_select(text: str) -> tuple[exp.Query | None, str]:
    """Parse the query. The text is its fault, which follows "the query" in a message; empty for none."""
    statements, problem = parsed_statements(text.replace("{object}", _OBJECT))
    if problem:
        return None, problem
    if len(statements) != 1:
        return None, f"holds {len(statements)} statements; exactly one SELECT is allowed"
    query = statements[0]
    forbidden = query if not isinstance(query, exp.Query) else query.find(*NO_SELECT)
    if forbidden is not None or not isinstance(query, exp.Query):
        return None, f"holds {(forbidden or query).key.upper()}; only SELECT is allowed"
    if len(query.selects) != 1 or query.is_star:
        return None, f"selects {'*' if query.is_star else len(query.selects)}; select exactly one number"
    if not any(table.name == _OBJECT and not table.db for table in query.find_all(exp.Table)):
        return None, "does not read FROM {object}, the delivered rows: it would judge something else"
    return query, ""
