"""What a computed column may be made of: what Athena, and DuckDB which proves the table, compute to the same value.

It is a list of what is allowed, for what is not known to be the same rejects right tables. `aws.computing` writes the
allowed in DuckDB's words where the engines' own differ. Types are those of Hive, without their parameters.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from acceptance.contract.hive_types import WHOLE_NUMBERS
from acceptance.sql.patterns import problem_of
from acceptance.sql.text import DIALECT, with_sizes

TEXTS = ("string", "varchar", "char")
ALLOWED = (
    "arithmetic, comparisons, CASE, if, coalesce, nullif, ||, concat, upper, lower, trim, length, substr, replace, "
    "strpos, starts_with, split_part, lpad, rpad, LIKE, regexp_like, regexp_extract, regexp_replace, round, "
    "floor, ceil, abs, sqrt, year to second, date_format, date_trunc, date_add, date_diff, CAST, and TRY_CAST of texts "
    "as integers"
)

_RANK = ("double", "decimal", "int")
_TEXT_NODES = (
    exp.Upper, exp.Lower, exp.Trim, exp.Replace, exp.Substring, exp.Pad, exp.SplitPart, exp.RegexpExtract,
    exp.RegexpReplace, exp.TimeToStr, exp.Concat, exp.DPipe,
)  # fmt: skip
_PARTS = (exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter, exp.Extract)
_INTEGER_NODES = (exp.Length, exp.StrPosition, exp.DateDiff, *_PARTS)
_TRUTHS = (
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Is, exp.In, exp.Between, exp.Like, exp.Escape, exp.RegexpLike, exp.StartsWith, exp.Boolean,
)  # fmt: skip
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_OF_ITS_OPERAND = (exp.Neg, exp.Paren, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.TimestampTrunc, exp.DateAdd)
_CHOICES = (exp.Coalesce, exp.Nullif, exp.If, exp.Case)
_PLAIN = (exp.Column, exp.Literal, exp.Null, exp.Sqrt, exp.Interval)
_PARTS_OF_NODES = (exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Var)
_KNOWN = (
    *_TEXT_NODES, *_INTEGER_NODES, *_TRUTHS, *_ARITHMETIC, *_OF_ITS_OPERAND, *_CHOICES, *_PLAIN, *_PARTS_OF_NODES,
    exp.Cast,
)  # fmt: skip
_UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
_FORMAT = re.compile("(%[YmdHMSTyf]|[^%])*")
_ALIKE = re.compile(
    r"(?:[^\\^$.|?*+()\[\]{}]|\\[^A-Za-z0-9]|[.|^]|\((?!\?)|\(\?:|\)|\[\^?[^\\\[\]&]+\]"
    r"|(?:[?*+]|\{[0-9]+(?:,[0-9]*)?\})\??(?![?*+]))*"
)
"""A pattern without what engines read in their own way: \\w and the like, $ before a last newline, looking around."""


def as_column(expression: str, type_: str) -> Any:
    """The tree of the value that a table's column holds."""
    kind = type_.replace("string", "varchar") if type_ != "float" else "real"
    select: Any = sqlglot.parse_one(with_sizes(f"SELECT CAST({expression} AS {kind})"), read=DIALECT)
    return select.selects[0]


def unlike(expression: str, type_: str, types: Mapping[str, str]) -> str:
    """What in it is not allowed, and why; empty if nothing. `types` are those of the landed columns, by name."""
    tree = as_column(expression, type_)
    strange = [(node, f"allowed: {ALLOWED}") for node in tree.walk() if not isinstance(node, _KNOWN)]
    checked = ((node, _WHY[type(node)](node, types)) for node in tree.walk() if type(node) in _WHY)
    for node, why in strange or checked:
        if why:
            return f"{(tree.this if node is tree else node).sql(DIALECT)}: {why}"
    return ""


def kind(node: Any, types: Mapping[str, str]) -> str:
    """The kind of a node's value: text, int, decimal, double, date, timestamp or boolean; empty if it may be any."""
    match node:
        case exp.Column():
            return _kind_of_type(types.get(node.name.lower(), ""))
        case exp.Cast():
            return _kind_of_type(node.to.sql("hive").lower())
        case exp.Literal():
            number = "double" if "e" in node.name.lower() else "decimal" if "." in node.name else "int"
            return "text" if node.is_string else number
        case exp.Sqrt():
            return "double"
        case _ if isinstance(node, _TEXT_NODES):
            return "text"
        case _ if isinstance(node, _INTEGER_NODES):
            return "int"
        case _ if isinstance(node, _TRUTHS):
            return "boolean"
        case _ if isinstance(node, _OF_ITS_OPERAND):
            return kind(node.this, types)
        case _ if isinstance(node, (*_ARITHMETIC, *_CHOICES)):
            return _widest([kind(part, types) for part in _operands(node)])
    return ""


def _operands(node: Any) -> Iterator[Any]:
    match node:
        case exp.Case():
            yield from (each.args["true"] for each in node.args["ifs"])
            yield from [node.args["default"]] if node.args.get("default") else []
        case exp.If():
            yield from (node.args[name] for name in ("true", "false") if node.args.get(name))
        case _:
            yield from node.iter_expressions()


def _widest(kinds: list[str]) -> str:
    return next((rank for rank in _RANK if rank in kinds), next(filter(None, kinds), "")) if kinds else ""


def _kind_of_type(type_: str) -> str:
    name = type_.partition("(")[0]
    if name in TEXTS:
        return "text"
    return "int" if name in WHOLE_NUMBERS else {"float": "double", "real": "double"}.get(name, name)


def _cast(node: Any, types: Mapping[str, str]) -> str:
    given, wanted, sized = kind(node.this, types), kind(node, types), bool(node.to.expressions)
    if wanted == "decimal" and not sized:
        return "to Athena such a decimal has no digits after the point; write decimal(precision, scale)"
    if wanted not in ("text", *_RANK, "date", "timestamp", "boolean") or (
        node.to.is_type("char") and not isinstance(node.parent, exp.Select)
    ):
        return f"each engine has its own such type; allowed: {ALLOWED}"
    if isinstance(node, exp.TryCast) and (given, wanted) != ("text", "int"):
        return "each engine takes other values for none; only texts may be tried as integers"
    if given == "double" and wanted == "decimal":
        return "each engine rounds such a number in its own way; compute in decimals, such as CAST(x AS decimal(10, 2))"
    if given == "double" and wanted == "int" and not isinstance(node.this, exp.Round | exp.Floor | exp.Ceil):
        return "each engine rounds a half in its own way; write round(...), floor(...) or ceil(...) in the CAST"
    if wanted == "text" and given in ("double", "timestamp"):
        return "each engine writes such a text in its own way; write it by date_format or a decimal"
    if wanted == "text" and given in ("int", "decimal", "date", ""):
        return _as_text(node, given)
    if (given, wanted) in _FOREIGN:
        return f"no {given} is a {wanted}"
    return ""


_FOREIGN = {(one, other) for one in ("int", "decimal", "double", "boolean") for other in ("date", "timestamp")} | {
    (other, one) for one in ("int", "decimal", "double", "boolean") for other in ("date", "timestamp")
}


def _as_text(node: Any, given: str) -> str:
    """The digits of a decimal, and whether a date has a time, depend on how it was computed."""
    plain = (exp.Column, exp.Cast, exp.Literal, exp.Null, exp.Paren, exp.Neg)
    made = [part for part in node.this.walk(prune=lambda part: isinstance(part, exp.Cast | exp.Column))]
    known = plain if given != "int" else (*plain, *_ARITHMETIC, *_INTEGER_NODES, *_PARTS_OF_NODES)
    if node.to.expressions:
        return "a text of so many letters is cut by one engine only; write CAST(... AS varchar)"
    if all(isinstance(part, known) for part in made):
        return ""
    return "each engine writes such a text in its own way; CAST it first to its type, such as decimal(10, 2) or date"


def _quotient(node: Any, types: Mapping[str, str]) -> str:
    if "decimal" in (kind(node.this, types), kind(node.expression, types)):
        return "each engine rounds a quotient of decimals in its own way; CAST both sides AS double"
    return ""


def _remainder(node: Any, types: Mapping[str, str]) -> str:
    return "" if kind(node, types) == "int" else "a remainder is allowed of integers only"


def _difference(node: Any, types: Mapping[str, str]) -> str:
    times = [kind(side, types) in ("date", "timestamp") for side in (node.this, node.expression)]
    return "each engine has its own type for it; write date_diff('day', from, to)" if all(times) else ""


def _rounded(node: Any, types: Mapping[str, str]) -> str:
    digits = node.args.get("decimals")
    if digits is None or (kind(node, types) == "decimal" and _is_number(digits, 0)):
        return ""
    return "each engine rounds such a number in its own way; round to digits what is CAST AS decimal(precision, scale)"


def _part(node: Any, types: Mapping[str, str]) -> str:
    unit = node.name if isinstance(node, exp.Extract) else node.text("unit")
    return "" if unit.upper() in _UNITS else f"allowed: {', '.join(_UNITS).lower()}"


def _moved(node: Any, types: Mapping[str, str]) -> str:
    count = node.expression if isinstance(node, exp.DateAdd) else node.this
    count = count.this if isinstance(count, exp.Neg) else count
    fine = isinstance(count, exp.Literal) and count.name.isdecimal()
    return _part(node, types) if fine else "write how many as a whole number"


def _piece(node: Any, types: Mapping[str, str]) -> str:
    start, length = node.args.get("start"), node.args.get("length")
    fine = _is_number(start, 1) and (length is None or _is_number(length, 0))
    return "" if fine else "engines count from elsewhere; write a start of 1 or more, and a length, as numbers"


def _split(node: Any, types: Mapping[str, str]) -> str:
    fine = _is_number(node.args["part_index"], 1) and _is_text(node.args["delimiter"])
    return "" if fine else "write the delimiter as a text that is not empty, and the part as a number from 1"


def _padded(node: Any, types: Mapping[str, str]) -> str:
    fine = _is_number(node.expression, 0) and _is_text(node.args["fill_pattern"])
    return "" if fine else "write the length as a number, and what fills it as a text that is not empty"


def _searched(node: Any, types: Mapping[str, str]) -> str:
    searched = node.args.get("substr") or node.expression
    fine = _is_text(searched) and not node.args.get("occurrence")
    return "" if fine else "write what is searched as a text that is not empty, and nothing else"


def _trimmed(node: Any, types: Mapping[str, str]) -> str:
    return "letters of your own are not allowed in trim; use regexp_replace" if node.expression else ""


def _dated(node: Any, types: Mapping[str, str]) -> str:
    fine = node.args["format"].is_string and _FORMAT.fullmatch(node.args["format"].name)
    return "" if fine else "allowed in a format: %Y, %m, %d, %H, %i, %s, %T, %y, %f"


def _matched(node: Any, types: Mapping[str, str]) -> str:
    pattern, group, text = node.expression, node.args.get("group"), node.args.get("replacement")
    if not _is_text(pattern) or not _ALIKE.fullmatch(pattern.name) or problem_of(pattern.name):
        return (
            "engines read such a pattern in their own way; allowed: letters, [a-z0-9], groups, |, ^, ., ?, *, + and {n}"
        )
    whole = group is None or group.name == "0"
    if not whole and (not _is_number(group, 1) or re.search(r"\||\)[?*{]", pattern.name)):
        return "a group that need not be there is null to one engine and empty to the other"
    if isinstance(node, exp.RegexpReplace):
        fine = (text is None or text.is_string) and not set("$\\") & set(text.name if text else "")
        if not fine or re.match(pattern.name, ""):
            return "engines read $ and \\ of a replacement, and a match of nothing, in their own way"
    return ""


def _is_number(node: Any, least: int) -> bool:
    return isinstance(node, exp.Literal) and node.is_int and int(node.name) >= least


def _is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and bool(node.name)


_WHY: Mapping[type, Callable[[Any, Mapping[str, str]], str]] = {
    exp.Cast: _cast, exp.TryCast: _cast, exp.Div: _quotient, exp.Mod: _remainder, exp.Sub: _difference,
    exp.Round: _rounded, exp.Extract: _part, exp.TimestampTrunc: _part, exp.DateAdd: _moved, exp.DateDiff: _part,
    exp.Interval: _moved, exp.Substring: _piece, exp.SplitPart: _split, exp.Pad: _padded, exp.StrPosition: _searched,
    exp.Replace: _searched, exp.Trim: _trimmed, exp.TimeToStr: _dated, exp.RegexpLike: _matched,
    exp.RegexpExtract: _matched, exp.RegexpReplace: _matched,
}  # fmt: skip
