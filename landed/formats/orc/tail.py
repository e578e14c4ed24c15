"""The end of an ORC file: the postscript, and the footer with the types and the places of the stripes.

Every number in it is the sender's. So sizes are held against the file and against limits before anything is read or
unpacked, and whatever does not agree is `Unreadable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from landed.formats.codecs import Unpack
from landed.formats.orc.messages import Damaged, ProtobufMessage, read_message
from landed.formats.orc.packing import MOST_CHUNK_BYTES, codec_of
from landed.formats.orc.streams import Account, Source
from landed.formats.orc.types import OrcColumn, read_columns
from landed.formats.typed_texts import REMEDY
from landed.reading.bounds import grows_too_much, most_unpacked_bytes
from landed.reading.faults import Unreadable, shorten

MAGIC = b"ORC"
MOST_FOOTER_BYTES = 8 * 1024 * 1024
_USUAL_CHUNK_BYTES = 256 * 1024
_MOST_STRIPES = 100_000
_VERSIONS = ((0, 11), (0, 12))

# The numbers of the fields in ORC's specification: of the postscript, of the footer, and of the place of a stripe.
_FOOTER_LENGTH, _CODEC, _CHUNK, _VERSION, _METADATA_LENGTH, _MAGIC = 1, 2, 3, 4, 5, 8000
_STRIPES, _TYPES, _ROWS, _WRITER, _ENCRYPTION, _CALENDAR = 3, 4, 6, 9, 10, 11
_OFFSET, _INDEX_LENGTH, _DATA_LENGTH, _STRIPE_FOOTER_LENGTH, _STRIPE_ROWS = 1, 2, 3, 4, 5
_JAVA = 0
_UNKNOWN, _HYBRID = 0, 1


@dataclass(frozen=True, slots=True)
class StripePlace:
    """The place of a stripe in the file, its number from 1, and the number of its first row."""

    number: int
    start: int
    streams_bytes: int
    footer_bytes: int
    rows: int
    first: int

    @property
    def footer_start(self) -> int:
        return self.start + self.streams_bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file. `is_of_java`: Java's library wrote it, as most programs do, by Java's clocks.

    `is_hybrid`: days before 1582-10-15 are those of the Julian calendar.
    """

    columns: tuple[OrcColumn, ...]
    stripes: tuple[StripePlace, ...]
    rows: int
    unpack: Unpack | None
    chunk_bytes: int
    is_of_java: bool
    is_hybrid: bool


def read_tail(path: Path) -> Tail:
    """Read the end of the file. Raise Unreadable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("the file is not ORC: it does not begin with the bytes ORC")
        postscript, end = _postscript(file, size)
        unpack, chunk_bytes = _packing(postscript)
        length = postscript.number(_FOOTER_LENGTH)
        if length + postscript.number(_METADATA_LENGTH) > end - len(MAGIC):
            raise Unreadable(f"the file is damaged: its footer is longer than the file; {REMEDY}")
        try:
            place = (end - length, length)
            data = read_bounded(file, place, unpack, chunk_bytes, Account(size))
            footer = read_message(data)
            if footer.has(_ENCRYPTION):
                raise Unreadable("columns of the file are encrypted, which Aceite does not read; write them plainly")
            columns = read_columns(footer.bytes_of(_TYPES))
            stripes = _stripes(footer, end - length)
        except Damaged as error:
            raise Unreadable(f"the file's footer, which has the types, cannot be read: {error}; {REMEDY}") from None
    rows = sum(stripe.rows for stripe in stripes)
    if rows * len(columns) > most_unpacked_bytes(size):
        # Each value counts as a byte: a run of equal values takes no room in the file, but does in memory.
        raise Unreadable(grows_too_much(size, f"{rows * len(columns):,} values"))
    is_of_java, calendar = footer.number(_WRITER) == _JAVA, footer.number(_CALENDAR)
    is_hybrid = calendar == _HYBRID or (calendar == _UNKNOWN and is_of_java)
    return Tail(columns, tuple(stripes), rows, unpack, chunk_bytes, is_of_java, is_hybrid)


def read_bounded(
    file: BinaryIO, place: tuple[int, int], unpack: Unpack | None, chunk_bytes: int, account: Account
) -> bytes:
    """Return the bytes of a footer, unpacked. Raise Damaged or Unreadable."""
    start, length = place
    source = Source(file, start, length, unpack, chunk_bytes, account)
    data = source.at_hand(MOST_FOOTER_BYTES + 1)
    account.hold(-len(data))
    if len(data) > MOST_FOOTER_BYTES:
        raise Damaged(f"it has more than {MOST_FOOTER_BYTES:,} bytes")
    return data


def _postscript(file: BinaryIO, size: int) -> tuple[ProtobufMessage, int]:
    """Return the postscript, and the place where it begins."""
    file.seek(size - 1)
    length = file.read(1)[0]
    start = size - 1 - length
    cut = Unreadable(f"the file is damaged or truncated: it does not end as ORC does; {REMEDY}")
    if start < len(MAGIC):
        raise cut
    file.seek(start)
    try:
        postscript = read_message(file.read(length))
    except Damaged:
        raise cut from None
    if postscript.bytes_of(_MAGIC) != [MAGIC]:
        raise cut
    return postscript, start


def _packing(postscript: ProtobufMessage) -> tuple[Unpack | None, int]:
    """Return how chunks are unpacked, and to how many bytes at most."""
    try:
        version = tuple(postscript.numbers(_VERSION))[:2]
    except Damaged:
        version = ()
    if version and version not in _VERSIONS:
        found = shorten(".".join(map(str, version)))
        raise Unreadable(f"the file has the version {found} of ORC, which Aceite does not read; allowed: 0.11, 0.12")
    chunk_bytes = postscript.number(_CHUNK) or _USUAL_CHUNK_BYTES
    unpack = codec_of(postscript.number(_CODEC))
    if unpack and chunk_bytes > MOST_CHUNK_BYTES:
        raise Unreadable(
            f"the file's chunks unpack to {chunk_bytes:,} bytes, and Aceite reads at most {MOST_CHUNK_BYTES:,}; let "
            "the writer use a smaller compression block"
        )
    return unpack, chunk_bytes


def _stripes(footer: ProtobufMessage, end: int) -> Sequence[StripePlace]:
    """Read the places of the stripes, which lie between the first bytes and `end`. Raise Damaged."""
    stripes, first, taken = list[StripePlace](), 1, len(MAGIC)
    listed = footer.bytes_of(_STRIPES)
    if len(listed) > _MOST_STRIPES:
        raise Damaged(f"it has {len(listed):,} stripes; Aceite reads at most {_MOST_STRIPES:,}")
    for number, data in enumerate(listed, 1):
        found = read_message(data)
        streams_bytes = found.number(_INDEX_LENGTH) + found.number(_DATA_LENGTH)
        stripe = StripePlace(
            number,
            found.number(_OFFSET),
            streams_bytes,
            found.number(_STRIPE_FOOTER_LENGTH),
            found.number(_STRIPE_ROWS),
            first,
        )
        if stripe.start < taken or stripe.footer_start + stripe.footer_bytes > end:
            raise Damaged(f"stripe {number} lies outside of the file, or in another one")
        stripes.append(stripe)
        first, taken = first + stripe.rows, stripe.footer_start + stripe.footer_bytes
    if first - 1 != footer.number(_ROWS):
        raise Damaged(f"its stripes have {first - 1:,} rows, and it says {footer.number(_ROWS):,}")
    return stripes
