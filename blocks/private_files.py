"""Files that only their owner may read: a home holds passwords, keys and what Prefect's database knows.

On POSIX the mode says so. Windows has no such modes: there `mkdir(0o700)` gives a new folder to its user and the
administrators alone (Python 3.11.10, 3.12.4 and later), and what is made in it inherits that.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from acceptance.errors import SettingsError

PRIVATE_UMASK = 0o077
"""Takes every right from the group and from others."""

_FOLDER = 0o700


def private_folder(folder: Path) -> Path:
    """Make the folder, or take it from everybody else. Raises SettingsError if that fails."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_FOLDER, exist_ok=True)
        make_private(folder.resolve())
    except OSError as error:
        raise SettingsError(
            f"the folder {folder} cannot be made, or not be taken from other users: {error.strerror}; give one that "
            f"belongs to this user with --home (ACEITE_HOME), such as {folder / 'aceite'}"
        ) from error
    return folder


def make_private(path: Path) -> None:
    """Take a file or folder from everybody but its owner."""
    if os.name != "nt" and not path.is_symlink() and (mode := path.stat().st_mode) & PRIVATE_UMASK:
        path.chmod(mode & ~PRIVATE_UMASK)


def write_private(path: Path, content: bytes) -> None:
    """Write a private file. A reader finds the earlier content or all of this one."""
    draft = _draft(path, content)
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def create_private(path: Path, content: bytes) -> None:
    """Write a private file that is not there yet, whole or not at all.

    Raises:
        FileExistsError: there is one, and it stays. So of two processes that make a key, both go on with the same one.
    """
    draft = _draft(path, content)
    try:
        if os.name == "nt":
            draft.rename(path)  # refuses to replace a file
        else:
            path.hardlink_to(draft)
    finally:
        with suppress(OSError):
            draft.unlink()


def _draft(path: Path, content: bytes) -> Path:
    """Write a file beside the path. `mkstemp` makes it with mode 0600, and never opens one that was there."""
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
