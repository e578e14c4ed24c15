"""Refuse what no landed file could hold, or prove: a text that no cell can be or that means two things, no columns."""

from collections.abc import Iterator, Sequence

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat
from acceptance.odcs.document.custom_properties import VENDOR
from acceptance.odcs.document.node import Node, shown

_Columns = Sequence[tuple[Column, Node]]


def refuse_unwritable(landing: LandingFormat, columns: _Columns, server: Node) -> None:
    own = [(column, node) for column, node in columns if not column.partition]
    in_file = [(column, node) for column, node in own if column.in_file]
    if own and not any(column.compared for column, _ in in_file):
        own[0][1].refuse("no column both lands and is compared, so nothing could be proved; leave out `compare: false`")
    if landing.format.has_null_text and landing.null_text:
        _refuse_null_text(landing, in_file, _place(server, "nullText"))
    for name, texts in (("trueText", landing.true_texts), ("falseText", landing.false_texts)):
        for text in texts if _is_given(server, name) else ():
            _refuse_text(landing, text, _place(server, name))
    for name, sign in (("delimiter", landing.delimiter), ("groupSeparator", landing.group_separator)):
        if landing.format.is_text and (lacking := _lacking(landing, sign)):
            _place(server, name).refuse(f"found {shown(sign)}, and {lacking}")
    _refuse_records(landing, server)
    for column, node in in_file:
        _refuse_column(landing, column, node)
    if landing.format.is_delimited and not landing.quote and not landing.escape:
        _refuse_signs_of_numbers(landing, in_file, _place(server, "delimiter"))


def _place(server: Node, name: str) -> Node:
    """Return where a custom property of the server has its value; the server's list of them if it has not."""
    return next(_given(server, name), server["customProperties"])


def _is_given(server: Node, name: str) -> bool:
    return next(_given(server, name), None) is not None


def _given(server: Node, name: str) -> Iterator[Node]:
    for given in server["customProperties"]:
        if given["property"].value == name and given["vendor"].value in (None, VENDOR):
            yield given["value"]


def _refuse_null_text(landing: LandingFormat, columns: _Columns, place: Node) -> None:
    null = landing.null_text
    _refuse_text(landing, null, place)
    for column, _ in columns:
        if column.kind is HiveKind.BOOLEAN:
            for meaning, texts in zip(("true", "false"), column.truth(landing), strict=True):
                if null.lower() in map(str.lower, texts):
                    place.refuse(
                        f"found {shown(null)}, which means {meaning} too in {column.name}; choose another text"
                    )
    widths = [_width(column) for column, _ in columns if column.positions]
    if widths and len(null) > max(widths):
        place.refuse(f"found {shown(null)}, and no cell has {len(null)} characters; no cell could be null")


def _refuse_text(landing: LandingFormat, text: str, place: Node) -> None:
    if reason := _why_no_cell(landing, text):
        place.refuse(f"found {shown(text)}, and {reason}")


def _refuse_records(landing: LandingFormat, server: Node) -> None:
    for name, records in (("headerRecords", landing.header_records), ("trailerRecords", landing.trailer_records)):
        for text in records:
            if lacking := _lacking(landing, text):
                _place(server, name).refuse(f"found {shown(text)}, and {lacking}")
            elif landing.comment and text.startswith(landing.comment):
                reason = f"a line that begins with {landing.comment!r} is a comment, which is no record"
                _place(server, name).refuse(f"found {shown(text)}, and {reason}")


def _refuse_column(landing: LandingFormat, column: Column, node: Node) -> None:
    if column.landed.lower() in map(str.lower, landing.ignored):
        node.refuse(f"the landed column {column.landed!r} is in ignoredColumns too; take it out there or here")
    if landing.format.is_delimited and landing.header and (reason := _why_no_cell(landing, column.landed, trim=False)):
        node.refuse(f"the file's name of {column.name} is {shown(column.landed)}, and {reason}")
    if not landing.format.is_text:
        return
    for text in (*column.true_texts, *column.false_texts):
        _refuse_text(landing, text, node)
    if column.kind in (HiveKind.DATE, HiveKind.TIMESTAMP):
        written = column.shown_format or "yyyy-MM-dd"
        if reason := _why_no_cell(landing, written):
            node.refuse(f"{column.name} is written {written}, and {reason}")
    _refuse_narrow(landing, column, node)


def _refuse_narrow(landing: LandingFormat, column: Column, node: Node) -> None:
    """Refuse positions of so few characters that no value of the type can be written there."""
    if not column.positions:
        return
    needed = []
    if column.kind is HiveKind.BOOLEAN:
        needed = [min(texts, key=len) for texts in column.truth(landing)]
    elif column.kind in (HiveKind.DATE, HiveKind.TIMESTAMP):
        needed = [(column.shown_format or "yyyy-MM-dd").replace("'", "")]
    for text in needed:
        if len(text) > _width(column):
            node.refuse(f"{text} has {len(text)} characters, and the cell of {column.name} has {_width(column)}")


def _refuse_signs_of_numbers(landing: LandingFormat, columns: _Columns, place: Node) -> None:
    has_fractions = any(column.kind.is_float or column.kind is HiveKind.DECIMAL for column, _ in columns)
    signs = {
        "the decimal sign": landing.decimal_sign if has_fractions else "",
        "groupSeparator": landing.group_separator,
    }
    for name, sign in signs.items():
        if sign and sign == landing.delimiter:
            place.refuse(
                f"{sign!r} is {name} and the delimiter, and the file has no quotes around a cell that holds it"
            )


def _width(column: Column) -> int:
    first, last = column.positions or (1, 0)
    return last - first + 1


def _why_no_cell(landing: LandingFormat, text: str, *, trim: bool = True) -> str:
    """Return why no cell of the file can be this text; "" if one can. `trim`: blanks around it may be dropped."""
    if "\0" in text:
        return "no text of a file has a NUL (U+0000)"
    if lacking := _lacking(landing, text):
        return lacking
    if trim and landing.trim and text != text.strip(" \t"):
        return "`trim: true` drops the blanks around each cell"
    if landing.format.is_positioned and text != text.strip(" "):
        return "blanks around a cell pad it; write the text without them"
    breaks = [name for sign, name in (("\n", "a line end"), ("\r", "a line end")) if sign in text]
    if breaks and landing.format.is_positioned:
        return "a record is a line"
    if landing.format.is_delimited and not landing.quote and not landing.escape:
        breaks += [f"the delimiter {landing.delimiter!r}"] if landing.delimiter in text else []
        if breaks:
            return f"it holds {breaks[0]}, around which a file without quotes and escapes has no sign"
    return ""


def _lacking(landing: LandingFormat, text: str) -> str:
    """Return which character the encoding lacks. JSON writes each one, by its number if need be."""
    if not landing.format.has_null_text:
        return ""
    for char in text:
        try:
            char.encode(landing.encoding)
        except UnicodeError:
            return f"{landing.encoding} has no character {char!r} (U+{ord(char):04X})"
        except LookupError:  # it was refused
            return ""
    return ""
