"""Which rules in free SQL are one more aggregate of the one scan, and which run by themselves."""

import pytest

from acceptance.sql.fused_rules import fuse


@pytest.mark.parametrize(
    ("sql", "expression", "counted"),
    [
        ("SELECT count(*) FROM {object}", "COUNT(*)", None),
        ("SELECT count(*) n FROM {object} WHERE a > 1 OR b", "COUNT(*) FILTER(WHERE a > 1 OR b)", "a > 1 OR b"),
        ("SELECT count(1) FROM {object} AS o WHERE o.a = 'x''y'", "COUNT(1) FILTER(WHERE a = 'x''y')", "a = 'x''y'"),
        ("SELECT count_if(a < b) FROM {object}", "COUNT_IF(a < b)", "a < b"),
        ("SELECT 100 * count_if(a) / count(*) FROM {object}", "100 * COUNT_IF(a) / COUNT(*)", None),
        ("SELECT count(DISTINCT a) FROM {object} WHERE b", "COUNT(DISTINCT a) FILTER(WHERE b)", None),
        ("SELECT max(a) - min(a) FROM {object} WHERE b", "MAX(a) FILTER(WHERE b) - MIN(a) FILTER(WHERE b)", None),
        ("SELECT sum(a / b) FROM {object}", "SUM(a / b)", None),
    ],
)
def test_a_plain_aggregation_of_the_delivered_rows_is_fused(sql: str, expression: str, counted: str | None) -> None:
    fused = fuse(sql)
    assert fused is not None
    assert (fused.expression, fused.counted) == (expression, counted)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(a / b) FROM {object} WHERE b <> 0",
        "SELECT count_if(a / b > 1) FROM {object} WHERE b <> 0",
        "SELECT a FROM {object}",
        "SELECT 1 FROM {object}",
        "SELECT max(a) + b FROM {object}",
        "SELECT count(*) FROM {object} GROUP BY a",
        "SELECT count(*) FROM {object} HAVING count(*) > 1",
        "SELECT count(*) FROM {object} LIMIT 1",
        "SELECT DISTINCT count(*) FROM {object}",
        "SELECT count(*) FROM {object} JOIN other ON true",
        "SELECT count(*) FROM {object}, other",
        "SELECT count(*) FROM {object} TABLESAMPLE BERNOULLI (10)",
        "SELECT count(*) FROM {object} WHERE a IN (SELECT b FROM other)",
        "SELECT count(*) - (SELECT count(*) FROM other) FROM {object}",
        "SELECT max(count(*)) OVER () FROM {object}",
        "SELECT count(*) FROM {object} WHERE other.a = 1",
        "SELECT known_to_athena_alone(a) FROM {object}",
        "SELECT count(*) FILTER (WHERE a) FROM {object} WHERE b",
        "SELECT max(a) FROM {object} UNION SELECT 0",
        "WITH late AS (SELECT * FROM {object}) SELECT count(*) FROM late",
    ],
)
def test_everything_else_runs_by_itself(sql: str) -> None:
    assert fuse(sql) is None
