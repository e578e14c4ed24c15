"""`aceite doctor` sees in the ledger and on the disk why nothing is found, announced or taken."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from builders import a_contract, a_delivery
from repository import ROOT

from acceptance.announcing.delivery_events import arrived
from acceptance.announcing.overdue_events import paused
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.errors import Problem
from cli.doctor.looks import ledger as looks
from cli.doctor.looks.findings import Look, LookOutcome
from flows.installation.current_contracts import BrokenContract, CurrentContracts
from flows.ledger import Ledger, open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
WITHIN = timedelta(minutes=30)


def now() -> datetime:
    return NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def with_deliveries(file: Path, at: datetime, do: Callable[[Ledger], object] = lambda _: None) -> None:
    """A ledger in which a delivery of `going` and one of `paused` arrived at that time, when all was listed."""
    found = [a_delivery(dataset=dataset) for dataset in ("going", "paused")]
    with open_ledger(sqlite_url(file)) as ledger:
        ledger.datasets.watch(["going", "paused"], at)
        new = [NewObject(each.first, each, arrived(each)) for each in found]
        ledger.listing.commit(Certified("landing", "in/", None, (KeyRange(certified_at=at),), new), at)
        ledger.datasets.pause("paused", paused("paused", at, 1, (), ""), NOW)
        do(ledger)


def red(seen: Look, found: str, *remedy: str) -> None:
    assert seen.outcome is LookOutcome.RED, seen
    assert found in seen.found
    for part in remedy:
        assert part in seen.remedy


def green(seen: Look, found: str = "") -> None:
    assert seen.outcome is LookOutcome.GREEN, seen
    assert found in seen.found


def test_a_ledger_that_another_process_has_locked_is_told_as_locked_and_soon(file: Path) -> None:
    with_deliveries(file, NOW)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        red(looks.writable(None, file), "is locked: database is locked", "another process has locked it")
        other.rollback()
    green(looks.writable(None, file), "can be written")


def test_a_disk_that_is_full_is_told_with_its_folder_and_so_is_one_that_soon_will_be(tmp_path: Path) -> None:
    green(looks.room({"the home": tmp_path / "none" / "yet"}, 1))
    red(looks.room({"the home": tmp_path}, 10**18), "the home has ", "make room on the disk of")
    disk = tmp_path / "disk"
    disk.mkdir()
    told = "from pathlib import Path; from cli.doctor.looks.ledger import room; print(room({'the home': Path('disk')}))"
    full = f"mount -t tmpfs -o size=64k tmpfs disk && head -c 65536 /dev/zero > disk/all && exec {sys.executable} -c"
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare, which lends a test a disk of its own")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{full} "{told}"']
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"this user may have no disk of its own: {done.stderr}")
    assert "the home takes no bytes: No space left on device (disk)" in done.stdout, done.stderr


def test_a_location_that_nobody_lists_to_its_end_is_told_with_since_when(file: Path) -> None:
    look = partial(looks.listed, None, file, WITHIN, now, [("landing", "in/")])
    green(look(), "there is no ledger yet")
    with_deliveries(file, NOW - 2 * WITHIN)
    green(look(), "1 location: listed within 60 minutes")
    with_deliveries(file, NOW - 3 * WITHIN)
    red(look(), "not listed to the end since: s3://landing/in/ (90 minutes ago)", "`watcher`", "log")
    green(looks.listed(None, file, WITHIN, now, []), "0 locations: listed within")  # its contract is gone


def test_announcements_that_prefect_s_server_does_not_show_are_told_but_not_those_of_a_paused_dataset(
    file: Path,
) -> None:
    look = partial(looks.announced, None, file, now)
    with_deliveries(file, NOW - timedelta(minutes=1))
    green(look())
    file.unlink()
    with_deliveries(file, NOW - timedelta(minutes=10))
    red(look(), "does not show: 1, the oldest is due for 10 minutes", "`Prefect server`", "`watcher`", "`disk`")


def test_a_delivery_that_is_announced_again_and_again_without_a_run_is_told(file: Path) -> None:
    look = partial(looks.taken, None, file)

    def announce(ledger: Ledger) -> None:
        ledger.announcements.confirmed([item.event_id for item in ledger.announcements.due(9)], NOW)
        for each in ("going", "paused"):
            ledger.announcements.announce_again([a_delivery(dataset=each).id], NOW)

    with_deliveries(file, NOW)
    with open_ledger(sqlite_url(file)) as ledger:
        for _ in range(2):
            announce(ledger)
        green(look(), "runs take what is announced")
        announce(ledger)
    red(look(), "without a run that takes them: 1, announced up to 3 times", "`aceite status`", "`runs may begin`")


def test_deliveries_that_wait_for_a_contract_which_is_gone_or_broken_are_told_by_dataset(file: Path, tmp_path: Path):
    both = CurrentContracts((a_contract("going"), a_contract("paused")))
    look = partial(looks.with_contracts, None, file)
    green(look(both), "there is no ledger yet")
    with_deliveries(file, NOW)
    green(look(both), "each delivery that waits has one")
    problem = Problem("paused.odcs.yaml", 3, "unknown key")
    broken = CurrentContracts((a_contract("going"),), (BrokenContract(tmp_path, "paused", (problem,)),))
    red(
        look(broken),
        "deliveries of paused wait: its contract cannot be used, correct it: paused.odcs.yaml:3: unknown key",
    )
    red(
        look(CurrentContracts((a_contract("paused"),))),
        "deliveries of going wait: no contract",
        "put the contract back",
    )
