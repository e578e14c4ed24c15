"""Messages of Protocol Buffers, as ORC's footers are, and the exceptions for bytes that are not what ORC says."""

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_BITS = 128


class Damaged(Exception):
    """The bytes are not what the specification says. The words follow a colon."""


class Ended(Damaged):
    """A value was asked for, and the bytes of a stream end before it."""

    def __init__(self) -> None:
        super().__init__("its data ends before its last value")


def read_unsigned(data: bytes, place: int, most_bits: int = 64) -> tuple[int, int]:
    """Read a number in groups of seven bits, and return it with the place behind it. Raise Damaged."""
    value = shift = 0
    for place_of_byte in range(place, min(len(data), place + _MOST_BITS // 7 + 1)):
        byte = data[place_of_byte]
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> most_bits:
                break
            return value, place_of_byte + 1
        shift += 7
    else:
        if place + _MOST_BITS // 7 >= len(data):
            raise Ended
    raise Damaged(f"a number has more than {most_bits} bits")


@dataclass(frozen=True, slots=True)
class ProtobufMessage:
    """The fields of a message by their numbers, each with all its values: a number, or the bytes of anything else."""

    fields: dict[int, list[int | bytes]]

    def number(self, field: int, default: int = 0) -> int:
        """Return the last number of the field, as Protocol Buffers do if there are several."""
        found = [value for value in self.fields.get(field, ()) if isinstance(value, int)]
        return found[-1] if found else default

    def numbers(self, field: int) -> Iterator[int]:
        """Yield the numbers of the field, packed or not. Raise Damaged."""
        for value in self.fields.get(field, ()):
            if isinstance(value, int):
                yield value
                continue
            place = 0
            while place < len(value):
                number, place = read_unsigned(value, place)
                yield number

    def bytes_of(self, field: int) -> list[bytes]:
        return [value for value in self.fields.get(field, ()) if isinstance(value, bytes)]

    def text(self, field: int) -> str:
        return next(iter(self.bytes_of(field)), b"").decode("utf-8", "replace")

    def has(self, field: int) -> bool:
        return field in self.fields


def read_message(data: bytes) -> ProtobufMessage:
    """Read a message. Raise Damaged."""
    fields, place = dict[int, list[int | bytes]](), 0
    while place < len(data):
        tag, place = read_unsigned(data, place)
        value: int | bytes
        match tag & 7:
            case 0:
                value, place = read_unsigned(data, place)
            case 1 | 5 | 2 as kind:
                size = 8 if kind == 1 else 4
                if kind == 2:
                    size, place = read_unsigned(data, place)
                if size > len(data) - place:
                    raise Damaged("it ends in the midst of a field")
                value, place = data[place : place + size], place + size
            case kind:
                raise Damaged(f"a field has the type {kind} of Protocol Buffers, which ORC does not use")
        fields.setdefault(tag >> 3, []).append(value)
    return ProtobufMessage(fields)
