"""How the YAML of a contract is read."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from contract_texts import ORDERS, PATH, orders, problems, the_problem, watched

from acceptance.errors import ContractError, Problem
from acceptance.odcs.document.yaml_document import MOST_VALUES, read_document, resolve_variables
from acceptance.odcs.reader import read_contract


def value(text: str) -> Any:
    return read_document(text, PATH).value


def refused(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ContractError) as raised:
        read_document(text, PATH)
    return raised.value.problems


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2025-01-02", "2025-01-02"),
        ("2025-01-02T10:00:00Z", "2025-01-02T10:00:00Z"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("true", True),
        ("7", 7),
        ("-7.5", -7.5),
        ("1e3", 1000.0),
        ("null", None),
        ("", None),
    ],
)
def test_only_what_yaml_1_2_calls_a_number_or_a_boolean_is_one(scalar: str, expected: Any) -> None:
    found = value(f"x: {scalar}")["x"]
    assert found == expected
    assert type(found) is type(expected)


def test_a_number_too_long_to_be_one_stays_a_text() -> None:
    assert value("x: " + "9" * 5000)["x"] == "9" * 5000


def test_every_value_knows_its_line() -> None:
    root = read_document("a: 1\nb:\n  - x\n  - y: 2\n    z: >\n      long\n      text\n", PATH)
    items = list(root["b"])
    assert (root["a"].line, items[0].line, items[1]["y"].line, items[1]["z"].line) == (1, 3, 4, 5)


def test_a_value_that_is_absent_is_refused_at_the_line_of_what_should_hold_it() -> None:
    root = read_document("a: 1\nb:\n  c: 2\n", PATH)
    root["b"]["d"]["e"].refuse("missing")
    assert root.source.problems == [Problem(PATH, 2, "b.d.e: missing")]


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    assert refused("a: 1\nb: 2\na: 3\nc:\n  d: 1\n  d: 2\n") == (
        Problem(PATH, 3, "the key 'a' stands twice in one mapping, first on line 1"),
        Problem(PATH, 6, "the key 'd' stands twice in one mapping, first on line 5"),
    )


def test_a_key_that_stands_twice_in_a_contract_is_refused() -> None:
    text = orders(("    format: csv\n", "    format: csv\n    format: json  # here\n"))
    assert "the key 'format' stands twice in one mapping, first on line 10" in the_problem(text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "the file is empty"),
        ("# only a comment\n", 0, "the file is empty"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML: expected a single document"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML: while parsing a flow sequence"),
        ("a: 1\n\tb: 2\n", 2, "not YAML: "),
        ("a: 1\nb: *unknown\n", 2, "not YAML: found undefined alias"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: 1\nb: !secret x\n", 2, "the tag !secret is not allowed"),
        ("a: 1\nb: !!binary aGk=\n", 2, "the tag tag:yaml.org,2002:binary is not allowed"),
        ("a: {b: 1}\nc:\n  <<: {d: 2}\n", 3, "a merge key (<<) is not allowed"),
        ("a: 1\n2: b\n", 2, "the key 2 is not allowed: keys are texts"),
        ("a: 1\ntrue: b\n", 2, "the key true is not allowed"),
        ("a: 1\n[x, y]: b\n", 2, "the key a list is not allowed"),
        ("a: 1\nb: \x07\n", 2, "not YAML: the character U+0007 is not allowed"),
        ("[" * 3000, 0, "nested more than 40 deep"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested more than 40 deep"),
        ("a: &a [*a]\n", 1, "nested more than 40 deep"),
        ("a: " + "x" * 1_000_001, 0, "the file has 1,000,004 bytes; at most 1,000,000 are read"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    (problem,) = refused(text)
    assert problem.line == line
    assert message in problem.message


def test_aliases_that_grow_into_billions_are_refused() -> None:
    levels = [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in pairwise("abcdefghi")]
    (problem,) = refused("a: &a [x]\n" + "".join(levels))
    assert f"more than {MOST_VALUES:,} values" in problem.message


def test_an_alias_is_the_value_again() -> None:
    assert value("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert value("\ufeffa: 1\n") == {"a": 1}


def test_lines_count_alike_with_windows_line_ends() -> None:
    text = orders(("format: csv", "format: xml  # here")).replace("\n", "\r\n")
    assert "found 'xml'" in the_problem(text)


def resolved(text: str, **environment: str) -> Any:
    root, unset = resolve_variables(read_document(text, PATH), environment)
    return root.value, [problem.line for problem in unset]


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("${CONTRACT_A}", {"CONTRACT_A": "x"}, "x"),
        ("<${CONTRACT_A}-${CONTRACT_B}>", {"CONTRACT_A": "x", "CONTRACT_B": "y"}, "<x-y>"),
        ("${CONTRACT_A:-default}", {}, "default"),
        ("${CONTRACT_A:-default}", {"CONTRACT_A": ""}, "default"),
        ("${CONTRACT_A:-}", {}, ""),
        ("${CONTRACT_A}", {"CONTRACT_A": "${CONTRACT_B}", "CONTRACT_B": "no"}, "${CONTRACT_B}"),
        ("${CONTRACT_A}", {"CONTRACT_A": "2025"}, "2025"),
        ("$A ${} ${1}", {"CONTRACT_A": "x"}, "$A ${} ${1}"),
    ],
)
def test_a_variable_is_replaced_once_by_its_value(text: str, environment: dict[str, str], expected: str) -> None:
    assert resolved(f"a: [{{b: '{text}'}}]", **environment) == ({"a": [{"b": expected}]}, [])


def test_every_variable_that_is_not_set_is_told() -> None:
    value, lines = resolved(
        "a: ${CONTRACT_A}\nb: ${CONTRACT_B:-x}\nc:\n  - ${CONTRACT_C}/${CONTRACT_D}\n", CONTRACT_D=""
    )
    assert value["b"] == "x"
    assert lines == [1, 4, 4]


def test_the_name_of_a_key_is_no_place_for_a_variable() -> None:
    assert resolved("${CONTRACT_A}: 1\n", CONTRACT_A="x") == ({"${CONTRACT_A}": 1}, [])


def test_a_variable_chooses_the_landing_bucket() -> None:
    text = orders(("s3://landing/", "s3://${LANDING_BUCKET:-landing}/"))
    assert watched(text).template.bucket == "landing"
    assert watched(text, LANDING_BUCKET="zone").template.bucket == "zone"


UNWATCHED = ORDERS[: ORDERS.index("servers:")]


@pytest.mark.parametrize(
    "text",
    [
        UNWATCHED,
        UNWATCHED + "servers: [{server: sor, type: athena, schema: x}]\n",
        UNWATCHED + "description: {purpose: '${UNSET}'}\n",
        UNWATCHED + "customProperties: [{property: pipeline, value: jenkins}]\n",
        UNWATCHED + "schema: [{name: a, quality: [{type: custom, engine: soda, implementation: x}]}, {name: b}]\n",
    ],
)
def test_valid_odcs_without_landing_server_and_pipeline_is_not_watched(text: str) -> None:
    assert read_contract(text, PATH, {}) is None


def test_what_is_not_watched_must_still_be_valid_odcs() -> None:
    assert "did you mean 'schema'" in the_problem(UNWATCHED + "shema: []  # here\n")


@pytest.mark.parametrize("text", ["[]", "just text", "7", "a: 1"])
def test_a_document_that_is_something_else_is_refused(text: str) -> None:
    assert problems(text)


def with_query_within(said: str) -> str:
    given = f"{{property: queryWithin, vendor: aceite, value: {said}}}"
    return ORDERS.replace("type: athena\n", f"type: athena\n    customProperties: [{given}]\n")


def test_a_query_may_run_half_an_hour_unless_the_contract_says_otherwise() -> None:
    assert watched(ORDERS).table.query_within == timedelta(minutes=30)
    assert watched(with_query_within("2h")).table.query_within == timedelta(hours=2)


def with_language(said: str) -> str:
    given = f"{{property: language, value: {said}}}"
    return ORDERS + f"team:\n  name: squad-sor\n  customProperties: [{given}]  # here\n"


def test_the_team_says_in_which_language_it_is_told_of_its_dataset() -> None:
    assert watched(ORDERS).language is None
    assert watched(with_language("pt-BR")).language == "pt-BR"
    assert watched(with_language("en")).language == "en"
    assert watched(ORDERS + "team:\n  - {username: ana}\n").language is None


@pytest.mark.parametrize("said", ["pt", "pt_BR", "klingon", "7"])
def test_a_language_that_aceite_does_not_speak_is_refused(said: str) -> None:
    assert "'pt-BR'" in the_problem(with_language(said)).replace("allowed: en, pt-BR", "'pt-BR'")


@pytest.mark.parametrize("said", ["30", "0s", "3 days", "49h"])
def test_another_time_of_a_query_is_refused_with_what_is_allowed(said: str) -> None:
    assert "a duration is such as 30s, 5m, 2h or 1h30m, at most 48h" in problems(with_query_within(said))[0].message
