"""A column is computed only by what Athena and DuckDB, which proves the table, compute to the same value."""

import json

import pytest
from contract_texts import orders, the_problem, watched


def computed(expression: str, physical: str, marked: str = "  # here") -> str:
    """The contract with a column of this Hive type that is computed so, beside one of doubles."""
    kind = physical.partition("(")[0]
    logical = {"bigint": "integer", "int": "integer", "double": "number", "decimal": "number", "varchar": "string"}
    said = f"[{{property: computed, vendor: aceite, value: {json.dumps(expression)}}}]"
    return orders(
        (
            "      - name: total\n",
            "      - {name: amount, logicalType: number, physicalType: double}\n"
            f"      - name: made\n        logicalType: {logical.get(kind, kind)}\n        physicalType: {physical}\n"
            f"        customProperties: {said}{marked}\n      - name: total\n",
        )
    )


UNLIKE = [
    ("CAST(amount AS bigint)", "bigint", "rounds a half in its own way; write round(...), floor(...) or ceil(...)"),
    ("amount", "bigint", "rounds a half in its own way"),
    ("amount * order_id", "decimal(10,2)", "compute in decimals"),
    ("CAST(total AS decimal)", "decimal(20,2)", "write decimal(precision, scale)"),
    ("total / 3", "decimal(20,2)", "each engine rounds a quotient of decimals in its own way"),
    ("(total + 1) / order_id", "double", "each engine rounds a quotient of decimals in its own way"),
    ("total % 3", "decimal(20,2)", "a remainder is allowed of integers only"),
    ("round(amount, 2)", "double", "round to digits what is CAST AS decimal"),
    ("TRY_CAST(customer AS double)", "double", "only texts may be tried as integers"),
    ("TRY_CAST(customer AS date)", "date", "only texts may be tried as integers"),
    ("regexp_replace(customer, '(a)(b)', '$2$1')", "string", "engines read $"),
    ("regexp_replace(customer, 'a*', '-')", "string", "a match of nothing"),
    (r"regexp_extract(customer, '\w+')", "string", "engines read such a pattern in their own way"),
    ("regexp_like(customer, '^a$')", "boolean", "engines read such a pattern in their own way"),
    ("regexp_like(customer, '(?!a)')", "boolean", "engines read such a pattern in their own way"),
    ("regexp_like(customer, 'a++')", "boolean", "engines read such a pattern in their own way"),
    ("regexp_like(customer, '(a')", "boolean", "engines read such a pattern in their own way"),
    ("regexp_extract(customer, '(a)?b', 1)", "string", "null to one engine and empty to the other"),
    ("format('%05d', order_id)", "string", "allowed: arithmetic"),
    ("json_extract_scalar(customer, '$.a')", "string", "allowed: arithmetic"),
    ("greatest(order_id, 2)", "bigint", "allowed: arithmetic"),
    ("reverse(customer)", "string", "allowed: arithmetic"),
    ("ARRAY[order_id][1]", "bigint", "allowed: arithmetic"),
    ("extract(dow FROM ordered_on)", "bigint", "allowed: year, quarter"),
    ("day_of_week(ordered_on)", "bigint", "allowed: arithmetic"),
    ("CAST(date_trunc('week', ordered_on) AS varchar)", "string", "CAST it first to its type"),
    ("CAST(ordered_on + interval '1' day AS varchar)", "string", "CAST it first to its type"),
    ("CAST(round(total, 1) AS varchar)", "string", "CAST it first to its type"),
    ("coalesce(total, 0)", "string", "CAST it first to its type"),
    ("amount", "string", "each engine writes such a text in its own way"),
    ("CAST(paid_at AS varchar)", "string", "each engine writes such a text in its own way"),
    ("CAST(total AS varchar(3))", "string", "cut by one engine only"),
    ("CAST(customer AS char(9)) || 'x'", "string", "each engine has its own such type"),
    ("CAST(customer AS json) IS NULL", "boolean", "each engine has its own such type"),
    ("trim(customer, 'x')", "string", "letters of your own"),
    ("substr(customer, 0, 2)", "string", "write a start of 1 or more"),
    ("substr(customer, -3)", "string", "write a start of 1 or more"),
    ("substr(customer, order_id)", "string", "write a start of 1 or more"),
    ("split_part(customer, '', 1)", "string", "a text that is not empty"),
    ("replace(customer, '', 'x')", "string", "a text that is not empty"),
    ("lpad(customer, order_id, '0')", "string", "write the length as a number"),
    ("date_format(paid_at, '%k:%l %D')", "string", "allowed in a format"),
    ("paid_at - paid_at IS NULL", "boolean", "write date_diff"),
    ("date_add('day', order_id, ordered_on)", "date", "as a whole number"),
]


@pytest.mark.parametrize(("expression", "physical", "said"), UNLIKE)
def test_what_engines_may_compute_otherwise_is_refused_with_what_is_allowed(expression, physical, said) -> None:
    assert said in the_problem(computed(expression, physical))


ALIKE = [
    ("order_id * 2 + 1", "bigint"),
    ("-order_id / 2 % 7", "bigint"),
    ("CAST(total * DECIMAL '0.00015' AS decimal(20, 6))", "decimal(20,6)"),
    ("CAST(total * 1.5 AS decimal(20, 2))", "decimal(20,2)"),
    ("CAST(total AS double) / 3", "double"),
    ("CAST(round(amount) AS bigint)", "bigint"),
    ("CAST(floor(amount / 2) AS int)", "int"),
    ("round(total, 1)", "decimal(10,2)"),
    ("sqrt(amount)", "double"),
    ("CAST(total AS int)", "int"),
    ("CAST(customer AS int) + TRY_CAST(customer AS int)", "bigint"),
    ("CAST(customer AS decimal(10, 2))", "decimal(10,2)"),
    ("CASE WHEN gift THEN CAST(customer AS integer) END", "bigint"),
    ("CASE order_id WHEN 1 THEN 'one' ELSE customer END", "string"),
    ("if(gift, 'yes', 'no')", "varchar(3)"),
    ("coalesce(upper(customer), '?') || '-' || CAST(total AS varchar) || CAST(order_id + 1 AS varchar)", "string"),
    ("concat(lower(trim(customer)), CAST(ordered_on AS varchar), CAST(gift AS varchar))", "string"),
    ("lpad(CAST(order_id AS varchar), 5, '0')", "string"),
    ("split_part(customer, '-', 2)", "string"),
    ("nullif(substr(replace(customer, '.', ''), 1, 2), '')", "string"),
    ("regexp_replace(customer, '[^0-9]')", "string"),
    (r"regexp_extract(customer, '^([A-Z]{2})-(?:x|y)?[0-9]+\.', 0)", "string"),
    ("regexp_extract(customer, '([a-z]+)-', 1)", "string"),
    ("customer LIKE 'a%' AND strpos(customer, 'b') > 0 OR starts_with(customer, 'c')", "boolean"),
    ("order_id IN (1, 2) AND total BETWEEN 1 AND 2 AND NOT gift AND customer IS NOT NULL", "boolean"),
    ("year(ordered_on) * 100 + extract(month FROM ordered_on)", "bigint"),
    ("date_format(paid_at, '%Y-%m-%d %H:%i:%s')", "string"),
    ("CAST(date_trunc('month', ordered_on) AS date)", "date"),
    ("date_add('month', 1, ordered_on)", "date"),
    ("date_diff('day', paid_at, paid_at + interval '1' hour)", "bigint"),
    ("ordered_on >= DATE '2026-01-01' AND paid_at < TIMESTAMP '2026-01-01 00:00:00.123'", "boolean"),
    ("CAST(customer AS timestamp)", "timestamp"),
    ("CAST(paid_at AS date)", "date"),
    ("NULL", "bigint"),
]


@pytest.mark.parametrize(("expression", "physical"), ALIKE)
def test_what_engines_compute_alike_is_read(expression: str, physical: str) -> None:
    column = {each.name: each for each in watched(computed(expression, physical)).columns}["made"]
    assert column.computed == expression
