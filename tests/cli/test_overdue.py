"""`aceite status` tells which datasets are overdue by the frequency that their contracts promise."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from acceptance.delivery import Delivery, LandingObject
from acceptance.events import arrived
from acceptance.ranges import KeyRange
from blocks.settings import Settings
from flows.ledger import ledger_url, open_ledger
from flows.ledger.remember import Sighting
from flows.ledger.seen import Certified

CONTRACTS = Path(__file__).parents[2] / "contracts"


def arrive(home: Path, dataset: str, at: datetime) -> None:
    landed = LandingObject("landing", f"{dataset}/x.csv", "e", 1, at)
    delivery = Delivery(dataset, date(2026, 1, 2), (landed,), {"file": "x"})
    sighting = Sighting(landed, delivery, arrived(delivery), pipeline_takes=timedelta(minutes=1))
    with open_ledger(ledger_url(Settings(home=home))) as ledger:
        ledger.seen.commit(Certified("landing", dataset, None, (KeyRange(certified_at=at),), (sighting,)), at)


def test_a_dataset_whose_last_delivery_is_too_long_ago_is_overdue_and_no_other(tmp_path: Path) -> None:
    last, home = datetime.now(UTC) - timedelta(days=3), tmp_path / "home"
    home.mkdir()
    arrive(home, "nyc-flights", last)
    arrive(home, "sor-imdb-movies", datetime.now(UTC) - timedelta(hours=1))
    command = [sys.executable, "-m", "cli.main", "status", "--home", str(home), "--contracts", str(CONTRACTS)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    said = subprocess.run([*command, "--json"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    overdue = json.loads(said.stdout)["overdue"]
    assert [item["dataset"] for item in overdue] == ["nyc-flights"]
    assert datetime.fromisoformat(overdue[0]["due"]) == last + timedelta(days=1)
    told = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert "overdue nyc-flights: last arrived" in told.stdout
    assert "overdue sor-imdb-movies" not in told.stdout
