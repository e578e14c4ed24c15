"""The number that a rule in free SQL answers is shown unless it can be a cell of a classified column."""

import pytest

from acceptance.sql.answers import may_be_a_cell

CLASSIFIED = frozenset({"email", "salary"})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(salary) FROM {object}",
        'SELECT MAX("Salary") + 0 FROM {object}',
        "SELECT salary FROM {object} LIMIT 1",
        "SELECT avg(n) FROM (SELECT salary AS n FROM {object})",
        "SELECT max(b) FROM (SELECT * FROM {object}) AS t(a, b)",
        "SELECT max(b) FROM {object} AS t(a, b)",
        "SELECT max(o.b) FROM {object} JOIN {object} AS o(a, b) ON true",
        "SELECT (SELECT max(salary) FROM {object}) FROM {object}",
        "WITH x AS (SELECT salary AS s FROM {object}) SELECT sum(s) FROM x",
        "SELECT CASE WHEN id > 0 THEN salary ELSE 0 END FROM {object}",
        "SELECT length(min(email)) FROM {object}",
        "SELECT sum(salary) FILTER (WHERE id = 1) FROM {object}",
        "SELECT count(*) FROM {object} UNION ALL SELECT max(salary) FROM {object}",
        "SELECT max(o.pay) FROM {object} JOIN people AS o ON true",
        "SELECT max(pay) FROM (SELECT 1 AS n FROM {object}), hr.people",
    ],
)
def test_an_answer_that_can_be_a_cell(sql: str) -> None:
    assert may_be_a_cell(sql, CLASSIFIED)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM {object} WHERE salary < 0",
        "SELECT count(DISTINCT email) FROM {object}",
        "SELECT count_if(salary > 10) FROM {object}",
        "SELECT sum(CASE WHEN salary < 0 THEN 1 ELSE 0 END) FROM {object}",
        "SELECT 100 * count_if(email IS NULL) / count(*) FROM {object}",
        "SELECT (SELECT count(*) FROM people) - count(*) FROM {object}",
        "SELECT max(amount) FROM {object} WHERE salary > 0 OR true AND id = 1",
        "SELECT max(amount) FROM {object}",
    ],
)
def test_an_answer_that_is_none(sql: str) -> None:
    assert may_be_a_cell(sql, CLASSIFIED) == ("max(amount)" in sql and "salary" in sql)
    assert not may_be_a_cell(sql, frozenset())
