"""Runs of numbers, bytes and bits: ORC's run length encodings of version 1 and 2.

Each function yields values without an end: it raises Ended where its stream has no more of them, and Damaged where the
bytes are no run. So whoever asks says how many values there are.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import accumulate, chain, repeat

from landed.formats.orc.messages import Damaged, Ended, read_unsigned
from landed.formats.orc.streams import Source

_LONGEST_RUN = 8192  # bytes. A run has at most 512 numbers of 64 bits, and 31 patches
_SHORTEST_REPEAT = 3
_FEWEST_BYTES = 3
_WIDTHS = (*range(1, 25), 26, 28, 30, 32, 40, 48, 56, 64)
_BITS = [tuple(byte >> shift & 1 == 1 for shift in range(7, -1, -1)) for byte in range(256)]
_PARTS = {
    bits: [tuple(byte >> shift & (1 << bits) - 1 for shift in range(8 - bits, -1, -bits)) for byte in range(256)]
    for bits in (1, 2, 4)
}
_WHOLE = {8: "B", 16: "H", 32: "I", 64: "Q"}


def integers(source: Source, *, signed: bool, version: int) -> Iterator[int]:
    """Yield the numbers of a stream. Those without a sign may have 64 bits, and a run of deltas may lead below 0."""
    run_of = _run_of_version_2 if version == 2 else _run_of_version_1
    while True:
        data, place = source.at_hand(_LONGEST_RUN), source.place
        if place == len(data):
            raise Ended
        try:
            run, source.place = run_of(data, place, signed)
        except IndexError:
            raise Ended from None
        yield from run


def bytes_of_runs(source: Source) -> Iterator[int]:
    """Yield the bytes of a stream, from 0 to 255."""
    while True:
        data, place = source.at_hand(_LONGEST_RUN), source.place
        if len(data) - place < 2:
            raise Ended if place == len(data) else Damaged("a run has no bytes")
        head = data[place]
        if head < 128:
            source.place = place + 2
            yield from repeat(data[place + 1], head + _FEWEST_BYTES)
        else:
            source.place = place + 1
            yield from source.take(256 - head)


def booleans(source: Source) -> Iterator[bool]:
    """Yield the bits of a stream. The last byte may have more of them than there are values."""
    return chain.from_iterable(map(_BITS.__getitem__, bytes_of_runs(source)))


def _run_of_version_1(data: bytes, place: int, signed: bool) -> tuple[list[int], int]:
    head = data[place]
    if head < 128:
        delta = data[place + 1]
        first, place = _number(data, place + 2, signed)
        step = delta - 256 if delta > 127 else delta
        count = head + _SHORTEST_REPEAT
        return ([first] * count if not step else list(range(first, first + step * count, step))), place
    literals = list[int]()
    place += 1
    for _ in range(256 - head):
        value, place = _number(data, place, signed)
        literals.append(value)
    return literals, place


def _number(data: bytes, place: int, signed: bool) -> tuple[int, int]:
    value, place = read_unsigned(data, place)
    return (value >> 1) ^ -(value & 1) if signed else value, place


def _run_of_version_2(data: bytes, place: int, signed: bool) -> tuple[list[int], int]:
    return _KINDS[data[place] >> 6](data, place, signed)


def _short_repeat(data: bytes, place: int, signed: bool) -> tuple[list[int], int]:
    head = data[place]
    size = (head >> 3 & 7) + 1
    value = int.from_bytes(_part(data, place + 1, size), "big")
    value = (value >> 1) ^ -(value & 1) if signed else value
    return [value] * ((head & 7) + _SHORTEST_REPEAT), place + 1 + size


def _direct(data: bytes, place: int, signed: bool) -> tuple[list[int], int]:
    bits, count = _WIDTHS[data[place] >> 1 & 31], _count(data, place)
    values, place = _unpacked(data, place + 2, bits, count)
    return [(value >> 1) ^ -(value & 1) for value in values] if signed else values, place


def _patched_base(data: bytes, place: int, _: bool) -> tuple[list[int], int]:
    bits, count, third, fourth = _WIDTHS[data[place] >> 1 & 31], _count(data, place), data[place + 2], data[place + 3]
    base_size, patch_bits = (third >> 5) + 1, _WIDTHS[third & 31]
    gap_bits, patches = (fourth >> 5) + 1, fourth & 31
    if patch_bits + gap_bits > 64:
        raise Damaged("a patch of a run has more than 64 bits")
    base = int.from_bytes(_part(data, place + 4, base_size), "big")
    sign = 1 << (8 * base_size - 1)
    base = -(base - sign) if base & sign else base
    values, place = _unpacked(data, place + 4 + base_size, bits, count)
    width = next(width for width in _WIDTHS if width >= patch_bits + gap_bits)
    listed, place = _unpacked(data, place, width, patches)
    number = 0
    for each in listed:
        number += each >> patch_bits
        patch = each & (1 << patch_bits) - 1
        if number >= count:
            raise Damaged("a patch lies behind its run")
        values[number] |= patch << bits
    return [base + value for value in values], place


def _delta(data: bytes, place: int, signed: bool) -> tuple[list[int], int]:
    code, count = data[place] >> 1 & 31, _count(data, place)
    first, place = _number(data, place + 2, signed)
    step, place = _number(data, place, True)
    if not code:
        return ([first] * count if not step else list(range(first, first + step * count, step))), place
    deltas, place = _unpacked(data, place, _WIDTHS[code], max(0, count - 2))
    steps = [-delta for delta in deltas] if step < 0 else deltas
    return list(accumulate([first, step, *steps]))[:count], place


_KINDS: tuple[Callable[[bytes, int, bool], tuple[list[int], int]], ...] = (
    _short_repeat,
    _direct,
    _patched_base,
    _delta,
)


def _count(data: bytes, place: int) -> int:
    return ((data[place] & 1) << 8 | data[place + 1]) + 1


def _part(data: bytes, place: int, size: int) -> bytes:
    if size > len(data) - place:
        raise IndexError
    return data[place : place + size]


def _unpacked(data: bytes, place: int, bits: int, count: int) -> tuple[list[int], int]:
    """Return numbers of so many bits, which stand one behind the other, the most significant bit first."""
    size = (bits * count + 7) // 8
    part = _part(data, place, size)
    if bits in _WHOLE:
        return list(struct.unpack(f">{count}{_WHOLE[bits]}", part)), place + size
    if bits in _PARTS:
        return list(chain.from_iterable(map(_PARTS[bits].__getitem__, part)))[:count], place + size
    # Eight numbers have as many bytes as each has bits.
    values, mask, shifts = list[int](), (1 << bits) - 1, range(7 * bits, -1, -bits)
    for start in range(0, size, bits):
        eight = int.from_bytes(part[start : start + bits].ljust(bits, b"\0"), "big")
        values += [eight >> shift & mask for shift in shifts]
    return values[:count], place + size
