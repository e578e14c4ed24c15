"""Every packing of landed files, as its usual tool writes it."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable, Mapping

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd


def zipped(content: bytes, name: str = "landed.csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return zipped_members({name: content}, method)


def zipped_members(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def with_checksum(content: bytes) -> bytes:
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "zstd": with_checksum,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}
