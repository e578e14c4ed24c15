"""Temporary folders that tell whose they are, and processes that a signal ends in order: nothing is left behind.

Python removes a temporary folder when its block or the process ends. A signal that nobody handles ends a process
without that, and nothing helps against a kill. So the next process of Aceite removes the folders of those that died.
"""

import os
import platform
import shutil
import signal
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_OURS = f"aceite-{platform.node()}-"
"""It holds the host's name: containers may share the temporary folder, but not their process ids."""


def temporary_folder(above: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """Make a folder of this process, by default in the system's folder for temporary files."""
    _remove_once()
    return tempfile.TemporaryDirectory(prefix=f"{_OURS}{os.getpid()}-", dir=above, ignore_cleanup_errors=True)


def remove_what_was_left() -> None:
    """Remove the folders of processes that no longer run, as far as this user may see and remove them."""
    import psutil

    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).iterdir():
            pid = folder.name.removeprefix(_OURS).partition("-")[0]
            if folder.name.startswith(_OURS) and pid.isdecimal() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


@cache
def _remove_once() -> None:
    remove_what_was_left()


def interrupt_on(*names: str) -> None:
    """Let these signals act like Ctrl-C, so that the process ends what it started, and removes its folders.

    A signal that this system does not have is left out, and so is a hang-up that `nohup` ignores.
    """
    for number in (getattr(signal, name, None) for name in names):
        if number is not None and (number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN):
            signal.signal(number, signal.default_int_handler)
