"""An ODCS v3.2 document becomes a Contract. Aceite refuses, with its line, what it cannot check; it skips nothing."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from acceptance.contract.contract import Column, Contract, Table
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import Engine, LandingFormat, NamedByColumn, PartitionHolds
from acceptance.errors import ContractError, nearest
from acceptance.odcs.checks.derived_checks import derive_checks
from acceptance.odcs.checks.relationships import Tables
from acceptance.odcs.checks.service_levels import note_others, read_availability, read_frequency
from acceptance.odcs.columns.columns import read_columns
from acceptance.odcs.columns.positions import refuse_positions
from acceptance.odcs.columns.published_tables import PublishedTable, read_table, tables_of
from acceptance.odcs.delivery_property import DeliveryProperty, read_delivery
from acceptance.odcs.document.custom_properties import (
    VENDOR,
    contract_properties,
    foreign_properties,
    read_language,
)
from acceptance.odcs.document.json_schema import refuse_invalid
from acceptance.odcs.document.node import Node
from acceptance.odcs.document.yaml_document import holds_variable, read_document, resolve_variables
from acceptance.odcs.landing_server import read_engine, read_landing_format
from acceptance.odcs.landing_values import refuse_truth
from acceptance.odcs.landing_writable import refuse_unwritable
from acceptance.odcs.pipeline_property import PipelineProperty, read_pipeline

LANDING = "landing"
"""The name of the s3 server where files land."""

_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def read_contract(
    text: str, path: str, environment: Mapping[str, str], published: Sequence[PublishedTable] = ()
) -> Contract | None:
    """Read the contract of a watched dataset; None for a valid document without landing server and pipeline.

    `environment` holds the values of `${VARIABLES}`, `published` the tables of other contracts that its relationships
    may refer to. Raises ContractError with every problem that was found.
    """
    root, unset = resolve_variables(read_document(text, path), environment)
    refuse_invalid(root)
    if root.source.problems:
        raise ContractError({*root.source.problems, *(unset if _is_watched(root) else ())})
    if not _is_watched(root):
        return None
    _note_version(root["apiVersion"])
    others = [table for table in published if table.path != path]
    language = read_language(root)
    contract = _contract(root, path, hashlib.sha256(text.encode()).hexdigest(), [*tables_of(root), *others])
    if contract is None or root.source.problems or unset:
        raise ContractError({*root.source.problems, *unset})
    return replace(contract, language=language)


def _note_version(node: Node) -> None:
    if node.text().startswith("v2."):
        node.note(f"{node.text()} has another schema; the document is read as v3.2.0")


def _is_watched(root: Node) -> bool:
    landing = any((server["server"].value, server["type"].value) == (LANDING, "s3") for server in root["servers"])
    return landing or any(given["vendor"].value == VENDOR for given in root["customProperties"])


def _contract(root: Node, path: str, sha256: str, published: Sequence[PublishedTable]) -> Contract | None:
    """Read the contract; None only after a refusal."""
    dataset = _dataset(root["id"])
    server, athena, schema = _landing(root), _athena(root), _schema(root)
    template = None if server is None else _template(server["location"])
    if schema is None or athena is None:
        return None
    table, columns = read_table(athena, schema), read_columns(schema)
    _refuse_results_among_landed(athena, table, template)
    checks = derive_checks(root, schema, columns, Tables(path, table, published))
    delivery, pipeline = _read_properties(root, schema, {column.name: column for column, _ in columns}, template)
    landing, engine, landed_table = _read_landing(server, table, columns, delivery.partition_holds)
    if template is None:
        return None
    note_others(root)
    return Contract(
        dataset=dataset,
        name=root["name"].text(dataset),
        version=root["version"].text(),
        path=path,
        sha256=sha256,
        template=template,
        landing=landing,
        table=table,
        columns=tuple(column for column, _ in columns),
        checks=checks,
        override=pipeline.override,
        steps=pipeline.steps,
        partition=pipeline.partition,
        completion=delivery.completion,
        resent=delivery.resent,
        baseline=delivery.baseline,
        update_every=read_frequency(root, schema),
        available_at=read_availability(root, schema),
        custom_properties=foreign_properties(root),
        partition_holds=delivery.partition_holds,
        engine=engine,
        landed_table=landed_table,
        notes=tuple(root.source.notes),
    )


def _refuse_results_among_landed(athena: Node, table: Table, template: KeyTemplate | None) -> None:
    if template is not None and f"{table.output_location}/".startswith(f"s3://{template.bucket}/{template.prefix}"):
        athena["stagingDir"].refuse("query results cannot go where files land: Aceite would look at each as a delivery")


def _refuse_types_without_iceberg(table: Table, columns: Sequence[tuple[Column, Node]]) -> None:
    """Refuse types that a table of Iceberg cannot have: Glue would show others than the contract promises."""
    if not any(name == "table_type" and value.upper() == "ICEBERG" for name, value in table.properties):
        return
    for column, node in columns:
        if instead := _IN_ICEBERG.get(column.kind):
            node.refuse(f"Iceberg has no {column.kind}, and {column.name} is {column.type}; write {instead}")


_IN_ICEBERG = {
    HiveKind.TINYINT: "int",
    HiveKind.SMALLINT: "int",
    HiveKind.VARCHAR: "string, with a maxLength if it has one",
    HiveKind.CHAR: "string, with a maxLength if it has one",
}


def _read_properties(
    root: Node, schema: Node, columns: Mapping[str, Column], template: KeyTemplate | None
) -> tuple[DeliveryProperty, PipelineProperty]:
    pipeline_node, delivery_node = contract_properties(root)
    delivery = read_delivery(delivery_node, columns, template)
    return delivery, read_pipeline(pipeline_node, schema, columns, template, delivery.completion)


def _read_landing(
    server: Node | None,
    table: Table,
    columns: Sequence[tuple[Column, Node]],
    partition_holds: PartitionHolds | NamedByColumn,
) -> tuple[LandingFormat, Engine, str]:
    """Read the landing format, the reader of the proof, and the table that Athena reads the landed files by."""
    _refuse_types_without_iceberg(table, columns)
    if server is None:
        return LandingFormat(), Engine.LOCAL, ""
    landing = read_landing_format(server)
    refuse_positions(landing, columns, server)
    refuse_truth(landing, columns, server)
    refuse_unwritable(landing, columns, server)
    for column, node in columns:
        if column.kind.is_nested and column.in_file and not landing.format.holds_nested:
            node.refuse(
                f"a {landing.format} file has no nested cells, and {column.name} is {column.type}; land JSON or "
                "Parquet, or write `landed: false` and `compare: false`"
            )
    engine, landed_table = read_engine(server, landing)
    for column, node in columns if engine is Engine.ATHENA else ():
        if column.kind.is_nested:
            node.refuse(
                f"`engine: athena` reads no nested cells, and {column.name} is {column.type}; use `engine: local`"
            )
    if engine is Engine.ATHENA and partition_holds is PartitionHolds.ALL_DELIVERIES:
        server["customProperties"].refuse("`engine: athena` cannot tell the files of several deliveries apart")
    for column, node in columns if engine is Engine.ATHENA else ():
        if column.micros:
            node.refuse("`engine: athena` compares times to the millisecond; write `digits: 3`, or `engine: local`")
    if engine is Engine.ATHENA and not landing.format.is_text:
        _refuse_finer_times(columns)
    return landing, engine, landed_table


def _refuse_finer_times(columns: Sequence[tuple[Column, Node]]) -> None:
    """Refuse times that must be exact: Athena reads those of Parquet to the millisecond, and tells no finer one."""
    for column, node in columns:
        if column.kind is HiveKind.TIMESTAMP and column.landed and not column.rounded:
            node.refuse(
                f"Athena does not tell whether a time of {column.name} is finer than a millisecond; let it be rounded "
                "(custom property `digits: 3`), or use `engine: local`"
            )


def _dataset(node: Node) -> str:
    dataset = node.text()
    if not _DATASET.fullmatch(dataset):
        reason = "letters, digits, dots, hyphens and underscores, 128 at most: the id is part of S3 keys"
        node.refuse(f"found {dataset!r}; the id of a watched contract is made of {reason}")
    return dataset


def _landing(root: Node) -> Node | None:
    named = [server for server in root["servers"] if server["server"].value == LANDING]
    if not named:
        names = [str(server["server"].value) for server in root["servers"]]
        near = next((f"; did you mean it by {name!r}?" for name in names if nearest(name, (LANDING,))), "")
        root["servers"].refuse(
            f"there is a pipeline but no landing server; add one of type s3 with `server: {LANDING}`{near}"
        )
        return None
    for server in named[1:]:
        server.refuse(f"the server {LANDING} stands twice, first on line {named[0].line}")
    type_ = named[0]["type"]
    if type_.value != "s3":
        type_.refuse(f"the landing server is of type {type_.value!r}; allowed: s3")
        return None
    return named[0]


def _athena(root: Node) -> Node | None:
    servers = [server for server in root["servers"] if server["type"].value == "athena"]
    if len(servers) != 1:
        place = servers[1] if servers else root["servers"]
        place.refuse(f"found {len(servers)} servers of type athena; exactly one says where the table is read")
    return servers[0] if servers else None


def _schema(root: Node) -> Node | None:
    objects = list(root["schema"])
    if len(objects) != 1:
        place = objects[1] if objects else root
        place.refuse(f"found {len(objects)} schema objects; a watched contract has exactly one, its table")
        return None
    return objects[0]


def _template(location: Node) -> KeyTemplate | None:
    if holds_variable(location.text()):
        return None  # the unset variable is a problem of its own
    try:
        return KeyTemplate.parse(location.text())
    except ValueError as error:
        location.refuse(str(error))
        return None
