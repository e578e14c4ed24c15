"""The folders of temporary files that a worker leaves when it is killed."""

import subprocess
import sys
from pathlib import Path

from repository import ROOT

from blocks.temporary_folders import remove_what_was_left, temporary_folder

KEEP = """
import os
from blocks.temporary_folders import temporary_folder

kept = temporary_folder()
print(kept.name, flush=True)
os._exit(9)
"""


def test_the_folders_of_a_worker_that_died_are_removed_and_those_of_a_living_one_are_not():
    command = [sys.executable, "-c", KEEP]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True, encoding="utf-8")
    left = Path(died.stdout.strip())
    (left / "landed.csv").write_text("id", encoding="utf-8")
    with temporary_folder() as mine:
        remove_what_was_left()
        assert not left.exists()
        assert Path(mine).exists()
