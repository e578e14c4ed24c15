"""Placeholders in a pipeline's texts: `{bucket} {key} {file} {prefix} {business_date:%Y%m%d} {delivery_id}` and fields.

Filled values are not parsed again, so a key full of braces stays as it is. A value in JSON is escaped as JSON, so a key
full of quotes adds nothing to it. `tokens` has the grammar. `{file}` is the
template's field of that name, or else the last segment of the key. `{prefix}` is the folder that holds all files of the
delivery; it ends in "/".
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.contract.hive_types import HiveKind, whole_number
from acceptance.contract.keys.embedded_json import depths_of_values, escaped
from acceptance.contract.keys.template import GENERAL, KeyTemplate
from acceptance.contract.keys.tokens import BUSINESS_DATE, Placeholder, tokens, write
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey

OF_ONE_FILE = ("key", "file")
"""Placeholders whose value differs for each file of a delivery."""


def known_placeholders(template: KeyTemplate) -> tuple[str, ...]:
    """Return the placeholders that a delivery of this template can fill: no `{prefix}` if keys have no "/"."""
    general = (name for name in GENERAL if name != "prefix" or "/" in template.pattern)
    return tuple(dict.fromkeys((*general, "file", BUSINESS_DATE, *template.fields)))


def fill(
    template: Any, delivery: Delivery, member: LandingObject | None = None, fields: Mapping[str, str] | None = None
) -> Any:
    """Fill the placeholders in all texts of the value; the keys of mappings stay.

    `{key}` and `{file}` are those of `member`, by default the first one; `fields` are its named fields.

    Raises ValueError for a text that is not a template, or a placeholder that the delivery cannot fill.
    """
    member = member or delivery.first
    values = {
        "file": member.file,
        **(delivery.fields if fields is None else fields),
        "bucket": member.bucket,
        "key": member.key,
    }
    names = placeholder_names(template)
    # These look at all members, so they are computed only on demand.
    if "prefix" in names:
        values["prefix"] = delivery.prefix
    if "delivery_id" in names:
        values["delivery_id"] = delivery.id

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return [filled(child) for child in value]
        if not isinstance(value, str):
            return value
        parts = tokens(value)
        try:
            written = (write(token, delivery.business_date, values) for token in parts)
            return "".join(map(escaped, written, depths_of_values(parts)))
        except KeyError as error:
            raise ValueError(f"{value!r} holds the unknown placeholder {{{error.args[0]}}}") from error

    return filled(template)


def fields_of(template: KeyTemplate, delivery: Delivery, member: LandingObject) -> Mapping[str, str]:
    """Return the named fields of one member. Raise UnroutableKey if its key does not fit the template."""
    return delivery.fields if len(delivery.members) == 1 else template.read(member.key)[1]


def placeholder_names(template: Any) -> tuple[str, ...]:
    """Return the placeholders in a value's texts, each once. Raise ValueError for a text that is not a template."""
    parts = [tokens(text) for text in _texts(template)]
    for each in parts:
        depths_of_values(each)
    names = (token.name for each in parts for token in each if isinstance(token, Placeholder))
    return tuple(dict.fromkeys(names))


def unknown_placeholders(template: Any, known: Collection[str]) -> tuple[str, ...]:
    """Return the unknown placeholders, each once. Raise ValueError as `placeholder_names` does."""
    return tuple(name for name in placeholder_names(template) if name not in known)


def partition_values(contract: Contract, delivery: Delivery) -> dict[str, str]:
    """Return the text of each partition column for a delivery, in the order of the table's partition keys.

    Raises:
        UnroutableKey: the files of the delivery belong to different partitions, or one of several members has a key
            that does not fit the contract's template.
    """
    texts: dict[str, str] = {}
    for column, text in contract.partition.items():
        values = {
            fill(text, delivery, member, fields_of(contract.template, delivery, member)): member
            for member in sorted(delivery.members, reverse=True)
        }
        if len(values) > 1:
            raise UnroutableKey(
                f"the partition column {column} is {text!r}, which puts the files of one delivery into different "
                f"partitions: {_examples(delivery, values)}; a delivery must lie in one partition"
            )
        texts[column] = next(iter(values))
    return texts


def refuse_invalid_partition_values(contract: Contract, delivery: Delivery, values: Mapping[str, str]) -> None:
    """Raise UnroutableKey for a partition value that is not of its column's type: no engine would find it."""
    columns = {column.name: column for column in contract.columns}
    for name, value in values.items():
        bounds = columns[name].hive_type.integer_bounds if columns[name].kind.is_whole else None
        number = whole_number(value)
        if bounds and (number is None or not bounds[0] <= number <= bounds[1]):
            needed = f"a whole number from {bounds[0]} to {bounds[1]}"
        elif columns[name].kind is HiveKind.DATE and not _is_date(value):
            needed = "a date such as 2026-01-31"
        else:
            continue
        raise UnroutableKey(
            f"the partition column {name} is {columns[name].type}, and {contract.partition[name]!r} makes {value!r} of "
            f"{delivery.first.key}; it must be {needed}. Narrow the key template, or make the column a string"
        )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _examples(delivery: Delivery, values: Mapping[str, LandingObject]) -> str:
    first = sorted(values.items(), key=lambda item: item[1])[:2]
    return " and ".join(f"{delivery.name_of(member)} into {value!r}" for value, member in first)


def _texts(template: Any) -> Iterator[str]:
    match template:
        case str():
            yield template
        case dict():
            for child in template.values():
                yield from _texts(child)
        case list() | tuple():
            for child in template:
                yield from _texts(child)
