"""A text of a document that names something of AWS."""

from acceptance.contract.aws_names import NameKind
from acceptance.odcs.document.node import Node, shown
from acceptance.odcs.document.yaml_document import holds_variable


def aws_name(node: Node, kind: NameKind, default: str = "") -> str:
    """Return the text; refuse it if AWS can have nothing of this name."""
    name = node.text(default)
    # A variable without a value is a problem of its own.
    if name and not holds_variable(name) and (problem := kind.problem_of(name)):
        node.refuse(f"found {shown(name)}, which {problem}")
    return name
