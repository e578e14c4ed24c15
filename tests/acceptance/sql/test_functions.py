"""The functions of SQL rules: those that Athena has are called by their own names, and others are named."""

import pytest
import sqlglot

from acceptance.sql.functions import FUNCTIONS, unknown_function
from acceptance.sql.text import DIALECT

TYPED = {"cast", "try_cast"}
"""They have a grammar of their own."""


def test_no_function_of_athena_is_taken_for_another_that_it_lacks():
    taken = {}
    for name in FUNCTIONS - TYPED:
        for arguments in ("x", "x, y", "x, y, z"):
            try:
                query = sqlglot.parse_one(f"SELECT {name}({arguments})", read=DIALECT)
            except sqlglot.ParseError:  # as many arguments are not allowed
                continue
            if unknown := unknown_function(query):
                taken[name] = unknown
    assert taken == {}


@pytest.mark.parametrize("name", ["ends_with", "array_first", "to_date", "to_timestamp", "strftime", "len_of"])
def test_a_function_that_trino_lacks_is_named(name):
    assert unknown_function(sqlglot.parse_one(f"SELECT {name}(x, y)", read=DIALECT)) == name
