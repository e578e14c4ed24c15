"""What a computed column must hold, in DuckDB's SQL: see `acceptance.odcs.computing` for what it may be made of."""

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from acceptance.contract.contract import Column, Contract
from acceptance.sql.computed_columns import as_column, kind

_BLANKS = "".join(map(chr, (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B),
                            0x2028, 0x2029, 0x205F, 0x3000)))  # fmt: skip
"""What Athena trims: white space as Java has it, to which blanks that do not break a line do not belong."""

_SHARP_S, _KEPT = "\N{LATIN SMALL LETTER SHARP S}", "\N{PRIVATE USE ONE}"

_WRITTEN = {
    "int": "[+-]?[0-9]+",
    "decimal": "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)",
    "double": "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?",
    "boolean": "(?i)t|true|1|f|false|0",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "timestamp": "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,3})?",
}
"""The texts that are cast. DuckDB reads more of them, and 5.7 as 6; Athena fails, and so must the proof."""


def computed_value(contract: Contract, column: Column, values: Mapping[str, str]) -> str:
    """The expression of a computed column. `values` are those of the landed columns, by name."""
    types = {each.name: each.type for each in contract.columns}
    holder = exp.Paren(this=as_column(column.computed, column.type))  # so that the cast itself can be replaced
    nodes = [node for node in holder.walk() if node is not holder]
    kinds = {id(node): (kind(node.this, types), kind(node, types)) for node in nodes if isinstance(node, exp.Cast)}
    for node in reversed(nodes):  # from the leaves up, so that what is inside a replaced one is replaced
        if isinstance(node, exp.Column):
            replaced: Any = exp.column(values[node.name.lower()])
        elif isinstance(node, exp.Cast):
            replaced = _cast(node, *kinds[id(node)])
        else:
            replaced = _as_duckdb(node)
        if replaced is not node:
            node.replace(replaced)
    return str(holder.this.sql("duckdb"))


def _as_duckdb(node: Any) -> Any:
    match node:
        case exp.DateDiff():  # Athena counts whole units, DuckDB's date_diff the boundaries between them
            unit = exp.Literal.string(node.text("unit").lower() or "day")
            return _call("date_sub", unit, node.expression, node.this)
        case exp.RegexpExtract():  # no match: null in Athena, an empty text in DuckDB
            matches = _call("regexp_matches", node.this.copy(), node.expression.copy())
            return exp.Case(ifs=[exp.If(this=matches, true=_call("regexp_extract", *node.iter_expressions()))])
        case exp.SplitPart():  # past the end: null in Athena, an empty text in DuckDB
            parts = _call("string_split", node.this, node.args["delimiter"])
            return _call("list_extract", parts, node.args["part_index"])
        case exp.Trim():
            name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.text("position").upper(), "trim")
            return _call(name, node.this, exp.Literal.string(_BLANKS))
        case exp.Upper():  # letter by letter: that of a sharp s is itself
            kept = _call("upper", _call("replace", node.this, *map(exp.Literal.string, (_SHARP_S, _KEPT))))
            return _call("replace", kept, *map(exp.Literal.string, (_KEPT, _SHARP_S)))
    return node


def _cast(node: exp.Cast, given: str, wanted: str) -> Any:
    kinds = exp.DataType.Type
    if given == "text" and wanted in _WRITTEN:
        fits: Any = _call("regexp_full_match", node.this.copy(), exp.Literal.string(_WRITTEN[wanted]))
        fits = fits if isinstance(node, exp.TryCast) else exp.or_(node.this.copy().is_(exp.null()), fits)
        other = exp.null() if isinstance(node, exp.TryCast) else exp.Literal.string(f"no {wanted}")
        node.set("this", exp.Case(ifs=[exp.If(this=fits, true=node.this.copy())], default=other))
    if given == "text" and wanted == "text" and node.to.expressions:
        return _call("left", node.this, node.to.expressions[0].this)
    if given == "decimal" and wanted == "text":  # DuckDB writes .50 where there can be no digit before the point
        text = exp.cast(node.this.copy(), "VARCHAR")
        return _call("regexp_replace", text, *map(exp.Literal.string, ("^(-?)[.]", r"\10.")))
    if node.to.this in (kinds.TIMESTAMP, kinds.TIMESTAMPNTZ):
        node.set("to", exp.DataType(this=kinds.TIMESTAMP))  # its cells have three digits after the second
    return node


def _call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
