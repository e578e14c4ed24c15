"""`aceite status` says of everything that landed and has no verdict what it waits for; in JSON as for people."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_delivery, an_object, contract_text

from acceptance.announcing.delivery_events import arrived
from acceptance.announcing.overdue_events import paused
from acceptance.deliveries.file_groups import Group, GroupKey
from acceptance.deliveries.key_ranges import KeyRange
from blocks.settings import Settings
from flows.ledger import open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject

NOW = datetime.now(UTC).replace(microsecond=0)
RUN = "5e1cd7a4-0000-4000-8000-000000000001"
STATES = ("landed", "announced", "claimed", "dead", "off")
STRAYS = 120


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in whose ledger a delivery is in each state, a group lacks a file, and strays landed."""
    home = tmp_path_factory.mktemp("home")
    (home / "contracts").mkdir()
    for dataset in STATES:
        (home / "contracts" / f"{dataset}.odcs.yaml").write_text(contract_text(dataset), encoding="utf-8")
    rule = "{complete: marker, marker: _SUCCESS, within: 2h}"
    (home / "contracts" / "several.odcs.yaml").write_text(contract_text("several", delivery=rule), encoding="utf-8")
    of = {dataset: a_delivery(dataset=dataset) for dataset in STATES}
    with open_ledger(sqlite_url(home / "ledger.db")) as ledger:
        ledger.datasets.watch(STATES, NOW)
        new = [NewObject(each.first, each, arrived(each), pipeline_takes=timedelta(minutes=1)) for each in of.values()]
        strays = [NewObject(an_object(f"{n:03}"), unroutable="it fits no contract") for n in range(STRAYS)]
        page = Certified("landing", "", None, (KeyRange(certified_at=NOW),), (*new, *strays))
        ledger.listing.commit(page, NOW)
        due = {item.draft.resource["aceite.dataset"]: item.event_id for item in ledger.announcements.due(10)}
        ledger.announcements.confirmed([id_ for dataset, id_ in due.items() if dataset != "landed"], NOW)
        known = {"claimed": {"claimed_at": NOW, "claimed_by": RUN}, "dead": {"run_ended": "run 7 ended as Crashed"}}
        ledger.announcements.record({of[dataset].id: facts for dataset, facts in known.items()}, NOW)
        ledger.datasets.pause("off", paused("off", NOW, 1, (), ""), NOW)
        key = GroupKey("several", date(2026, 1, 2))
        member = an_object("several/20260102/a.csv")
        lacks = Group(key, {member.key: member}, opened_at=NOW, waits_for="no marker has landed", missing=("_SUCCESS",))
        ledger.groups.commit(lacks, NOW)
    return home


def asked(home: Path, *arguments: str, columns: int = 300, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "cli.main", "status", "--home", str(home), "--contracts", str(home / "contracts")]
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": str(columns)}
    return subprocess.run([*command, *arguments], cwd=home, env=environment, capture_output=True, check=check)


def status(home: Path, *arguments: str, columns: int = 300) -> str:
    return asked(home, *arguments, columns=columns).stdout.decode("utf-8")


def test_the_json_says_of_each_delivery_without_a_verdict_what_it_waits_for(home: Path) -> None:
    document = json.loads(status(home, "--json"))
    found = {item["dataset"]: item for item in document["deliveries"]}
    starts = {
        "landed": "Prefect's server, which does not show its announcement, due since ",
        "announced": "a run; announced once, last at ",
        "claimed": f"run {RUN}, which took it at ",
        "dead": "run 7 ended as Crashed; a run; announced once, last at ",
        "off": 'the automation "Aceite: validate off", which is off since ',
    }
    assert {dataset for dataset, start in starts.items() if not found[dataset]["waits_for"].startswith(start)} == set()
    again = NOW + timedelta(seconds=Settings().patience_s)
    assert found["announced"]["announced_again"] == again.isoformat()
    assert found["announced"]["announced_again_by"] == (NOW + timedelta(hours=1)).isoformat()
    assert {dataset: item["run"] for dataset, item in found.items() if item["run"]} == {"claimed": RUN}
    assert (document["all_deliveries"], document["watcher"]) == (len(STATES), None)


def test_the_json_has_what_is_incomplete_and_everything_that_fits_no_contract(home: Path) -> None:
    document = json.loads(status(home, "--json"))
    (lacks,) = document["incomplete"]
    assert (lacks["dataset"], lacks["business_date"], lacks["keys"]) == (
        "several",
        "2026-01-02",
        ["several/20260102/a.csv"],
    )
    assert (lacks["waits_for"], lacks["missing"]) == ("no marker has landed", ["_SUCCESS"])
    assert (lacks["due"], lacks["overdue"]) == ((NOW + timedelta(hours=2)).isoformat(), False)
    assert len(document["unroutable"]) == STRAYS
    assert document["unroutable"][0]["reason"] == "it fits no contract"


def test_people_read_the_same_and_how_much_is_not_shown(home: Path) -> None:
    lines = status(home).splitlines()
    assert any(f"waits for run {RUN}, which took it at " in line for line in lines)
    assert any('waits for the automation "Aceite: validate off", which is off' in line for line in lines)
    assert any(line.startswith("incomplete several 2026-01-02: no marker has landed; due by ") for line in lines)
    assert "    missing: _SUCCESS" in lines
    assert f"{STRAYS} unroutable objects, here the latest; `aceite status --json` has all" in lines
    assert sum(line.startswith("unroutable s3://landing/") for line in lines) == 5
    assert any(line.startswith("no watcher is at work: nothing is found") for line in lines)


def test_nothing_but_what_is_copied_is_wider_than_80_columns(home: Path) -> None:
    lines = status(home, columns=80).splitlines()
    assert [line for line in lines if len(line) > 80 and "://" not in line] == []
    assert f"waits for run {RUN}, which took it at " in " ".join(" ".join(lines).split())


def test_deliveries_are_chosen_by_dataset_date_and_verdict(home: Path) -> None:
    def chosen(*arguments: str) -> set[str]:
        return {item["dataset"] for item in json.loads(status(home, "--json", *arguments))["deliveries"]}

    assert chosen("--dataset", "claimed") == {"claimed"}
    assert chosen("--date", "2026-01-02") == set(STATES)
    assert chosen("--date", "20260103") == set()
    assert chosen("--verdict", "none") == set(STATES)
    assert chosen("--verdict", "rejected", "--verdict", "accepted") == set()


def test_the_last_ones_stand_at_the_end_and_who_waits_longest_is_not_left_out(tmp_path: Path) -> None:
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
        for number in range(6):
            delivery, at = a_delivery(f"orders/20260102/{number}.csv"), NOW - timedelta(hours=6 - number)
            new = NewObject(delivery.first, delivery, arrived(delivery))
            ledger.listing.commit(Certified("landing", f"{number}", None, (KeyRange(certified_at=at),), (new,)), at)
            if number:
                facts = {"judged_at": at, "verdict": "accepted", "reason": "good", "evidence": "s3://evidence/x/"}
                ledger.announcements.record({delivery.id: facts}, at)
    (tmp_path / "contracts").mkdir()
    shown = [line.split()[-1] for line in status(tmp_path, "--last", "2").splitlines() if line[:1] in ("✔", "…")]
    assert shown == ["0.csv", "4.csv", "5.csv"]
    assert "3 of 6 deliveries: 1 without a verdict, 5 accepted; --last shows more" in status(tmp_path, "--last", "2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "claimd"), "did you mean claimed?"),
        (("--watch", "--json"), "leave out --json"),
        (("s3://landing/a.csv", "--last", "3"), "an object is explained whole"),
        (("landing/a.csv",), "write s3://bucket/key"),
        (("--date", "31.1.2026"), "write 2026-01-31"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(home: Path, arguments: tuple[str, ...], said: str) -> None:
    done = asked(home, *arguments, check=False)
    assert done.returncode == 64
    assert said in " ".join(done.stderr.decode("utf-8").split())
