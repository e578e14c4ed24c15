"""The landing server: its own fields, and its custom properties for what ODCS has no field for."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from acceptance.contract.landing_format import Engine, FileFormat, LandingFormat
from acceptance.odcs.document.custom_properties import custom_properties
from acceptance.odcs.document.node import Node, hint, shown

_COMPRESSIONS = ("none", "gzip")
_OF_ALL = ("trim", "emptyAsNull", "timeZone", "ignoredColumns", "engine", "landedTable")
_OF_TEXT = ("decimalComma", "compression")
_OF_CSV = ("delimiter", "quote", "header", "nullText")
_KNOWN = (*_OF_ALL, *_OF_TEXT, *_OF_CSV)
_TABLE = re.compile(r"\w+[.]\w+", re.ASCII)


def read_landing_format(server: Node) -> LandingFormat:
    name = server["format"].text()
    if name.lower() not in tuple(FileFormat):
        server["format"].refuse(f"found {shown(server['format'].value)}; {hint(name, tuple(FileFormat))}")
        return LandingFormat()
    format_, given = FileFormat(name.lower()), custom_properties(server, _KNOWN)
    _refuse_of_other_formats(format_, server, given)
    csv = LandingFormat()
    delimiter = _character(given.get("delimiter"), csv.delimiter)
    quote = _quote(given.get("quote"), csv.quote)
    if delimiter == quote:
        given.get("quote", server).refuse(f"delimiter and quote are both {quote!r}")
    header = _flag(given.get("header"), csv.header)
    ignored = _names(given.get("ignoredColumns"))
    if ignored and not header:
        given["ignoredColumns"].refuse("without a header nobody knows which cells they are; describe all columns")
    return LandingFormat(
        format=format_,
        encoding=_encoding(server["encoding"]),
        delimiter=delimiter,
        quote=quote,
        header=header,
        null_text=_null_text(given.get("nullText"), csv.null_text),
        compression=_compression(given.get("compression"), server["location"]),
        trim=_flag(given.get("trim")),
        empty_as_null=_flag(given.get("emptyAsNull")),
        decimal_comma=_flag(given.get("decimalComma")),
        zone=_zone(given.get("timeZone")),
        ignored=ignored,
    )


def read_engine(server: Node, landing: LandingFormat) -> tuple[Engine, str]:
    """Read the reader of the proof, and the `database.table` that Athena reads the landed files by."""
    given = custom_properties(server, _KNOWN)
    engine, table = given.get("engine"), given.get("landedTable")
    if engine is None or engine.value == Engine.LOCAL:
        if table is not None:
            table.refuse("a landedTable is read only with `engine: athena`")
        return Engine.LOCAL, ""
    if engine.value not in tuple(Engine):
        engine.refuse(f"found {shown(engine.value)}; {hint(str(engine.value), tuple(Engine))}")
        return Engine.LOCAL, ""
    if table is None or not _TABLE.fullmatch(table.text()):
        place = table or engine
        place.refuse(
            "Athena reads the landed files by a table over the landing location; name it: landedTable: db.table"
        )
    unread = {
        f"format {landing.format}": not landing.format.is_read_strictly_by_athena,
        f"encoding {landing.encoding}": landing.encoding.upper() not in ("UTF-8", "UTF8"),
        f"timeZone {landing.zone}": landing.zone != "UTC",
    }
    for name, found in unread.items():
        if found:
            engine.refuse(f"{name} is not read by Athena as strictly as by DuckDB; use `engine: local`")
    return Engine.ATHENA, table.text().lower() if table is not None else ""


def _refuse_of_other_formats(format_: FileFormat, server: Node, given: Mapping[str, Node]) -> None:
    without_meaning = (*(() if format_.is_delimited else _OF_CSV), *(() if format_.is_text else _OF_TEXT))
    for name in without_meaning:
        if name in given:
            given[name].refuse(f"{name} says nothing about {format_}; leave it out")
    delimiter = server["delimiter"]
    if format_.is_delimited and "delimiter" in server:
        delimiter.refuse("`delimiter` is for JSON; for CSV write it in the server's customProperties")
    if format_ is FileFormat.JSON and delimiter.text("new_line") != "new_line":
        delimiter.refuse(f"found {shown(delimiter.value)}; allowed: new_line, an object a line")


def _encoding(node: Node) -> str:
    encoding = node.text("UTF-8")
    try:
        "x".encode(encoding)  # an empty text would not even look the encoding up
    except (LookupError, ValueError):
        node.refuse(f"the encoding {encoding!r} is not known; such as UTF-8, ISO-8859-1 or cp1252")
    return encoding


def _character(node: Node | None, default: str) -> str:
    if node is None:
        return default
    if not isinstance(node.value, str) or len(node.value) != 1 or node.value in "\r\n":
        node.refuse(f"found {shown(node.value)}; one character is needed, in quotes, such as ';' or \"\\t\"")
        return default
    return node.value


def _quote(node: Node | None, default: str) -> str:
    """Empty: there are no quotes, and a quote is a letter. What reads the files takes a quote of one byte."""
    if node is None or node.value == "":
        return default if node is None else ""
    quote = _character(node, default)
    if not quote.isascii() or not quote.isprintable():
        node.refuse(f"found {shown(quote)}; a quote is a sign of ASCII, such as '\"', or '' if there are none")
        return default
    return quote


def _null_text(node: Node | None, default: str) -> str:
    if node is None:
        return default
    if not isinstance(node.value, str):
        node.refuse(f"found {shown(node.value)}; write the text that means null, in quotes")
        return default
    return node.value


def _flag(node: Node | None, default: bool = False) -> bool:
    if node is None:
        return default
    if not isinstance(node.value, bool):
        node.refuse(f"found {shown(node.value)}; allowed: true, false")
        return default
    return node.value


def _names(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    names: list[Any] = node.value if isinstance(node.value, list) else [None]
    if not all(isinstance(name, str) and name for name in names):
        node.refuse(f"found {shown(node.value)}; a list of the file's columns that the table has not is needed")
        return ()
    return tuple(names)


def _compression(node: Node | None, location: Node) -> str:
    """Read the compression; by default it is gzip for a location that ends in .gz."""
    if node is None:
        return "gzip" if location.text().endswith(".gz") else "none"
    if node.value not in _COMPRESSIONS:
        node.refuse(f"found {shown(node.value)}; {hint(str(node.value), _COMPRESSIONS)}")
    return str(node.value)


def _zone(node: Node | None) -> str:
    if node is None:
        return "UTC"
    name = node.text("UTC")
    # Names alone are looked at: as a path, America is a folder, and localtime is whatever this machine's clock shows.
    if name not in available_timezones() - {"localtime"}:
        node.refuse(f"the time zone {shown(name)} is not known; such as America/Sao_Paulo or UTC")
        return "UTC"
    return "UTC" if name == "Etc/UTC" else name
