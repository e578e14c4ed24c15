"""The records of an ORC file, as texts of their values: stripe by stripe, and a record at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from landed.formats.orc import types
from landed.formats.orc.messages import Damaged, Ended, ProtobufMessage, read_message
from landed.formats.orc.runs import booleans
from landed.formats.orc.streams import Account, Source
from landed.formats.orc.tail import StripePlace, Tail, read_bounded
from landed.formats.orc.types import OrcColumn
from landed.formats.orc.values import (
    DATA,
    DICTIONARY_DATA,
    LENGTH,
    PRESENT,
    SECONDARY,
    ColumnStreams,
    StripeFacts,
    Values,
    values_of,
)
from landed.formats.typed_texts import REMEDY, NoText
from landed.reading.faults import Unreadable, shorten
from landed.reading.rewritten import Cells

# The numbers of the fields in ORC's specification: of the footer of a stripe, of a stream, and of an encoding.
_STREAMS, _ENCODINGS, _ZONE = 1, 2, 3
_STREAM_KIND, _STREAM_COLUMN, _STREAM_LENGTH = 1, 2, 3
_ENCODING_KIND, _DICTIONARY_SIZE = 1, 2
_ROOT = 0
_OF_VALUES = (PRESENT, DATA, LENGTH, DICTIONARY_DATA, SECONDARY)
_ENCODINGS_KNOWN = {0: (1, False), 1: (1, True), 2: (2, False), 3: (2, True)}
"""By ORC's number: the version of the runs, and whether texts are in a dictionary."""


def read_records(path: Path, tail: Tail, wanted: Sequence[int], no_text: NoText) -> Iterator[Cells]:
    """Yield the cells of each record, in the order in which their columns are wanted. Raise Unreadable."""
    account = Account(path.stat().st_size)
    with path.open("rb") as file:
        for place in tail.stripes:
            account.held = 0
            yield from _Stripe(file, tail, place, account).records(wanted, no_text)


class _InColumn(Exception):
    """A column is damaged. The words follow a colon."""


class _Stripe:
    """Reads one stripe. `read` counts the records that were read."""

    def __init__(self, file: BinaryIO, tail: Tail, place: StripePlace, account: Account) -> None:
        self._file, self._tail, self._place, self._account = file, tail, place, account
        self.read = 0

    def records(self, wanted: Sequence[int], no_text: NoText) -> Iterator[Cells]:
        try:
            columns = self._columns(wanted, no_text)
            cells = [_named(_cells(streams, values), streams.column) for streams, values in columns]
            for record in islice(zip(*cells, strict=True), self._place.rows):
                yield record
                self.read += 1
            for streams, values in columns:
                _refuse_rest(streams, values)
        except (Damaged, _InColumn) as error:
            place = self._place
            rows = f"rows {place.first:,} to {place.first + place.rows - 1:,}"
            where = f"stripe {place.number} of {len(self._tail.stripes)} ({rows})"
            last = max(0, place.rows - 1)
            raise Unreadable(f"{where} cannot be read: {error}; {REMEDY}", place.first + min(self.read, last)) from None

    def _columns(self, wanted: Sequence[int], no_text: NoText) -> list[tuple[ColumnStreams, Values]]:
        place, tail = self._place, self._tail
        where = (place.footer_start, place.footer_bytes)
        footer = read_message(read_bounded(self._file, where, tail.unpack, tail.chunk_bytes, self._account))
        read = {_ROOT, *(tail.columns[number].number for number in wanted)}
        sources, encodings = self._sources(footer, read), footer.bytes_of(_ENCODINGS)
        if root := sources.get(_ROOT, {}).get(PRESENT):
            _refuse_null_rows(root, place.rows)
        facts = StripeFacts(footer.text(_ZONE), tail.is_of_java, tail.is_hybrid, self._account)
        columns = list[tuple[ColumnStreams, Values]]()
        for cell, number in enumerate(wanted):
            column = tail.columns[number]
            if column.number >= len(encodings):
                raise Damaged(f"it has no encoding of the column {shorten(column.written)!r}")
            version, size = _encoding(read_message(encodings[column.number]), column, place.rows)
            of_column = {kind: self._source(0, 0) for kind in (DATA, LENGTH, DICTIONARY_DATA, SECONDARY)}
            of_column |= sources.get(column.number, {})
            told = partial(self._no_text, no_text, cell)
            streams = ColumnStreams(column, of_column, version, size, facts, told)
            columns.append((streams, values_of(streams)))
        return columns

    def _no_text(self, no_text: NoText, cell: int, found: bytes) -> None:
        no_text(self._place.first + self.read, cell, found)

    def _sources(self, footer: ProtobufMessage, read: Collection[int]) -> Mapping[int, dict[int, Source]]:
        """Return the streams with values of the types that are read, by type and kind. All stand in a row."""
        sources, start = dict[int, dict[int, Source]](), self._place.start
        for data in footer.bytes_of(_STREAMS):
            stream = read_message(data)
            kind, column = stream.number(_STREAM_KIND), stream.number(_STREAM_COLUMN)
            length = stream.number(_STREAM_LENGTH)
            if length > self._place.footer_start - start:
                raise Damaged("its streams are longer than the stripe")
            if column in read and kind in _OF_VALUES:
                of_column = sources.setdefault(column, {})
                if kind in of_column:
                    raise Damaged(f"its type {column:,} has two streams of the kind {kind}")
                of_column[kind] = self._source(start, length)
            start += length
        return sources

    def _source(self, start: int, length: int) -> Source:
        return Source(self._file, start, length, self._tail.unpack, self._tail.chunk_bytes, self._account)


def _encoding(encoding: ProtobufMessage, column: OrcColumn, rows: int) -> tuple[int, int | None]:
    """Return the version of the column's runs, and the size of its dictionary, None if it has none. Raise Damaged."""
    name, kind = shorten(column.written), encoding.number(_ENCODING_KIND)
    if kind not in _ENCODINGS_KNOWN:
        raise Damaged(f"the column {name!r} has an encoding {kind}, which ORC does not know")
    version, has_dictionary = _ENCODINGS_KNOWN[kind]
    if not has_dictionary:
        return version, None
    size = encoding.number(_DICTIONARY_SIZE)
    if column.kind not in (types.STRING, types.VARCHAR, types.CHAR) or size > rows:
        raise Damaged(f"the column {name!r} has a dictionary of {size:,} texts, and the stripe {rows:,} rows")
    return version, size


def _refuse_null_rows(present: Source, rows: int) -> None:
    if not all(islice(booleans(present), rows)):
        raise Damaged("a row is null as a whole, and no row of a table is")


def _cells(streams: ColumnStreams, values: Values) -> Values:
    present = streams.sources.get(PRESENT)
    return (next(values) if bit else None for bit in booleans(present)) if present else values


def _named(cells: Values, column: OrcColumn) -> Values:
    try:
        yield from cells
    except Damaged as error:
        raise _InColumn(_of(column, str(error))) from None


def _of(column: OrcColumn, how: str) -> str:
    return f"of the column {shorten(column.written)!r}, {how}"


def _refuse_rest(streams: ColumnStreams, values: Values) -> None:
    """Raise Damaged if the column has more values than the stripe has rows. The last byte of bits may have more."""
    has_more = streams.column.kind != types.BOOLEAN
    try:
        if has_more:
            next(values)
    except Ended:
        has_more = False
    except Damaged:  # a part of one more value
        pass
    if has_more:
        raise Damaged(_of(streams.column, "it has more values than the stripe has rows"))
    if not all(streams.sources[kind].is_at_end for kind in _OF_VALUES if kind in streams.sources):
        raise Damaged(_of(streams.column, "other bytes follow its last value"))
