"""A process that a signal ends leaves no folder, and what one leaves that is killed goes when the next one starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from repository import ROOT

WORK = """
import sys, threading
from blocks.temporary_folders import interrupt_on, temporary_folder

interrupt_on("SIGTERM", "SIGHUP", "SIGINT")
made, folders = threading.Event(), []
def work():
    with temporary_folder() as folder:
        open(folder + "/landed", "w", encoding="utf-8").close()
        folders.append(folder)
        made.set()
        threading.Event().wait()
threading.Thread(target=work, daemon=True).start()
try:
    made.wait()
    print(folders[0], flush=True)  # not in the thread: Python aborts if one has standard output as it ends
    threading.Event().wait()
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(place: Path, **options: object) -> tuple["subprocess.Popen[str]", Path]:
    environment: Mapping[str, str] = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))}
    process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, "-c", WORK], cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf-8", **options
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_nothing_of_any_thread(tmp_path: Path, name: str) -> None:
    # Tests that nohup runs ignore the hang-up, and so would the process.
    process, folder = start(tmp_path, preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_DFL))
    assert (folder / "landed").exists()
    process.send_signal(getattr(signal, name))
    assert process.wait(20) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
def test_a_hang_up_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    process, _ = start(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130


def test_what_a_killed_process_left_goes_when_the_next_one_starts_and_what_others_have_stays(tmp_path: Path) -> None:
    (tmp_path / "aceite-notes").mkdir()
    process, left = start(tmp_path)
    process.kill()
    process.wait(20)
    assert left.exists()
    living, theirs = start(tmp_path)
    try:
        assert {path.name for path in tmp_path.iterdir()} == {"aceite-notes", theirs.name}
        third, mine = start(tmp_path)
        third.kill()
        third.wait(20)
        assert theirs.exists() and mine.exists()
    finally:
        living.kill()
        living.wait(20)
