"""The positions of a fixed-width file's cells: each character of a record belongs to one column, or is left out."""

from collections.abc import Iterator, Sequence

from acceptance.contract.contract import Column
from acceptance.contract.landing_format import LandingFormat
from acceptance.contract.positions import Positions, positions_in, positions_text
from acceptance.odcs.document.node import Node, shown


def read_positions(node: Node) -> Positions:
    """Read the value of a property. After a refusal the result is `_REFUSED`."""
    positions = None if isinstance(node.value, bool) else positions_in(str(node.value))
    if positions is None:
        node.refuse(
            f"found {shown(node.value)}; write the first and the last character, counted from 1, such as 1-10, or 7 "
            "for a single one"
        )
    return positions or _REFUSED


_REFUSED = (0, 0)


def refuse_positions(landing: LandingFormat, columns: Sequence[tuple[Column, Node]], server: Node) -> None:
    """Refuse columns whose positions do not fit the format, or do not divide the record among them."""
    if str(server["format"].value).lower() != landing.format:
        return  # it was refused
    in_file = [(column, node) for column, node in columns if column.in_file and not column.partition]
    if not landing.format.is_positioned:
        for column, node in in_file:
            if column.positions:
                node.refuse(f"the positions of {column.name} say nothing about {landing.format}; leave them out")
        return
    for column, node in in_file:
        if not column.positions:
            node.refuse(
                f"{column.name} has no positions, and a {landing.format} file has no delimiters; write the first and "
                "the last character of its cell: {property: positions, vendor: aceite, value: 1-10}"
            )
    if all(column.positions not in (None, _REFUSED) for column, _ in in_file):
        _refuse_overlaps_and_gaps([*_of_columns(in_file), *_left_out(landing, server["customProperties"])])


_Taken = tuple[Positions, str, Node]


def _of_columns(columns: Sequence[tuple[Column, Node]]) -> Iterator[_Taken]:
    for column, node in columns:
        if column.positions:
            yield column.positions, column.name, node


def _left_out(landing: LandingFormat, place: Node) -> Iterator[_Taken]:
    for text in landing.ignored:
        if positions := positions_in(text):
            yield positions, "ignoredColumns", place
        else:
            place.refuse(
                f"ignoredColumns: found {shown(text)}; of a {landing.format} file write positions, such as '11-14'"
            )


def _refuse_overlaps_and_gaps(taken: Sequence[_Taken]) -> None:
    last, before = 0, ""
    for (start, end), name, place in sorted(taken, key=lambda each: each[0]):
        if start <= last:
            place.refuse(f"the positions {positions_text((start, end))} of {name} overlap with those of {before}")
        elif start > last + 1:
            gap = positions_text((last + 1, start - 1))
            place.refuse(
                f"the characters {gap}, before {name}, belong to no column; describe them, or "
                f"leave them out: {{property: ignoredColumns, value: ['{gap}']}}"
            )
        if end > last:
            last, before = end, name
