"""The columns of the table, from the properties of an ODCS schema object."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import PARTITION_KINDS, TEXTS, WHOLE_NUMBERS, HiveKind, HiveType
from acceptance.errors import nearest
from acceptance.odcs.columns.positions import read_positions
from acceptance.odcs.document.custom_properties import custom_properties
from acceptance.odcs.document.node import Node, hint, shown
from acceptance.odcs.landing_values import TRUTH, read_truth

LOGICAL_TYPES = {
    "string": TEXTS,
    "integer": (*WHOLE_NUMBERS, HiveKind.DECIMAL),
    "number": (HiveKind.DOUBLE, HiveKind.FLOAT, HiveKind.DECIMAL),
    "boolean": (HiveKind.BOOLEAN,),
    "date": (HiveKind.DATE,),
    "timestamp": (HiveKind.TIMESTAMP,),
    "time": TEXTS,
    "array": (HiveKind.ARRAY,),
    "map": (HiveKind.MAP,),
    "object": (HiveKind.STRUCT,),
}
"""The Hive types that can hold a logical type."""

_PROPERTIES = ("landed", "compare", "digits", "positions", *TRUTH)
_REMOVED = "computed"
_NESTED = {"array": "array<string>", "map": "map<string,int>", "object": "struct<id:int,name:string>"}

_TYPE_OF = {"string": "string", "time": "string", "integer": "bigint", "number": "double"}
"""The Hive type of a logical type when no physicalType is given; the others have the same name."""

_PUBLIC = ("public", "internal", "open", "unrestricted", "público", "publico", "interno", "aberto")
_JDK = {"yyyy": "%Y", "uuuu": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"} | {
    "S" * digits: "%f" for digits in range(1, 7)
}
_JDK_PART = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)


def column_name(node: Node) -> str:
    """Return the name of a property's column as the catalog has it."""
    return (node["physicalName"].text() or node["name"].text()).lower()


def read_columns(table: Node) -> tuple[tuple[Column, Node], ...]:
    """Read a column for each property that can be one, with the property. Names are lower case, as in the catalog."""
    columns: dict[str, tuple[Column, Node]] = {}
    landed: dict[str, Node] = {}
    if not table["properties"].value:
        table.refuse("the table has no properties, so nothing can be checked")
    for node in table["properties"]:
        column = _column(node)
        if column is None:
            continue
        if column.name in columns:
            node.refuse(f"the column {column.name} stands twice, first on line {columns[column.name][1].line}")
        elif not column.partition and column.in_file and column.landed.lower() in landed:
            first = landed[column.landed.lower()]
            node.refuse(f"the landed column {column.landed!r} stands twice, first on line {first.line}")
        columns.setdefault(column.name, (column, node))
        if not column.partition and column.in_file:
            landed[column.landed.lower()] = node
    for flag, position in (("primaryKey", "primaryKeyPosition"), ("partitioned", "partitionKeyPosition")):
        _refuse_shared_positions([node for _, node in columns.values() if node[flag].value], position)
    return tuple(columns.values())


def _refuse_shared_positions(nodes: Sequence[Node], position: str) -> None:
    """Refuse two columns of a key with one position: nobody would know their order."""
    taken: dict[int, Node] = {}
    for node in nodes:
        place = node[position].value
        if place is not None and place > 0 and taken.setdefault(place, node) is not node:
            node[position].refuse(f"{place} is the position of {taken[place]['name'].value!r} too; number them from 1")


def _column(node: Node) -> Column | None:
    logical = node["logicalType"].value
    for key, message in _UNSUPPORTED.items():
        if node[key].value and (key, node[key].value) != ("semanticType", "column"):
            node[key].refuse(message)
    given = custom_properties(node, _PROPERTIES, removed=(_REMOVED,))
    partition = bool(node["partitioned"].value)
    column = Column(
        name=column_name(node),
        type=hive_type(node, str(logical)) or "",
        landed=node["physicalName"].text() or node["name"].text(),
        required=bool(node["required"].value),
        primary_key=bool(node["primaryKey"].value),
        primary_key_position=max(node["primaryKeyPosition"].value or 0, 0),
        partition=partition,
        line=node.line,
        sensitive=str(node["classification"].value or "public").casefold() not in _PUBLIC,
    )
    if partition and column.type and not column.kind.can_partition:
        node.refuse(f"a partition column cannot be of type {column.type}; allowed: {', '.join(PARTITION_KINDS)}")
    if not column.type:
        return None
    if column.kind.is_nested:
        _refuse_comparisons(node, column)
    if format_ := _landed_format(node, logical):
        column = replace(column, landed_format=format_, written_format=node["logicalTypeOptions"]["format"].text())
    return _as_compared(column, given)


def _refuse_comparisons(node: Node, column: Column) -> None:
    """Refuse what Athena cannot do with a nested value."""
    for key in ("primaryKey", "unique", "enum", "relationships"):
        if node[key].value:
            node[key].refuse(f"{column.name} is {column.type}; a nested column can only be compared, and be required")


_UNSUPPORTED = {
    "semanticType": "only columns can be checked; leave measures and dimensions out of a watched contract",
    "properties": "write the types within a column as its physicalType, such as struct<id:int,name:string>",
    "items": "write the types within a column as its physicalType, such as array<string>",
}


def hive_type(node: Node, logical: str) -> str | None:
    """Read the type as the Glue catalog shows it; None after a refusal."""
    if logical in _NESTED and not node["physicalType"].value:
        node["logicalType"].refuse(f"write the types within it as physicalType, such as {_NESTED[logical]}")
        return None
    if logical not in LOGICAL_TYPES:
        node["logicalType"].refuse(f"a column cannot be of type {logical!r}; {hint(logical, tuple(LOGICAL_TYPES))}")
        return None
    text = re.sub(r"\s", "", node["physicalType"].text(_TYPE_OF.get(logical, logical)).lower())
    if HiveKind.named(text) not in LOGICAL_TYPES[logical]:
        allowed = ", ".join(LOGICAL_TYPES[logical])
        near = nearest(text.partition("(")[0], LOGICAL_TYPES[logical])
        meant = f"; did you mean '{near}'?" if near and HiveKind.named(text) is None else ""
        node["physicalType"].refuse(f"found {text!r} for the logical type {logical}; allowed: {allowed}{meant}")
        return None
    try:
        type_ = HiveType.parse(text)
    except ValueError as error:
        node["physicalType"].refuse(f"found {text!r}; {error}")
        return None
    if logical == "integer" and type_.scale:
        node["physicalType"].refuse(f"found {text!r} for the logical type integer; it needs a scale of 0")
    return str(type_)


def _as_compared(column: Column, given: Mapping[str, Node]) -> Column:
    """Return the column with its custom properties applied. Refuses them for a partition column."""
    if column.partition:
        for name in given:
            given[name].refuse(
                "a partition column is not in the landed file: its value comes from `partition` of the pipeline"
            )
        return column
    landed, compare = given.get("landed"), given.get("compare")
    if _REMOVED in given:
        given[_REMOVED].refuse(
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
    if "positions" in given:
        column = replace(column, positions=read_positions(given["positions"]))
    column = _with_truth(column, given)
    return _with_digits(column, given["digits"]) if "digits" in given else column


def _with_truth(column: Column, given: Mapping[str, Node]) -> Column:
    for name in TRUTH:
        if name in given and column.kind is not HiveKind.BOOLEAN:
            given[name].refuse(f"only a boolean has one; {column.name} is {column.type}")
    true_texts, false_texts = read_truth(given)
    return replace(column, true_texts=true_texts, false_texts=false_texts)


def _with_digits(column: Column, node: Node) -> Column:
    value = node.value
    if column.kind is HiveKind.TIMESTAMP:
        if value not in (3, 6):
            node.refuse(
                f"found {shown(value)}; allowed: 3, so that what is below a millisecond is rounded; 6, so that times "
                "are compared to the microsecond, which only a table of Iceberg has"
            )
        return replace(column, rounded=value != 6, micros=value == 6)
    if not column.kind.is_float:
        node.refuse(f"only of float, double and timestamp so many digits are compared; {column.name} is {column.type}")
        return column
    if value == "exact":
        return replace(column, digits=None)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 12:
        node.refuse(f"found {shown(value)}; allowed: 0 to 12 digits after the point, or exact")
        return column
    return replace(column, digits=value)


def _landed_format(node: Node, logical: str) -> str | None:
    """Read the strptime pattern of a date or timestamp that does not land as ISO text."""
    option = node["logicalTypeOptions"]["format"]
    if logical not in ("date", "timestamp") or option.value is None:
        return None
    needed = ("%Y", "%m", "%d") if logical == "date" else ("%Y", "%m", "%d", "%H")
    pattern = strptime_pattern(option.text(), option.refuse)
    if pattern is None:
        return None
    directives = re.findall(r"%[^%]", pattern.replace("%%", ""))
    missing = [directive for directive in needed if directive not in directives]
    if missing or len(set(directives)) < len(directives) or (logical == "date" and len(directives) > len(needed)):
        option.refuse(f"found {option.value!r}; a {logical} needs each of its parts once, such as {_EXAMPLE[logical]}")
    return pattern


_EXAMPLE = {"date": "yyyy-MM-dd", "timestamp": "yyyy-MM-dd'T'HH:mm:ss"}


def strptime_pattern(jdk: str, refuse: Callable[[str], None]) -> str | None:
    """Translate a pattern of Java's DateTimeFormatter to strptime. Quoted texts and signs stand for themselves."""
    pattern = ""
    for part in _JDK_PART.finditer(jdk):
        text = part[0]
        if text in _JDK:
            pattern += _JDK[text]
        elif text[0] == "'" and len(text) > 1:
            pattern += (text[1:-1].replace("''", "'") or "'").replace("%", "%%")
        elif not (text[0].isalpha() or text in "'[]{}#"):
            pattern += text.replace("%", "%%")
        else:
            iso = "; a time with an offset or a zone lands as ISO text, without a format" if text[0] in "XxZzOV" else ""
            meant = f"; did you mean {meant!r}?" if (meant := _java_pattern(jdk)) else iso
            refuse(f"{text!r} in the format {jdk!r}; allowed: {', '.join(_JDK)}, signs, and texts in '…'{meant}")
            return None
    return pattern


_JAVA = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"} | {
    "YYYY": "yyyy", "DD": "dd", "HH24": "HH", "MI": "mm", "SS": "ss"
}  # fmt: skip
"""The parts of formats of Python and of Oracle, as Java has them."""


def _java_pattern(text: str) -> str:
    """Return the pattern of Java that a format of Python or of Oracle means; "" if it is none."""
    pattern = re.sub("|".join(_JAVA), lambda part: _JAVA[part[0]], text)
    refused: list[str] = []
    return "" if pattern == text or strptime_pattern(pattern, refused.append) is None else pattern
