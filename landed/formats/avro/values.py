"""The values of an Avro file, read strictly: an index, a length or a number that the schema does not allow is damage.

A reader takes a block and a place in it, and returns a value with the place behind it. What becomes a cell is returned
as its text, with all its digits; what is only passed over, as None.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from landed.formats.typed_texts import day_text, with_point

Read = Callable[[bytes, int], tuple[str | None, int]]

_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_LONGEST_NUMBER = 32  # bytes of a decimal, of which 16 hold 38 digits


class Damaged(Exception):
    """The bytes are not what the schema says. The words follow a colon."""


class NotText(Exception):
    """The bytes of a text are no UTF-8. `place` is the one behind them."""

    def __init__(self, found: bytes, place: int) -> None:
        super().__init__()
        self.found = found
        self.place = place


def read_long(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                break
            return (value >> 1) ^ -(value & 1), place
        shift += 7
        if shift > 63:
            break
    raise Damaged("a number has more than 64 bits" if place < len(data) else _ENDS)


def read_bytes(data: bytes, place: int) -> tuple[bytes, int]:
    size, place = read_long(data, place)
    return taken(data, place, size), place + size


def taken(data: bytes, place: int, size: int) -> bytes:
    """Return so many bytes. Raise Damaged if there are fewer."""
    if size < 0:
        raise Damaged("a text or a list of bytes has a negative length")
    if size > len(data) - place:
        raise Damaged(_ENDS)
    return data[place : place + size]


_ENDS = "it ends in the midst of a value"


def null(_: bytes, place: int) -> tuple[None, int]:
    return None, place


def boolean(data: bytes, place: int) -> tuple[str, int]:
    byte = taken(data, place, 1)
    if byte not in (b"\0", b"\1"):
        raise Damaged("a boolean is neither 0 nor 1")
    return "true" if byte == b"\1" else "false", place + 1


def whole_number(data: bytes, place: int) -> tuple[str, int]:
    value, place = read_long(data, place)
    return str(value), place


def float_(data: bytes, place: int) -> tuple[str, int]:
    return repr(_FLOAT.unpack(taken(data, place, 4))[0]), place + 4


def double(data: bytes, place: int) -> tuple[str, int]:
    return repr(_DOUBLE.unpack(taken(data, place, 8))[0]), place + 8


def text(data: bytes, place: int) -> tuple[str, int]:
    found, place = read_bytes(data, place)
    try:
        return found.decode(), place
    except UnicodeDecodeError:
        raise NotText(found, place) from None


def passed_bytes(data: bytes, place: int) -> tuple[None, int]:
    return None, read_bytes(data, place)[1]


def decimal(scale: int, size: int | None) -> Read:
    """Return the reader of a decimal in bytes; of `size` bytes, if they are fixed."""

    def read(data: bytes, place: int) -> tuple[str, int]:
        if size is None:
            found, place = read_bytes(data, place)
        else:
            found, place = taken(data, place, size), place + size
        if len(found) > _LONGEST_NUMBER:
            return f"a number of {len(found):,} bytes", place
        return with_point(int.from_bytes(found, "big", signed=True), scale), place

    return read


def fixed(size: int) -> Read:
    """Return the reader that passes over fixed bytes."""
    return lambda data, place: (None, place + len(taken(data, place, size)))


def fixed_uuid(data: bytes, place: int) -> tuple[str, int]:
    digits = taken(data, place, 16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}", place + 16


def day(data: bytes, place: int) -> tuple[str, int]:
    days, place = read_long(data, place)
    return day_text(days) or f"{days} days since 1970-01-01", place


def time(units_per_s: int, digits: int, unit: str, offset: str) -> Read:
    """Return the reader of a moment that is counted in units of so many a second; `offset` ends its text."""

    def read(data: bytes, place: int) -> tuple[str, int]:
        count, place = read_long(data, place)
        seconds, fraction = divmod(count, units_per_s)
        days, second = divmod(seconds, 86_400)
        written = day_text(days)
        if not written:
            return f"{count} {unit} since 1970-01-01", place
        minute, hour = second // 60 % 60, second // 3600
        return f"{written} {hour:02}:{minute:02}:{second % 60:02}.{fraction:0{digits}}{offset}", place

    return read


def enum(symbols: Sequence[str]) -> Read:
    def read(data: bytes, place: int) -> tuple[str, int]:
        index, place = read_long(data, place)
        if not 0 <= index < len(symbols):
            raise Damaged(f"an enum has the index {index}, and the schema has {len(symbols)} symbols")
        return symbols[index], place

    return read


def union(branches: Sequence[Read]) -> Read:
    def read(data: bytes, place: int) -> tuple[str | None, int]:
        index, place = read_long(data, place)
        if not 0 <= index < len(branches):
            raise Damaged(f"a union has the index {index}, and the schema has {len(branches)} types")
        return branches[index](data, place)

    return read


def record(fields: Sequence[Read]) -> Read:
    """Return the reader that passes over a record."""

    def read(data: bytes, place: int) -> tuple[None, int]:
        for field in fields:
            _, place = field(data, place)
        return None, place

    return read


def items(item: Read, *, take_bytes: bool) -> Read:
    """Return the reader that passes over an array. Nobody counts items that take no bytes: there may be any number."""

    def read(data: bytes, place: int) -> tuple[None, int]:
        while True:
            count, place = read_long(data, place)
            if not count:
                return None, place
            if count < 0:  # then the bytes of these items follow
                size, place = read_long(data, place)
                place += len(taken(data, place, size))
            elif take_bytes:
                for _ in range(count):
                    _, place = item(data, place)

    return read


def named(readers: Mapping[str, Read], name: str) -> Read:
    """Return the reader of a type that the schema names, and may define later, or inside of itself."""
    return lambda data, place: readers[name](data, place)
