"""Errors of DuckDB in Athena's words, and where in a query they are."""

import re

import duckdb

from acceptance.sql.functions import FUNCTIONS

_REMEDY = "try it in an account, or with `--engine trino`"

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
        r"(invalid perl operator: .*|invalid escape sequence: .*|bad repetition operator: .*"
        r"|invalid character class range: .*|invalid repetition size: .*|letters beyond ASCII here)",
        "NOT_SUPPORTED",
        f"the sandbox matches by RE2, which lacks a part of this pattern that Athena has ({{}}); {_REMEDY}",
    ),
    (r"(the sandbox cannot tell .*|Overflow in multiplication of INT128.*)", "NOT_SUPPORTED", f"{{}}; {_REMEDY}"),
    (r"(Cannot cast '.*' to [a-z()0-9, ]+)", "INVALID_CAST_ARGUMENT", "{}"),
    (r"(Array subscript out of bounds: .*|Key not present in map: .*)", "INVALID_FUNCTION_ARGUMENT", "{}"),
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


def reason(error: duckdb.Error, sql: str) -> str:
    """Return Athena's StateChangeReason for an error of DuckDB."""
    text = str(error).split("\n\nLINE")[0].partition(" Error: ")[2] or str(error)
    for pattern, code, words in _REASONS:
        if match := re.search(pattern, text):
            if code == "FUNCTION_NOT_FOUND" and match[1].lower() in FUNCTIONS:
                return f"NOT_SUPPORTED: the sandbox has no function {match[1]}, which Athena has; {_REMEDY}"
            place = f"{position(sql, match[1])}: " if match[1].lower() in sql.lower() else ""
            return f"{code}: {place}{words.format(match[1])}" if code else match[1]
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "GENERIC_INTERNAL_ERROR")
    return f"{code}: {text}"


def position(sql: str, name: str) -> str:
    """Return the first position of a name in the query, as Athena writes it: 'line 1:8'."""
    start = max(re.sub(r'["`]', " ", sql).lower().find(name.lower()), 0)
    return f"line {sql.count(chr(10), 0, start) + 1}:{start - sql.rfind(chr(10), 0, start)}"
