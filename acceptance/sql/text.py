"""Build SQL in Athena's dialect: quoted identifiers, typed literals, and nothing but SELECT statements."""

import re
from collections.abc import Iterable
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from acceptance.contract.checks import Number
from acceptance.contract.contract import Column
from acceptance.contract.hive_types import MOST_DIGITS, HiveKind
from acceptance.errors import QueryFailed

DIALECT = "athena"
NO_SELECT = (exp.DDL, exp.DML, exp.Command, exp.Into, exp.Lock)
"""Expressions that make a statement more than a SELECT, at any depth."""


_TYPED = tuple((kind, sqlglot.TokenType.STRING) for kind in (sqlglot.TokenType.DECIMAL, sqlglot.TokenType.CHAR))
_DECIMAL = re.compile(r"[+-]?0*([0-9]*)(?:[.]([0-9]*))?", re.ASCII)

_LARGEST_INTEGER = 2**63 - 1  # of a literal without a type

UNPADDED = "trim(TRAILING ' ' FROM CAST({0} AS varchar))"
"""The text of a char without its padding, in Athena's dialect.

A char compares there without its padding, but its length, its pattern and its bytes are those of the padded text.
"""


def identifier(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def unused(name: str, columns: Iterable[Column]) -> str:
    """Return the name, or a longer one, that none of the columns has. A column may have any name."""
    names = {column.name.casefold() for column in columns}
    while name.casefold() in names:
        name += "_"
    return identifier(name)


def text_literal(text: str) -> str:
    return exp.Literal.string(text).sql(DIALECT)


def literal(value: Number | str | bool, column: Column) -> str:
    """Return a literal of the column's type: dates and times from ISO text, numbers unchanged, the rest as text.

    The literal of a char is its text without padding.
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if column.kind in (HiveKind.DATE, HiveKind.TIMESTAMP):
        return f"{column.kind.upper()} {text_literal(str(value).replace('T', ' ').removesuffix('Z'))}"
    if column.kind.is_text:
        return text_literal(str(value).rstrip(" ") if column.kind.is_padded else str(value))
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, int) and abs(number) > _LARGEST_INTEGER:
        return f"DECIMAL '{number}'"
    return exp.Literal.number(str(number)).sql(DIALECT)


def with_sizes(sql: str) -> str:
    """Rewrite DECIMAL '0.50' as CAST('0.50' AS DECIMAL(2, 2)), and CHAR 'ab' as a cast to CHAR(2).

    The parser reads both as casts without a size, which would round 0.50 to 1 and truncate 'ab' to 'a'. Raise
    SqlglotError if the text is not SQL.
    """
    pieces, done = [], 0
    for word, text in pairwise(sqlglot.tokenize(sql, read=DIALECT)):
        kind = word.text.upper()
        if kind not in ("DECIMAL", "CHAR") or (word.token_type, text.token_type) not in _TYPED:
            continue  # NUMERIC '0.50' is another word for the same token, and to Athena 1
        size = _digits(text.text) if kind == "DECIMAL" else str(max(len(text.text), 1))
        pieces += [sql[done : word.start], f"CAST({text_literal(text.text)} AS {kind}({size}))"]
        done = text.end + 1
    return "".join((*pieces, sql[done:]))


def _digits(number: str) -> str:
    """Return precision and scale of a decimal literal as Athena counts them, without leading zeros."""
    match = _DECIMAL.fullmatch(number)
    whole, fraction = (match[1], match[2] or "") if match else ("", "")
    if not match or not re.search("[0-9]", number) or len(whole + fraction) > MOST_DIGITS:
        raise ParseError(f"DECIMAL {text_literal(number)} is no number of at most {MOST_DIGITS} digits")
    return f"{max(len(whole + fraction), 1)}, {len(fraction)}"


def only_select(sql: str) -> str:
    """Return the text if it is exactly one SELECT, or raise QueryFailed: Aceite sends nothing else to Athena."""
    statements = sqlglot.parse(sql, read=DIALECT)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or statements[0].find(*NO_SELECT):
        raise QueryFailed("the checks do not compile to one SELECT; look at the `type: sql` rules of the contract")
    return sql
