"""A column's custom properties about landed and table: `landed`, `compare`, `digits`."""

from collections.abc import Mapping
from dataclasses import replace

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.odcs.document.node import Node, shown

PROPERTIES = ("landed", "compare", "digits")
REMOVED = "computed"


def as_compared(column: Column, given: Mapping[str, Node]) -> Column:
    """Return the column with its custom properties applied. Refuses them for a partition column."""
    if column.partition:
        for name in given:
            given[name].refuse(
                "a partition column is not in the landed file: its value comes from `partition` of the pipeline"
            )
        return column
    landed, compare = given.get("landed"), given.get("compare")
    if REMOVED in given:
        given[REMOVED].refuse(
            f"`computed` is not supported: landed and table are compared as they are. Write `landed: false` and "
            f"`compare: false` for {column.name}, and a quality rule of `type: sql` that says what it must hold"
        )
    if compare is not None and not isinstance(compare.value, bool):
        compare.refuse(f"found {shown(compare.value)}; allowed: false, to leave the column out of the comparison")
    column = replace(
        column,
        in_file=landed is None or landed.value is not False,
        compared=compare is None or compare.value is not False,
    )
    if landed is not None and column.in_file:
        column = replace(column, landed=landed.text(column.landed))
    return _with_digits(column, given["digits"]) if "digits" in given else column


def _with_digits(column: Column, node: Node) -> Column:
    value = node.value
    if column.kind is HiveKind.TIMESTAMP:
        if value != 3:
            node.refuse(f"found {shown(value)}; allowed: 3, so that what is below a millisecond is rounded")
        return replace(column, rounded=True)
    if not column.kind.is_float:
        node.refuse(f"only of float, double and timestamp so many digits are compared; {column.name} is {column.type}")
        return column
    if value == "exact":
        return replace(column, digits=None)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 12:
        node.refuse(f"found {shown(value)}; allowed: 0 to 12 digits after the point, or exact")
        return column
    return replace(column, digits=value)
