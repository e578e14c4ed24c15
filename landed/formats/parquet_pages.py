"""The checksums of a Parquet file's pages, which DuckDB passes over: one that is wrong shows that a page is damaged.

Java's writers, Spark's among them, write a checksum (CRC-32) of each page's bytes into the page's header. A header is a
struct in Thrift's compact protocol. One that cannot be read here is left to DuckDB, which tells what it cannot read.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from landed.reading.faults import shorten
from landed.reading.sql import file_literal

_HEADER_BYTES = 4096
_LONGEST_HEADER_BYTES = 1024 * 1024  # it holds the smallest and the largest value of the page
_CHUNK_BYTES = 1024 * 1024
_DEEPEST = 8
_MOST_PAGES = 1_000_000
"""Writers end a page after 8 kB or more. Pages beyond are not looked at: a file could be made of empty ones."""
_SIZE, _CHECKSUM, _DATA_PAGE, _DATA_PAGE_2, _VALUES = 3, 4, 5, 8, 1
"""The numbers of the fields in Parquet's specification."""


@dataclass(frozen=True, slots=True)
class _ColumnChunk:
    group: int
    groups: int
    first_row: int
    column: str
    start: int
    end: int
    values: int


def damaged_page(duck: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, str] | None:
    """Return the first row of the row group with the first page whose bytes have another checksum than its header says,
    and what is wrong; None if there is none.
    """
    looked_at, chunks = 0, _chunks(duck, path)
    if sum(chunk.end - chunk.start for chunk in chunks) > path.stat().st_size:
        return None  # chunks that share bytes: nobody writes them, and each could be the whole file
    with path.open("rb") as file:
        for chunk in chunks:
            for number, (stated, found) in enumerate(_pages(file, chunk), 1):
                if stated is not None and stated & 0xFFFFFFFF != found:
                    return chunk.first_row, _damaged(number, chunk)
                looked_at += 1
                if looked_at > _MOST_PAGES:
                    return None
    return None


def _damaged(page: int, chunk: _ColumnChunk) -> str:
    place = f"page {page} of the column {shorten(chunk.column)!r} in row group {chunk.group} of {chunk.groups}"
    return f"{place} is damaged: its checksum (CRC-32) is that of other bytes; write the file and land it again"


def _chunks(duck: duckdb.DuckDBPyConnection, path: Path) -> list[_ColumnChunk]:
    rows = duck.execute(
        "SELECT row_group_id, row_group_num_rows, path_in_schema, "
        "if(dictionary_page_offset > 0, least(dictionary_page_offset, data_page_offset), data_page_offset), "
        f"total_compressed_size, num_values FROM parquet_metadata({file_literal(path)}) ORDER BY ALL"
    ).fetchall()
    rows_of = {group: rows for group, rows, *_ in rows}
    first_rows = dict(zip(rows_of, accumulate(rows_of.values(), initial=1), strict=False))
    return [
        _ColumnChunk(group + 1, len(rows_of), first_rows[group], column, start, start + size, values)
        for group, _, column, start, size, values in rows
    ]


def _pages(file: BinaryIO, chunk: _ColumnChunk) -> Iterator[tuple[int | None, int]]:
    """Yield the checksum that each page's header states, None if none, and that of its bytes, if one is stated."""
    place, values = chunk.start, 0
    while 0 <= place < chunk.end and values < chunk.values:
        found = _header(file, place)
        if found is None:
            return
        header, length = found
        size, checksum = header.get(_SIZE), header.get(_CHECKSUM)
        if not isinstance(size, int) or not 0 <= size <= chunk.end - place - length:
            return
        data_page = header.get(_DATA_PAGE, header.get(_DATA_PAGE_2))
        if isinstance(data_page, Mapping) and isinstance(data_page.get(_VALUES), int):
            values += data_page[_VALUES]
        if isinstance(checksum, int):
            yield checksum, _checksum_of(file, place + length, size)
        else:
            yield None, 0
        place += length + size


def _checksum_of(file: BinaryIO, place: int, size: int) -> int:
    file.seek(place)
    checksum = 0
    while size > 0 and (data := file.read(min(size, _CHUNK_BYTES))):
        checksum, size = zlib.crc32(data, checksum), size - len(data)
    return checksum


def _header(file: BinaryIO, place: int) -> tuple[Mapping[int, Any], int] | None:
    """Return the header of the page that begins there, and its length; None if there is none."""
    for most in (_HEADER_BYTES, _LONGEST_HEADER_BYTES):
        file.seek(place)
        thrift = _Thrift(file.read(most))
        try:
            return thrift.struct(), thrift.place
        except (IndexError, ValueError):
            continue
    return None


class _Thrift:
    """Reads structs of Thrift's compact protocol: the fields by their numbers; of texts and lists, None."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def struct(self, depth: int = 0) -> Mapping[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("nested too deep for a page's header")
        fields, number = dict[int, Any](), 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                self._pass(8)
            case 8:
                self._pass(self._unsigned())
            case 12:
                return self.struct(depth + 1)
            case _:
                raise ValueError("no field of a page's header")
        return None

    def _byte(self) -> int:
        self.place += 1
        return self._data[self.place - 1]

    def _pass(self, size: int) -> None:
        self.place += size
        if self.place > len(self._data):
            raise IndexError

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number of more than 64 bits")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
