"""Unpack a landed file within limits on what it may expand to: its compressed size says little about that."""

import gzip
import shutil
import zlib
from pathlib import Path

from acceptance.errors import StepFailed
from landed.reading.faults import Faults

MOST_COLUMNS = 10_000

_SMALL_BYTES = 100_000_000
_TIMES = 250
_KEPT_FREE_BYTES = 200_000_000
_CHUNK_BYTES = 1024 * 1024
_LOOK_EVERY_BYTES = 64 * _CHUNK_BYTES


def most_unpacked_bytes(packed_bytes: int) -> int:
    """Return the limit. Data expands 3 to 20 times, in extreme cases 100 times; a bomb of zeros 1,000 times."""
    return max(_SMALL_BYTES, _TIMES * packed_bytes)


def grows_too_much(packed_bytes: int, what: str) -> str:
    """Return the message for a file that expands beyond the limit."""
    return (
        f"its {packed_bytes:,} bytes unpack to {what}; Aceite reads at most {most_unpacked_bytes(packed_bytes):,}: "
        f"{_TIMES} times the size, or {_SMALL_BYTES:,}. If the data is real, land it in several files, or compress it "
        "less"
    )


def refuse_full_disk(folder: Path, needed_bytes: int = 0) -> None:
    """Raise StepFailed if the disk would become full: other runs need it too."""
    free = shutil.disk_usage(folder).free
    if free - needed_bytes < _KEPT_FREE_BYTES:
        needed = f"this file needs {needed_bytes:,} more, and " if needed_bytes else ""
        raise StepFailed(
            f"no room to read the landed file: {folder} has {free:,} bytes free; {needed}Aceite keeps "
            f"{_KEPT_FREE_BYTES:,} free for other runs. Make room there, or point TMPDIR (on Windows TEMP) at another "
            "disk"
        )


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
