"""The quality rules of ODCS as checks: library metrics, SQL, and Aceite's own reconciliation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acceptance.contract.checks import (
    NONE,
    Check,
    Metric,
    Operator,
    Severity,
    Threshold,
    Unit,
    Valid,
    exact,
    threshold_in_unit,
)
from acceptance.contract.contract import Column
from acceptance.messages.message import Message
from acceptance.odcs.checks.relationships import Tables
from acceptance.odcs.checks.sql_rules import read_query
from acceptance.odcs.checks.valid_values import read_missing, read_pattern, read_values
from acceptance.odcs.document.node import Node, hint, shown

Names = Mapping[str, str]
"""The names of the properties in the contract, and of the columns, -> the column."""

_METRICS = (Metric.NULL_VALUES, Metric.MISSING_VALUES, Metric.INVALID_VALUES, Metric.DUPLICATE_VALUES, Metric.ROW_COUNT)


def read_rule(node: Node, column: Column | None, names: Names, tables: Tables) -> tuple[Check, ...]:
    """Read the checks of one rule of a column or of the table; none if it is documentation or was refused."""
    match node["type"].value or "library":
        case "text":
            return ()
        case "custom":
            return _reconciliation(node, column)
        case "sql":
            return _sql(node, column, names, tables)
        case _:
            return _library(node, column, names)


def reconciliation(columns: str, rule: Check) -> tuple[Check, ...]:
    """Return the checks of table against landed: as many rows and, unless `columns` is "count", the same cells."""
    expects = Message("as many rows as the landed file")
    if columns == "count":
        return (replace(rule, metric=Metric.ROWS_EQUAL_LANDED, expects=expects),)
    return (
        replace(rule, id="", metric=Metric.ROWS_EQUAL_LANDED, expects=expects, description=""),
        replace(rule, metric=Metric.CELLS_EQUAL_LANDED, expects=Message("every cell as it landed")),
    )


def _reconciliation(node: Node, column: Column | None) -> tuple[Check, ...]:
    if (node["engine"].value, node["method"].value) != ("aceite", "reconciliation"):
        node["engine"].refuse(
            f"a rule of engine {shown(node['engine'].value)}, method {shown(node['method'].value)} cannot be run; "
            "allowed: engine aceite, method reconciliation. For other rules use `type: sql`"
        )
        return ()
    if column is not None:
        node.refuse("reconciliation is of the whole table; move it to the quality of the schema object")
    implementation = node["implementation"].mapping()
    implementation.refuse_unknown_keys(("reconcile",))
    reconcile = implementation["reconcile"].mapping()
    reconcile.refuse_unknown_keys(("columns",))
    columns = reconcile["columns"].text("fingerprint")
    if columns not in ("fingerprint", "count"):
        reconcile["columns"].refuse(f"found {columns!r}; {hint(columns, ('fingerprint', 'count'))}")
    return reconciliation(columns, _common(node, Metric.CELLS_EQUAL_LANDED, dimension="accuracy"))


def _sql(node: Node, column: Column | None, names: Names, tables: Tables) -> tuple[Check, ...]:
    query, threshold = read_query(node["query"], column, tables), _threshold(node, truths=True)
    if node["unit"].choice(Unit.ROWS) is Unit.PERCENT:
        node["unit"].refuse("the number that a query answers has its own unit; compute the percentage in the query")
    if query is None or threshold is None:
        return ()
    sql, mentioned = query
    columns = [name for name in dict.fromkeys(names.values()) if name in mentioned]
    check = _common(node, Metric.SQL, columns, threshold)
    return (replace(check, sql=sql, expects=Message("the query answers {threshold}", threshold=str(threshold))),)


def _library(node: Node, column: Column | None, names: Names) -> tuple[Check, ...]:
    metric = next((metric for metric in _METRICS if metric == node["metric"].value), None)
    if metric is None:
        node.refuse(f"a rule needs a metric; allowed: {', '.join(_METRICS)}. Documentation is `type: text`")
        return ()
    if "rule" in node and node["rule"].value != metric:
        node["rule"].refuse("`rule` is deprecated and says something else than `metric`; leave it out")
    columns = _columns(node, metric, column, names)
    threshold = _threshold(node)
    if column is not None and column.kind.is_nested and metric is not Metric.NULL_VALUES:
        node["metric"].refuse(f"{column.name} is {column.type}; allowed for a nested column: {Metric.NULL_VALUES}")
        return ()
    if columns is None or threshold is None:
        return ()
    unit = node["unit"].choice(Unit.ROWS)
    if unit is Unit.PERCENT and metric is Metric.ROW_COUNT:
        node["unit"].refuse("a row count has no percentage; leave the unit out")
    if unit is Unit.PERCENT and any(not 0 <= bound <= 100 for bound in threshold.bounds):
        node.refuse(f"found {threshold} percent; a bound in percent lies between 0 and 100")
    check = _common(node, metric, columns, threshold, unit=unit)
    check = replace(check, expects=_with(metric, threshold_in_unit(check, threshold), columns))
    arguments = node["arguments"]
    if metric is Metric.MISSING_VALUES and column is not None:
        return (replace(check, missing=read_missing(arguments["missingValues"], column)),)
    if metric is Metric.INVALID_VALUES and column is not None:
        return (replace(check, valid=_valid(arguments, column)),)
    return (check,)


def _with(metric: Metric, rows: str, columns: Sequence[str]) -> str:
    """Return so many rows with the columns of the metric."""
    names = ", ".join(columns)
    match metric:
        case Metric.NULL_VALUES:
            return Message("{rows} with null {columns}", rows=rows, columns=names)
        case Metric.MISSING_VALUES:
            return Message("{rows} with missing {columns}", rows=rows, columns=names)
        case Metric.INVALID_VALUES:
            return Message("{rows} with invalid {columns}", rows=rows, columns=names)
        case Metric.DUPLICATE_VALUES:
            return Message("{rows} with repeated {columns}", rows=rows, columns=names)
        case _:
            return rows


_ARGUMENTS = {
    Metric.MISSING_VALUES: ("missingValues",),
    Metric.INVALID_VALUES: ("validValues", "pattern"),
    Metric.DUPLICATE_VALUES: ("properties",),
}


def _columns(node: Node, metric: Metric, column: Column | None, names: Names) -> tuple[str, ...] | None:
    """Return the columns of the metric, or None if it stands in a place where it means nothing."""
    arguments = node["arguments"].mapping()
    arguments.refuse_unknown_keys(_ARGUMENTS.get(metric, ()))
    if metric is Metric.ROW_COUNT:
        if column is not None:
            node.refuse("rowCount is of the whole table; move it to the quality of the schema object")
        return () if column is None else None
    if column is not None:
        if "properties" in arguments:
            arguments["properties"].refuse(
                "a rule of a property is of that property; for several, move it to the table"
            )
        return (column.name,)
    if metric is not Metric.DUPLICATE_VALUES:
        node.refuse(f"{metric} is of one column; move it to the quality of the property")
        return None
    listed = arguments["properties"].sequence()
    if not listed:
        node.refuse("duplicateValues of a table needs `arguments: {properties: [...]}`")
    for name in listed:
        if str(name.value).lower() not in names:
            name.refuse(f"{shown(name.value)} is not a property of the table; {hint(str(name.value), tuple(names))}")
    return tuple(dict.fromkeys(names.get(str(name.value).lower(), "") for name in listed)) or None


def _valid(arguments: Node, column: Column) -> Valid:
    values, pattern = arguments["validValues"], arguments["pattern"]
    if values.value is None and pattern.value is None:
        arguments.refuse("invalidValues needs `validValues` or `pattern`, else every value is valid")
    if values.value == []:
        values.refuse("the list is empty, so no value would be valid")
    if pattern.value is not None and not column.kind.is_text:
        pattern.refuse(f"a pattern is for texts, but the column {column.name} is {column.type}")
    return Valid(values=read_values(values.sequence(), column), pattern=read_pattern(pattern))


def _threshold(node: Node, *, truths: bool = False) -> Threshold | None:
    """Read the operator and its bounds; None after a refusal. With `truths`, true and false are bounds: 1 and 0."""
    operator = next((operator for operator in Operator if operator in node), None)
    if operator is None:
        node.refuse(f"a rule needs an operator; allowed: {', '.join(Operator)}")
        return None
    given = node[operator].value
    bounds = given if isinstance(given, list) else [int(given) if truths and isinstance(given, bool) else given]
    if not all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds):
        node[operator].refuse(f"found {shown(given)}, a number is needed")
        return None
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        node[operator].refuse(f"found {bounds}; the smaller number comes first")
    return Threshold(operator, tuple(map(exact, bounds)))


def _common(
    node: Node,
    metric: Metric,
    columns: Sequence[str] = (),
    threshold: Threshold = NONE,
    *,
    unit: Unit = Unit.ROWS,
    dimension: str | None = None,
) -> Check:
    """Return a check with the keys that every rule has. Its id is empty if the rule has neither id nor name."""
    severity = node["severity"]
    return Check(
        id=node["id"].value or node["name"].value or "",
        metric=metric,
        threshold=threshold,
        columns=tuple(columns),
        unit=unit,
        severity=replace(severity, value=severity.text("error").lower()).choice(Severity.ERROR),
        dimension=node["dimension"].value or dimension,
        description=node["description"].value or "",
    )
