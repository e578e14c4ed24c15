"""The query of a `type: sql` rule: exactly one SELECT of one column, over the delivered rows."""

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from acceptance.contract import Column
from acceptance.odcs.node import Node

DIALECT = "athena"

_OBJECT = "aceite_delivered_rows_object"
_FORBIDDEN = (exp.DDL, exp.DML, exp.Command, exp.Into)
_BRACED = re.compile(r"\$?\{([A-Za-z_]+)\}")


_SYNONYMS = {"table": "object", "column": "property"}
"""Words of earlier versions of ODCS, and of the examples in its schema."""


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """A SELECT in Athena's dialect, without comments, where `{object}` stands for the delivered rows.

    `columns` are the names in lower case that it mentions, of whatever table.
    """

    sql: str
    columns: frozenset[str]


def read_query(node: Node, column: Column | None) -> RuleQuery | None:
    """The query of a rule, or None after a refusal. `{property}` becomes the column's quoted name."""
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
    query, problem = _one_select(text.replace("{object}", _OBJECT))
    if query is None:
        node.refuse(problem)
        return None
    columns = frozenset(mentioned.name.lower() for mentioned in query.find_all(exp.Column))
    return RuleQuery(query.sql(DIALECT, comments=False).replace(_OBJECT, "{object}"), columns)


def _one_select(text: str) -> tuple[exp.Query | None, str]:
    """The parsed query, or what is wrong with it."""
    try:
        parsed = sqlglot.parse(text, read=DIALECT)
    except SqlglotError as error:
        return None, f"the query is not SQL as Athena reads it: {_reason(error)}"
    statements = [each for each in parsed if each is not None and not isinstance(each, exp.Semicolon)]
    if len(statements) != 1:
        return None, f"the query holds {len(statements)} statements; exactly one SELECT is allowed"
    query = statements[0]
    forbidden = query if not isinstance(query, exp.Query) else query.find(*_FORBIDDEN)
    if forbidden is not None or not isinstance(query, exp.Query):
        return None, f"the query holds {(forbidden or query).key.upper()}; only SELECT is allowed"
    if len(query.selects) != 1 or query.is_star:
        return None, f"the query selects {'*' if query.is_star else len(query.selects)}; select exactly one number"
    if not any(table.name == _OBJECT and not table.db for table in query.find_all(exp.Table)):
        return None, "the query does not read FROM {object}, the delivered rows: it would judge something else"
    return query, ""


def _reason(error: SqlglotError) -> str:
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        return f"{first.get('description')} (line {first.get('line')}, column {first.get('col')} of the query)"
    return str(error).splitlines()[0]
