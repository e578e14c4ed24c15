"""The values of a column in one stripe, each as the text of its cell, with all its digits."""

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from landed.formats.orc import types
from landed.formats.orc.clocks import clock_of, day_of, time_text
from landed.formats.orc.messages import Damaged, Ended, read_unsigned
from landed.formats.orc.runs import booleans, bytes_of_runs, integers
from landed.formats.orc.streams import Account, Source
from landed.formats.orc.types import OrcColumn
from landed.formats.typed_texts import with_point

PRESENT, DATA, LENGTH, DICTIONARY_DATA, SECONDARY = 0, 1, 2, 3, 5
"""The kinds of streams that hold values."""

_LONGEST_NUMBER = 19  # bytes of a decimal of 128 bits
_LONGEST_TEXT = 128 * 1024 * 1024
_SHORT_TEXT = 64
_FLOATS_AT_ONCE = 512
_NS_OF_A_SECOND, _2_63, _2_64 = 10**9, 2**63, 2**64
_UTC = "UTC"

Values = Iterator[str | None]


@dataclass(frozen=True, slots=True)
class StripeFacts:
    """The zone, the clocks and the calendar of a stripe's writer, on which its values depend. See `Tail`."""

    zone: str
    is_of_java: bool
    is_hybrid: bool
    account: Account


@dataclass(frozen=True, slots=True)
class ColumnStreams:
    """The streams of a column by their kinds, and how they are encoded; without a dictionary, its size is None.

    `no_text` is told of the bytes of a text that is no UTF-8.
    """

    column: OrcColumn
    sources: Mapping[int, Source]
    version: int
    dictionary_size: int | None
    stripe: StripeFacts
    no_text: Callable[[bytes], None]

    def integers(self, kind: int, *, signed: bool) -> Iterator[int]:
        return integers(self.sources[kind], signed=signed, version=self.version)


def values_of(streams: ColumnStreams) -> Values:
    """Yield the values that are not null, without an end: they raise Ended where the streams have no more of them."""
    return _READERS[streams.column.kind](streams)


def _whole_numbers(streams: ColumnStreams) -> Values:
    return map(str, streams.integers(DATA, signed=True))


def _tiny_numbers(streams: ColumnStreams) -> Values:
    return (str(byte - 256 if byte > 127 else byte) for byte in bytes_of_runs(streams.sources[DATA]))


def _booleans(streams: ColumnStreams) -> Values:
    return ("true" if bit else "false" for bit in booleans(streams.sources[DATA]))


def _floats(streams: ColumnStreams) -> Values:
    source = streams.sources[DATA]
    letter, size = ("f", 4) if streams.column.kind == types.FLOAT else ("d", 8)
    while True:
        data = source.at_hand(_FLOATS_AT_ONCE * size)
        count = min(_FLOATS_AT_ONCE, (len(data) - source.place) // size)
        if not count:
            raise Ended
        values = struct.unpack_from(f"<{count}{letter}", data, source.place)
        source.place += count * size
        yield from map(repr, values)


def _days(streams: ColumnStreams) -> Values:
    text = day_of(is_hybrid=streams.stripe.is_hybrid)
    for days in streams.integers(DATA, signed=True):
        yield text(days) or f"{days} days since 1970-01-01"


def _decimals(streams: ColumnStreams) -> Values:
    source, declared = streams.sources[DATA], streams.column.scale
    for scale in streams.integers(SECONDARY, signed=True):
        data = source.at_hand(_LONGEST_NUMBER)
        try:
            value, source.place = read_unsigned(data, source.place, 128)
        except Ended as error:
            raise Damaged(str(error)) from None  # it has a scale, so this is no end of the values
        unscaled = (value >> 1) ^ -(value & 1)
        yield with_point(unscaled, scale) if scale == declared else _rescaled(unscaled, scale, declared)


def _rescaled(unscaled: int, scale: int, declared: int) -> str:
    """Return a decimal that has another scale than its column. Digits behind the column's last one stay."""
    if not -38 <= scale <= 76:
        raise Damaged(f"a decimal has {scale:,} digits behind its point")
    if scale < declared:
        return with_point(unscaled * 10 ** (declared - scale), declared)
    fewer, rest = divmod(unscaled, 10 ** (scale - declared))
    return with_point(fewer, declared) if not rest else f"{with_point(unscaled, scale)} of the scale {scale}"


def _moments(streams: ColumnStreams) -> Values:
    is_instant = streams.column.kind == types.INSTANT
    stripe = streams.stripe
    base, clock = clock_of(_UTC if is_instant else stripe.zone, is_of_java=stripe.is_of_java)
    day, offset = day_of(is_hybrid=stripe.is_hybrid), "+00" if is_instant else ""
    nanos = streams.integers(SECONDARY, signed=False)
    for second in streams.integers(DATA, signed=True):
        try:
            fraction = _nanoseconds(next(nanos))
        except Ended as error:
            raise Damaged(str(error)) from None  # it has seconds, so this is no end of the values
        second += base
        if fraction < 0 or (second < 0 and fraction > 999_999):  # writers cut the seconds towards 1970
            second, fraction = second - 1, fraction % _NS_OF_A_SECOND
        if clock:
            second = clock(second)
        days, of_day = divmod(second, 86_400)
        written = day(days)
        if not written:
            yield f"{second} seconds since 1970-01-01"
        elif fraction:
            yield f"{written} {time_text(of_day)}.{fraction:09}{offset}"
        else:
            yield f"{written} {time_text(of_day)}{offset}"


def _nanoseconds(written: int) -> int:
    """Return nanoseconds, whose last three bits count zeros. Arrow writes negative ones for times before 1970."""
    written = written - _2_64 if written >= _2_63 else written
    zeros = written & 7
    found = (written >> 3) * 10 ** (zeros + 1) if zeros else written >> 3
    if not -_NS_OF_A_SECOND < found < _NS_OF_A_SECOND:
        raise Damaged("a time has nanoseconds of more than a second")
    return found


def _texts(streams: ColumnStreams) -> Values:
    if streams.dictionary_size is None:
        return _direct_texts(streams)
    return _texts_of_dictionary(streams)


def _direct_texts(streams: ColumnStreams) -> Values:
    source = streams.sources[DATA]
    for length in streams.integers(LENGTH, signed=False):
        _refuse_long(length)
        try:
            found = source.take(length)
        except Ended as error:
            raise Damaged(str(error)) from None  # it has a length, so this is no end of the values
        yield _decoded(found, streams)


def _texts_of_dictionary(streams: ColumnStreams) -> Values:
    assert streams.dictionary_size is not None
    account, data = streams.stripe.account, streams.sources[DICTIONARY_DATA].take_all()
    lengths, ends, end = streams.integers(LENGTH, signed=False), array("L", [0]), 0
    account.hold(ends.itemsize * streams.dictionary_size)
    for length in islice(lengths, streams.dictionary_size):
        _refuse_long(length)
        end += length
        if end > len(data):
            break
        ends.append(end)
    if end != len(data):
        raise Damaged(f"its dictionary has {len(data):,} bytes, and its texts have other lengths")
    for place in streams.integers(DATA, signed=False):
        if not 0 <= place < streams.dictionary_size:
            raise Damaged(f"a text is number {place:,} of a dictionary of {streams.dictionary_size:,}")
        found = data[ends[place] : ends[place + 1]]
        if len(found) > _SHORT_TEXT:
            account.add(len(found))  # a long text of a short file may be written many times
        yield _decoded(found, streams)


def _refuse_long(length: int) -> None:
    if length < 0:
        raise Damaged("a text has a negative length")
    if length > _LONGEST_TEXT:
        raise Damaged(f"a text has {length:,} bytes, and Aceite reads at most {_LONGEST_TEXT:,}")


def _decoded(found: bytes, streams: ColumnStreams) -> str | None:
    try:
        return found.decode()
    except UnicodeDecodeError:
        streams.no_text(found)
        return None


_READERS: Mapping[int, Callable[[ColumnStreams], Values]] = {
    types.BOOLEAN: _booleans,
    types.BYTE: _tiny_numbers,
    **dict.fromkeys((types.SHORT, types.INT, types.LONG), _whole_numbers),
    **dict.fromkeys((types.FLOAT, types.DOUBLE), _floats),
    **dict.fromkeys((types.STRING, types.VARCHAR, types.CHAR), _texts),
    **dict.fromkeys((types.TIMESTAMP, types.INSTANT), _moments),
    types.DECIMAL: _decimals,
    types.DATE: _days,
}
