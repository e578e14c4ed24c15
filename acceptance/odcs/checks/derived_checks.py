"""All checks of a contract: those made always, of columns, keys, relationships, quality rules and service levels.

Every delivery is checked for a readable file, an existing partition, matching columns and equality with what landed.
At least one row must have landed, unless a rowCount rule of the contract speaks of none (see `_speaks_of_no_rows`).
`required` of a partition column needs no check: the partition exists only with a value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from acceptance.contract.checks import Check, Metric, Operator, Severity, Threshold, Valid
from acceptance.contract.contract import Column, primary_key
from acceptance.messages.message import Listing, Message, Numeral
from acceptance.messages.phrases import both
from acceptance.odcs.checks.formats import Promise, number_format, string_format, time_of_day, zone_options
from acceptance.odcs.checks.quality_rules import read_rule, reconciliation
from acceptance.odcs.checks.relationships import Tables, read_relationships
from acceptance.odcs.checks.service_levels import read_latency
from acceptance.odcs.checks.valid_values import Value, read_bound, read_pattern, read_values
from acceptance.odcs.document.node import Node, free_name
from acceptance.text_contrast import plainly

Drafts = Iterator[tuple[Check, Node]]
"""Checks, each with the place in the contract that it comes from; ids may still be empty or taken."""

_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_OPTIONS = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": (*_LIMITS, "multipleOf", "format"),
    "number": (*_LIMITS, "multipleOf", "format"),
    "boolean": (),
    "date": (*_LIMITS, "format"),
    "timestamp": (*_LIMITS, "format", "timezone", "defaultTimezone"),
    "time": (*_LIMITS, "format", "timezone", "defaultTimezone"),
    "array": (),
    "map": (),
    "object": (),
}
"""The logicalTypeOptions of the types that a column can have."""


def derive_checks(root: Node, table: Node, columns: Sequence[tuple[Column, Node]], tables: Tables) -> tuple[Check, ...]:
    """Return the checks in the order of the reports. Refuses, with its line, what cannot be checked."""
    rules = list(_rules(table, columns, tables))
    own = {check.metric for check, _ in rules if check.metric is not Metric.ROW_COUNT or _speaks_of_no_rows(check)}
    always = list(_always(table, [column for column, _ in columns]))
    drafts = [draft for draft in always if draft[0].metric not in own]
    if Metric.ROWS_EQUAL_LANDED in own and Metric.CELLS_EQUAL_LANDED not in own:
        drafts = [draft for draft in drafts if draft[0].metric is not Metric.CELLS_EQUAL_LANDED]
    for column, node in columns:
        drafts += _of_column(column, node)
    drafts += _of_key(table, [column for column, _ in columns])
    drafts += read_relationships(table, columns, tables)
    drafts += read_latency(root, table)
    return _with_ids(drafts, rules)


def _always(table: Node, columns: Sequence[Column]) -> Drafts:
    partition = ", ".join(column.name for column in columns if column.partition)
    location = (
        Message("the partition of {columns}, with objects", columns=partition)
        if partition
        else Message("the table, with objects")
    )
    readable = Message("all rows and cells readable")
    yield Check("landed_readable", Metric.LANDED_READABLE, dimension="conformity", expects=readable), table
    yield Check("partition_exists", Metric.PARTITION_EXISTS, dimension="completeness", expects=location), table
    expects = Message.counted("{count} column with its type", "{count} columns with their types", len(columns))
    yield Check("columns_match", Metric.COLUMNS_MATCH, dimension="conformity", expects=expects), table
    some = Threshold(Operator.MUST_BE_GREATER_THAN, (0,))
    yield Check("rows", Metric.ROW_COUNT, some, dimension="completeness"), table
    default = Check("", Metric.CELLS_EQUAL_LANDED, dimension="accuracy")
    yield from ((check, table) for check in reconciliation("fingerprint", default))


def _speaks_of_no_rows(rule: Check) -> bool:
    """Return True if a rowCount rule decides about an empty delivery: it rejects one, or names 0 as an allowed number.

    A rule that only warns, or only limits the number of rows, was not written to let an empty file pass.
    """
    if rule.severity is not Severity.ERROR:
        return False
    return not rule.threshold.holds(0) or (rule.threshold.operator in _AT_LEAST and rule.threshold.bounds[0] == 0)


_AT_LEAST = (Operator.MUST_BE, Operator.MUST_BE_GREATER_OR_EQUAL_TO, Operator.MUST_BE_BETWEEN)


def _of_column(column: Column, node: Node) -> Drafts:
    about = (column.name,)
    if (column.required or column.primary_key) and not column.partition:
        id_, expects = f"{column.name}_not_null", Message("{column} is never null", column=column.name)
        yield Check(id_, Metric.NULL_VALUES, columns=about, dimension="completeness", expects=expects), node
    if node["unique"].value:
        id_, expects = f"{column.name}_unique", Message("{column} never twice the same", column=column.name)
        yield Check(id_, Metric.DUPLICATE_VALUES, columns=about, dimension="uniqueness", expects=expects), node
    for suffix, valid, promised in _valid_values(column, node):
        id_ = f"{column.name}_{suffix}"
        yield (
            Check(id_, Metric.INVALID_VALUES, columns=about, dimension="conformity", valid=valid, expects=promised),
            node,
        )


def _of_key(table: Node, columns: Sequence[Column]) -> Drafts:
    key = primary_key(columns)
    if key:
        id_, columns_of_key = "primary_key_unique", f"({', '.join(key)})"
        expects = Message("{column} never twice the same", column=columns_of_key)
        yield Check(id_, Metric.DUPLICATE_VALUES, columns=key, dimension="uniqueness", expects=expects), table


def _valid_values(column: Column, node: Node) -> Iterator[Promise]:
    options = node["logicalTypeOptions"].mapping()
    options.refuse_unknown_keys(_OPTIONS[node["logicalType"].value])
    name = column.name
    shortest, longest = options["minLength"].value, options["maxLength"].value
    if shortest is not None or longest is not None:
        if _is_empty(shortest, longest, strict=False):
            options.refuse(f"no text has at least {shortest} and at most {longest} characters")
        texts = _between(shortest, longest, None, None)
        yield (
            "length",
            Valid(min_length=shortest, max_length=longest),
            Message("length of {column} {limits}", column=name, limits=texts),
        )
    if "pattern" in options:
        pattern = read_pattern(options["pattern"])
        yield (
            "pattern",
            Valid(pattern=pattern),
            Message("{column} matches {pattern}", column=name, pattern=pattern or ""),
        )
    zone_options(options)
    if node["logicalType"].value == "time":
        yield from time_of_day(column, options)
    else:
        yield from _formatted(column, options)
        yield from _range(column, options)
    if "multipleOf" in options:
        yield from _multiple(column, options["multipleOf"])
    if "enum" in node:
        values = read_values([each["value"] for each in node["enum"]], column)
        yield "values", Valid(values=values), _one_of(name, values)


def _one_of(name: str, values: Sequence[Value]) -> Message:
    return Message("{column} is one of {values}", column=name, values=Listing(map(_written, values)))


def _written(value: Value) -> str:
    return plainly(value) if isinstance(value, str) else _limit(value)


def _limit(value: Value) -> str:
    """Return a value as a part of a message: languages write numbers in their own ways, and nothing else."""
    return str(value) if isinstance(value, bool | str) else Message("{number}", number=Numeral(value))


def _formatted(column: Column, options: Node) -> Iterator[Promise]:
    if "format" in options and column.kind.is_text:
        yield from string_format(column.name, options["format"])
    elif "format" in options and column.kind.is_number:
        yield from number_format(column, options["format"])


def _multiple(column: Column, option: Node) -> Iterator[Promise]:
    step = read_bound(option, column)
    if isinstance(step, Decimal) and column.kind.is_float and step != round(step, 9):
        option.refuse(f"multiples of {step} cannot be told in a {column.type}: write at most 9 digits after the point")
    elif not isinstance(step, str):
        yield (
            "multiple",
            Valid(multiple_of=step),
            Message("{column} is a multiple of {number}", column=column.name, number=Numeral(step)),
        )


def _range(column: Column, options: Node) -> Iterator[Promise]:
    low, above, high, below = (
        read_bound(options[key], column) for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    )
    if low is above is high is below is None:
        return
    valid = Valid(minimum=low, maximum=high, exclusive_minimum=above, exclusive_maximum=below)
    expects = _between(low, high, above, below)
    if _is_empty(low, high, strict=False) or any(
        _is_empty(bottom, top, strict=True) for bottom, top in ((low, below), (above, high), (above, below))
    ):
        options.refuse(f"no value is {expects}")
    yield "range", valid, Message("{column} {limits}", column=column.name, limits=expects)


def _is_empty(bottom: Value | None, top: Value | None, *, strict: bool) -> bool:
    if bottom is None or top is None:
        return False
    return bottom > top or (strict and bottom == top)  # type: ignore[operator]


def _between(low: Value | None, high: Value | None, above: Value | None, below: Value | None) -> str:
    limits = ((">=", low), (">", above), ("<=", high), ("<", below))
    return both(
        [Message("{sign} {limit}", sign=sign, limit=_limit(limit)) for sign, limit in limits if limit is not None]
    )


def _rules(table: Node, columns: Sequence[tuple[Column, Node]], tables: Tables) -> Drafts:
    names = {column.name: column.name for column, _ in columns}
    names |= {str(node["name"].value).lower(): column.name for column, node in columns}
    for node in table["quality"]:
        yield from ((check, node) for check in read_rule(node, None, names, tables))
    for column, of_column in columns:
        for node in of_column["quality"]:
            yield from ((check, node) for check in read_rule(node, column, names, tables))


def _with_ids(derived: Sequence[tuple[Check, Node]], rules: Sequence[tuple[Check, Node]]) -> tuple[Check, ...]:
    """An id of the contract's own stays as it is; the others get a readable one that is free."""
    taken: dict[str, Node] = {}
    for check, node in rules:
        if check.id in taken:
            node.refuse(f"the rule {check.id!r} stands twice, first on line {taken[check.id].line}")
        if check.id:
            taken[check.id] = node
    named = []
    for check, node in (*derived, *rules):
        if check.id and taken.get(check.id) is node:
            named.append(check)
            continue
        stem = check.id or "_".join((*check.columns, ID_STEMS[check.metric]))
        free = free_name(stem, taken)
        taken[free] = node
        named.append(replace(check, id=free))
    return tuple(sorted(named, key=lambda check: [*_ORDER, check.metric].index(check.metric)))


ID_STEMS = {
    Metric.LANDED_READABLE: "landed_readable",
    Metric.PARTITION_EXISTS: "partition_exists",
    Metric.COLUMNS_MATCH: "columns_match",
    Metric.LATENCY: "latency",
    Metric.ROWS_EQUAL_LANDED: "rows_equal_landed",
    Metric.CELLS_EQUAL_LANDED: "cells_equal_landed",
    Metric.ROW_COUNT: "rows",
    Metric.NULL_VALUES: "nulls",
    Metric.MISSING_VALUES: "missing",
    Metric.INVALID_VALUES: "invalid",
    Metric.DUPLICATE_VALUES: "duplicates",
    Metric.ORPHANED_VALUES: "orphans",
    Metric.SQL: "sql",
}
"""The end of a check's id, for a rule that has no id of its own."""

_ORDER = (
    Metric.LANDED_READABLE,
    Metric.PARTITION_EXISTS,
    Metric.COLUMNS_MATCH,
    Metric.ROW_COUNT,
    Metric.ROWS_EQUAL_LANDED,
    Metric.CELLS_EQUAL_LANDED,
    Metric.LATENCY,
)
