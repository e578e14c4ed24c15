"""Unpack a landed file within limits on what it may expand to: its compressed size says little about that."""

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acceptance.errors import MachineTrouble
from blocks.temporary_folders import temporary_folder
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


@contextmanager
def scratch_folder(above: Path | None = None) -> Iterator[Path]:
    """Yield a folder that is deleted afterwards, by default in the system's temporary one.

    An error of the disk or of memory inside is one of this machine: MachineTrouble.
    """
    try:
        with temporary_folder(above) as folder:
            yield Path(folder)
    except (OSError, MemoryError) as error:
        raise MachineTrouble(f"read the landed file: {error or type(error).__name__}") from error


def refuse_full_disk(folder: Path, needed_bytes: int = 0) -> None:
    """Raise MachineTrouble if the disk would become full: other runs need it too."""
    free = shutil.disk_usage(folder).free
    if free - needed_bytes < _KEPT_FREE_BYTES:
        needed = f"this file needs {needed_bytes:,} more, and " if needed_bytes else ""
        raise MachineTrouble(
            f"no room to read the landed file: {folder} has {free:,} bytes free; {needed}Aceite keeps "
            f"{_KEPT_FREE_BYTES:,} free for other runs. Make room there, or point TMPDIR (on Windows TEMP) at another "
            "disk"
        )


def refuse_other_format(path: Path, faults: Faults) -> None:
    """Add a fault if a file that should be text begins with bytes that only another format begins with."""
    with path.open("rb") as file:
        first = file.read(_LONGEST_BEGINNING)
    for beginning, format_ in _BEGINNINGS.items():
        if first.startswith(beginning):
            remedy = "; land it unpacked, or say `compression: gzip` in the contract" if format_ == "gzip" else ""
            faults.add(1, f"the file is not text: it begins as {format_} does{remedy}")


_BEGINNINGS = {
    b"\x1f\x8b\x08": "gzip",
    b"PK\x03\x04": "ZIP (as .xlsx files do)",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xd0\xcf\x11\xe0\xa1\xb1": "an old Office document (as .xls files do)",
    b"PAR1\x15": "Parquet",  # a text may begin with PAR1
    b"Obj\x01": "Avro",
}
_LONGEST_BEGINNING = max(map(len, _BEGINNINGS))


def unpack(path: Path, compression: str, copy: Path, faults: Faults) -> Path:
    """Return the path of the unpacked file: `path` itself if the contract declares no compression.

    A file that is not gzip or is truncated is a fault. So is one that expands too much, whose copy is deleted. Raise
    MachineTrouble if the disk would become full.
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
        faults.add(1, _damaged_gzip(error, path))
    else:
        if written > most:
            copy.unlink()
            faults.add(1, grows_too_much(packed_bytes, "more bytes"))
        elif not written:
            faults.add(1, "the file is empty (0 bytes unpacked)")
    return copy


def _damaged_gzip(error: Exception, path: Path) -> str:
    """Return what is wrong, in our own words: those of the library quote bytes of the file."""
    if isinstance(error, EOFError):
        problem = "it ends before its data does"
    elif isinstance(error, zlib.error):
        problem = "its compressed bytes are damaged"
    elif "CRC" in str(error) or "length" in str(error):
        problem = "its checksum is that of other data"
    else:
        with path.open("rb") as file:
            begins_so = file.read(2) == b"\x1f\x8b"
        problem = "other bytes follow its compressed data" if begins_so else "it does not begin as gzip does"
    return f"the file is truncated or not gzip, as the contract declares: {problem}"
