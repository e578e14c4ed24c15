"""Which checks a contract becomes."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import contract_text
from contract_texts import ORDERS, of_column, orders, rules, the_problem, watched

from acceptance.contract.checks import NONE, Check, Metric, Operator, Severity, Threshold, Unit, Valid
from acceptance.contract.contract import Contract, LandingFormat, Override, Table
from acceptance.contract.steps import FIRES_BY_ITSELF, AwaitGlueJob, AwaitObject, Invoke, RunGlueJob, Step


def check(contract: Contract, id_: str) -> Check:
    found = [each for each in contract.checks if each.id == id_]
    assert len(found) == 1, f"{id_} is not among {[each.id for each in contract.checks]}"
    return found[0]


def added(text: str) -> list[Check]:
    """The checks that a contract has beyond those of ORDERS."""
    before = {each.id for each in watched(ORDERS).checks}
    return [each for each in watched(text).checks if each.id not in before]


def test_every_contract_has_the_checks_of_a_delivery_first() -> None:
    contract = watched(ORDERS)
    assert [(each.id, each.metric, each.threshold) for each in contract.checks] == [
        ("landed_readable", Metric.LANDED_READABLE, NONE),
        ("partition_exists", Metric.PARTITION_EXISTS, NONE),
        ("columns_match", Metric.COLUMNS_MATCH, NONE),
        ("rows", Metric.ROW_COUNT, Threshold(Operator.MUST_BE_GREATER_THAN, (0,))),
        ("rows_equal_landed", Metric.ROWS_EQUAL_LANDED, NONE),
        ("cells_equal_landed", Metric.CELLS_EQUAL_LANDED, NONE),
        ("order_id_not_null", Metric.NULL_VALUES, NONE),
        ("primary_key_unique", Metric.DUPLICATE_VALUES, NONE),
    ]
    assert {each.severity for each in contract.checks} == {Severity.ERROR}
    assert all(each.expects for each in contract.checks if each.id != "rows")


def test_a_table_without_partitions_must_hold_objects() -> None:
    text = orders(("        partitioned: true\n", ""), ('{day: "{business_date:%Y%m%d}"}', "{}"))
    assert check(watched(text), "partition_exists").expects == "the table, with objects"


SOME = Threshold(Operator.MUST_BE_GREATER_THAN, (0,))


@pytest.mark.parametrize(
    "rule",
    [
        "mustBeGreaterThan: 1000, severity: warning",
        "mustBeGreaterThan: 1000, severity: info",
        "mustBeGreaterOrEqualTo: 0, severity: warning",
        "mustBeLessThan: 1000000",
        "mustBeLessOrEqualTo: 0",
        "mustNotBe: 7",
        "mustNotBeBetween: [1, 7]",
        "mustBeBetween: [-1, 7]",
    ],
)
def test_a_row_count_that_says_nothing_of_empty_deliveries_leaves_them_rejected(rule: str) -> None:
    contract = watched(rules(f"- {{id: ours, metric: rowCount, {rule}}}"))
    assert check(contract, "rows").threshold == SOME
    assert check(contract, "ours").metric is Metric.ROW_COUNT


@pytest.mark.parametrize(
    "rule",
    [
        "mustBe: 7",
        "mustBeGreaterThan: 1000",
        "mustBeBetween: [500, 1200]",
        "mustNotBeBetween: [0, 7]",
        "mustNotBe: 0",
        "mustBe: 0",
        "mustBeGreaterOrEqualTo: 0",
        "mustBeBetween: [0, 7]",
    ],
)
def test_a_row_count_that_rejects_empty_deliveries_or_allows_them_in_so_many_words_replaces_ours(rule: str) -> None:
    contract = watched(rules(f"- {{id: ours, metric: rowCount, {rule}}}"))
    assert [each.id for each in contract.checks if each.metric is Metric.ROW_COUNT] == ["ours"]


def test_a_row_count_of_the_contract_replaces_ours() -> None:
    contract = watched(rules("- {metric: rowCount, mustBeGreaterOrEqualTo: 0}"))
    assert [each.threshold for each in contract.checks if each.metric is Metric.ROW_COUNT] == [
        Threshold(Operator.MUST_BE_GREATER_OR_EQUAL_TO, (0,))
    ]


RECONCILE = (
    "- {{type: custom, engine: aceite, method: reconciliation, severity: warning, id: proof, implementation: {}}}"
)


def test_reconciliation_can_be_named_and_weighed() -> None:
    contract = watched(rules(RECONCILE.format("{reconcile: {columns: fingerprint}}")))
    assert check(contract, "proof").metric is Metric.CELLS_EQUAL_LANDED
    assert {check(contract, id_).severity for id_ in ("proof", "rows_equal_landed")} == {Severity.WARNING}
    assert len([each for each in contract.checks if each.metric is Metric.CELLS_EQUAL_LANDED]) == 1


def test_reconciliation_by_count_compares_only_rows() -> None:
    contract = watched(rules(RECONCILE.format("{reconcile: {columns: count}}")))
    assert check(contract, "proof").metric is Metric.ROWS_EQUAL_LANDED
    assert not [each for each in contract.checks if each.metric is Metric.CELLS_EQUAL_LANDED]


def test_the_columns_of_a_key_are_in_its_order_and_never_null() -> None:
    text = of_column("gift", "primaryKey: true", "primaryKeyPosition: 1")
    contract = watched(text.replace("primaryKey: true\n      - name: customer", "primaryKey: true\n        "
                                    "primaryKeyPosition: 2\n      - name: customer"))  # fmt: skip
    assert contract.primary_key == ("gift", "order_id")
    assert check(contract, "primary_key_unique").columns == ("gift", "order_id")
    assert check(contract, "gift_not_null").metric is Metric.NULL_VALUES


def test_a_required_partition_column_needs_no_check_of_its_own() -> None:
    assert added(of_column("day", "required: true")) == []


def test_unique_counts_duplicates() -> None:
    (found,) = added(of_column("customer", "unique: true"))
    assert (found.id, found.metric, found.columns) == ("customer_unique", Metric.DUPLICATE_VALUES, ("customer",))


TENTH = Decimal("0.1")


@pytest.mark.parametrize(
    ("column", "line", "id_", "valid"),
    [
        ("customer", "logicalTypeOptions: {minLength: 1}", "customer_length", Valid(min_length=1)),
        ("customer", "logicalTypeOptions: {maxLength: 9}", "customer_length", Valid(max_length=9)),
        ("customer", "logicalTypeOptions: {pattern: '^[A-Z]+$'}", "customer_pattern", Valid(pattern="^[A-Z]+$")),
        ("customer", "enum: [{value: a}, {value: 'no'}]", "customer_values", Valid(values=("a", "no"))),
        ("total", "logicalTypeOptions: {minimum: 0.1}", "total_range", Valid(minimum=TENTH)),
        ("total", "logicalTypeOptions: {maximum: 7}", "total_range", Valid(maximum=7)),
        ("total", "logicalTypeOptions: {exclusiveMinimum: 0}", "total_range", Valid(exclusive_minimum=0)),
        ("total", "logicalTypeOptions: {exclusiveMaximum: 9}", "total_range", Valid(exclusive_maximum=9)),
        ("total", "logicalTypeOptions: {multipleOf: 0.1}", "total_multiple", Valid(multiple_of=TENTH)),
        ("total", "enum: [{value: 1}, {value: 0.1}]", "total_values", Valid(values=(1, TENTH))),
        ("ordered_on", "logicalTypeOptions: {minimum: 2025-01-02}", "ordered_on_range", Valid(minimum="2025-01-02")),
        ("paid_at", "logicalTypeOptions: {maximum: '2025-01-02T03:04'}", "paid_at_range",
         Valid(maximum="2025-01-02 03:04:00")),
        ("paid_at", "logicalTypeOptions: {minimum: '2024-01-01T00:00:00Z', maximum: '2024-12-31T23:59:59.999-03:00'}",
         "paid_at_range", Valid(minimum="2024-01-01 00:00:00", maximum="2025-01-01 02:59:59.999000")),
        ("paid_at", "enum: [{value: '2025-01-02T03:04:00+01:00'}]", "paid_at_values",
         Valid(values=("2025-01-02 02:04:00",))),
        ("ordered_on", "logicalTypeOptions: {format: dd/MM/yyyy, minimum: 31/01/2025}", "ordered_on_range",
         Valid(minimum="2025-01-31")),
        ("gift", "enum: [{value: true}]", "gift_values", Valid(values=(True,))),
    ],
)  # fmt: skip
def test_a_property_of_a_column_becomes_a_check(column: str, line: str, id_: str, valid: Valid) -> None:
    (found,) = added(of_column(column, line))
    assert (found.id, found.metric, found.columns, found.valid) == (id_, Metric.INVALID_VALUES, (column,), valid)
    assert found.threshold == NONE
    assert found.expects


@pytest.mark.parametrize(
    ("physical", "name", "valid"),
    [
        ("bigint", "i8", Valid(minimum=-128, maximum=127)),
        ("int", "u16", Valid(minimum=0, maximum=65535)),
        ("decimal(38,0)", "u64", Valid(minimum=0, maximum=2**64 - 1)),
        ("decimal(38,0)", "u128", Valid(minimum=0)),
    ],
)
def test_a_format_of_integers_is_a_range(physical: str, name: str, valid: Valid) -> None:
    (found,) = added(of_column("order_id", f'physicalType: "{physical}"', f"logicalTypeOptions: {{format: {name}}}"))
    assert (found.id, found.valid) == ("order_id_format", valid)


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_a_format_of_floats_is_the_type_of_the_column(name: str) -> None:
    changes = ("decimal(10, 2)\n", f"float\n        logicalTypeOptions: {{format: {name}}}\n")
    assert added(orders(changes)) == []


def by_python(pattern: str) -> str:
    """The same end of the text, which Java writes in a small letter: before a last line feed `$` matches too."""
    return pattern.replace(r"\z", r"\Z")


TIME = "logicalType: boolean", "logicalType: time\n        logicalTypeOptions: {}"


def test_a_time_is_a_text_of_its_format_between_its_limits() -> None:
    options = '{format: "HH:mm", exclusiveMinimum: "07:59", maximum: 18:00, timezone: false}'
    contract = watched(orders((TIME[0], TIME[1].format(options))))
    assert {column.name: column.type for column in contract.columns}["gift"] == "string"
    pattern = check(contract, "gift_format").valid
    assert pattern is not None and pattern.pattern is not None
    texts = ("08:00", "8:00", "24:00", "08:00:00", "08:00\n")
    assert [text for text in texts if re.search(by_python(pattern.pattern), text)] == ["08:00"]
    assert check(contract, "gift_range").valid == Valid(exclusive_minimum="07:59", maximum="18:00")
    assert check(contract, "gift_range").expects == "gift > 07:59 and <= 18:00"


def test_a_time_without_options_is_iso() -> None:
    contract = watched(orders((TIME[0], "logicalType: time")))
    valid = check(contract, "gift_format").valid
    assert valid is not None and valid.pattern is not None and re.search(by_python(valid.pattern), "23:59:59")


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC"])
def test_that_a_timestamp_is_in_utc_may_be_told(zone: str) -> None:
    assert added(of_column("paid_at", f"logicalTypeOptions: {{timezone: false, defaultTimezone: {zone}}}")) == []


def test_each_kind_of_property_is_a_check_of_its_own() -> None:
    text = of_column("customer", "logicalTypeOptions: {minLength: 1, maxLength: 9, pattern: x, format: uuid}")
    assert [each.id for each in added(text)] == ["customer_length", "customer_pattern", "customer_format"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("uuid", "123e4567-E89B-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
        ("ipv4", "192.168.0.255", "192.168.0.256"),
        ("ipv4", "0.0.0.0", "1.2.3.4."),
        ("ipv6", "2001:db8::ff00:42:8329", "2001:db8::ff00::8329"),
        ("ipv6", "::1", "1"),
        ("ipv6", "::ffff:192.0.2.128", "::ffff:192.0.2.256"),
        ("ipv6", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9"),
        ("email", "ana.souza+x@banco.com.br", "ana@banco..br"),
        ("email", "a@b", "a b@c.d"),
        ("hostname", "xn--80ak6aa92e.com", "-a.com"),
        ("uri", "https://example.com/a?b=c#d", "example.com/a"),
        ("uri", "urn:isbn:0451450523", "http://a b"),
        ("byte", "YWJjZA==", "YWJjZA="),
        ("byte", "", "a"),
    ],
)
def test_a_string_format_is_a_pattern(name: str, good: str, bad: str) -> None:
    (found,) = added(of_column("customer", f"logicalTypeOptions: {{format: {name}}}"))
    assert found.valid is not None and found.valid.pattern is not None
    assert re.search(by_python(found.valid.pattern), good)
    assert not re.search(by_python(found.valid.pattern), bad)
    assert not re.search(by_python(found.valid.pattern), f"{good}\n")


@pytest.mark.parametrize("operator", [each for each in Operator if "Between" not in each])
def test_every_operator_bounds_a_metric(operator: Operator) -> None:
    contract = watched(rules(f"- {{id: many, metric: rowCount, {operator}: 7}}"))
    assert check(contract, "many").threshold == Threshold(operator, (7,))


@pytest.mark.parametrize("operator", [Operator.MUST_BE_BETWEEN, Operator.MUST_NOT_BE_BETWEEN])
def test_the_operators_of_a_range_have_two_bounds(operator: Operator) -> None:
    contract = watched(rules(f"- {{id: many, metric: rowCount, {operator}: [1, 2.5]}}"))
    assert check(contract, "many").threshold == Threshold(operator, (1, Decimal("2.5")))


LIBRARY = [
    ("{metric: nullValues, unit: percent, mustBeLessThan: 5}",
     Check("gift_nulls", Metric.NULL_VALUES, Threshold(Operator.MUST_BE_LESS_THAN, (5,)), unit=Unit.PERCENT)),
    ("{metric: missingValues, mustBe: 0, arguments: {missingValues: [false, 'false', null]}}",
     Check("gift_missing", Metric.MISSING_VALUES, missing=(False,))),
    ("{metric: invalidValues, mustBe: 0, arguments: {validValues: [true]}}",
     Check("gift_invalid", Metric.INVALID_VALUES, valid=Valid(values=(True,)))),
    ("{metric: duplicateValues, mustBe: 0}", Check("gift_duplicates", Metric.DUPLICATE_VALUES)),
    ("{type: library, metric: nullValues, mustBe: 0, name: no gaps, severity: info, dimension: completeness, "
     "description: why}",
     Check("no gaps", Metric.NULL_VALUES, severity=Severity.INFO, dimension="completeness", description="why")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "expected"), LIBRARY)
def test_a_library_metric_of_a_column_is_a_check(rule: str, expected: Check) -> None:
    (found,) = added(of_column("gift", f"quality: [{rule}]"))
    assert replace(found, expects="") == replace(expected, columns=("gift",))


MISSING = [
    ("customer", "['', N/A, 0, null]", ("", "N/A", "0")),
    ("total", "[-999, '-0.50', '-999']", (-999, Decimal("-0.5"))),
    ("order_id", "[-1, '0']", (-1, 0)),
    ("ordered_on", "['1900-01-01']", ("1900-01-01",)),
]


@pytest.mark.parametrize(("column", "listed", "missing"), MISSING)
def test_missing_values_are_of_the_column_s_type(column: str, listed: str, missing: tuple[object, ...]) -> None:
    rule = f"{{metric: missingValues, mustBe: 0, arguments: {{missingValues: {listed}}}}}"
    (found,) = added(of_column(column, f"quality: [{rule}]"))
    assert found.missing == missing


@pytest.mark.parametrize(
    "pattern",
    [r"^\p{L}+$", r"^\p{Lu}[\p{L} ]*\z", "(?<first>a)b", r"^[\w&&[^_]]+$", "[a-z&&[def[x]]]", r"\Q(a.b\E?", "a(?i)b",
     "(?i:a)(?-s)", "[]a]", "(?<=a)(?<!b)c", "a++", "(?>a|b)", "[[:alpha:]]", r"[^\[\]]",
     r"\p{Latin}", r"\P{In_Greek}", r"\x{e9}", r"\x41", "a{1,100000}"],
)  # fmt: skip
def test_a_pattern_is_one_of_java_and_is_kept_as_it_is(pattern: str) -> None:
    (found,) = added(of_column("customer", f"logicalTypeOptions: {{pattern: '{pattern}'}}"))
    assert found.valid == Valid(pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"\p{IsLatin}", r"knows no property 'IsLatin'; write Latin; allowed: categories"),
        (r"[\p{IsAlphabetic}_]", r"knows no property 'IsAlphabetic'; write Alphabetic; allowed"),
        (r"\p{script=Latin}", r"knows no property 'script=Latin'; allowed"),
        (r"\P{^L}", r"knows no property '\^L'; allowed"),
        (r"\xe9", r"takes \\xe9 for a byte, not a character; write the character itself"),
        ("a{100001}", r"a\{100001\}|\{100001\} repeats more often than Athena allows, 100,000 times"),
        ("a{1,100001}", r"\{1,100001\} repeats more often"),
    ],
)
def test_a_pattern_that_athena_would_refuse_or_misread_is_refused(pattern: str, why: str) -> None:
    assert re.search(why, the_problem(of_column("customer", f"logicalTypeOptions: {{pattern: '{pattern}'}} # here")))


def test_a_pattern_is_an_argument_too() -> None:
    (found,) = added(of_column("customer", "quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: ^x}}]"))
    assert found.valid == Valid(pattern="^x")


def test_duplicates_of_several_columns_are_a_rule_of_the_table() -> None:
    (found,) = added(rules("- {metric: duplicateValues, mustBe: 0, arguments: {properties: [Customer, day]}}"))
    assert (found.id, found.columns) == ("customer_day_duplicates", ("customer", "day"))


def test_a_text_rule_is_documentation() -> None:
    assert added(rules("- {type: text, description: Ask Ana}")) == []


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("DECIMAL '0.50'", "CAST('0.50' AS DECIMAL(2, 2))"),
        ("decimal'-12.5'", "CAST('-12.5' AS DECIMAL(3, 1))"),
        ("DECIMAL /* of what */ '007'", "CAST('007' AS DECIMAL(1, 0))"),
        ("DECIMAL '0'", "CAST('0' AS DECIMAL(1, 0))"),
        ("DECIMAL '.00015'", "CAST('.00015' AS DECIMAL(5, 5))"),
        ("CAST('0.50' AS decimal)", "CAST('0.50' AS DECIMAL)"),
        ("NUMERIC '0.50'", "CAST('0.50' AS DECIMAL)"),
    ],
)
def test_a_decimal_literal_keeps_the_digits_that_are_written(written: str, kept: str) -> None:
    """CAST('0.50' AS DECIMAL), as the parser writes it, is 1 to Athena."""
    (found,) = added(
        rules(f"""- {{type: sql, mustBe: 0, query: "SELECT count_if(total < {written}) FROM {{object}}"}}""")
    )
    assert found.sql == f"SELECT COUNT_IF(total < {kept}) FROM {{object}}"


def test_a_char_literal_keeps_its_letters() -> None:
    query = """SELECT count_if(customer = CHAR 'it''s') FROM {object}"""
    (found,) = added(rules(f'- {{type: sql, mustBe: 0, query: "{query}"}}'))
    assert found.sql == "SELECT COUNT_IF(customer = CAST('it''s' AS CHAR(4))) FROM {object}"


def test_a_query_is_kept_without_comments_and_end() -> None:
    (found,) = added(rules("- {type: sql, mustBe: 0, query: 'SELECT count(*) FROM {object} WHERE total < 0; -- none'}"))
    assert found.sql == "SELECT COUNT(*) FROM {object} WHERE total < 0"
    assert (found.id, found.columns, found.threshold) == ("total_sql", ("total",), NONE)


def test_a_query_of_a_property_names_its_column_quoted() -> None:
    rule = "{type: sql, mustBe: 0, query: \"SELECT count_if({property} LIKE 'a{2,3}') FROM {object}\"}"
    (found,) = added(of_column("customer", f"quality: [{rule}]"))
    assert found.sql == "SELECT COUNT_IF(\"customer\" LIKE 'a{2,3}') FROM {object}"
    assert found.columns == ("customer",)


@pytest.mark.parametrize(
    "query",
    [
        "WITH late AS (SELECT * FROM {object} WHERE gift) SELECT count(*) FROM late",
        "SELECT count(*) FROM {object} AS o LEFT JOIN customers c ON c.id = o.customer WHERE c.id IS NULL",
        "SELECT count(*) FROM (SELECT customer FROM {object} GROUP BY customer HAVING count(*) > 1)",
        "SELECT max(total) FROM {object} UNION SELECT 0",
    ],
)
def test_a_query_may_be_any_select_of_one_number(query: str) -> None:
    (found,) = added(rules(f"- {{type: sql, mustBe: 0, query: '{query}'}}"))
    assert found.sql is not None and "{object}" in found.sql


@pytest.mark.parametrize("placeholders", ["{object} {property}", "${object} ${property}", "${table} ${column}"])
def test_the_placeholders_of_every_version_of_odcs_mean_the_same(placeholders: str) -> None:
    table, column = placeholders.split()
    rule = f'{{type: sql, mustBe: 0, query: "SELECT count(*) FROM {table} WHERE {column} IS NULL"}}'
    (found,) = added(of_column("customer", f"quality: [{rule}]"))
    assert found.sql == 'SELECT COUNT(*) FROM {object} WHERE "customer" IS NULL'


def test_a_query_may_answer_true_or_false() -> None:
    rule = "{type: sql, mustBe: true, query: 'SELECT bool_and(gift) FROM {object}'}"
    (found,) = added(rules(f"- {rule}"))
    assert found.threshold == Threshold(Operator.MUST_BE, (1,))


def test_ids_are_unique_and_those_of_the_contract_stay() -> None:
    text = of_column("gift", "required: true", "quality: [{id: gift_not_null, metric: nullValues, mustBe: 0}, "
                     "{metric: nullValues, mustBe: 0}, {metric: nullValues, mustBe: 0}]")  # fmt: skip
    ids = [each.id for each in watched(text).checks]
    assert [id_[4:] for id_ in ids if id_.startswith("gift")] == ["_not_null_2", "_not_null", "_nulls", "_nulls_2"]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("logical", "physical", "hive"),
    [
        ("string", None, "string"), ("string", "VARCHAR(20)", "varchar(20)"), ("string", "char(2)", "char(2)"),
        ("integer", None, "bigint"), ("integer", "INT", "int"), ("integer", "integer", "int"),
        ("integer", "smallint", "smallint"), ("integer", "tinyint", "tinyint"),
        ("integer", "decimal(9)", "decimal(9,0)"),
        ("number", None, "double"), ("number", "float", "float"), ("number", "Decimal ( 38 , 0 )", "decimal(38,0)"),
        ("boolean", None, "boolean"), ("date", None, "date"), ("timestamp", "timestamp", "timestamp"),
    ],
)  # fmt: skip
def test_a_type_is_the_one_that_the_catalog_shows(logical: str, physical: str | None, hive: str) -> None:
    given = f"logicalType: {logical}" + (f"\n        physicalType: {physical}" if physical else "")
    contract = watched(orders(("gift\n        logicalType: boolean", f"gift\n        {given}")))
    assert {column.name: column.type for column in contract.columns}["gift"] == hive


@pytest.mark.parametrize(
    ("jdk", "strptime"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "%Y-%m-%dT%H:%M:%SZ"),
        ("dd/MM/uuuu HH:mm", "%d/%m/%Y %H:%M"),
        ("yyyyMMddHHmmss.SSS", "%Y%m%d%H%M%S.%f"),
        ("yyyy-MM-dd HH 'o''clock'", "%Y-%m-%d %H o'clock"),
        ("yyyy''MM''dd''HH %", "%Y'%m'%d'%H %%"),
    ],
)
def test_a_format_of_java_becomes_one_of_strptime(jdk: str, strptime: str) -> None:
    contract = watched(of_column("paid_at", f'logicalTypeOptions: {{format: "{jdk}"}}'))
    assert {column.name: column.landed_format for column in contract.columns}["paid_at"] == strptime


@pytest.mark.parametrize(
    ("classification", "sensitive"),
    [("confidential", True), ("PII", True), ("4", True), ("restrito", True), ("public", False), ("Internal", False)],
)
def test_whatever_is_not_known_to_be_public_is_masked(classification: str, sensitive: bool) -> None:
    contract = watched(of_column("customer", f"classification: '{classification}'"))
    assert {column.name: column.sensitive for column in contract.columns}["customer"] is sensitive


def test_a_column_has_a_name_in_the_table_and_one_in_the_file() -> None:
    lines = ("physicalName: CUST_NAME", "customProperties: [{property: landed, value: Customer Name}]")
    column = watched(of_column("customer", *lines)).columns[1]
    assert (column.name, column.landed) == ("cust_name", "Customer Name")


def test_the_partition_is_not_landed() -> None:
    names = [column.name for column in watched(ORDERS).landed_columns]
    assert "day" not in names and len(names) == 6


def test_the_facts_of_the_file_come_from_the_landing_server() -> None:
    facts = "".join(
        f"      - {{property: {name}, value: {value}}}\n"
        for name, value in (("delimiter", "';'"), ("quote", '"\'"'), ("header", "false"), ("nullText", "NA"))
    )
    text = orders(("    encoding: UTF-8\n", "    encoding: ISO-8859-1\n    customProperties:\n" + facts))
    assert watched(text).landing == LandingFormat("csv", "ISO-8859-1", ";", "'", header=False, null_text="NA")
    assert watched(ORDERS).landing == LandingFormat()


def test_properties_of_other_vendors_are_left_alone() -> None:
    other = "[{property: delimiter, value: 9, vendor: soda}, {property: owner, value: Ana}]"
    assert watched(orders(("    encoding: UTF-8\n", f"    customProperties: {other}\n"))).landing == LandingFormat()


def test_the_table_is_read_where_the_athena_server_says() -> None:
    server = "    schema: Database_SOR\n    workgroup: w\n    regionName: sa-east-1\n    stagingDir: s3://results/x/\n"
    assert watched(orders(("    schema: database_sor\n", server))).table == Table(
        "awsdatacatalog", "database_sor", "orders_table", "w", "sa-east-1", "s3://results/x/"
    )


STEPS: list[tuple[str, Any]] = [
    ("{invoke: f}", Invoke("f", {}, timedelta(minutes=5))),
    ("{invoke: f, payload: [1, {a: '{key}'}], within: 1h30m, asynchronous: true}",
     Invoke("f", [1, {"a": "{key}"}], timedelta(minutes=90), asynchronous=True)),
    ("{await_object: 's3://stage/{key}', within: 30s}", AwaitObject("s3://stage/{key}", timedelta(seconds=30))),
    ("{await_glue_job: j}", AwaitGlueJob("j", timedelta(minutes=30))),
    ("{run_glue_job: j, arguments: {--key: '{key}'}, within: 2h}",
     RunGlueJob("j", {"--key": "{key}"}, timedelta(hours=2))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "step"), STEPS)
def test_a_step_of_the_pipeline_is_read(text: str, step: Any) -> None:
    line = '        - {invoke: start-task, payload: {key: "{key}"}, within: 5m}\n'
    assert watched(orders((line, f"{line}        - {text}\n"))).steps[1] == step


def test_an_override_is_read() -> None:
    given = "override: [{parameter: /stage/_test, copy_of: /stage, set: {bucket: '{bucket}', deep: [1]}}]"
    assert watched(orders(("override: []", given))).override == (
        Override("/stage/_test", "/stage", {"bucket": "{bucket}", "deep": [1]}),
    )


def test_a_contract_may_land_without_a_pipeline() -> None:
    text = orders((ORDERS[ORDERS.index("customProperties:") :], ""), ("        partitioned: true\n", ""))
    contract = watched(text)
    assert (contract.steps, contract.override, contract.partition) == ((FIRES_BY_ITSELF,), (), {})


@pytest.mark.parametrize(
    ("steps", "read"),
    [
        ("[]", (FIRES_BY_ITSELF,)),
        ("[{await_glue_job: load}]", (AwaitGlueJob("load", timedelta(minutes=30)), FIRES_BY_ITSELF)),
        ("[{await_object: 's3://a/b'}]", (AwaitObject("s3://a/b", timedelta(minutes=5)), FIRES_BY_ITSELF)),
    ],
)
def test_a_contract_that_starts_nothing_awaits_its_table_and_says_so_in_a_note(
    steps: str, read: tuple[Step, ...]
) -> None:
    contract = watched(contract_text(steps=steps))
    assert contract.steps == read
    assert "none starts anything, so the pipeline fires by itself" in str(contract.notes[0])


@pytest.mark.parametrize("steps", ["[{invoke: f}]", "[{await_table: written, within: 1h}]"])
def test_a_contract_that_starts_something_or_awaits_its_table_gets_no_step_more(steps: str) -> None:
    contract = watched(contract_text(steps=steps))
    assert (len(contract.steps), contract.notes) == (1, ())
