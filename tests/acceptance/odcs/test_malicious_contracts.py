"""A contract is data: it reads no file and no secret, reaches no address, runs nothing but SELECT, and ends in time."""

import json
import time
import tracemalloc

import pytest
from contract_texts import ORDERS, of_column, orders, problems, rules, the_problem, watched

from acceptance.errors import QueryFailed
from acceptance.odcs.checks.valid_values import MOST_PATTERN
from acceptance.odcs.document.yaml_document import MOST_BYTES
from acceptance.sql.allowed import MOST_BRACKETS, MOST_CHARACTERS, MOST_TYPED_BRACKETS
from acceptance.sql.text import only_select, text_literal

SECRET = "PlantedSecret"
WITHIN_S = 20
"""Of the processor, for what takes a fraction of a second; what is not bounded takes hours."""


def sql(query: str) -> str:
    return rules(f"- {{type: sql, mustBe: 0, query: '{query}'}}  # here")


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "ACEITE_LEDGER_URL", "PREFECT_API_AUTH_STRING", "HOME", "CONTRACTS", "contract_x"]
)
@pytest.mark.parametrize("default", ["", ":-nothing"])
def test_a_variable_that_is_not_for_contracts_is_not_read(name, default):
    text = orders(("name: Orders", f'name: "${{{name}{default}}}"  # here'))
    said = the_problem(text, **{name: SECRET})
    assert f"a contract may not read the variable {name}" in said
    assert "names that begin with CONTRACT_" in said
    assert SECRET not in said


def test_a_variable_for_contracts_is_read_but_what_it_holds_is_not_read_again():
    text = orders(("name: Orders", 'name: "${CONTRACT_NAME}"'))
    assert watched(text, CONTRACT_NAME="${AWS_SECRET_ACCESS_KEY}", AWS_SECRET_ACCESS_KEY=SECRET).name == (
        "${AWS_SECRET_ACCESS_KEY}"
    )


def test_a_default_cannot_hold_another_variable():
    text = orders(("name: Orders", 'name: "${CONTRACT_NAME:-${AWS_SECRET_ACCESS_KEY}}"'))
    assert SECRET not in str(problems(text, AWS_SECRET_ACCESS_KEY=SECRET))


@pytest.mark.parametrize(
    "value",
    [
        "!include /etc/passwd",
        "!!python/object/apply:os.system ['id']",
        "!!python/name:os.environ",
        "!ENV ${HOME}",
        "!!binary aGVsbG8=",
        "!<tag:yaml.org,2002:python/module:os> x",
    ],
)
def test_a_tag_is_refused_before_anything_is_made_of_it(value):
    assert "is not allowed" in the_problem(orders(("name: Orders", f"name: {value}  # here")))


GROWING = {
    "texts": "a: &a " + "x" * 50_000 + "\nb: [" + "*a, " * 3_000 + "*a]\n",
    "variables": 'a: &a "${CONTRACT_X:-' + "x" * 50_000 + '}"\nb: [' + "*a, " * 3_000 + "*a]\n",
    "keys": "a: &a {" + "k" * 900 + ": 1}\nb: [" + "*a, " * 5_000 + "*a]\n",
    "laughs": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)),
    "itself": "a: &a [*a]\n",
}
DEEP = {"lists": "[" * 100_000, "mappings": "{a: " * 100_000, "blocks": "- " * 100_000}


@pytest.mark.parametrize("name", GROWING)
def test_a_document_that_grows_is_refused_within_bounded_memory_and_time(name):
    began = time.process_time()
    tracemalloc.start()
    found = problems(GROWING[name])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert any(word in found[0].message for word in ("grow", "nested"))
    assert peak_bytes < 50_000_000
    assert time.process_time() - began < WITHIN_S


@pytest.mark.parametrize("name", DEEP)
def test_a_document_that_is_nested_too_deep_is_refused_in_time(name):
    began = time.process_time()
    assert "are nested more than" in the_problem(DEEP[name])
    assert time.process_time() - began < WITHIN_S


def test_a_document_that_is_too_large_is_not_read():
    assert f"at most {MOST_BYTES:,} are read" in the_problem("x" * (MOST_BYTES + 1))


STATEMENTS = {
    "stacked": ("SELECT count(*) FROM {object}; DROP TABLE x", "2 statements"),
    "stacked behind a comment": ("SELECT count(*) FROM {object} /* ; */ ; DELETE FROM x", "2 statements"),
    "deleting in a subquery": ("WITH d AS (DELETE FROM x) SELECT count(*) FROM {object}", "DELETE"),
    "writing files": ('UNLOAD (SELECT 1 FROM {object}) TO "s3://x/" WITH (format = "PARQUET")', "only SELECT"),
    "explaining by running": ("EXPLAIN ANALYZE SELECT count(*) FROM {object}", "only SELECT"),
    "a function of somebody": (
        'USING EXTERNAL FUNCTION f(a varchar) RETURNS varchar LAMBDA "leak" SELECT count(f(customer)) FROM {object}',
        "only SELECT",
    ),
    "prepared": ("PREPARE p FROM SELECT count(*) FROM {object}", "only SELECT"),
    "executed": ("EXECUTE p USING {object}", "only SELECT"),
    "called": ("CALL system.x({object})", "only SELECT"),
    "merged": ("MERGE INTO x USING {object} ON true WHEN MATCHED THEN DELETE", "only SELECT"),
    "into": ("SELECT count(*) INTO x FROM {object}", "only SELECT"),
    "made": ("CREATE TABLE x AS SELECT count(*) FROM {object}", "only SELECT"),
    "a table function": ("SELECT count(*) FROM {object}, TABLE(system.query(query => 1))", "a function in FROM"),
    "a file": ('SELECT count(*) FROM {object}, read_csv("/etc/passwd")', "a function in FROM"),
    "another database": ("SELECT count(*) FROM {object} JOIN hr.salaries ON true", "reads the table hr.salaries"),
    "another database below": ("SELECT (SELECT max(x) FROM hr.salaries) FROM {object}", "reads the table hr.salaries"),
    "another catalog": ("SELECT count(*) FROM {object} JOIN other.database_sor.t ON true", "other.database_sor.t"),
    "the catalog's own tables": ("SELECT count(*) FROM {object}, information_schema.tables", "information_schema"),
    "a subquery named as a database": (
        "WITH hr AS (SELECT 1) SELECT count(*) FROM {object} JOIN hr.salaries ON true",
        "reads the table hr.salaries",
    ),
    "too long": (f"SELECT count(*) FROM {{object}} WHERE true{' AND true' * MOST_CHARACTERS}", "characters; at most"),
    "brackets": (
        f"SELECT {'(' * 50}1{')' * 50} FROM {{object}}",
        f"nests its brackets too deep; allowed: {MOST_BRACKETS}",
    ),
    "arrays": (f"SELECT {'ARRAY[' * 20}1{']' * 20} FROM {{object}}", f"{MOST_TYPED_BRACKETS} of them behind"),
    "rows": (f"SELECT {'ROW(' * 20}1{')' * 20} FROM {{object}}", f"{MOST_TYPED_BRACKETS} of them behind"),
    "dates and arrays": (f"SELECT {'DATE(ARRAY[' * 10}1{'])' * 10} FROM {{object}}", "nests its brackets too deep"),
    "negations": (f"SELECT {'NOT ' * 2_000}true FROM {{object}}", "nested too deep"),
}


NOT_AS_WRITTEN = {
    "a subquery named as our own": ("WITH delivered AS (SELECT 1 AS x) SELECT count(*) FROM {object}", "which hides"),
    "and quoted, in capitals": ('WITH "DELIVERED" AS (SELECT 1 AS x) SELECT count(*) FROM {object}', "which hides"),
    "and deeper": (
        "SELECT count(*) FROM {object} WHERE EXISTS (WITH Delivered AS (SELECT 1) SELECT 1 FROM Delivered)",
        "names a subquery Delivered (line 1 of the query), which hides",
    ),
    "a subquery named {object}": ("WITH {object} AS (SELECT 1 AS x) SELECT count(*) FROM {object}", "no table stands"),
    "a subquery named as {object} is read": (
        "WITH Aceite_Delivered_Rows_Object AS (SELECT 1 AS x) SELECT count(*) FROM {object}",
        "holds the name that Aceite has for {object}",
    ),
    "a subquery named as the table": (
        "WITH orders_table AS (SELECT 1 AS x) SELECT count(*) FROM {object}, orders_table",
        "which hides",
    ),
    "two subqueries of a name": (
        "WITH a AS (WITH b AS (SELECT * FROM {object}) SELECT * FROM b), b AS (SELECT 1) SELECT count(*) FROM a, b",
        "one hides the other",
    ),
    "the rows in a subquery that nobody reads": (
        "WITH a AS (SELECT * FROM {object}) SELECT 0 FROM (SELECT 1)",
        "names a subquery a (line 1 of the query) and does not read it",
    ),
    "another table named as the rows": (
        "SELECT count(*) FROM {object} o JOIN customers AS delivered ON delivered.id = o.customer",
        "to something else than the delivered rows",
    ),
    "a table that is named as the rows": ("SELECT count(*) FROM {object} JOIN delivered ON true", "reads delivered"),
    "the rows in a text": ("SELECT count_if(customer = '{object}') FROM {object}", "no table stands"),
    **{
        f"a clause: {clause}": (f"SELECT count(*) FROM {{object}} {clause}", said)
        for clause, said in {
            "PIVOT (count(*) FOR gift IN (1, 2))": "holds PIVOT or UNPIVOT (line 1 of the query); a rule",
            "UNPIVOT (v FOR k IN (total, gift))": "holds PIVOT or UNPIVOT",
            "MATCH_RECOGNIZE (MEASURES A.x AS z PATTERN (A B+) DEFINE B AS B.x > 1)": "holds MATCH_RECOGNIZE",
            "TABLESAMPLE BERNOULLI (1)": "holds TABLESAMPLE",
            "QUALIFY row_number() OVER (ORDER BY total) = 1": "not SQL as Athena reads it",
            "FOR VERSION AS OF 1": "FOR VERSION or TIMESTAMP AS OF",
            "FOR SYSTEM_TIME AS OF current_timestamp": "FOR VERSION or TIMESTAMP AS OF",
            "LATERAL VIEW explode(total) t AS y": "holds LATERAL",
            "CROSS JOIN LATERAL (SELECT 1) t": "reads a function in FROM",
            "SORT BY total": "would reach Athena in other words, SELECT COUNT(*) FROM {object}; write",
            "CLUSTER BY total": "holds CLUSTER",
            "DISTRIBUTE BY total": "would reach Athena in other words",
            "WITH (NOLOCK)": "holds a hint",
            "LEFT ANTI JOIN customers c ON true": "holds ANTI JOIN",
            "ASOF JOIN customers c ON true": "holds ASOF JOIN (line 1 of the query), which is no join of Athena's",
            "WHERE gift IS NOT TRUE": "SELECT COUNT(*) FROM {object} WHERE NOT gift; write",
            "WHERE total > ?": "holds a parameter",
        }.items()
    },
    "a hint": ("SELECT /*+ BROADCAST(o) */ count(*) FROM {object} o", "holds a hint"),
    "a frame without ties": (
        "SELECT sum(total) OVER (ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM {object}",
        "holds what Athena does not know: EXCLUDE",
    ),
    "one row of each": ("SELECT DISTINCT ON (day) total FROM {object}", "would reach Athena in other words"),
    "a path that nobody can write": ("SELECT max(json_extract_scalar(x, '$..y')) FROM {object}", "not SQL as Athena"),
    "who asks": ("SELECT count_if(customer = current_user) FROM {object}", "depends on who asks, or on chance"),
    "whose schema": ("SELECT count_if(customer = current_schema) FROM {object}", "depends on who asks, or on chance"),
    "chance": ("SELECT count(*) FROM {object} WHERE rand() < 0.1", "asks RAND() (line 1 of the query)"),
}


@pytest.mark.parametrize("name", NOT_AS_WRITTEN)
def test_a_rule_judges_the_rows_that_it_says_in_the_words_that_it_says(name):
    query, part = NOT_AS_WRITTEN[name]
    assert part in the_problem(rules(f"- {{type: sql, mustBe: 0, query: {json.dumps(query)}}}  # here"))


UNKNOWN_TO_ATHENA = {
    "regexp_matches(customer, 'a')": "calls regexp_matches, which is no function of Athena; did you mean",
    "strftime(day, '%Y') = '2026'": "calls strftime, which is no function of Athena",
    "regexp_like(customer, '(?u)a')": "no regular expression as Athena, that is Java, reads it: the flags of",
    "regexp_extract(customer, '(a') = 'a'": "no regular expression as Athena, that is Java, reads it: missing )",
    "regexp_replace(customer, '\\xe9', 'e') = 'e'": "Athena takes \\xe9 for a byte",
    "regexp_count(customer, '*a') = 1": "no regular expression as Athena",
}


@pytest.mark.parametrize("condition", UNKNOWN_TO_ATHENA)
def test_a_rule_that_athena_cannot_run_is_refused(condition):
    query = f"SELECT count(*) FROM {{object}} WHERE {condition}"
    said = the_problem(rules(f"- {{type: sql, mustBe: 0, query: {json.dumps(query)}}}  # here"))
    assert UNKNOWN_TO_ATHENA[condition] in said


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object} WHERE {object}.total < 0",
        "SELECT max(mod(total + 1, 2)) - (1 - (2 - 3)) FROM {object} WHERE NOT (gift OR total IN (1, 2))",
        "SELECT count_if(day AT TIME ZONE 'UTC' > TIMESTAMP '2020-01-01 00:00:00.25') FROM {object}",
        "SELECT max(total) OVER w FROM {object} WINDOW w AS (PARTITION BY gift ORDER BY day DESC NULLS LAST)",
        "SELECT count(*) FROM {object} FETCH FIRST 1 ROW ONLY",
        "SELECT sum(CASE WHEN customer LIKE 'a!_%' ESCAPE '!' THEN bitwise_and(total, 1) ELSE 0 END) FROM {object}",
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM {object}, r",
        "SELECT count(*) FROM {object}, database_sor.delivered AS d",
        "SELECT avg(date_diff('day', day, current_date)) FROM {object} -- how late",
        "SELECT max(reduce(transform(ARRAY[total], v -> v + 1), 0, (s, v) -> s + v, s -> s)) FROM {object}",
    ],
)
def test_what_athena_gets_as_it_is_written_is_allowed(query):
    assert problems(rules(f"- {{type: sql, mustBe: 0, query: {json.dumps(query)}}}")) == ()


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_query_is_one_select_over_tables_of_its_own_that_is_read_in_time(name):
    query, part = STATEMENTS[name]
    began = time.process_time()
    said = the_problem(sql(query))
    assert part in said
    assert time.process_time() - began < WITHIN_S


def test_tables_of_the_own_database_and_subqueries_may_be_read():
    query = (
        "WITH a AS (SELECT customer FROM {object}) SELECT count(*) FROM a JOIN customers ON true "
        "JOIN database_sor.products ON true JOIN awsdatacatalog.database_sor.products p ON true "
        "CROSS JOIN UNNEST(ARRAY[1]) AS t(x)"
    )
    assert problems(sql(query)) == ()


def test_what_is_sent_is_checked_once_more():
    with pytest.raises(QueryFailed, match="one SELECT"):
        only_select("SELECT 1; DROP TABLE x")
    with pytest.raises(QueryFailed, match="one SELECT"):
        only_select("WITH d AS (DELETE FROM x) SELECT 1")


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("(" * 480 + ")" * 480 + "(", "no regular expression"),
        ("a{99999999999999999999}", "is not a regular expression"),
        ("x" * (MOST_PATTERN + 1), f"at most {MOST_PATTERN:,}"),
    ],
)
def test_a_pattern_that_no_person_could_check_is_refused(pattern, part):
    said = the_problem(of_column("customer", f"logicalTypeOptions: {{pattern: '{pattern}'}}  # here"))
    assert part in said or "is not a regular expression" in said


def test_a_pattern_that_would_never_end_is_read_and_matched_nowhere_here():
    """Athena matches it, and its query has a deadline."""
    text = of_column("customer", "logicalTypeOptions: {pattern: '^(a+)+$'}")
    began = time.process_time()
    (check,) = [check for check in watched(text).checks if check.id == "customer_pattern"]
    assert check.valid is not None
    assert check.valid.pattern == "^(a+)+$"
    assert time.process_time() - began < WITHIN_S


@pytest.mark.parametrize(
    "dataset",
    ["../x", "a/../b", "a/b", "%2e%2e", "a%2Fb", "..", ".", "", "-", "a" * 129, "a\u202eb", "ａ", "a b", "a\\b", "a\n"],
)
def test_an_id_that_could_leave_its_evidence_prefix_is_refused(dataset):
    found = problems(orders(("id: orders", f"id: {dataset!r}".replace("'", '"'))))
    assert any("the id of a watched contract is made of" in each.message or "id" in each.message for each in found)


def test_addresses_in_a_contract_are_texts_that_nobody_fetches(monkeypatch):
    """A closed door: whatever would be fetched, raises."""
    import socket

    def closed(*_: object, **__: object) -> None:
        raise AssertionError("something was reached")

    monkeypatch.setattr(socket, "socket", closed)
    url = "http://127.0.0.1:1/leak"
    text = ORDERS.replace(
        "schema:\n  - name",
        f"authoritativeDefinitions: [{{url: {url}, type: businessDefinition}}]\n"
        f"support: [{{channel: x, url: {url}}}]\nschema:\n  - name",
        1,
    )
    assert problems(text) == ()
    ref = orders(("name: Orders", f'name: Orders\n$ref: "{url}"'))
    assert any("unknown key" in each.message for each in problems(ref))


def test_a_text_is_a_literal_whatever_it_holds():
    assert text_literal("x'; DROP TABLE y; --") == "'x''; DROP TABLE y; --'"
