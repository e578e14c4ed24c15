"""The part of the landing server that says which records of a text file are data, and which signs its cells need."""

from collections.abc import Mapping
from dataclasses import replace

from acceptance.contract.landing_format import FileFormat, LandingFormat
from acceptance.contract.positions import Positions, positions_in
from acceptance.odcs.document.node import Node, shown

OF_RECORDS = ("headerRecords", "trailerRecords", "trailerCount")
"""They have a meaning in every text file but JSON."""

OF_SIGNS = ("trailingDelimiter", "escape", "comment")
"""They have a meaning in CSV."""

_MOST_RECORDS = 9
_MOST_SIGNS = 10


def with_records(landing: LandingFormat, given: Mapping[str, Node]) -> LandingFormat:
    """Return the format with these properties of the server. The value of an absent one is None."""
    trailers = _records(given["trailerRecords"])
    landing = replace(
        landing,
        trailing_delimiter=given["trailingDelimiter"].flag(),
        escape=_sign(given["escape"]).replace(landing.quote or " ", ""),  # a quote is doubled inside of quotes anyway
        comment=_sign(given["comment"]),
        header_records=_records(given["headerRecords"]),
        trailer_records=trailers,
        trailer_count=_count(given["trailerCount"], landing.format),
    )
    if landing.trailer_count and not trailers:
        given["trailerCount"].refuse("there is no trailer record that it could be in; add trailerRecords: 1")
    _refuse_equal_signs(landing, given)
    return landing


def delimiter_of(node: Node, default: str) -> str:
    r"""Read the text between two cells: one character, such as ; or \t, or several, such as || or ~|~."""
    if node.value is None:
        return default
    if not isinstance(node.value, str) or not 0 < len(node.value) <= _MOST_SIGNS or {*node.value} & {*"\r\n\0"}:
        node.refuse(
            f"found {shown(node.value)}; one character is needed, or up to {_MOST_SIGNS}, in quotes, such as ';', "
            "\"\\t\" or '||'"
        )
        return default
    if any(sign.isascii() and sign.isalnum() for sign in node.value):
        node.refuse(f'found {shown(node.value)}; signs separate cells, not letters and digits; a tab is "\\t"')
        return default
    return node.value


def _sign(node: Node) -> str:
    if node.value is None:
        return ""
    if not isinstance(node.value, str) or len(node.value) != 1 or not node.value.isascii() or node.value.isalnum():
        node.refuse(f"found {shown(node.value)}; one sign of ASCII is needed, in quotes, such as '#' or '\\'")
        return ""
    if not node.value.isprintable() or node.value == " ":
        node.refuse(f"found {shown(node.value)}; a sign that is seen is needed, such as '#' or '\\'")
    return node.value


def _records(node: Node) -> tuple[str, ...]:
    """Read a number of records, or how each of them begins. An empty text says nothing of how."""
    match node.value:
        case None:
            return ()
        case bool():
            pass
        case int() if 1 <= node.value <= _MOST_RECORDS:
            return ("",) * node.value
        case list() if 1 <= len(node.value) <= _MOST_RECORDS:
            if all(isinstance(text, str) and text and not {*text} & {*"\r\n"} for text in node.value):
                return tuple(node.value)
    node.refuse(
        f"found {shown(node.value)}; write how many records it is, 1 to {_MOST_RECORDS}, or a list of how each of them "
        "begins, such as ['T|']"
    )
    return ()


def _count(node: Node, format_: FileFormat) -> int | Positions:
    """Read where the trailer has the number of rows: in which cell, or at which positions. 0 if nobody says."""
    if node.value is None:
        return 0
    number = node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else 0
    if 1 <= number <= 999 and format_.is_delimited:
        return number
    positions = None if isinstance(node.value, bool | list | dict) else positions_in(str(node.value))
    if positions is None:
        cell = "the number of the cell, such as 2, or " if format_.is_delimited else ""
        node.refuse(
            f"found {shown(node.value)}; write where the first trailer record has the number of rows: {cell}its first "
            "and its last character, such as 2-9"
        )
    return positions or 0


def _refuse_equal_signs(landing: LandingFormat, given: Mapping[str, Node]) -> None:
    signs = {"delimiter": landing.delimiter, "quote": landing.quote, "escape": landing.escape}
    for name in ("escape", "comment"):
        sign = getattr(landing, name)
        others = [other for other, text in signs.items() if other != name and sign and sign in text]
        if others:
            given[name].refuse(f"{name} and {others[0]} are both {sign!r}; each sign needs one meaning")
