"""A column that a rule misspells is found before a delivery is judged; what may be another name is left alone."""

import json

import pytest
from contract_texts import of_column, orders, problems, rules, the_problem


def asking(query: str, *more: tuple[str, str]) -> str:
    text = rules(f"- {{type: sql, mustBe: 0, query: {json.dumps(query)}}}  # here")
    for old, new in more:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


ALLOWED = "; allowed: order_id, customer, total, ordered_on, paid_at, gift, day"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("SELECT count(*) FROM {object} WHERE customr = 'x'", "customr"),
        ("SELECT count(*) FROM {object} WHERE {object}.customr = 'x'", "customr"),
        ("SELECT count(*) FROM {object} o WHERE o.customr = 'x'", "customr"),
        ("SELECT count(*) FROM {object} AS o WHERE O.Customr = 'x'", "Customr"),
        ("SELECT max(CASE WHEN gift THEN customr END) FROM {object}", "customr"),
        ("SELECT count(*) FROM {object} a JOIN {object} b ON a.order_id = b.customr", "customr"),
        ("SELECT count(*) FROM {object} o JOIN database_sor.shops s ON o.customr = s.id", "customr"),
        ("SELECT count(*) FROM (SELECT customr FROM {object})", "customr"),
        ("WITH a AS (SELECT customr FROM {object}), b AS (SELECT 1 AS n FROM a) SELECT count(*) FROM b", "customr"),
        (
            "SELECT count(*) FROM (SELECT day, count(*) AS n FROM {object} GROUP BY day HAVING sum(customr) > 1)",
            "customr",
        ),
        ("SELECT sum(total) OVER (PARTITION BY customr) FROM {object}", "customr"),
        ("SELECT count_if(any_match(ARRAY[total], t -> t > customr)) FROM {object}", "customr"),
    ],
)
def test_a_column_that_is_misspelt_is_told_with_the_one_that_was_meant(query, name):
    said = the_problem(asking(query))
    assert f"names the column '{name}' (line 1 of the query), which {{object}} does not have{ALLOWED}" in said
    assert said.endswith("did you mean 'customer'?")


def test_the_line_of_a_query_of_several_is_told():
    query = "SELECT count(*)\nFROM {object}\nWHERE totl < 0"
    assert "the column 'totl' (line 3 of the query)" in the_problem(asking(query))


def test_of_a_text_in_double_quotes_it_is_said_how_texts_are_written():
    said = the_problem(asking('SELECT count(*) FROM {object} WHERE customer = "open orders"'))
    assert "'open orders' (line 1 of the query), which {object} does not have; a text stands in single quotes" in said


def test_a_property_is_told_with_its_physical_name():
    renamed = ("      - name: customer\n", "      - name: customer\n        physicalName: cust_nm\n")
    said = the_problem(asking("SELECT count(*) FROM {object} WHERE customer = 'x'", renamed))
    assert said.endswith("which {object} does not have; its physicalName is cust_nm")
    assert problems(asking("SELECT count(*) FROM {object} WHERE cust_nm = 'x'", renamed)) == ()


def test_a_column_of_a_rule_of_a_property_is_looked_at_too():
    rule = "quality: [{type: sql, query: 'SELECT count(*) FROM {object} WHERE {property} < totl', mustBe: 0}]  # here"
    assert "the column 'totl'" in the_problem(of_column("total", rule))


def test_a_column_that_was_refused_is_not_told_once_more():
    found = problems(asking("SELECT sum(total) FROM {object}", ("decimal(10, 2)", "decimla(10, 2)")))
    assert [problem.message.partition(":")[0] for problem in found] == ["schema[0].properties[2].physicalType"]


@pytest.mark.parametrize(
    "query",
    [
        'SELECT count(*) FROM {object} WHERE "Customer" = CUSTOMER AND {object}.TOTAL > 0',
        "SELECT count(*) FROM {object} AS o (a, b, c, d, e, f, g) WHERE a > 1 AND o.b = 'x'",
        "SELECT sum(n) FROM (SELECT count(*) AS n FROM {object} GROUP BY day ORDER BY n) AS t WHERE t.n > 1",
        "WITH per_day AS (SELECT day, count(*) AS n FROM {object} GROUP BY day) SELECT max(per_day.n) FROM per_day",
        "WITH t (a, b) AS (SELECT day, total FROM {object}) SELECT max(a + b) FROM t",
        "SELECT count(*) FROM {object} o JOIN database_sor.shops s ON o.order_id = s.shop_id WHERE region = 'x'",
        "SELECT count(*) FROM {object} WHERE order_id NOT IN (SELECT shop_order FROM shops)",
        "SELECT count(*) FROM {object} o WHERE EXISTS (SELECT 1 FROM shops WHERE id = o.order_id AND closed)",
        "SELECT count(*) FROM {object} JOIN shops USING (order_id) WHERE closed",
        "SELECT count(*) FROM {object} CROSS JOIN UNNEST(ARRAY[1, 2]) AS u (n) WHERE n > total",
        "SELECT count(*) FROM {object} CROSS JOIN UNNEST(ARRAY[CAST(ROW(1) AS ROW(deep int))]) WHERE deep > 1",
        "SELECT count(*) FROM {object}, (VALUES (1, 'a')) AS v (k, t) WHERE k = order_id AND t = customer",
        "SELECT max(reduce(ARRAY[total], 0, (s, x) -> s + x, s -> s)) FROM {object}",
        "SELECT count_if(any_match(ARRAY[CAST(ROW(1) AS ROW(deep int))], o -> o.deep > 1)) FROM {object} o",
        "SELECT max(CAST(ROW(total) AS ROW(deep int)).deep) FROM {object}",
        "SELECT max(r.deep) FROM (SELECT CAST(ROW(total) AS ROW(deep int)) AS r FROM {object})",
        "SELECT max(deep) FROM (SELECT r.* FROM (SELECT CAST(ROW(1) AS ROW(deep int)) AS r FROM {object}))",
        "SELECT count(*) FROM {object} WHERE day < current_date AND paid_at < localtimestamp",
        "SELECT count(*) FROM {object} WHERE extract(year FROM ordered_on) = 1 OR date_trunc('month', paid_at) IS NULL",
        "SELECT count(*) FROM {object} WHERE paid_at + INTERVAL '1' DAY < paid_at AT TIME ZONE 'UTC'",
        "SELECT max(total) OVER w FROM {object} WINDOW w AS (PARTITION BY gift ORDER BY day)",
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM {object}, r",
        "SELECT (SELECT max(total) FROM {object} b WHERE b.day = a.day) AS most FROM {object} a ORDER BY most LIMIT 1",
    ],
)
def test_a_name_that_something_may_have_is_left_alone(query):
    assert problems(asking(query)) == ()


NESTED = (
    "      - name: gift\n        logicalType: boolean\n",
    "      - name: gift\n        logicalType: object\n        physicalType: struct<deep:int,list:array<int>>\n"
    "        customProperties: [{property: landed, value: false}, {property: compare, value: false}]\n",
)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(gift.deep) FROM {object}",
        "SELECT max(o.gift.deep) FROM {object} o",
        "SELECT max(gift.deep) FROM {object} gift",
        "SELECT max(deep) FROM (SELECT gift.* FROM {object})",
        "SELECT count(*) FROM {object} WHERE any_match(gift.list, deep -> deep > 1)",
        "SELECT count(*) FROM {object} o CROSS JOIN UNNEST(o.gift.list) AS u (deeper) WHERE deeper > 1",
    ],
)
def test_a_field_of_a_struct_is_left_alone(query):
    assert problems(asking(query, NESTED)) == ()


def test_a_contract_of_many_columns_is_not_listed_whole():
    many = "".join(f"      - {{name: col_{number}, logicalType: string}}\n" for number in range(300))
    text = orders(
        ("      - name: gift\n", f"{many}      - name: gift\n"),
        (
            "    quality: []\n",
            "    quality: [{type: sql, query: 'SELECT max(zzz) FROM {object}', mustBe: 0}]  # here\n",
        ),
    )
    assert the_problem(text).endswith("and 247 more")
