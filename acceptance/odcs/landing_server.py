"""The landing server: its own fields, and its custom properties for what ODCS has no field for."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from acceptance.contract.landing_format import (
    Compression,
    Engine,
    FileFormat,
    LandingFormat,
    QuotedEmpty,
    SkippedTimes,
)
from acceptance.errors import did_you_mean
from acceptance.odcs.document.custom_properties import custom_properties
from acceptance.odcs.document.node import Node, hint, shown
from acceptance.odcs.landing_records import OF_RECORDS, OF_SIGNS, delimiter_of, with_records
from acceptance.odcs.landing_values import OF_VALUES, with_values

_OF_ALL = ("trim", "emptyAsNull", "timeZone", "ignoredColumns", "engine", "landedTable", "skippedTimes")
_OF_TEXT = ("decimalComma", "compression", "certainEncoding", *OF_VALUES)
_OF_CSV = ("delimiter", "quote", "header", "quotedEmpty", *OF_SIGNS)
_OF_CELLS = ("nullText", *OF_RECORDS)
_KNOWN = (*_OF_ALL, *_OF_TEXT, *_OF_CSV, *_OF_CELLS)
_NO_CHARACTERS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "charmap", "mbcs", "oem")
"""Codecs of Python that write characters by others, or whose characters depend on the machine."""
_USUAL = ("UTF-8", "UTF-16", "UTF-16-LE", "UTF-16-BE", "ISO-8859-1", "ISO-8859-15", "CP1252", "CP850", "ASCII")
_UNREAD = {
    "xlsx": ", which Aceite does not read; let the sender write CSV or Parquet",
}
"""Formats that people ask for, with what to do."""
_TABLE = re.compile(r"\w+[.]\w+", re.ASCII)


def read_landing_format(server: Node) -> LandingFormat:
    name = server["format"].text()
    if name.lower() not in tuple(FileFormat):
        found = f"found {shown(server['format'].value)}"
        remedy = _UNREAD.get(name.lower(), "")
        server["format"].refuse(f"{found}{remedy}; {hint(name, tuple(FileFormat))}")
        return LandingFormat()
    format_, stated, given = FileFormat(name.lower()), custom_properties(server, _KNOWN), _properties(server)
    _refuse_of_other_formats(format_, server, stated)
    csv = LandingFormat()
    delimiter = delimiter_of(given["delimiter"], csv.delimiter)
    quote = _quote(given["quote"], csv.quote)
    if delimiter == quote:
        given["quote"].refuse(f"delimiter and quote are both {quote!r}")
    elif quote and quote in delimiter:
        given["delimiter"].refuse(f"the delimiter {delimiter!r} holds the quote {quote!r}; each sign needs one meaning")
    header = given["header"].flag(csv.header) and not format_.is_positioned
    ignored = _names(given["ignoredColumns"])
    if ignored and not header and format_.is_delimited:
        given["ignoredColumns"].refuse("without a header nobody knows which cells they are; describe all columns")
    landing = LandingFormat(
        format=format_,
        encoding=_encoding(server["encoding"]),
        delimiter=delimiter,
        quote=quote,
        header=header,
        null_text=_null_text(given["nullText"], csv.null_text),
        compression=_compression(format_, given["compression"], server["location"]),
        trim=given["trim"].flag(),
        empty_as_null=given["emptyAsNull"].flag(),
        decimal_comma=given["decimalComma"].flag(),
        zone=_zone(given["timeZone"]),
        ignored=ignored,
        skipped_times=given["skippedTimes"].choice(SkippedTimes.REFUSE),
        certain_encoding=_is_certain(given["certainEncoding"], server["encoding"].text("UTF-8")),
    )
    landing = replace(landing, quoted_empty=_quoted_empty(given["quotedEmpty"], landing))
    return with_values(with_records(landing, given), given)


def read_engine(server: Node, landing: LandingFormat) -> tuple[Engine, str]:
    """Read the reader of the proof, and the `database.table` that Athena reads the landed files by."""
    given = _properties(server)
    engine, table = given["engine"], given["landedTable"]
    if engine.choice(Engine.LOCAL) is Engine.LOCAL:
        if table.value is not None and engine.value in (None, Engine.LOCAL):
            table.refuse("a landedTable is read only with `engine: athena`")
        return Engine.LOCAL, ""
    if not _TABLE.fullmatch(table.text()):
        place = engine if table.value is None else table
        place.refuse(
            "Athena reads the landed files by a table over the landing location; name it: landedTable: db.table"
        )
    unread = {
        f"format {landing.format}": not landing.format.is_read_strictly_by_athena,
        f"encoding {landing.encoding}": landing.encoding.upper() not in ("UTF-8", "UTF8"),
        f"timeZone {landing.zone}": landing.zone != "UTC",
        "headerRecords": bool(landing.header_records),
        "trailerRecords": bool(landing.trailer_records),
        **{f"{name} {value}": True for name, value in landing.signs.items()},
    }
    packing = _unread_packing(landing, server["location"])
    if packing:
        unread[packing] = True
    for name, is_unread in unread.items():
        if is_unread:
            engine.refuse(f"{name} is not read by Athena as strictly as by DuckDB; use `engine: local`")
    if landing.nothing_is_null and landing.quoted_empty_is_text:
        engine.refuse(
            'Athena\'s readers of CSV cannot tell "" from nothing; if both mean null, write `quotedEmpty: "null"`, '
            "else use `engine: local`"
        )
    return Engine.ATHENA, table.text().lower()


def _properties(server: Node) -> Mapping[str, Node]:
    """Return the server's custom properties by name. The value of an absent one is None."""
    absent = replace(server["customProperties"], value=None)
    return dict.fromkeys(_KNOWN, absent) | custom_properties(server, _KNOWN)


def _refuse_of_other_formats(format_: FileFormat, server: Node, given: Mapping[str, Node]) -> None:
    has_meaning = {
        _OF_CSV: format_.is_delimited,
        _OF_CELLS: format_.is_delimited or format_.is_positioned,
        _OF_TEXT: format_.is_text,
    }
    without_meaning = [name for names, has in has_meaning.items() if not has for name in names]
    for name in without_meaning:
        if name in given:
            given[name].refuse(f"{name} says nothing about {format_}; leave it out")
    delimiter = server["delimiter"]
    if format_.is_delimited and "delimiter" in server:
        written = f"{{property: delimiter, value: {shown(delimiter.value)}}}"
        delimiter.refuse(f"`delimiter` is for JSON; for CSV write it in the server's customProperties: {written}")
    if format_ is FileFormat.JSON and delimiter.text("new_line") != "new_line":
        delimiter.refuse(f"found {shown(delimiter.value)}; allowed: new_line, an object a line")


def _encoding(node: Node) -> str:
    encoding = node.text("UTF-8")
    try:
        "x".encode(encoding)  # refuses codecs of bytes; Python looks no encoding up for an empty text
        problem = "is no set of characters" if codecs.lookup(encoding).name in _NO_CHARACTERS else ""
    except (LookupError, ValueError):
        problem = "is not known"
    if problem:
        near = did_you_mean(encoding.upper().replace("_", "-"), _USUAL).removesuffix(";")
        node.refuse(f"the encoding {shown(encoding)} {problem}{near}; such as UTF-8, ISO-8859-1 or cp1252")
    return encoding


def _character(node: Node, default: str) -> str:
    if node.value is None:
        return default
    if not isinstance(node.value, str) or len(node.value) != 1 or node.value in "\r\n":
        node.refuse(f"found {shown(node.value)}; one character is needed, in quotes, such as ';' or \"\\t\"")
        return default
    return node.value


def _quote(node: Node, default: str) -> str:
    """Read the quote, a character of one byte as DuckDB needs it. If it is empty, the file has no quotes."""
    if node.value == "":
        return ""
    quote = _character(node, default)
    if not quote.isascii() or not quote.isprintable() or quote.isalnum() or quote == " ":
        node.refuse(f"found {shown(quote)}; a quote is a sign of ASCII, such as '\"', or '' if there are none")
        return default
    return quote


def _is_certain(node: Node, encoding: str) -> bool:
    """Read whether the files are in the contract's encoding even if all their bytes are UTF-8."""
    if node.flag() and encoding.lower().startswith("utf"):
        node.refuse(f"it is for encodings of one byte a character, such as cp1252; with {encoding} leave it out")
    return node.flag()


def _null_text(node: Node, default: str) -> str:
    if node.value is None:
        return default
    if not isinstance(node.value, str):
        node.refuse(f"found {shown(node.value)}; write the text that means null, in quotes")
    return node.value if isinstance(node.value, str) else default


def _quoted_empty(node: Node, landing: LandingFormat) -> QuotedEmpty | None:
    if node.value is None:
        return None
    if node.value not in tuple(QuotedEmpty):
        node.refuse(f'found {shown(node.value)}; allowed: text, "null"')
        return None
    if not landing.quote:
        node.refuse("quotedEmpty says nothing about a file without quotes; leave it out")
    elif not landing.nothing_is_null and node.value == QuotedEmpty.NULL:
        node.refuse(f"with nullText {shown(landing.null_text)} an empty cell is a text; write `emptyAsNull: true`")
    return QuotedEmpty(node.value)


def _names(node: Node) -> tuple[str, ...]:
    if node.value is None:
        return ()
    names: list[Any] = node.value if isinstance(node.value, list) else [None]
    if "" in names:
        node.refuse("a column without a name; if each record ends with a delimiter, say `trailingDelimiter: true`")
        return ()
    if not all(isinstance(name, str) and name for name in names):
        node.refuse(f"found {shown(node.value)}; a list of the file's columns that the table has not is needed")
        return ()
    return tuple(names)


def _compression(format_: FileFormat, node: Node, location: Node) -> Compression:
    """Read the compression of text; by default that of the location's ending. Other formats are packed inside."""
    if not format_.is_text:
        return Compression.NONE
    if node.value is not None:
        return node.choice(Compression.NONE)
    packed = Compression.by_ending(location.text())
    if packed is None:
        location.refuse(
            f"it ends as files of a packing do that Aceite does not read; pack them otherwise "
            f"({', '.join(Compression)}), or write `compression: none` if they are not packed"
        )
    return packed or Compression.NONE


def _unread_packing(landing: LandingFormat, location: Node) -> str:
    """Return what Athena, which goes by the names of files, does not unpack as the contract says; or ""."""
    if not landing.format.is_text:
        return ""
    packed, named = landing.compression, Compression.by_ending(location.text())
    if packed is not Compression.NONE and not packed.is_read_by_athena:
        return f"compression {packed}"
    return f"compression {packed} of a location that ends otherwise" if packed is not named else ""


def _zone(node: Node) -> str:
    name = node.text("UTC")
    # Only a name is a zone: as a path, America is a folder, and localtime is the zone of this machine's clock.
    known = available_timezones() - {"localtime"}
    if name not in known:
        near = did_you_mean(name, sorted(known))
        node.refuse(f"the time zone {shown(name)} is not known{near} such as America/Sao_Paulo or UTC")
        return "UTC"
    return "UTC" if name == "Etc/UTC" else name
