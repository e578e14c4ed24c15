"""How ORC packs bytes: in chunks, each with a header of three bytes, that unpack to a limited number of bytes."""

from landed.formats import codecs
from landed.formats.codecs import Unpack
from landed.formats.orc.messages import Damaged
from landed.reading.faults import Unreadable

HEADER_BYTES = 3
MOST_CHUNK_BYTES = 8 * 1024 * 1024
"""The length of a chunk in its header has 23 bits."""

_NO_CODEC = {3: "LZO", 6: "Brotli"}


def codec_of(kind: int) -> Unpack | None:
    """Return how the chunks are unpacked, None if the file is not packed. What it returns raises Damaged.

    Raises:
        Unreadable: Aceite does not read the codec.
    """
    if kind not in _CODECS:
        name = _NO_CODEC.get(kind, f"the codec {kind}")
        raise Unreadable(f"the file is packed by {name}, which Aceite does not read; allowed: none, {_NAMES}")
    return _CODECS[kind]


def _or_damaged(unpack: Unpack) -> Unpack:
    def unpacked(data: bytes, most: int) -> bytes:
        try:
            return unpack(data, most)
        except codecs.NotUnpacked as error:
            raise Damaged(str(error)) from None
        except codecs.TooManyBytes:
            raise Damaged(f"a chunk unpacks to more than the {most:,} bytes that the file allows") from None

    return unpacked


_CODECS: dict[int, Unpack | None] = {
    0: None,
    1: _or_damaged(codecs.deflate),
    2: _or_damaged(codecs.snappy),
    4: _or_damaged(codecs.lz4),
    5: _or_damaged(codecs.zstandard),
}
_NAMES = "zlib, Snappy, LZ4, Zstandard"
