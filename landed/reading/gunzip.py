"""Unpack a compressed landed file to the disk in bounded memory."""

import gzip
import zlib
from pathlib import Path

from landed.reading.bounds import grows_too_much, most_unpacked_bytes, refuse_full_disk
from landed.reading.faults import Faults

_CHUNK_BYTES = 1024 * 1024
_LOOK_EVERY_BYTES = 64 * _CHUNK_BYTES


def unpack(path: Path, compression: str, copy: Path, faults: Faults) -> Path:
    """Return the path of the unpacked file: `path` itself if the contract declares no compression.

    A file that is not gzip or is truncated is a fault. So is one that expands too much, whose copy is deleted. Raise
    StepFailed if the disk would become full.
    """
    if compression != "gzip":
        return path
    written, packed_bytes = 0, path.stat().st_size
    most = most_unpacked_bytes(packed_bytes)
    try:
        with gzip.open(path) as file, copy.open("wb") as out:
            while chunk := file.read(_CHUNK_BYTES):
                out.write(chunk)
                written += len(chunk)
                if written > most:
                    break
                if written % _LOOK_EVERY_BYTES < _CHUNK_BYTES:
                    refuse_full_disk(copy.parent)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        faults.add(1, f"the file is truncated or not gzip, as the contract declares: {error}")
    else:
        if written > most:
            copy.unlink()
            faults.add(1, grows_too_much(packed_bytes, "more bytes"))
        elif not written:
            faults.add(1, "the file is empty (0 bytes unpacked)")
    return copy
