"""The functions that `contracts check` lets through are those that Trino itself has."""

import pytest
from trino_server import Trino

from acceptance.sql.functions import _GRAMMAR, _PLUGINS, FUNCTIONS

pytestmark = pytest.mark.engine


def test_the_functions_of_sql_rules_are_those_that_trino_shows(trino: Trino):
    shown = {name for name, *_ in trino.ask("SHOW FUNCTIONS").rows}
    assert FUNCTIONS - set(_GRAMMAR.split()) - set(_PLUGINS.split()) == shown
