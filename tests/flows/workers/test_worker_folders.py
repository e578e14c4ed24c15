"""The folders of temporary files that a worker leaves when it is killed."""

import subprocess
import sys
from pathlib import Path

from repository import ROOT

from flows.workers.starter import folder_of_a_run, remove_what_was_left

KEEP = """
import os
from flows.workers.starter import folder_of_a_run

kept = folder_of_a_run()
print(kept.name, flush=True)
os._exit(9)
"""


def test_the_folders_of_a_worker_that_died_are_removed_and_those_of_a_living_one_are_not():
    command = [sys.executable, "-c", KEEP]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True, encoding="utf-8")
    left = Path(died.stdout.strip())
    (left / "landed.csv").write_text("id", encoding="utf-8")
    with folder_of_a_run() as mine:
        remove_what_was_left()
        assert not left.exists()
        assert Path(mine).exists()
