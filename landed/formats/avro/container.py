"""The container of an Avro file: a header with the schema, then blocks of records, each with a sync marker behind it.

Every number in it is the sender's. So sizes are held against the file and against limits before anything is read or
unpacked, and whatever does not agree is `Unreadable`, with the number of the record before which it was found.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from landed.formats import codecs
from landed.formats.avro.values import Damaged, read_bytes, read_long, taken
from landed.formats.typed_texts import REMEDY
from landed.reading.bounds import grows_too_much, most_unpacked_bytes
from landed.reading.faults import Unreadable, shorten

MAGIC = b"Obj\x01"

_HEADER_BYTES = 16 * 1024 * 1024
_SYNC_BYTES = 16
_BLOCK_BYTES = 128 * 1024 * 1024  # writers end a block after 16 kB to 64 kB, the largest ones after some MB


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file: its schema as JSON, the name of its codec, its sync marker, and where its blocks begin."""

    schema: bytes
    codec: str
    sync: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block, unpacked. `number` counts the blocks from 1, `first` the records of the file."""

    number: int
    first: int
    records: int
    data: bytes

    def damaged(self, how: str, records_read: int = 0) -> Unreadable:
        return _unreadable(self.number, self.first + records_read, how)


def read_header(path: Path) -> Header:
    """Read the header. Raise Unreadable."""
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    if not start.startswith(MAGIC):
        raise Unreadable("the file is not Avro: it does not begin with the bytes Obj and 01")
    try:
        facts, place = _facts(start, len(MAGIC))
        sync = taken(start, place, _SYNC_BYTES)
    except Damaged as error:
        longer = f" in its first {_HEADER_BYTES:,} bytes" if len(start) == _HEADER_BYTES else ""
        raise Unreadable(
            f"the file's header, which has the schema, cannot be read{longer}: {error}; {REMEDY}"
        ) from None
    codec = facts.get(b"avro.codec", b"null").decode("utf-8", "replace")
    if codec not in CODECS:
        allowed = ", ".join(CODECS)
        raise Unreadable(
            f"the file's blocks are packed by {shorten(codec)!r}, which Aceite does not read; allowed: {allowed}"
        )
    if b"avro.schema" not in facts:
        raise Unreadable(f"the file's header has no schema; {REMEDY}")
    return Header(facts[b"avro.schema"], codec, sync, place + _SYNC_BYTES)


def _facts(data: bytes, place: int) -> tuple[dict[bytes, bytes], int]:
    """Read the map of the header. Raise Damaged."""
    facts = dict[bytes, bytes]()
    while True:
        count, place = read_long(data, place)
        if not count:
            return facts, place
        if count < 0:  # then the bytes of this part of the map follow
            count, (_, place) = -count, read_long(data, place)
        for _ in range(count):
            name, place = read_bytes(data, place)
            facts[name], place = read_bytes(data, place)


def blocks(path: Path, header: Header, columns: int) -> Iterator[Block]:
    """Yield the blocks, within the limits of what a file may unpack to. Raise Unreadable.

    Each value counts as at least one byte: a null of a column of nulls takes no room in the file, but does in memory.
    """
    size, unpack = path.stat().st_size, CODECS[header.codec]
    first, number, unpacked = 1, 0, 0
    with path.open("rb") as file:
        file.seek(header.end)
        while (place := file.tell()) < size:
            number += 1
            try:
                block = Block(number, first, *_read_block(file, header, size, unpack))
            except Damaged as error:
                raise _unreadable(number, first, f"it begins at byte {place:,}; {error}") from None
            unpacked += max(len(block.data), block.records * max(1, columns))
            if unpacked > most_unpacked_bytes(size):
                raise Unreadable(grows_too_much(size, f"more than {most_unpacked_bytes(size):,} bytes"), first)
            yield block
            first += block.records


def _read_block(file: BinaryIO, header: Header, size: int, unpack: Callable[[bytes], bytes]) -> tuple[int, bytes]:
    """Return the number of a block's records, and its bytes, unpacked. Raise Damaged."""
    records, packed_bytes = _long_of(file), _long_of(file)
    if records < 0 or packed_bytes < 0:
        raise Damaged("it has a negative count")
    if packed_bytes > size - file.tell():
        raise Damaged(f"it has {packed_bytes:,} bytes, and the file ends before")
    if packed_bytes > _BLOCK_BYTES:
        raise Damaged(_too_long(packed_bytes))
    data = unpack(file.read(packed_bytes))
    if file.read(_SYNC_BYTES) != header.sync:
        raise Damaged("the sync marker of the header does not stand behind it")
    return records, data


def _long_of(file: BinaryIO) -> int:
    data = b""
    while not data or data[-1] > 127:
        byte = file.read(1)
        if not byte or len(data) > 9:
            raise Damaged("the file ends in its first bytes" if not byte else "it has a number of more than 64 bits")
        data += byte
    return read_long(data, 0)[0]


def _unreadable(block: int, record: int, how: str) -> Unreadable:
    return Unreadable(f"block {block} of the file cannot be read: {how}; {REMEDY}", record)


def _too_long(bytes_: int) -> str:
    return (
        f"it has {bytes_:,} bytes, and Aceite reads at most {_BLOCK_BYTES:,} in a block; let the writer end blocks "
        "earlier"
    )


def _as_it_is(data: bytes) -> bytes:
    return data


def _snappy(data: bytes, most: int) -> bytes:
    """Unpack a block of Snappy, behind which its checksum stands."""
    unpacked, checksum = codecs.snappy(data[:-4], most), data[-4:]
    if zlib.crc32(unpacked).to_bytes(4, "big") != checksum:
        raise Damaged("its checksum is that of other data")
    return unpacked


def _or_damaged(unpack: codecs.Unpack) -> Callable[[bytes], bytes]:
    def unpacked(data: bytes) -> bytes:
        try:
            return unpack(data, _BLOCK_BYTES)
        except codecs.NotUnpacked as error:
            raise Damaged(str(error)) from None
        except codecs.TooManyBytes as error:
            raise Damaged(_too_long(error.size)) from None

    return unpacked


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": _as_it_is,
    # Python's writers leave some bytes of zlib's checksum behind the data.
    "deflate": _or_damaged(partial(codecs.deflate, left_over=4)),
    "snappy": _or_damaged(_snappy),
    "zstandard": _or_damaged(codecs.zstandard),
    "bzip2": _or_damaged(codecs.bzip2),
    "xz": _or_damaged(codecs.xz),
}
"""The codecs of Avro's specification, each with the function that unpacks a block. It raises Damaged."""
