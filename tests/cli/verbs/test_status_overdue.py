"""`aceite status` tells which datasets are overdue by the frequency that their contracts promise."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from builders import a_delivery, an_object
from repository import CONTRACTS

from acceptance.announcing.delivery_events import OVERDUE, arrived
from acceptance.announcing.overdue_events import paused
from acceptance.deliveries.key_ranges import KeyRange
from blocks.settings import Settings
from flows.installation.contracts import load_contracts
from flows.ledger import ledger_url, open_ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject
from flows.watching.overdue import OverdueWatch


def arrive(home: Path, dataset: str, at: datetime) -> None:
    landed = an_object(f"{dataset}/x.csv", at=at)
    delivery = a_delivery(landed, dataset=dataset)
    new_object = NewObject(landed, delivery, arrived(delivery), pipeline_takes=timedelta(minutes=1))
    with open_ledger(ledger_url(Settings(home=home))) as ledger:
        ledger.datasets.watch([dataset], at)
        ledger.listing.commit(Certified("landing", dataset, None, (KeyRange(certified_at=at),), (new_object,)), at)


def test_a_dataset_whose_last_delivery_is_too_long_ago_is_overdue_and_no_other(tmp_path: Path) -> None:
    last, home = datetime.now(UTC) - timedelta(days=3), tmp_path / "home"
    home.mkdir()
    arrive(home, "nyc-flights", last)
    arrive(home, "sor-imdb-movies", datetime.now(UTC) - timedelta(hours=1))
    with open_ledger(ledger_url(Settings(home=home))) as ledger:
        now = datetime.now(UTC)
        ledger.datasets.pause("sor-imdb-movies", paused("sor-imdb-movies", now, 1, (), ""), now)
        OverdueWatch(ledger, load_contracts(CONTRACTS, {})).look(now)
        told = [item.draft for item in ledger.announcements.due(10) if item.draft.name == OVERDUE]
    command = [sys.executable, "-m", "cli.main", "status", "--home", str(home), "--contracts", str(CONTRACTS)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    said = subprocess.run([*command, "--json"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    document = json.loads(said.stdout)
    overdue = document["overdue"]
    assert [item["dataset"] for item in overdue] == ["nyc-flights"]
    assert datetime.fromisoformat(overdue[0]["due"]) == last + timedelta(days=1)
    assert (overdue[0]["missed"], overdue[0]["business_date"]) == (3, "2026-01-05")
    assert {item["dataset"]: (item["state"], item["overdue"]) for item in document["deliveries"]} == {
        "nyc-flights": ("landed", True),  # without a verdict after two hours
        "sor-imdb-movies": ("paused", False),
    }
    assert [(item["dataset"], item["waiting"]) for item in document["paused"]] == [("sor-imdb-movies", 1)]
    by_why = {draft.payload["why"]: draft.payload for draft in told}
    assert {payload["dataset"] for payload in by_why.values()} == {"nyc-flights"}, "the watcher tells the same"
    assert (by_why["not arrived"]["since"], by_why["not arrived"]["missed"]) == (overdue[0]["due"], 3)
    assert by_why["no verdict"]["since"] == document["deliveries"][-1]["verdict_due"]
    shown = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert "overdue nyc-flights: last arrived" in shown.stdout
    assert "overdue sor-imdb-movies" not in shown.stdout
    assert "paused sor-imdb-movies: since" in shown.stdout
