"""How much a landed file may become while it is read: what is compressed says little of what it costs to open."""

import shutil
from pathlib import Path

from acceptance.errors import StepFailed

MOST_COLUMNS = 10_000

_SMALL_BYTES = 100_000_000
_TIMES = 250
_KEPT_FREE_BYTES = 200_000_000


def most_unpacked_bytes(packed_bytes: int) -> int:
    """Files of data become 3 to 20 times as large, extreme ones 100 times; a bomb of zeros becomes 1,000 times."""
    return max(_SMALL_BYTES, _TIMES * packed_bytes)


def grows_too_much(packed_bytes: int, what: str) -> str:
    """The fault of a file that does."""
    return (
        f"its {packed_bytes:,} bytes unpack to {what}; allowed: {most_unpacked_bytes(packed_bytes):,}, which is "
        f"{_TIMES} times its size, or {_SMALL_BYTES:,}. If that is really its data, land it in several files, or less "
        "compressed"
    )


def refuse_full_disk(folder: Path, needed_bytes: int = 0) -> None:
    """Raises StepFailed if the disk would be full: other runs need it too."""
    free = shutil.disk_usage(folder).free
    if free - needed_bytes < _KEPT_FREE_BYTES:
        needed = f"{needed_bytes:,} bytes more are needed, and " if needed_bytes else ""
        raise StepFailed(
            f"no room to read what landed: {free:,} bytes are free in {folder}, {needed}{_KEPT_FREE_BYTES:,} are kept "
            "free for others. Make room there, or point TMPDIR (on Windows TEMP) at another disk"
        )
