"""The custom properties of ODCS that Aceite reads."""

from collections.abc import Collection

from acceptance.odcs.node import Node, hint

VENDOR = "aceite"


def custom_properties(node: Node, known: Collection[str]) -> dict[str, Node]:
    """The values of the known custom properties of a node, by name. Those of another vendor are not looked at.

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
        elif name in known:
            found[name] = each["value"]
        elif vendor == VENDOR or "did you mean" in hint(name, known):
            each["property"].refuse(f"unknown custom property {name!r}; {hint(name, known)}")
    return found
