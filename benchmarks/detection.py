"""What it takes to find new files: Aceite, Dagster, Airflow and dlt on one bucket, each with every key looked at.

Each system polls in a process of its own: once when everything is new to it, once when nothing is, and once when 100
keys are; before the last two it has polled once since its process started. CPU and peak memory are that process's.

usd_per_month is the price of the listings when what lands must be seen within 10 s. The others list everything every
10 s. Aceite lists 5 ranges where files land every 10 s, 8 of all at least, and the others by turns within 30 min.

    python benchmarks/detection.py [--only aceite] [--keys 20000] [--environments FOLDER] [--json]
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from listed_bucket import Bucket
from pollers.polling import KEY, NEW_DAY
from report import show
from systems import SYSTEMS, Poller, python_of

SIZES = (20_000, 100_000)
ALONE = 1_000_000
"""Only Aceite lists so many: the others hold a whole listing in memory."""

VENDORS, DAYS, FIRST_DAY = 10, 150, date(2026, 1, 1)
NEW = 100

USD_PER_REQUEST = 0.005 / 1000
TICK, TURN, MONTH = timedelta(seconds=10), timedelta(minutes=30), timedelta(days=30)
HOT_RANGES, LEAST_RANGES = 5, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SYSTEMS, help="the one system that is measured")
    parser.add_argument("--keys", type=int, help="instead of 20,000 and 100,000, and 1,000,000 for Aceite alone")
    parser.add_argument("--environments", type=Path, help="where the others' environments are kept for the next time")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    systems = [asked.only] if asked.only else list(SYSTEMS)
    with TemporaryDirectory(prefix="aceite-detection-") as scratch:
        environments = asked.environments or Path(scratch) / "environments"
        measured = Measured({name: python_of(SYSTEMS[name], environments) for name in systems}, Path(scratch))
        for keys in [asked.keys] if asked.keys else SIZES:
            measured.bucket_of(keys, systems)
        if "aceite" in systems and not asked.keys:
            measured.bucket_of(ALONE, ["aceite"])
    show(measured.rows, as_json=asked.json, elsewhere=measured.versions)


class Measured:
    """The rows so far, and the versions of what was measured. `pythons` are the systems' interpreters, by name."""

    def __init__(self, pythons: dict[str, str], scratch: Path) -> None:
        self.rows: list[dict[str, Any]] = []
        self.versions: dict[str, str] = {}
        self._pythons, self._scratch = pythons, scratch

    def bucket_of(self, keys: int, systems: list[str]) -> None:
        """Every case on one bucket. The new keys land at the same moment for all systems."""
        with TemporaryDirectory(dir=self._scratch) as state, Bucket() as bucket:
            bucket.put(landed(keys), "2026-06-01T00:00:00Z")
            for case in ("first", "idle"):
                for name in systems:
                    with self._poller(name, bucket, Path(state)) as poller:
                        if case == "idle":
                            poller.poll()
                        self._measure(poller, bucket, keys, case)
            with ExitStack() as running:
                pollers = [running.enter_context(self._poller(name, bucket, Path(state))) for name in systems]
                for poller in pollers:
                    poller.poll()
                bucket.put(landing(NEW), "2026-07-01T12:00:00Z")
                for poller in pollers:
                    self._measure(poller, bucket, keys, f"new{NEW}")

    def _poller(self, name: str, bucket: Bucket, state: Path) -> Poller:
        return Poller(SYSTEMS[name], self._pythons[name], bucket.endpoint, state / name)

    def _measure(self, poller: Poller, bucket: Bucket, keys: int, case: str) -> None:
        before = bucket.list_requests()
        cost = poller.poll()
        requests = bucket.list_requests() - before
        name = poller.system.name
        self.versions |= {package: version for package, version in poller.versions.items()}
        self.rows.append(
            {
                "system": name,
                "keys": keys,
                "case": case,
                "list_requests": requests,
                "cpu_s": cost["cpu_s"],
                "peak_mb": cost["peak_mb"],
                "found": cost["found"],
                "usd_per_month": usd_per_month(name, requests) if case == "idle" else None,
            }
        )


def usd_per_month(name: str, pages: int) -> float:
    """What it costs to see within a tick what lands, when listing everything takes so many requests."""
    listed = pages if name != "aceite" else min(pages, max(HOT_RANGES + pages * (TICK / TURN), LEAST_RANGES))
    return listed * (MONTH / TICK) * USD_PER_REQUEST


def landed(count: int) -> Iterator[str]:
    for number in range(count):
        day = FIRST_DAY + timedelta(days=number // VENDORS % DAYS)
        yield KEY.format(vendor=f"vendor{number % VENDORS}", business_date=day, file=f"{number:07}")


def landing(count: int) -> Iterator[str]:
    for number in range(count):
        yield KEY.format(vendor=f"vendor{number % VENDORS}", business_date=NEW_DAY, file=f"new-{number:04}")


if __name__ == "__main__":
    main()
