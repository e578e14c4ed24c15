"""What a contract promises about other tables, and about the clock."""

from datetime import timedelta

import pytest
from contract_texts import ORDERS, PATH, of_column, orders, the_problem, watched

from acceptance.contract.checks import Metric, Reference, Severity
from acceptance.contract.contract import Contract, CustomProperty
from acceptance.errors import ContractError
from acceptance.odcs.columns.published_tables import published_tables
from acceptance.odcs.reader import read_contract

CUSTOMERS = """\
apiVersion: v3.2.0
kind: DataContract
id: customers
version: 1.0.0
servers: [{server: sor, type: athena, schema: CRM}]
schema:
  - id: customers_tbl
    name: customers
    physicalName: DIM_CUSTOMERS
    properties:
      - {id: name_prop, name: name, physicalName: CUST_NAME, logicalType: string}
      - {name: number, logicalType: integer}
      - {name: tags, logicalType: array, items: {logicalType: string}}
"""
PUBLISHED = published_tables(CUSTOMERS, "contracts/crm/customers.odcs.yaml", {})
TO = Reference("crm", "dim_customers", ("cust_name",))


def related(text: str, published=PUBLISHED) -> Contract:
    contract = read_contract(text, PATH, {}, published)
    assert contract is not None
    return contract


def refused(text: str, published=PUBLISHED) -> str:
    with pytest.raises(ContractError) as raised:
        read_contract(text, PATH, {}, published)
    (problem,) = raised.value.problems
    assert problem.line == next(number for number, line in enumerate(text.splitlines(), 1) if "# here" in line)
    return problem.message


def of_table(relationship: str) -> str:
    return orders(("    quality: []\n", f"    relationships: [{relationship}]  # here\n"))


@pytest.mark.parametrize(
    "to",
    [
        "customers.name",
        "Customers.Name",
        "schema/customers_tbl/properties/name_prop",
        "customers.odcs.yaml#/schema/customers_tbl/properties/name_prop",
        "crm/customers.odcs.yaml#schema/customers_tbl/properties/name_prop",
        "../contracts/crm/customers.odcs.yaml#/schema/customers_tbl/properties/name_prop",
        "https://example.com/customers.odcs.yaml#/schema/customers_tbl/properties/name_prop",
    ],
)
def test_a_property_refers_to_the_column_of_another_contract(to: str) -> None:
    (found,) = (each for each in related(of_column("customer", f"relationships: [{{to: '{to}'}}]")).checks
                if each.metric is Metric.ORPHANED_VALUES)  # fmt: skip
    assert (found.id, found.columns, found.refers_to) == ("customer_in_dim_customers", ("customer",), TO)
    assert (found.severity, found.expects) == (Severity.ERROR, "every customer is in dim_customers.cust_name")


def test_a_name_means_the_column_whose_name_differs_from_it_in_case_alone() -> None:
    names = {"straße": "street", "strasse": "road"}
    more = (f"      - {{name: {name}, physicalName: {names[name]}, logicalType: string}}\n" for name in names)
    published = published_tables("".join([CUSTOMERS, *more]), "contracts/crm/customers.odcs.yaml", {})
    contract = related(of_column("customer", "relationships: [{to: customers.STRASSE}]"), published)
    (found,) = (each for each in contract.checks if each.metric is Metric.ORPHANED_VALUES)
    assert found.refers_to == Reference("crm", "dim_customers", ("road",))


def test_several_columns_refer_together() -> None:
    both = "{from: [orders_table.customer, orders_table.order_id], to: [customers.name, customers.number]}"
    (found,) = (each for each in related(of_table(both)).checks if each.metric is Metric.ORPHANED_VALUES)
    assert found.columns == ("customer", "order_id")
    assert found.refers_to == Reference("crm", "dim_customers", ("cust_name", "number"))


def test_a_table_may_refer_to_itself() -> None:
    contract = related(of_column("order_id", "relationships: [{to: orders_table.order_id}]"), ())
    (found,) = (each for each in contract.checks if each.metric is Metric.ORPHANED_VALUES)
    assert found.refers_to == Reference("database_sor", "orders_table", ("order_id",))


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("custmers.name", "did you mean 'customers'"),
        ("customers.nam", "contracts/crm/customers.odcs.yaml has no such property of customers"),
        ("customers.number", "customer is varchar(40), dim_customers.number is bigint: Athena does not compare them"),
        ("customers.tags", "dim_customers.tags is no column"),
        ("customers.name.first", "write table.property"),
        ("elsewhere.yaml#/schema/customers_tbl/properties/name_prop", "no contract elsewhere.yaml was read"),
        ("[customers.name, customers.number]", "1 column cannot refer to 2"),
    ],
)
def test_a_relationship_that_cannot_be_checked_is_refused(to: str, message: str) -> None:
    assert message in refused(of_column("customer", f"relationships: [{{to: {to}}}]  # here"))


def test_a_table_of_two_contracts_is_ambiguous_by_its_name_alone() -> None:
    other = published_tables(CUSTOMERS, "contracts/copy.yaml", {})
    text = of_column("customer", "relationships: [{to: customers.name}]  # here")
    assert "could be in contracts/crm/customers.odcs.yaml or in contracts/copy.yaml" in refused(text, PUBLISHED + other)


def test_a_table_that_athena_does_not_read_is_refused() -> None:
    elsewhere = published_tables(CUSTOMERS.replace("athena", "custom"), "customers.yaml", {})
    text = of_column("customer", "relationships: [{to: customers.name}]  # here")
    assert "one server of type athena" in refused(text, elsewhere)


def test_a_column_that_the_table_has_not_cannot_refer() -> None:
    message = refused(of_table("{from: orders_table.custmer, to: customers.name}"))
    assert "orders_table.custmer is no property of the table orders_table" in message
    assert "did you mean 'customer'" in message


def test_one_property_cannot_refer_to_a_list_of_them() -> None:
    message = refused(of_table("{from: orders_table.customer, to: [customers.name]}"))
    assert "both one property, or both lists" in message


def test_a_document_that_cannot_be_read_publishes_nothing() -> None:
    assert published_tables("schema: [", "x.yaml", {}) == ()
    assert published_tables("schema: 7", "x.yaml", {}) == ()


def levels(*items: str) -> str:
    return ORDERS + f"slaProperties: [{', '.join(items)}]  # here\n"


def test_latency_is_a_check_that_warns() -> None:
    contract = watched(levels("{id: fresh, property: latency, value: 2, unit: h, element: orders_table.day}"))
    (found,) = (each for each in contract.checks if each.metric is Metric.LATENCY)
    assert (found.id, found.severity, found.threshold.bounds) == ("fresh", Severity.WARNING, (7200,))
    assert found.expects == "in the table within 2:00:00 of landing"


def test_latency_rejects_if_the_contract_says_so() -> None:
    severity = "customProperties: [{property: severity, vendor: aceite, value: error}]"
    contract = watched(levels(f"{{property: ly, value: 90, unit: min, {severity}}}"))
    (found,) = (each for each in contract.checks if each.metric is Metric.LATENCY)
    assert (found.id, found.severity, found.threshold.bounds) == ("latency", Severity.ERROR, (5400,))


def test_frequency_is_the_longest_time_between_two_deliveries() -> None:
    assert watched(ORDERS).update_every is None
    both = levels("{property: frequency, value: 2, unit: d}", "{property: Frequency, value: 36, unit: hours}")
    assert watched(both).update_every == timedelta(hours=36)


def test_other_service_levels_are_documentation() -> None:
    contract = watched(levels("{property: retention, value: 3, unit: y}", "{property: endOfLife, value: 2042-05-12}"))
    assert contract.checks == watched(ORDERS).checks
    told = "is documentation: no delivery is checked for it"
    first, second = contract.notes
    assert first.message == f"slaProperties[0]: the service level retention {told}" and first.line > 0
    assert second.message == f"slaProperties[1]: the service level endOfLife {told}"
    assert watched(levels("{property: latency, value: 2, unit: h}")).notes == ()


def test_a_service_level_that_is_misspelt_is_told_with_the_one_that_is_kept() -> None:
    (told,) = watched(levels("{property: frequenci, value: 1, unit: d}")).notes
    assert told.message.endswith("no delivery is checked for it; did you mean frequency?")


def test_a_document_of_version_2_is_read_and_told_as_what() -> None:
    (told,) = watched(orders(("v3.2.0", "v2.2.2"))).notes
    assert (told.line, told.message) == (1, "apiVersion: v2.2.2 has another schema; the document is read as v3.2.0")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{property: latency, value: 2, unit: m}", "found 'm'; "),
        ("{property: latency, value: 2}", "found nothing; "),
        ("{property: latency, value: soon, unit: h}", "a number above 0"),
        ("{property: frequency, value: 0, unit: d}", "a number above 0"),
        ("{property: frequency, value: 1, unit: d, element: orders_table.dia}", "'orders_table.dia' is no property"),
        ("{property: latency, value: 1, unit: d, element: other.day}", "'other.day' is no property"),
    ],
)
def test_a_service_level_that_cannot_be_kept_is_refused(item: str, message: str) -> None:
    assert message in the_problem(levels(item))


def test_custom_properties_of_other_vendors_are_kept_as_they_stand() -> None:
    text = ORDERS + "  - {property: lineage, vendor: acme, value: {depth: [1, 2]}}\n  - {property: note, value: x}\n"
    assert watched(text).custom_properties == (
        CustomProperty("lineage", {"depth": [1, 2]}, "acme"),
        CustomProperty("note", "x", None),
    )


def test_no_subquery_hides_the_table_of_another_contract() -> None:
    query = "WITH Dim_Customers AS (SELECT 1 AS x) SELECT count(*) FROM {object}, dim_customers"
    rule = orders(("    quality: []\n", f"    quality:\n      - {{type: sql, query: '{query}', mustBe: 0}}  # here\n"))
    here = published_tables(CUSTOMERS.replace("CRM", "database_sor"), "contracts/crm/customers.odcs.yaml", {})
    assert "names a subquery Dim_Customers" in refused(rule, here)
    assert related(rule, PUBLISHED).checks
