"""The folders that runs have for temporary files. A killed worker leaves its own behind; the next one removes them."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

import psutil

_OURS = f"aceite-run-{platform.node()}-"
"""With the host's name, as containers may share the folder, and a process of one is unknown to another."""


def folder_of_a_run() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f"{_OURS}{os.getpid()}-", ignore_cleanup_errors=True)


def remove_what_was_left() -> None:
    """Folders of workers that are no more."""
    for folder in Path(tempfile.gettempdir()).iterdir():
        pid = folder.name.removeprefix(_OURS).partition("-")[0]
        if folder.name.startswith(_OURS) and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
