"""Partition projection: Athena makes a table's partitions from its parameters, and reads none from the catalog.

Source: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html
"""

import re
from collections.abc import Mapping, Sequence

from acceptance.contract.hive_types import whole_number


def projects(parameters: Mapping[str, str]) -> bool:
    return parameters.get("projection.enabled", "").strip().lower() == "true"


def projected_location(
    parameters: Mapping[str, str], location: str, keys: Sequence[str], values: Mapping[str, str]
) -> str | None:
    """Return where the partition of these values by key lies; None for a value that the table does not project.

    Keys are in small letters, and the parameters may name them in others. The range of dates is not looked at: for a
    date outside of it Athena answers no rows.
    """
    parameters = {name.lower(): text for name, text in parameters.items()}
    template = parameters.get("storage.location.template")
    template = template or "/".join([location.rstrip("/"), *(f"{key}=${{{key}}}" for key in keys)])
    template = re.sub(r"\$\{\w+\}", lambda key: key[0].lower(), template)
    for key in keys:
        text = _projected(parameters, key, values.get(key, ""))
        if text is None:
            return None
        template = template.replace(f"${{{key}}}", text)
    return template.rstrip("/") + "/"


def _projected(parameters: Mapping[str, str], key: str, value: str) -> str | None:
    """Return the value as a location has it."""
    said = f"projection.{key}"
    kind = parameters.get(f"{said}.type", "").strip().lower()
    if kind == "enum":
        return value if value in _list(parameters.get(f"{said}.values", "")) else None
    if kind != "integer":
        return value
    number = whole_number(value)
    bounds = [whole_number(bound) for bound in _list(parameters.get(f"{said}.range", ""))]
    if number is None or len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
        return None
    digits = whole_number(parameters.get(f"{said}.digits", "")) or 0
    return f"{number:0{digits}d}" if bounds[0] <= number <= bounds[1] else None


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]
