"""Makes runs' folders for temporary files, and removes those that a killed worker left behind."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

import psutil

_OURS = f"aceite-run-{platform.node()}-"
"""It holds the host's name: containers may share the temporary folder, but not their process ids."""


def folder_of_a_run() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f"{_OURS}{os.getpid()}-", ignore_cleanup_errors=True)


def remove_what_was_left() -> None:
    """Remove the folders of workers that no longer run."""
    for folder in Path(tempfile.gettempdir()).iterdir():
        pid = folder.name.removeprefix(_OURS).partition("-")[0]
        if folder.name.startswith(_OURS) and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
