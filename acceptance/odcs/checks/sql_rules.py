"""The query of a `type: sql` rule: exactly one SELECT of one column, over the delivered rows."""

import re

from sqlglot import exp

from acceptance.contract.contract import Column
from acceptance.odcs.checks.relationships import Tables
from acceptance.odcs.document.node import Node
from acceptance.sql.allowed import foreign_table, parsed_statements
from acceptance.sql.text import DIALECT, NO_SELECT

_OBJECT = "aceite_delivered_rows_object"
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
    query, problem = _one_select(text.replace("{object}", _OBJECT))
    if query is not None:
        problem = foreign_table(
            query, tables.own, [published.table for published in tables.published if published.table]
        )
    if query is None or problem:
        node.refuse(f"the query {problem}")
        return None
    mentioned = frozenset(column.name.lower() for column in query.find_all(exp.Column))
    return query.sql(DIALECT, comments=False).replace(_OBJECT, "{object}"), mentioned


def _one_select(text: str) -> tuple[exp.Query | None, str]:
    """Parse the query. The text is its fault, which follows "the query" in a message; empty for none."""
    statements, problem = parsed_statements(text)
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
