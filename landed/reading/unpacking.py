"""Unpack a landed file within limits on what it may expand to, and name the packing that its first bytes show."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Protocol, assert_never

from acceptance.contract.landing_format import Compression, FileFormat
from landed.reading.bounds import grows_too_much, most_unpacked_bytes, refuse_full_disk
from landed.reading.faults import Faults

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd

_CHUNK_BYTES = 1024 * 1024
_LOOK_EVERY_BYTES = 64 * _CHUNK_BYTES
_DICTIONARY_BYTES = 256 * 1024 * 1024  # of xz; its strongest preset asks for 65 MB. Zstandard's own limit is 128 MB

_PACKINGS = {
    b"\x1f\x8b": Compression.GZIP,
    **dict.fromkeys((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), Compression.ZIP),  # the second: without members
    b"BZh": Compression.BZIP2,
    b"\xfd7zXZ\x00": Compression.XZ,
    b"\x28\xb5\x2f\xfd": Compression.ZSTD,
    **{bytes((0x50 + number, 0x2A, 0x4D, 0x18)): Compression.ZSTD for number in range(16)},  # a frame to be skipped
}
_NAMES = {Compression.ZIP: "ZIP (as .xlsx files do)", Compression.ZSTD: "Zstandard"}
_OTHERS = {
    b"\xd0\xcf\x11\xe0\xa1\xb1": "an old Office document (as .xls files do)",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"\x1f\x9d": "compress (as .Z files do)",
    b"%PDF-": "PDF",
    b"PAR1\x15": "Parquet",  # a text may begin with PAR1
    b"Obj\x01": "Avro",
}
_ORC, _END_OF_ORC = b"ORC", b"\x82\xf4\x03\x03ORC"
"""The first bytes, and the last ones, which the length of the postscript follows."""


class _Damaged(Exception):
    """The packed bytes are not what the contract declares; the words say how."""


class _Unread(Exception):
    """The file is packed as declared, in a way that Aceite does not unpack; the words say which."""


def packing_of(path: Path) -> Compression:
    """Return the packing that the first bytes show."""
    with path.open("rb") as file:
        first = file.read(16)
    if first.startswith(b"BZh") and first[4:10] not in (b"1AY&SY", b"\x17rE8P\x90"):
        return Compression.NONE
    return next((packing for magic, packing in _PACKINGS.items() if first.startswith(magic)), Compression.NONE)


def refuse_other_format(path: Path, format_: FileFormat, declared: Compression, faults: Faults) -> None:
    """Add a fault if the unpacked file begins with bytes that only another format or a packing begins with."""
    packing = packing_of(path)
    if packing is not Compression.NONE:
        name = _NAMES.get(packing, str(packing))
        faults.add(
            1, f"the file is not {_kind(format_)}: it begins as {name} does; {_remedy(packing, format_, declared)}"
        )
        return
    with path.open("rb") as file:
        first = file.read(16)
    for beginning, name in _OTHERS.items():
        if first.startswith(beginning) and name.casefold() != format_:
            faults.add(1, f"the file is not {_kind(format_)}: it begins as {name} does")
    if format_ is not FileFormat.ORC and is_orc(path):
        faults.add(1, f"the file is not {_kind(format_)}: it begins and ends as ORC does")


def is_orc(path: Path) -> bool:
    """Return True if the file begins and ends as ORC does. A text may begin so: ORCID."""
    with path.open("rb") as file:
        if file.read(len(_ORC)) != _ORC:
            return False
        file.seek(-min(path.stat().st_size, len(_END_OF_ORC) + 1), io.SEEK_END)
        return file.read().startswith(_END_OF_ORC)


def _kind(format_: FileFormat) -> str:
    return "text" if format_.is_text else format_.label


def _remedy(packing: Compression, format_: FileFormat, declared: Compression) -> str:
    if not format_.is_text:
        return f"land the {format_.label} itself, which is packed inside"
    if declared != Compression.NONE:
        return f"it is packed twice, and the contract says `compression: {declared}`; pack it once"
    return f"land it unpacked, or say `compression: {packing}` in the contract"


def unpack(path: Path, compression: Compression, copy: Path, faults: Faults) -> Path:
    """Return the path of the unpacked file: `path` itself if the contract declares no compression.

    A file that is packed otherwise, truncated or damaged is a fault. So is one that expands too much, whose copy is
    deleted. Raise MachineTrouble if the disk would become full.
    """
    if compression == Compression.NONE:
        return path
    written, packed_bytes = 0, path.stat().st_size
    most = most_unpacked_bytes(packed_bytes)
    try:
        with closing(_unpacked(path, compression)) as chunks, copy.open("wb") as out:
            for chunk in chunks:
                out.write(chunk)
                written += len(chunk)
                if written > most:
                    break
                if written % _LOOK_EVERY_BYTES < _CHUNK_BYTES:
                    refuse_full_disk(copy.parent)
    except _Damaged as error:
        faults.add(1, f"the file is truncated or not {compression}, as the contract declares: {error}")
    except _Unread as error:
        faults.add(1, f"the file is {compression} that Aceite does not unpack: {error}")
    else:
        if written > most:
            copy.unlink()
            faults.add(1, grows_too_much(packed_bytes, "more bytes"))
        elif not written:
            faults.add(1, "the file is empty (0 bytes unpacked)")
    return copy


def _unpacked(path: Path, compression: Compression) -> Generator[bytes, None, None]:
    """Yield the unpacked bytes. Raise _Damaged."""
    found = packing_of(path)
    if found != compression:
        also = "" if found is Compression.NONE else f", but as {found} does"
        raise _Damaged(f"it does not begin as {compression} does{also}")
    match compression:
        case Compression.NONE:
            raise ValueError("nothing is packed")
        case Compression.GZIP:
            yield from _of_gzip(path)
        case Compression.ZSTD:
            yield from _of_streams(path, zstd.ZstdDecompressor)
        case Compression.BZIP2:
            yield from _of_streams(path, bz2.BZ2Decompressor)
        case Compression.XZ:
            yield from _of_streams(path, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _DICTIONARY_BYTES), padded=True)
        case Compression.ZIP:
            yield from _of_zip(path)
        case _:
            assert_never(compression)


def _of_gzip(path: Path) -> Generator[bytes, None, None]:
    try:
        with gzip.open(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except EOFError:
        raise _Damaged(_CUT) from None
    except zlib.error:
        raise _Damaged(_BYTES) from None
    except gzip.BadGzipFile as error:  # its words quote bytes of the file
        is_sum = "CRC" in str(error) or "length" in str(error)
        raise _Damaged(_SUM if is_sum else _MORE) from None


_CUT = "it ends before its data does"
_BYTES = "its compressed bytes are damaged"
_SUM = "its checksum is that of other data"
_MORE = "other bytes follow its compressed data"


class _Decompressor(Protocol):
    """The part that the decompressors of one stream have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _of_streams(path: Path, new: Callable[[], _Decompressor], *, padded: bool = False) -> Generator[bytes, None, None]:
    """Unpack all streams that stand one after the other; `padded`: zeros may stand between them, in fours."""
    with path.open("rb") as file:
        data = file.read(_CHUNK_BYTES)
        number = 0
        while data:
            stream, number, began = new(), number + 1, number == 0
            while not stream.eof:
                data = data or (file.read(_CHUNK_BYTES) if stream.needs_input else b"")
                if not data and stream.needs_input:
                    raise _Damaged(_CUT if began else _MORE)
                try:
                    chunk = stream.decompress(data, _CHUNK_BYTES)
                except (OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError) as error:
                    raise _Damaged(_words(error, _BYTES if began else _MORE)) from None
                data = b""
                if chunk:
                    began = True
                    yield chunk
            data = stream.unused_data or file.read(_CHUNK_BYTES)
            if padded:
                data = _after_padding(data, file)


def _words(error: Exception, otherwise: str) -> str:
    text = str(error).lower()
    if "memory" in text:
        raise _Unread("that takes more memory than Aceite gives; pack it with a smaller window or dictionary")
    return _SUM if "checksum" in text else otherwise


def _after_padding(data: bytes, file: io.BufferedReader) -> bytes:
    zeros = 0
    while data and not (rest := data.lstrip(b"\0")):
        zeros += len(data)
        data = file.read(_CHUNK_BYTES)
    zeros += len(data) - len(rest) if data else 0
    if zeros % 4:
        raise _Damaged(_MORE)
    return rest if data else b""


_END_OF_ZIP = b"PK\x05\x06"
_END_BYTES = 22


class _BoundedReads(io.BufferedReader):
    """Bytes of a ZIP for the standard library, which believes the sizes and places that a file says of itself."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:  # the end of the file, after which nothing is to come
            return super().read(_CHUNK_BYTES)
        if size > _CHUNK_BYTES:
            raise _Unread(f"its table of members has more than {_CHUNK_BYTES:,} bytes; exactly one file is needed")
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset < 0 and whence == io.SEEK_SET:
            raise zipfile.BadZipFile(_BYTES)
        return super().seek(offset, whence)


def _of_zip(path: Path) -> Generator[bytes, None, None]:
    """Unpack the only member of a ZIP."""
    try:
        with _BoundedReads(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            member = _only_member(archive)
            _refuse_after_end(path, archive)
            with archive.open(member) as unpacked:
                while chunk := unpacked.read(_CHUNK_BYTES):
                    yield chunk
    except EOFError:
        raise _Damaged(_CUT) from None
    except zipfile.BadZipFile as error:
        raise _Damaged(_words_of_zip(error)) from None
    except (zlib.error, struct.error, ValueError, RuntimeError, LookupError, OverflowError):
        raise _Damaged(_BYTES) from None


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise _Unread(f"it has {len(members)} members; exactly one file is needed, so pack each file of its own")
    [member] = members
    if member.flag_bits & 1:
        raise _Unread("its member is encrypted, and Aceite has no password; land it without one")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        name = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES encryption"}
        method = name.get(member.compress_type, f"the method {member.compress_type}")
        raise _Unread(f"its member is packed by {method}; allowed: Deflate, or stored as it is")
    return member


def _refuse_after_end(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise _Damaged unless the file ends where the ZIP does: the standard library reads past other bytes."""
    with path.open("rb") as file:
        file.seek(-_END_BYTES - len(archive.comment), io.SEEK_END)
        if file.read(len(_END_OF_ZIP)) != _END_OF_ZIP:
            raise _Damaged(_MORE)


def _words_of_zip(error: zipfile.BadZipFile) -> str:
    if "CRC" in str(error):
        return _SUM
    return f"{_CUT}, or other bytes follow it" if "not a zip file" in str(error) else _BYTES
