"""What a column's custom properties say about landed and table: `landed`, `computed`, `compare`, `digits`."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import sqlglot
from sqlglot import exp

from acceptance.contract.contract import Column
from acceptance.odcs.document.node import Node, shown
from acceptance.sql.allowed import parsed_statements
from acceptance.sql.computed_columns import unlike

PROPERTIES = ("landed", "computed", "compare", "digits")

_FLOATS = ("float", "double")


def as_compared(column: Column, given: Mapping[str, Node]) -> Column:
    """The column with what its custom properties say. A partition column has none of them."""
    if column.partition:
        for name in given:
            given[name].refuse(
                "a partition column is not in the landed file: its value comes from `partition` of the pipeline"
            )
        return column
    landed, computed, compare = given.get("landed"), given.get("computed"), given.get("compare")
    if compare is not None and not isinstance(compare.value, bool):
        compare.refuse(f"found {shown(compare.value)}; allowed: false, to leave the column out of the comparison")
    in_file = computed is None and (landed is None or landed.value is not False)
    if landed is not None and computed is not None:
        computed.refuse("a column that is computed did not land; leave `landed` out")
    column = replace(
        column,
        in_file=in_file,
        compared=compare is None or compare.value is not False,
        computed=_expression(computed) if computed is not None else "",
    )
    if landed is not None and in_file:
        column = replace(column, landed=landed.text(column.landed))
    return _with_digits(column, given["digits"]) if "digits" in given else column


def refuse_unknown_columns(computed: Collection[tuple[Column, Node]], landed: Collection[str]) -> None:
    """What is computed is computed from landed columns: nothing else is known on both sides."""
    for column, node in computed:
        if not column.computed:
            continue
        for named in sqlglot.parse_one(column.computed, read="athena").find_all(exp.Column):
            if named.name.lower() not in landed:
                node["customProperties"].refuse(
                    f"{column.name} is computed from {named.name}, which is no landed column of the contract"
                )
        problem = unlike(column.computed, column.type, {each.name: each.type for each, _ in computed})
        if problem:
            node["customProperties"].refuse(f"{column.name} is computed by {problem}")


def _expression(node: Node) -> str:
    text = node.text()
    trees, problem = parsed_statements(text)
    if problem:
        node.refuse(f"found {shown(text)}, which is no SQL expression: it {problem}")
        return ""
    if len(trees) != 1 or not isinstance(trees[0], exp.Condition) or trees[0].find(exp.Query, exp.AggFunc, exp.Window):
        node.refuse(f"found {shown(text)}; an SQL expression over the landed columns of one row is needed")
        return ""
    strange = trees[0].find(*_STRANGE)
    if strange is not None or any(each.comments for each in trees[0].walk()):
        what = strange.sql("athena", comments=False) if strange is not None else "a comment"
        node.refuse(f"found {shown(what)}; allowed: functions of Athena that say the same of the same row each time")
        return ""
    return text


_STRANGE = (
    exp.Anonymous, exp.AnonymousAggFunc, exp.UDTF, exp.ReadCSV, exp.ReadParquet, exp.Placeholder, exp.Parameter,
    exp.Rand, exp.Randn, exp.Uuid, exp.CurrentUser, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp,
    exp.CurrentSchema, exp.CurrentCatalog,
)  # fmt: skip
"""What DuckDB does not know by the meaning that Athena gives it, or what reaches beyond the row."""


def _with_digits(column: Column, node: Node) -> Column:
    kind, value = column.type.partition("(")[0], node.value
    if kind == "timestamp":
        if value != 3:
            node.refuse(f"found {shown(value)}; allowed: 3, so that what is below a millisecond is rounded")
        return replace(column, rounded=True)
    if kind not in _FLOATS:
        node.refuse(f"only of float, double and timestamp so many digits are compared; {column.name} is {column.type}")
        return column
    if value == "exact":
        return replace(column, digits=None)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 12:
        node.refuse(f"found {shown(value)}; allowed: 0 to 12 digits after the point, or exact")
        return column
    return replace(column, digits=value)
