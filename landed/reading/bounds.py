"""Limits on what a landed file may take: columns, room on the disk, and what it may expand to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acceptance.errors import MachineTrouble
from blocks.temporary_folders import temporary_folder

MOST_COLUMNS = 10_000

_SMALL_BYTES = 100_000_000
_TIMES = 250
_KEPT_FREE_BYTES = 200_000_000


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
