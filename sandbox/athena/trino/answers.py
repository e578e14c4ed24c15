"""Writes Trino's answers as Athena does: the types of columns, and each cell as a text."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from sandbox.athena.values import render

_SIZES = {"varchar": [2147483647], "timestamp": [3]}
"""The sizes of a type that tells none."""
_BAD_DATA = re.compile(
    r"NOT_SUPPORTED: Unsupported Trino column type \((?P<type>.+)\) for Parquet column "
    r"\(\[(?P<column>.+)\] \w+ (?P<found>\w+) "
)
"""How this Trino says that a file of Parquet does not hold what the catalog says; Athena's says it otherwise."""
_CASE_SENSITIVE = ("varchar", "char")


def column_info(column: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of one column in a ResultSetMetadata."""
    signature, name = column["typeSignature"], column["name"]
    kind, sizes = signature["rawType"], [size["value"] for size in signature["arguments"] if size["kind"] == "LONG"]
    sizes = sizes or _SIZES.get(kind, [])
    precision, scale = (*sizes, 0, 0)[:2]
    described = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name}
    shape = {"Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": kind in _CASE_SENSITIVE}
    return {**described, "Type": {"real": "float"}.get(kind, kind), **shape}


def cell_text(cell: Any, column: Mapping[str, Any]) -> str | None:
    """Return a cell as VarCharValue and the result CSV have it."""
    return render(_value(cell, column["typeSignature"]))


def reason(error: str) -> str:
    """Return Athena's StateChangeReason for an error of Trino."""
    if bad := _BAD_DATA.match(error):
        found = f"Field {bad['column']}'s type {bad['found'].upper()} in parquet file is incompatible with type"
        return f"HIVE_BAD_DATA: {found} {bad['type']} defined in table schema"
    return error


def _value(cell: Any, signature: Mapping[str, Any]) -> Any:
    """Return Python's value of a cell that the client protocol writes as JSON."""
    kind, inner = signature["rawType"], [argument["value"] for argument in signature["arguments"]]
    if cell is None:
        return None
    match kind:
        case "varbinary":
            return base64.b64decode(cell)
        case "double" | "real":
            return float(cell)
        case "array":
            return [_value(item, inner[0]) for item in cell]
        case "map":
            return {_value(key, inner[0]): _value(item, inner[1]) for key, item in cell.items()}
        case "row":
            names = [(field.get("fieldName") or {}).get("name") or f"field{at}" for at, field in enumerate(inner)]
            return {
                name: _value(item, field["typeSignature"]) for name, item, field in zip(names, cell, inner, strict=True)
            }
    return cell
