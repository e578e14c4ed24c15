"""How numbers and booleans are written in landed files, as a contract says it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from acceptance.contract.contract import Column
from acceptance.contract.landing_format import LandingFormat
from acceptance.odcs.document.node import Node, shown

TRUTH = ("trueText", "falseText")
OF_VALUES = ("groupSeparator", "negative", *TRUTH)


def with_values(landing: LandingFormat, given: Mapping[str, Node]) -> LandingFormat:
    true_texts, false_texts = read_truth(given)
    return replace(
        landing,
        group_separator=_group_separator(given),
        negative=given["negative"].choice(landing.negative),
        true_texts=true_texts or landing.true_texts,
        false_texts=false_texts or landing.false_texts,
    )


def _group_separator(given: Mapping[str, Node]) -> str:
    """Read the sign between groups of three digits; empty if there is none."""
    node = given["groupSeparator"]
    sign = node.value
    if sign is None:
        return ""
    if not isinstance(sign, str) or len(sign) != 1 or sign.isalnum() or sign in "+-()\\^]\r\n" or sign == '"':
        node.refuse(f"found {shown(sign)}; the one sign between groups of three digits is needed, such as '.' or ' '")
        return ""
    point = "," if given["decimalComma"].value is True else "."
    if sign == point:
        other = "false, or leave it out" if point == "," else "true"
        node.refuse(f"found {shown(sign)}, which is the decimal sign too; write `decimalComma: {other}`")
    return sign


def read_truth(given: Mapping[str, Node]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the texts of true and of false; empty where nothing is said."""
    true, false = (_texts(given[name]) if name in given else () for name in TRUTH)
    return true, false


def refuse_truth(landing: LandingFormat, columns: Sequence[tuple[Column, Node]], server: Node) -> None:
    """Refuse a text of true and of false at once, of the server or of a column beside it, and where nothing is text."""
    _refuse_both(server["customProperties"], landing.true_texts, landing.false_texts)
    for column, node in columns:
        if not (column.true_texts or column.false_texts):
            continue
        if not landing.format.is_text:
            node.refuse(f"trueText and falseText say nothing about {landing.format}; leave them out")
        _refuse_both(node, *column.truth(landing))


def _refuse_both(node: Node, true: Iterable[str], false: Iterable[str]) -> None:
    both = {text.lower() for text in true} & {text.lower() for text in false}
    if both:
        node.refuse(f"{min(both)!r} would mean true and false; upper and lower case mean the same")


def _texts(node: Node) -> tuple[str, ...]:
    """Read a text or a list of texts."""
    if node.value is None:
        return ()
    texts: list[Any] = node.value if isinstance(node.value, list) else [node.value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        node.refuse(f"found {shown(node.value)}; a text in quotes is needed, such as 'S', or a list of texts")
        return ()
    return tuple(texts)
