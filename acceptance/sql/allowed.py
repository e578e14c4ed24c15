"""Limits on a contract's SQL: its size, so that parsing takes bounded time, and the tables that it may read.

The parser tries the text behind a type's name twice, as a type and as a function or value. So its time doubles with
each level of such brackets, and a text of 200 characters would keep it busy for hours.
"""

from collections.abc import Collection

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser

from acceptance.contract.contract import Table
from acceptance.sql.text import DIALECT, with_sizes

MOST_CHARACTERS = 10_000
MOST_BRACKETS = 40
MOST_TYPED_BRACKETS = 6

TOO_DEEP = "is nested too deep to be read; write it in fewer steps"

_OPEN = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.LT)
_CLOSE = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


def parsed_statements(text: str) -> tuple[list[exp.Expr], str]:
    """Return the statements of a text in Athena's dialect, and a problem that completes "the query ...", or ""."""
    try:
        problem = _too_much(text)
        parsed = [] if problem else sqlglot.parse(with_sizes(text), read=DIALECT)
        found = [each for each in parsed if each is not None and not isinstance(each, exp.Semicolon)]
        for each in found:
            each.sql(DIALECT)
    except (SqlglotError, ValueError) as error:
        return [], f"is not SQL as Athena reads it: {_reason(error)}"
    except RecursionError:
        return [], TOO_DEEP
    return found, problem


def foreign_table(query: exp.Query, own: Table, published: Collection[Table]) -> str:
    """Return which forbidden table the query reads, as a phrase that completes "the query ...", or "".

    A query may read the tables of its own database and those that contracts of the same folder describe.
    """
    known = {(each.database, each.name) for each in published if each.catalog.lower() == own.catalog.lower()}
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            return f"reads a function in FROM, {_shown(table)}; only tables and UNNEST are allowed there"
        if not table.db:
            continue  # of the own database, or the name of a subquery
        database, name = table.db.lower(), table.name.lower()
        same_catalog = not table.catalog or table.catalog.lower() == own.catalog.lower()
        if not same_catalog or (database != own.database and (database, name) not in known):
            return (
                f"reads the table {_shown(table)}; allowed are {{object}}, tables of the database {own.database}, and "
                "those that contracts in the same folder describe"
            )
    return ""


def _too_much(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        return f"has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read"
    brackets: list[bool] = []
    before: Token | None = None
    for token in sqlglot.tokenize(text, read=DIALECT):
        if token.token_type in _CLOSE:
            del brackets[-1:]
        elif token.token_type in _OPEN:
            of_a_type = before is not None and before.token_type in Parser.TYPE_TOKENS
            if token.token_type is not TokenType.LT or of_a_type:
                brackets.append(of_a_type)
            if len(brackets) > MOST_BRACKETS or sum(brackets) > MOST_TYPED_BRACKETS:
                return (
                    f"nests its brackets too deep; allowed: {MOST_BRACKETS} levels, {MOST_TYPED_BRACKETS} of them "
                    "behind the name of a type, such as ARRAY[ or ROW("
                )
        before = token
    return ""


def _shown(table: exp.Table) -> str:
    text = table.sql(DIALECT, comments=False)
    return text if len(text) <= 100 else text[:97] + "..."


def _reason(error: Exception) -> str:
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        return f"{first.get('description')} (line {first.get('line')}, column {first.get('col')} of the query)"
    return str(error).splitlines()[0]
