"""Read the custom properties of an ODCS document."""

from collections.abc import Collection
from dataclasses import replace
from difflib import get_close_matches

from acceptance.contract.checks import Severity
from acceptance.contract.contract import CustomProperty
from acceptance.errors import nearest
from acceptance.messages.languages import LANGUAGES, Language
from acceptance.odcs.document.node import Node, hint, shown

VENDOR = "aceite"

_MISSPELT = 0.85
"""Words that are as near are one word, misspelt. "acme" is another vendor's name."""


def severity_of(node: Node, default: Severity) -> Severity:
    """Return the custom property `severity` of an element that has no severity in ODCS."""
    given = custom_properties(node, ("severity",)).get("severity")
    return default if given is None else given.choice(default)


def read_language(root: Node) -> Language | None:
    """Return the language in which people are told of the dataset, the custom property `language` of its team."""
    team = root["team"]
    given = custom_properties(team, ("language",)).get("language") if isinstance(team.value, dict) else None
    language = next((each for each in LANGUAGES if given is not None and given.value == each), None)
    if given is not None and language is None:
        given.refuse(f"found {shown(given.value)}; {hint(str(given.value), LANGUAGES)}")
    return language


def foreign_properties(node: Node) -> tuple[CustomProperty, ...]:
    """Return the custom properties of other vendors, which tools must keep."""
    return tuple(
        CustomProperty(str(given["property"].value), given["value"].value, given["vendor"].value)
        for given in node["customProperties"]
        if given["vendor"].value != VENDOR
    )


def custom_properties(node: Node, known: Collection[str], removed: Collection[str] = ()) -> dict[str, Node]:
    """Return the values of the known custom properties of a node, by name. Those of another vendor are ignored.

    It returns those in `removed` too, for the caller to refuse them, but no message proposes them.

    The function refuses one that stands twice, a known one without a value, an unknown one of `vendor: aceite`, one
    without a vendor whose name is so near to a known one that it is probably a misspelling, and a known one of a vendor
    that is as near to `aceite`.
    """
    values: dict[str, Node] = {}
    for given in node["customProperties"]:
        vendor, name = given["vendor"].value, given["property"].value
        if not isinstance(name, str):
            continue
        if vendor not in (None, VENDOR):
            if name not in known or not get_close_matches(str(vendor).casefold(), (VENDOR,), cutoff=_MISSPELT):
                continue
            given["vendor"].refuse(f"found {shown(vendor)}; {hint(str(vendor), (VENDOR,))}")
        if name in values:
            given.refuse(f"the custom property {name} stands twice, first on line {values[name].line}")
        elif name in known or name in removed:
            values[name] = given["value"]
            if given["value"].value is None:
                given["value"].refuse(f"{name} has no value; write one, a text in quotes, or leave the property out")
        elif vendor == VENDOR or nearest(name, known) is not None:
            given["property"].refuse(f"unknown custom property {name!r}; {hint(name, known)}")
    return values


def contract_properties(root: Node) -> tuple[Node, Node]:
    """Return the values of the custom properties `pipeline` and `delivery`; an absent one is an empty mapping.

    The function refuses one without a vendor, which may belong to another tool.
    """
    names = ("pipeline", "delivery")
    values = custom_properties(root, names)
    for node in root["customProperties"]:
        name = node["property"].value
        if name in values and node["vendor"].value is None:
            node.refuse(f"a {name} without vendor; write `vendor: {VENDOR}` if Aceite is to follow it")
    pipeline, delivery = (values.get(name, replace(root[name], value={})).mapping() for name in names)
    pipeline.refuse_unknown_keys(("override", "steps", "partition"))
    return pipeline, delivery
