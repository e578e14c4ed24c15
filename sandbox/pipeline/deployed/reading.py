"""Reads a landed file into DuckDB's table `landed`, in the contract's columns and types.

A cell that does not fit its type becomes null, as in Spark.
"""

import bz2
import gzip
import io
import json
import lzma
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fastavro
import pyorc

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd

Facts = Mapping[str, Any]
"""A column or the landing format of the contract, as the plan has it."""


def load(connection: Any, content: bytes, landing: Facts, columns: Sequence[Facts], folder: Path) -> None:
    """Create the table `landed` from the file's content. `columns` are those of the file; `folder` is for copies."""
    content = _UNPACKERS[landing["compression"]](content)
    if landing["format"] == "parquet":
        path = folder / "landed.parquet"
        path.write_bytes(content)
        connection.create_function("moment", partial(_moment, None, landing["zone"]), ["VARCHAR"], "VARCHAR")
        typed = ", ".join(f"{_parquet_cell(column, landing)} AS {quoted(column['name'])}" for column in columns)
        connection.execute(
            f"CREATE TABLE landed AS SELECT {typed} FROM read_parquet(?, binary_as_string=true)", [str(path)]
        )
        return
    records: Iterator[list[str | None]]
    if landing["format"] in _TYPED_READERS:
        columns = [{**column, "landed_format": None} for column in columns]  # its times have types
        records = _TYPED_READERS[landing["format"]](content, columns)
    else:
        text = _data_of(content.decode(landing["encoding"], "replace").removeprefix("\ufeff"), landing)
        records = _READERS[landing["format"]](text, landing, columns)
    path = folder / "landed.json"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            cells = [_plain(cell, column, landing) for cell, column in zip(record, columns, strict=True)]
            file.write(json.dumps({f"c{place}": cell for place, cell in enumerate(cells)}) + "\n")
    texts = {f"c{place}": "VARCHAR" for place in range(len(columns))}
    # Two statements, because in one DuckDB gives the types to its reader, which fails where TRY_CAST returns null.
    read = "read_json(?, columns=?, format='newline_delimited')"
    connection.execute(f"CREATE TABLE texts AS SELECT * FROM {read}", [str(path), texts])
    typed = ", ".join(
        f"{_typed(f'c{place}', column['type'])} AS {quoted(column['name'])}" for place, column in enumerate(columns)
    )
    connection.execute(f"CREATE TABLE landed AS SELECT {typed} FROM texts")


def _only_member(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(member for member in archive.infolist() if not member.is_dir()))


_UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.decompress,
    "zstd": zstd.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zip": _only_member,
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _csv_records(text: str, landing: Facts, columns: Sequence[Facts]) -> Iterator[list[str | None]]:
    """Yield the cells of the columns. A short row ends in nulls; a blank line is a row only if there is one column."""
    has_signs = (
        landing["escape"] or landing["comment"] or landing["trailing_delimiter"] or len(landing["delimiter"]) > 1
    )
    rows = (_rows_with_signs if has_signs else _csv_rows)(text, landing)
    header = [column["landed"] for column in columns]
    if landing["header"]:
        known = {column["landed"].lower() for column in columns} if landing["trim"] else set()
        names = [name or "" for name in next(rows, header)]
        header = [name.strip(" \t") if known and name.lower() not in known else name for name in names]
    places = {name.lower(): place for place, name in enumerate(header)}
    positions = [places.get(column["landed"].lower(), len(header)) for column in columns]
    nothing = None if landing["empty_as_null"] or not landing["null_text"] else ""
    for row in rows:
        if row != [None] or len(header) == 1:
            present = min(len(row), len(header))
            cells = [row[place] if place < present else landing["null_text"] or None for place in positions]
            yield [nothing if cell is None else cell for cell in cells]


def _csv_rows(text: str, landing: Facts) -> Iterator[list[str | None]]:
    """Yield the cells of each row; None where nothing stands, which Python's csv does not tell from empty quotes."""
    sign, quote, delimiter = landing["quote"], re.escape(landing["quote"]), re.escape(landing["delimiter"])
    in_quotes = f"(?:{quote}(?:[^{quote}]|{quote}{quote})*+{quote}?)?" if quote else ""
    row: list[str | None] = []
    for found in re.finditer(f"({in_quotes})([^{delimiter}\r\n]*)({delimiter}|\r\n|\r|\n|\\Z)", text):
        inside, after, end = found.groups()
        cell = inside[1:].removesuffix(sign).replace(sign * 2, sign) if inside else ""
        row.append(cell + after if inside or after else None)
        if end != landing["delimiter"] and (end or row != [None]):
            yield row
            row = []


def _json_records(text: str, landing: Facts, columns: Sequence[Facts]) -> Iterator[list[str | None]]:
    """Yield the members of the columns; numbers keep their digits as text, with the contract's decimal sign."""
    sign = "," if landing["decimal_comma"] else "."
    for line in filter(str.strip, text.split("\n")):
        members = dict[str, Any]()
        with suppress(ValueError, AttributeError):  # a line that is not a JSON object has no members
            read = json.loads(line, parse_int=str, parse_float=lambda number: number.replace(".", sign))
            members = {name.lower(): value for name, value in read.items()}
        values = [members.get(column["landed"].lower()) for column in columns]
        yield [str(value).lower() if isinstance(value, bool) else value for value in values]


def _avro_records(content: bytes, columns: Sequence[Facts]) -> Iterator[list[str | None]]:
    """Yield the values of the columns as texts."""
    reader = fastavro.reader(io.BytesIO(content))
    schema: Any = reader.writer_schema
    in_utc = {field["name"].lower(): _is_in_utc(field["type"]) for field in schema["fields"]}
    record: Any
    for record in reader:
        values = {name.lower(): value for name, value in record.items()}
        cells = {name: values[name] for name in (column["landed"].lower() for column in columns)}
        yield [None if cell is None else _avro_text(cell, in_utc[name]) for name, cell in cells.items()]


def _is_in_utc(type_: Any) -> bool | None:
    """Return True for nanoseconds in UTC, False for local ones, None for other types; fastavro reads numbers."""
    branches = type_ if isinstance(type_, list) else [type_]
    logical = [str(branch.get("logicalType")) for branch in branches if isinstance(branch, dict)]
    return next((not name.startswith("local") for name in logical if name.endswith("timestamp-nanos")), None)


def _avro_text(cell: Any, in_utc: bool | None) -> str:
    if in_utc is not None:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=cell // 1000)  # noqa: DTZ001
        return f"{moment} UTC" if in_utc else str(moment)
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _orc_records(content: bytes, columns: Sequence[Facts]) -> Iterator[list[str | None]]:
    """Yield the values of the columns as texts. Asked for UTC, pyorc reads local times as the writer's clock showed."""
    names = [column["landed"].lower() for column in columns]
    reader: Any = pyorc.Reader(io.BytesIO(content), struct_repr=pyorc.StructRepr.DICT, timezone=ZoneInfo("UTC"))
    kinds = {name.lower(): type_.kind for name, type_ in reader.schema.fields.items()}
    for record in reader:
        values = {name.lower(): value for name, value in record.items()}
        yield [_orc_text(values[name], in_utc=kinds[name] == pyorc.TypeKind.TIMESTAMP_INSTANT) for name in names]


def _orc_text(cell: Any, *, in_utc: bool) -> str | None:
    if isinstance(cell, datetime):
        return f"{cell.replace(tzinfo=None)}{' UTC' if in_utc else ''}"
    if cell is None or isinstance(cell, bool):
        return None if cell is None else str(cell).lower()
    return str(cell)


def _fixed_width_records(text: str, landing: Facts, columns: Sequence[Facts]) -> Iterator[list[str]]:
    """Yield the cells of the columns, without the blanks that pad them. A short record ends in empty cells."""
    for line in io.StringIO(text, newline=""):
        record = line.rstrip("\r\n")
        cells = [(column["type"], record[column["positions"][0] - 1 : column["positions"][1]]) for column in columns]
        yield [cell.rstrip(" ") if type_.startswith(_TEXTS) else cell.strip(" ") for type_, cell in cells]


_READERS: Mapping[str, Any] = {"csv": _csv_records, "json": _json_records, "fixed-width": _fixed_width_records}
_TYPED_READERS: Mapping[str, Any] = {"avro": _avro_records, "orc": _orc_records}
_TEXTS = ("string", "varchar", "char")
_WITH_A_POINT = ("decimal", "double", "float")
_NUMBERS = (*_WITH_A_POINT, "bigint", "int", "smallint", "tinyint")


def _typed(cell: str, type_: str) -> str:
    return f"TRY_CAST({cell} AS JSON)::{_nested(type_)}" if _is_nested(type_) else f"TRY_CAST({cell} AS {type_})"


def _is_nested(type_: str) -> bool:
    return type_.startswith(("array<", "map<", "struct<"))


def _nested(type_: str) -> str:
    """Return DuckDB's name of a type of Hive: from the inside out, a nested one after the other."""
    known: list[str] = []
    while _is_nested(type_):
        inner = re.search(r"(array|map|struct)<([^<>]*)>", type_)
        assert inner is not None
        held = re.sub("(^|[,:])string(?=$|,)", r"\1varchar", inner[2])
        if inner[1] == "array":
            known.append(f"{held}[]")
        elif inner[1] == "map":
            known.append(f"map({held})")
        else:
            fields = re.sub("([^,:()]+):", r'"\1" ', held)
            known.append(f"struct({fields})")
        type_ = type_[: inner.start()] + f"§{len(known) - 1}§" + type_[inner.end() :]
    while "§" in type_:
        type_ = re.sub("§([0-9]+)§", lambda place: known[int(place[1])], type_)
    return type_


def _plain(cell: str | None, column: Facts, landing: Facts) -> str | None:
    """Return the cell in the notation that DuckDB reads for the type; None is null."""
    if cell is None or _is_nested(column["type"]):
        return cell
    if not cell and _is_text_in_quotes(column, landing):
        return cell
    cell = cell.strip(" \t") if landing["trim"] else cell
    is_null_text = landing["format"] not in ("json", *_TYPED_READERS) and cell == landing["null_text"]
    if is_null_text or (landing["empty_as_null"] and not cell):
        return None
    if column["type"] == "boolean":
        return _boolean(cell, column, landing)
    if column["type"].startswith(_NUMBERS):
        return _number(cell, column["type"], landing)
    if column["type"] == "timestamp" or column["landed_format"]:
        return _moment(column["landed_format"], landing["zone"] if column["type"] == "timestamp" else "UTC", cell)
    return cell


def _is_text_in_quotes(column: Facts, landing: Facts) -> bool:
    """Return True if two quotes with nothing between them are an empty text, not null."""
    if landing["format"] != "csv" or not column["type"].startswith(_TEXTS):
        return False
    meant = landing["quoted_empty"] or ("null" if landing["empty_as_null"] else "text")
    return bool(landing["quote"]) and meant == "text"


def _boolean(cell: str, column: Facts, landing: Facts) -> str:
    for word in ("true", "false"):
        texts = column[f"{word}_texts"] or landing[f"{word}_texts"]
        if cell.lower() in {text.lower() for text in texts} or (landing["format"] == "json" and cell == word):
            return word
    return ""


def _number(cell: str, type_: str, landing: Facts) -> str:
    """Return the number with its sign first, without signs between groups and, of a decimal, without exponent."""
    sign = ""
    if landing["negative"] == "brackets" and cell[:1] == "(" and cell[-1:] == ")":
        sign, cell = "-", cell[1:-1]
    elif landing["negative"] == "trailing" and cell[-1:] in ("+", "-"):
        sign, cell = cell[-1], cell[:-1]
    cell = sign + cell.replace(landing["group_separator"], "")
    if landing["decimal_comma"] and type_.startswith(_WITH_A_POINT):
        cell = cell.replace(",", ".")
    if type_.startswith("decimal") and "e" in cell.lower():
        with suppress(InvalidOperation):
            number = Decimal(cell)
            return f"{number:f}" if abs(number.adjusted()) < 100 else ""
    return cell


def _moment(pattern: str | None, zone: str, text: str) -> str:
    """Return a date or a time in UTC; "" if the text does not fit the pattern."""
    offset = None if pattern else _OFFSET.search(text, len("2026-01-02 03:04"))
    try:
        plain = text[: offset.start()] if offset else text
        local = datetime.strptime(plain, pattern) if pattern else datetime.fromisoformat(plain)  # noqa: DTZ007
    except ValueError:
        return ""
    if offset:
        east = -1 if offset["sign"] == "-" else 1
        hours, minutes, seconds = (int(offset[part] or 0) for part in ("hours", "minutes", "seconds"))
        ahead = east * timedelta(hours=hours, minutes=minutes, seconds=seconds)
    else:
        ahead = local.replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
    # The calendar repeats after 400 years; Python has no year 0 and no year 10000, in which UTC may be.
    cycle = 400 if local.year < 400 else -400 if local.year > 9000 else 0
    moment = local.replace(year=local.year + cycle) - ahead
    return f"{moment.year - cycle:04}{moment.isoformat(' ')[4:]}"


_OFFSET = re.compile(r" ?(UTC|Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?:?(?P<seconds>[0-9]{2})?)$")


def _parquet_cell(column: Facts, landing: Facts) -> str:
    cell, kind = quoted(column["landed"]), column["type"]
    if kind == "timestamp" and landing["zone"] == "UTC":
        return f"CAST({cell} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
    if kind == "timestamp":
        return f"TRY_CAST(moment(CAST({cell} AS VARCHAR)) AS TIMESTAMP)"
    if kind.startswith(_TEXTS):
        cell = f"CAST({cell} AS VARCHAR)"
        cell = f"trim({cell}, ' \t')" if landing["trim"] else cell
        cell = f"nullif({cell}, '')" if landing["empty_as_null"] else cell
    return f"CAST({cell} AS {_nested(kind)})" if _is_nested(kind) else f"TRY_CAST({cell} AS {kind})"


def _data_of(text: str, landing: Facts) -> str:
    """Return the text without the sign that ends it, and without header and trailer records."""
    lines = list(io.StringIO(re.sub("\x1a[\x1a\r\n]*\\Z", "", text), newline=""))
    records = [place for place, line in enumerate(lines) if line.strip("\r\n") and not _is_comment(line, landing)]
    first, last = len(landing["header_records"]), len(landing["trailer_records"])
    start = records[first - 1] + 1 if first else 0
    stop = records[-last] if last else len(lines)
    return "".join(lines[start:stop])


def _is_comment(line: str, landing: Facts) -> bool:
    return bool(landing["comment"]) and line.startswith(landing["comment"])


def _rows_with_signs(text: str, landing: Facts) -> Iterator[list[str | None]]:
    """Yield the cells of each row of a CSV with signs that `_csv_rows` does not know; None where nothing stands."""
    row: list[str | None] = []
    place = 0
    while place < len(text):
        if not row and _is_comment(text[place : place + 1], landing):
            place = _next_line(text, place)
            continue
        cell, place = _cell_with_signs(text, place, landing)
        row.append(cell)
        if text.startswith(landing["delimiter"], place):
            place += len(landing["delimiter"])
            if place < len(text):
                continue
            row.append(None)
        trailing = landing["trailing_delimiter"] and len(row) > 1 and row[-1] is None
        yield row[:-1] if trailing else row
        row, place = [], _next_line(text, place)


def _next_line(text: str, place: int) -> int:
    end = re.compile("\r\n|\r|\n|\\Z").search(text, place)
    return end.end() if end else len(text)


def _cell_with_signs(text: str, start: int, landing: Facts) -> tuple[str | None, int]:
    """Return the cell that begins there, None where nothing stands, and where it ends."""
    quote, escape = landing["quote"], landing["escape"]
    is_quoted = in_quotes = bool(quote) and text.startswith(quote, start)
    place = start + is_quoted
    read: list[str] = []
    while place < len(text):
        sign = text[place]
        if escape and sign == escape:
            after = text[place + 1 : place + 2]
            read.append(after if quote else _CONTROLS.get(after, after))
            place += 2
            continue
        if in_quotes and sign == quote:
            in_quotes = text.startswith(quote, place + 1)
            read.append(quote if in_quotes else "")
            place += 1 + in_quotes
            continue
        if not in_quotes and (sign in "\r\n" or text.startswith(landing["delimiter"], place)):
            break
        read.append(sign)
        place += 1
    if text[start:place] in ("", landing["null_text"]):
        return text[start:place] or None, place
    return "".join(read), place


_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
