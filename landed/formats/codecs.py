"""Codecs of formats that pack their own blocks: each unpacks to a limited number of bytes, whatever a sender wrote."""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Any

import cramjam

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd

Unpack = Callable[[bytes, int], bytes]
"""Unpacks a block to so many bytes at most. Raises NotUnpacked or TooManyBytes."""

_DICTIONARY_BYTES = 256 * 1024 * 1024
_ERRORS = (zlib.error, cramjam.DecompressionError, zstd.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError)


class NotUnpacked(Exception):
    """The bytes are not what the codec writes."""

    def __init__(self) -> None:
        super().__init__("its packed bytes are damaged")


class TooManyBytes(Exception):
    """The bytes unpack to more than the limit: to `size`, as far as it is known."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def deflate(data: bytes, most: int, *, left_over: int = 0) -> bytes:
    """Unpack a stream of DEFLATE, behind which at most `left_over` bytes stand."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacked = _or_not_unpacked(stream.decompress, data, most + 1)
    return _whole(unpacked, most, is_whole=stream.eof and len(stream.unused_data) <= left_over)


def zstandard(data: bytes, most: int) -> bytes:
    return _streamed(zstd.ZstdDecompressor(), data, most)


def bzip2(data: bytes, most: int) -> bytes:
    return _streamed(bz2.BZ2Decompressor(), data, most)


def xz(data: bytes, most: int) -> bytes:
    return _streamed(lzma.LZMADecompressor(lzma.FORMAT_XZ, _DICTIONARY_BYTES), data, most)


def snappy(data: bytes, most: int) -> bytes:
    """Unpack a block of Snappy without a frame. It writes its size before it."""
    size = 0
    for place, byte in enumerate(data[:5]):
        size |= (byte & 127) << (7 * place)
        if byte < 128:
            break
    else:
        raise NotUnpacked
    if size > most:
        raise TooManyBytes(size)
    return bytes(_or_not_unpacked(cramjam.snappy.decompress_raw, data))


def lz4(data: bytes, most: int) -> bytes:
    """Unpack a block of LZ4 without its size before it. One that unpacks to more is taken for damaged."""
    unpacked = bytearray(most)
    size = _or_not_unpacked(lambda: cramjam.lz4.decompress_block_into(data, unpacked, output_len=most))
    return bytes(memoryview(unpacked)[:size])


def _streamed(stream: Any, data: bytes, most: int) -> bytes:
    unpacked = _or_not_unpacked(stream.decompress, data, most + 1)
    return _whole(unpacked, most, is_whole=stream.eof and not stream.unused_data)


def _whole(unpacked: bytes, most: int, *, is_whole: bool) -> bytes:
    if len(unpacked) > most:
        raise TooManyBytes(len(unpacked))
    if not is_whole:
        raise NotUnpacked
    return unpacked


def _or_not_unpacked(unpack: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return unpack(*arguments)
    except _ERRORS:
        raise NotUnpacked from None
