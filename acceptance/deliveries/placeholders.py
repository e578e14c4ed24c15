"""Placeholders in a pipeline's texts: `{bucket} {key} {file} {prefix} {business_date:%Y%m%d} {delivery_id}` and fields.

A value that was filled in is never read again, so a key full of braces stays what it is. The grammar is that of
`tokens`. `{file}` is the template's field of that name; if it has none, the last segment of the key. `{prefix}` is the
folder that all files of the delivery lie in; it ends in "/".
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.contract.hive_types import HiveKind, whole_number
from acceptance.contract.keys.template import GENERAL, KeyTemplate
from acceptance.contract.keys.tokens import BUSINESS_DATE, Placeholder, tokens, write
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.errors import ContractError, Problem

OF_ONE_FILE = ("key", "file")
"""Placeholders that have another value for each file of a delivery."""


def known_placeholders(template: KeyTemplate) -> tuple[str, ...]:
    """The names that a delivery of this template has values for. Keys without a "/" lie in no folder."""
    general = (name for name in GENERAL if name != "prefix" or "/" in template.pattern)
    return tuple(dict.fromkeys((*general, "file", BUSINESS_DATE, *template.fields)))


def fill(
    template: Any, delivery: Delivery, member: LandingObject | None = None, fields: Mapping[str, str] | None = None
) -> Any:
    """The same value with the placeholders in its texts filled; the keys of mappings stay.

    `{key}` and `{file}` are those of the member, and of the first one if none is given; `fields` are its named fields.

    Raises ValueError for a text that is no template, or a placeholder that the delivery has no value for.
    """
    member = member or delivery.first
    values = {
        "file": member.file,
        **(delivery.fields if fields is None else fields),
        "bucket": member.bucket,
        "key": member.key,
    }
    told = named(template)
    # These look at all members, so they are worked out only where they are asked for.
    if "prefix" in told:
        values["prefix"] = delivery.prefix
    if "delivery_id" in told:
        values["delivery_id"] = delivery.id

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return [filled(child) for child in value]
        if not isinstance(value, str):
            return value
        try:
            return "".join(write(token, delivery.business_date, values) for token in tokens(value))
        except KeyError as error:
            raise ValueError(f"{value!r} holds the unknown placeholder {{{error.args[0]}}}") from error

    return filled(template)


def fields_of(template: KeyTemplate, delivery: Delivery, member: LandingObject) -> Mapping[str, str]:
    """The named fields of one member. Raises UnroutableKey if its key is not one of the template."""
    return delivery.fields if len(delivery.members) == 1 else template.read(member.key)[1]


def named(template: Any) -> tuple[str, ...]:
    """The names of the placeholders in a value's texts, each once. Raises ValueError for a text that is no template."""
    names = (token.name for text in _texts(template) for token in tokens(text) if isinstance(token, Placeholder))
    return tuple(dict.fromkeys(names))


def unknown(template: Any, known: Collection[str]) -> tuple[str, ...]:
    """The names of placeholders that are not known, each once. Raises ValueError as `named` does."""
    return tuple(name for name in named(template) if name not in known)


def partition_values(contract: Contract, delivery: Delivery) -> dict[str, str]:
    """The text of each partition column for a delivery, in the order of the table's partition keys.

    Raises:
        ContractError: the files of the delivery belong to different partitions.
        UnroutableKey: a member of several has a key that is not one of the contract's template.
    """
    found: dict[str, str] = {}
    for column, text in contract.partition.items():
        values = {
            fill(text, delivery, member, fields_of(contract.template, delivery, member)): member
            for member in sorted(delivery.members, reverse=True)
        }
        if len(values) > 1:
            message = (
                f"the partition column {column} is {text!r}, which puts the files of one delivery into different "
                f"partitions: {_examples(delivery, values)}; a delivery is measured in one partition"
            )
            raise ContractError([Problem(contract.path, 0, message)])
        found[column] = next(iter(values))
    return found


def refuse_misfits(contract: Contract, delivery: Delivery, values: Mapping[str, str]) -> None:
    """Raise ContractError for a partition value that cannot be one of its column's type: no engine would find it."""
    columns = {column.name: column for column in contract.columns}
    for name, value in values.items():
        if columns[name].kind.is_whole and whole_number(value) is None:
            needed = "digits are needed"
        elif columns[name].kind is HiveKind.DATE and not _is_date(value):
            needed = "a date such as 2026-01-31 is needed"
        else:
            continue
        message = (
            f"the partition column {name} is {columns[name].type}, and {contract.partition[name]!r} makes {value!r} of "
            f"{delivery.first.key}; {needed}. Narrow the key template, or make the column a string"
        )
        raise ContractError([Problem(contract.path, 0, message)])


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
