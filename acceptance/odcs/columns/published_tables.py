"""The tables that contracts describe, for the relationships of other contracts to refer to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from acceptance.contract import aws_names
from acceptance.contract.contract import Table
from acceptance.errors import ContractError
from acceptance.odcs.columns.columns import column_name, hive_type
from acceptance.odcs.document.aws_name import aws_name
from acceptance.odcs.document.custom_properties import custom_properties
from acceptance.odcs.document.node import Node
from acceptance.odcs.document.yaml_document import read_document, resolve_variables


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """`name` and `id` are those of the property, `column` the catalog's. `type` is empty if Athena has none for it."""

    name: str
    id: str
    column: str
    type: str


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A schema object of a contract. `table` is None if its contract does not say where Athena reads it."""

    path: str
    name: str
    id: str
    table: Table | None
    columns: tuple[PublishedColumn, ...]


def published_tables(text: str, path: str, environment: Mapping[str, str]) -> tuple[PublishedTable, ...]:
    """Read the tables of any ODCS document, watched or not. An invalid document has none."""
    try:
        root, _ = resolve_variables(read_document(text, path), environment)
    except ContractError:
        return ()
    return tuple(tables_of(root))


def tables_of(root: Node) -> Iterator[PublishedTable]:
    quiet = replace(root, source=replace(root.source, problems=[]))  # the reader of that contract reports its problems
    servers = [server for server in quiet["servers"] if server["type"].value == "athena"]
    for schema in quiet["schema"]:
        table = read_table(servers[0], schema) if len(servers) == 1 else None
        columns = tuple(_column(node) for node in schema["properties"] if isinstance(node["name"].value, str))
        yield PublishedTable(root.source.path, str(schema["name"].value), _id(schema), table, columns)


_QUERY_WITHIN = "queryWithin"
"""A custom property of the Athena server: Athena's own limit of 30 minutes may be another one in an account."""


def read_table(athena: Node, schema: Node) -> Table:
    name = schema["physicalName"] if schema["physicalName"].text() else schema["name"]
    within = custom_properties(athena, (_QUERY_WITHIN,)).get(_QUERY_WITHIN, athena[_QUERY_WITHIN])
    return Table(
        catalog=aws_name(athena["catalog"], aws_names.CATALOG, "awsdatacatalog"),
        database=aws_name(athena["schema"], aws_names.DATABASE).lower(),
        name=aws_name(name, aws_names.TABLE).lower(),
        workgroup=aws_name(athena["workgroup"], aws_names.WORKGROUP, "primary"),
        region=aws_name(athena["regionName"], aws_names.REGION) or None,
        output_location=aws_name(athena["stagingDir"], aws_names.RESULTS) or None,
        query_within=within.duration("30m"),
        view=str(schema["physicalType"].value).lower() == "view",
        properties=_properties(schema),
    )


def _properties(schema: Node) -> tuple[tuple[str, str], ...]:
    given = custom_properties(schema, ("tableProperties",)).get("tableProperties")
    return tuple((child.key, child.text()) for child in given.mapping()) if given is not None else ()


def _column(node: Node) -> PublishedColumn:
    type_ = hive_type(node, str(node["logicalType"].value)) or ""
    return PublishedColumn(str(node["name"].value), _id(node), column_name(node), type_)


def _id(node: Node) -> str:
    return str(node["id"].value or "")
