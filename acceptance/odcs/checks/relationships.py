"""Relationships as checks: every value of the delivered rows is one of the table that it refers to.

What is referred to is a table of a contract that was read, in either notation of ODCS: `table.property` by name, or
`file.yaml#/schema/TABLE_ID/properties/PROPERTY_ID` by id. Without a file, the contract's own tables come first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acceptance.contract.checks import Check, Metric, Reference, Severity
from acceptance.contract.contract import Column, Table
from acceptance.contract.hive_types import HiveKind
from acceptance.counted import counted
from acceptance.messages.message import Message
from acceptance.messages.phrases import both
from acceptance.odcs.columns.published_tables import PublishedColumn, PublishedTable
from acceptance.odcs.document.custom_properties import severity_of
from acceptance.odcs.document.node import Node, hint

_BY_ID = re.compile(r"(?:(?P<file>[^#]+)#)?/?schema/(?P<table>[^/]+)/properties/(?P<column>[^/]+)")
_BY_NAME = re.compile(r"(?P<table>[^./]+)\.(?P<column>[^./]+)")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that can be referred to: those of the contract at `path`, and of the others. `own` is its Athena's."""

    path: str
    own: Table
    published: Sequence[PublishedTable]


@dataclass(frozen=True, slots=True)
class _Named:
    """A table and a column as a contract names them."""

    text: str
    file: str
    table: str
    column: str
    by_id: bool

    def is_of(self, named: PublishedTable | PublishedColumn, name: str) -> bool:
        return named.id == name if self.by_id else named.name.lower() == name.lower()


def read_relationships(
    table: Node, columns: Sequence[tuple[Column, Node]], tables: Tables
) -> Iterator[tuple[Check, Node]]:
    """Yield a check for each relationship of the table and of its properties; refuse what cannot be checked."""
    for column, of_column in columns:
        for node in of_column["relationships"]:
            yield from _relationship(node, [column], tables)
    for node in table["relationships"]:
        here = [_own_column(item, table, columns) for item in _items(node["from"])]
        if None not in here:
            yield from _relationship(node, [column for column in here if column is not None], tables)


def _items(node: Node) -> list[Node]:
    return list(node) if isinstance(node.value, list) else [node]


def _own_column(node: Node, table: Node, columns: Sequence[tuple[Column, Node]]) -> Column | None:
    named = _named(node)
    if named is None:
        return None
    key = "id" if named.by_id else "name"
    names = [str(of_column[key].value) for _, of_column in columns]
    same_table = str(table[key].value).lower() == named.table.lower()
    for name, (column, _) in zip(names, columns, strict=True):
        if same_table and name.lower() == named.column.lower() and not named.file:
            return column
    node.refuse(f"{named.text} is no property of the table {table['name'].value}; {hint(named.column, names)}")
    return None


def _relationship(node: Node, here: Sequence[Column], tables: Tables) -> Iterator[tuple[Check, Node]]:
    there = [_target(item, tables) for item in _items(node["to"])]
    found = [pair for pair in there if pair is not None]
    if len(found) < len(there):
        return
    if len(here) != len(found):
        node["to"].refuse(f"{counted(len(here), 'column')} cannot refer to {len(found)}; name as many")
        return
    others = {table.table for table, _ in found}
    if len(others) > 1:
        node["to"].refuse("the columns of one relationship are of one table")
        return
    other = found[0][0].table
    assert other is not None
    for column, (_, referred) in zip(here, found, strict=True):
        if _family(column.kind) != _family(HiveKind.named(referred.type)):
            promised = (
                f"{column.name} is {column.type}, {other.name}.{referred.column} is {referred.type or 'no column'}"
            )
            node["to"].refuse(f"{promised}: Athena does not compare them")
            return
    to = Reference(other.database, other.name, tuple(column.column for _, column in found))
    names = tuple(column.name for column in here)
    expects = Message("every {columns} is in {table}", columns=both(names), table=str(to))
    check = Check(
        f"{'_'.join(names)}_in_{other.name}",
        Metric.ORPHANED_VALUES,
        columns=names,
        severity=severity_of(node, Severity.ERROR),
        dimension="consistency",
        refers_to=to,
        expects=expects,
    )
    yield check, node


def _family(kind: HiveKind | None) -> str:
    """Return what must be the same of two types for Athena to compare their values."""
    if kind is None:
        return "unknown"
    if kind.is_text:
        return "text"
    return "number" if kind.is_number else kind


def _named(node: Node) -> _Named | None:
    text = node.text()
    match, by_id = _BY_NAME.fullmatch(text), False
    if match is None:
        match, by_id = _BY_ID.fullmatch(text), True
    if match is None:
        node.refuse(f"found {text!r}; write table.property, or file.yaml#/schema/TABLE_ID/properties/PROPERTY_ID")
        return None
    parts = match.groupdict()
    return _Named(text, parts.get("file") or "", parts["table"], parts["column"], by_id)


def _target(node: Node, tables: Tables) -> tuple[PublishedTable, PublishedColumn] | None:
    """Return the table and the column that the node names; None after a refusal."""
    named = _named(node)
    if named is None:
        return None
    known = [table for table in tables.published if not named.file or _is_file(table.path, named.file)]
    fitting = [table for table in known if named.is_of(table, named.table)]
    own = [table for table in fitting if table.path == tables.path]
    chosen = own if own and not named.file else fitting
    if len(chosen) != 1:
        node.refuse(_not_one(named, chosen, known))
        return None
    table = chosen[0]
    column = next((column for column in table.columns if named.is_of(column, named.column)), None)
    if column is None:
        names = [column.id if named.by_id else column.name for column in table.columns]
        node.refuse(f"{table.path} has no such property of {table.name}; {hint(named.column, names)}")
    elif table.table is None:
        node.refuse(f"{table.path} does not say where Athena reads {table.name}; it needs one server of type athena")
    elif table.table.catalog.lower() != tables.own.catalog.lower():
        node.refuse(f"{table.name} is in the catalog {table.table.catalog}, this table in {tables.own.catalog}")
    else:
        return table, column
    return None


def _not_one(named: _Named, fitting: Sequence[PublishedTable], known: Sequence[PublishedTable]) -> str:
    if fitting:
        paths = " or in ".join(table.path for table in fitting)
        return f"{named.text} could be in {paths}; name the file: FILE.yaml#/schema/TABLE_ID/properties/PROPERTY_ID"
    if named.file and not known:
        return f"no contract {named.file} was read; put it into the folder of the contracts"
    names = sorted({table.id if named.by_id else table.name for table in known} - {""})
    where = f"{named.file} has" if named.file else "the contracts that were read have"
    return f"{where} no table {named.table!r}; {hint(named.table, names or ['none'])}"


def _is_file(path: str, file: str) -> bool:
    """Return True if a path is the file that a contract names: relative, absolute, or by file:// or https://."""
    wanted = [part for part in re.sub(r"^\w+://", "", file).split("/") if part not in ("", ".", "..")]
    parts = path.replace("\\", "/").split("/")
    return parts[-len(wanted) :] == wanted if "://" not in file else parts[-1:] == wanted[-1:]
