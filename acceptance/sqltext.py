"""Pieces of SQL in Athena's dialect: identifiers are quoted, values are typed literals, what is sent is a SELECT."""

import sqlglot
from sqlglot import exp

from acceptance.checks import Number
from acceptance.contract import Column
from acceptance.errors import QueryFailed

DIALECT = "athena"
NO_SELECT = (exp.DDL, exp.DML, exp.Command, exp.Into, exp.Lock)
"""What makes a statement more than a SELECT, wherever it is in it."""

_LARGEST_INTEGER = 2**63 - 1  # of a literal without a type


def identifier(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def text_literal(text: str) -> str:
    return exp.Literal.string(text).sql(DIALECT)


def literal(value: Number | str | bool, column: Column) -> str:
    """A literal of the column's type: dates and timestamps from ISO text, numbers as written, anything else as text."""
    kind = kind_of(column)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if kind in ("date", "timestamp"):
        return f"{kind.upper()} {text_literal(str(value).replace('T', ' ').removesuffix('Z'))}"
    if kind in ("string", "varchar", "char"):
        return text_literal(str(value))
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, int) and abs(number) > _LARGEST_INTEGER:
        return f"DECIMAL '{number}'"
    return exp.Literal.number(str(number)).sql(DIALECT)


def only_select(sql: str) -> str:
    """The same text, if it is exactly one SELECT. Whatever a contract says, nothing else is ever sent to Athena."""
    statements = sqlglot.parse(sql, read=DIALECT)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or statements[0].find(*NO_SELECT):
        raise QueryFailed("the checks do not compile to one SELECT; look at the `type: sql` rules of the contract")
    return sql


def kind_of(column: Column) -> str:
    """The Hive type without its parameters."""
    return column.type.partition("(")[0]
