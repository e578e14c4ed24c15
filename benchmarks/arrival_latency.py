"""How long from a file in the landing bucket to its event, its run, the run's first step and the verdict.

Starts `aceite up --sandbox` and drops one clean extract at a time; the next lands when the one before has its verdict.
Twice: with runs in warm processes, and with the same flows served by Prefect's own runner, a new process for each run.

    python benchmarks/arrival_latency.py [--deliveries 20] [--only aceite] [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import boto3
import httpx
import psutil
from report import show

ROOT = Path(__file__).parent.parent
EXTRACT = (ROOT / "sandbox" / "data" / "flights" / "2013-01-01.csv").read_bytes()
HOPS = ("drop to event", "drop to run created", "drop to first step", "drop to verdict")
RUNNERS = {"aceite": "warm", "prefect-serve": "process"}
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=20)
    parser.add_argument("--only", choices=list(RUNNERS), help="the one system that is measured")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    systems = [asked.only] if asked.only else list(RUNNERS)
    rows = [row for system in systems for row in measure(system, asked.deliveries)]
    show(rows, ("aceite", "prefect", "moto", "duckdb"), as_json=asked.json)


def measure(system: str, deliveries: int) -> list[dict[str, Any]]:
    with (
        TemporaryDirectory(prefix="aceite-benchmark-") as home,
        serving(Path(home), RUNNERS[system]) as (process, running),
    ):
        measured = Measured(process, running)
        for day in (30, 31):  # the first ones warm the sandbox's functions; they do not count
            measured.deliver(day)
        cpu_s = measured.cpu_s()
        latencies = [measured.deliver(day) for day in range(1, deliveries + 1)]
        cpu_s = measured.cpu_s() - cpu_s
    rows: list[dict[str, Any]] = [
        {"system": system, "hop": hop, "median_s": statistics.median(times), "worst_s": max(times)}
        for hop, times in zip(HOPS, zip(*latencies, strict=True), strict=True)
    ]
    each = cpu_s / deliveries
    return [
        *rows,
        {"system": system, "hop": "CPU of everything, mean per delivery", "median_s": each, "worst_s": None},
    ]


class Measured:
    """Drops files into a running installation and reads the times of what follows."""

    def __init__(self, process: subprocess.Popen[bytes], running: dict[str, Any]) -> None:
        self._process = psutil.Process(process.pid)
        self._api = httpx.Client(base_url=running["prefect_api_url"] + "/", timeout=60)
        session = boto3.Session("any", "thing", region_name="us-east-1")
        self._s3 = session.client("s3", endpoint_url=running["aws_endpoint"])

    def deliver(self, day: int) -> tuple[float, ...]:
        """Seconds from the drop to each of HOPS."""
        key = f"business/nycflights13/201301{day:02}/flights/extract.csv"
        body = EXTRACT.replace(b"\n2013,1,1,", b"\n2013,1,%d," % day)
        dropped = datetime.now(UTC)
        self._s3.put_object(Bucket="landing", Key=key, Body=body)
        verdict = eventually(lambda: self._verdict(day), f"verdict on {key}")
        seen = datetime.now(UTC)
        assert verdict["verdict"] == "accepted", verdict["reason"]
        event = eventually(lambda: self._event(verdict["run"]["event_id"]), "event")
        run = self._api.get(f"flow_runs/{verdict['run']['flow_run_id']}").json()
        first = min(step["started"] for step in verdict["steps"])
        moments = (event["received"], run["created"], first, seen.isoformat())
        return tuple((datetime.fromisoformat(moment) - dropped).total_seconds() for moment in moments)

    def cpu_s(self) -> float:
        """CPU seconds so far of every process of the installation, ended ones included."""
        processes = [self._process, *self._process.children(recursive=True)]
        return sum(sum(process.cpu_times()[:4]) for process in processes)

    def _verdict(self, day: int) -> dict[str, Any] | None:
        prefix = f"deliveries/nyc-flights/2013-01-{day:02}/"
        for item in self._s3.list_objects_v2(Bucket="evidence", Prefix=prefix).get("Contents", ()):
            if item["Key"].endswith("evidence.json"):
                found: dict[str, Any] = json.loads(
                    self._s3.get_object(Bucket="evidence", Key=item["Key"])["Body"].read()
                )
                return found
        return None

    def _event(self, event_id: str) -> dict[str, Any] | None:
        page = self._api.post("events/filter", json={"filter": {"id": {"id": [event_id]}}}).json()
        return next(iter(page["events"]), None)


@contextmanager
def serving(home: Path, runner: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    arguments = ["up", "--sandbox", "--aws-port", "0", "--prefect-port", "0", "--runner", runner]
    arguments += ["--home", str(home), "--contracts", str(ROOT / "contracts")]
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "cli.main", *arguments], stderr=log, cwd=ROOT)
    try:
        path = home / "running.json"
        eventually(path.exists, "aceite up")
        yield process, json.loads(path.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(120)


def eventually(ask: Callable[[], T | None], what: str, within_s: float = 240) -> T:
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s} s")
        time.sleep(0.05)
    return answer


if __name__ == "__main__":
    main()
