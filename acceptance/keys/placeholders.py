"""Placeholders in a pipeline's texts: `{bucket} {key} {file} {business_date:%Y%m%d} {delivery_id}` and named fields.

A value that was filled in is never read again, so a key full of braces stays what it is. The grammar is that of
`tokens`. `{file}` is the template's field of that name; if it has none, the last segment of the key.
"""

from collections.abc import Collection, Iterator
from typing import Any

from acceptance.contract import Contract
from acceptance.delivery import Delivery
from acceptance.keys.template import GENERAL, KeyTemplate
from acceptance.keys.tokens import BUSINESS_DATE, Placeholder, tokens, write


def known_placeholders(template: KeyTemplate) -> tuple[str, ...]:
    """The names that a delivery of this template has values for."""
    return tuple(dict.fromkeys((*GENERAL, "file", BUSINESS_DATE, *template.fields)))


def fill(template: Any, delivery: Delivery) -> Any:
    """The same value with the placeholders in its texts filled; the keys of mappings stay.

    Raises ValueError for a text that is no template, or a placeholder that the delivery has no value for.
    """
    first = delivery.first
    values = {
        "file": first.file,
        **delivery.fields,
        "bucket": first.bucket,
        "key": first.key,
        "delivery_id": delivery.id,
    }

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


def unknown(template: Any, known: Collection[str]) -> tuple[str, ...]:
    """The names of placeholders that are not known, each once. Raises ValueError for a text that is no template."""
    names = (token.name for text in _texts(template) for token in tokens(text) if isinstance(token, Placeholder))
    return tuple(dict.fromkeys(name for name in names if name not in known))


def partition_values(contract: Contract, delivery: Delivery) -> dict[str, str]:
    """The text of each partition column for a delivery, in the order of the table's partition keys."""
    return {column: fill(text, delivery) for column, text in contract.partition.items()}


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
