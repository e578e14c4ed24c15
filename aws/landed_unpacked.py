"""A compressed landed file, unpacked to the disk in bounded memory."""

import gzip
import zlib
from pathlib import Path

from aws.landed_faults import Faults

_CHUNK_BYTES = 1024 * 1024


def unpacked(path: Path, compression: str, copy: Path, faults: Faults) -> Path:
    """`path` itself if the contract says that it is not compressed. What is no gzip, or is cut off, is a fault."""
    if compression != "gzip":
        return path
    written = 0
    try:
        with gzip.open(path) as file, copy.open("wb") as out:
            while chunk := file.read(_CHUNK_BYTES):
                out.write(chunk)
                written += len(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        faults.add(1, f"it is not the gzip that the contract says, or cut off: {error}")
    else:
        if not written:
            faults.add(1, "the file is empty (0 bytes unpacked)")
    return copy
