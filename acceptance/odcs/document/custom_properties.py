"""Read the custom properties of an ODCS document."""

from collections.abc import Collection
from dataclasses import replace

from acceptance.contract.checks import Severity
from acceptance.contract.contract import CustomProperty
from acceptance.odcs.document.node import Node, hint, shown

VENDOR = "aceite"


def severity_of(node: Node, default: Severity) -> Severity:
    """Return the custom property `severity` of an element that has no severity in ODCS."""
    given = custom_properties(node, ("severity",)).get("severity")
    if given is None:
        return default
    if given.value not in tuple(Severity):
        given.refuse(f"found {shown(given.value)}; {hint(str(given.value), tuple(Severity))}")
        return default
    return Severity(given.value)


def foreign_properties(node: Node) -> tuple[CustomProperty, ...]:
    """Return the custom properties of other vendors, which tools must keep."""
    return tuple(
        CustomProperty(str(each["property"].value), each["value"].value, each["vendor"].value)
        for each in node["customProperties"]
        if each["vendor"].value != VENDOR
    )


def custom_properties(node: Node, known: Collection[str], removed: Collection[str] = ()) -> dict[str, Node]:
    """Return the values of the known custom properties of a node, by name. Those of another vendor are ignored.

    Those in `removed` are returned too, for the caller to refuse them, and no message proposes them.

    Refused: one that stands twice; one that is not known and says `vendor: aceite`; one without a vendor whose name is
    so near to a known one that it is a slip of the pen.
    """
    found: dict[str, Node] = {}
    for each in node["customProperties"]:
        vendor, name = each["vendor"].value, each["property"].value
        if vendor not in (None, VENDOR) or not isinstance(name, str):
            continue
        if name in found:
            each.refuse(f"the custom property {name} stands twice, first on line {found[name].line}")
        elif name in known or name in removed:
            found[name] = each["value"]
        elif vendor == VENDOR or "did you mean" in hint(name, known):
            each["property"].refuse(f"unknown custom property {name!r}; {hint(name, known)}")
    return found


def contract_properties(root: Node) -> tuple[Node, Node]:
    """Return the values of the custom properties `pipeline` and `delivery`; an absent one is an empty mapping.

    Refused: one of these names without a vendor, which may be another tool's.
    """
    names = ("pipeline", "delivery")
    found = custom_properties(root, names)
    for node in root["customProperties"]:
        name = node["property"].value
        if name in found and node["vendor"].value is None:
            node.refuse(f"a {name} without vendor; write `vendor: {VENDOR}` if it is ours to follow")
    pipeline, delivery = (found.get(name, replace(root[name], value={})).mapping() for name in names)
    pipeline.refuse_unknown_keys(("override", "steps", "partition"))
    return pipeline, delivery
