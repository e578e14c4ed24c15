"""Partition projection: the partitions of a table that says so are those of its objects, not those of the catalog."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from sandbox.athena.readers import CatalogTable
from sandbox.athena.values import AthenaError

Partition = tuple[tuple[str, ...], str]

_KINDS = ("enum", "integer", "date", "injected")


def projected_partitions(table: CatalogTable, keys_below: Callable[[str], Iterable[str]]) -> Sequence[Partition] | None:
    """Return values and location of each projected partition with objects; None for a table that projects none.

    `keys_below` lists the keys of the objects below a location. The range of a date is not looked at.

    Raises:
        AthenaError: a partition column has no projection.
    """
    if table.options.get("projection.enabled", "").lower() != "true" or not table.keys:
        return None
    names = [name for name, _ in table.keys]
    for name in names:
        if table.options.get(f"projection.{name}.type", "").lower() not in _KINDS:
            raise AthenaError(
                f"INVALID_TABLE_PROPERTY: column '{name}' of the table has no valid projection.{name}.type"
            )
    template = table.options.get("storage.location.template", "").rstrip("/")
    template = template or "/".join([table.location, *(f"{name}=${{{name}}}" for name in names)])
    bucket = template.removeprefix("s3://").partition("/")[0]
    parts = re.split(r"\$\{(\w+)\}", template.removeprefix(f"s3://{bucket}/"))
    pattern = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)) + "/"
    found: dict[tuple[str, ...], str] = {}
    for key in keys_below(f"s3://{bucket}/{parts[0].rpartition('/')[0]}"):
        match = re.match(pattern, key)
        if match and all(_is_projected(table.options, name, match[name]) for name in names):
            found[tuple(match[name] for name in names)] = f"s3://{bucket}/{match[0]}"
    return list(found.items())


def _is_projected(options: Mapping[str, str], name: str, value: str) -> bool:
    said = f"projection.{name}"
    if options[f"{said}.type"].lower() == "enum":
        return value in [item.strip() for item in options.get(f"{said}.values", "").split(",")]
    if options[f"{said}.type"].lower() == "integer":
        low, _, high = options.get(f"{said}.range", "").partition(",")
        digits = int(options.get(f"{said}.digits", "0"))
        return re.fullmatch("-?[0-9]+", value) is not None and (
            int(low) <= int(value) <= int(high) and value == f"{int(value):0{digits}d}"
        )
    return True
