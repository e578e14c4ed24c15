"""How long from a file in the landing bucket to its event, its run, the run's first step and the verdict.

Starts `aceite up --sandbox` and drops one clean extract at a time; the next lands when the one before has its verdict.
With runs in warm processes, and with the same flows run by Prefect's own runner and process worker, a new process each.

    python benchmarks/arrival_latency.py [--deliveries 20] [--only aceite] [--json]
"""

import argparse
import json
import statistics
from datetime import UTC, datetime
from typing import Any

from installation import ROOT, RUNNERS, Installation, installed
from report import show

EXTRACT = (ROOT / "sandbox" / "data" / "flights" / "2013-01-01.csv").read_bytes()
HOPS = ("drop to event", "drop to run created", "drop to first step", "drop to verdict")


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
    with installed(system, ROOT / "contracts") as installation:
        measured = Measured(installation)
        for day in (30, 31):  # the first ones warm the sandbox's functions; they do not count
            measured.deliver(day)
        cpu_s = installation.cpu_s()
        latencies = [measured.deliver(day) for day in range(1, deliveries + 1)]
        cpu_s = installation.cpu_s() - cpu_s
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

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._s3 = installation.aws("s3")

    def deliver(self, day: int) -> tuple[float, ...]:
        """Seconds from the drop to each of HOPS."""
        key = f"business/nycflights13/201301{day:02}/flights/extract.csv"
        body = EXTRACT.replace(b"\n2013,1,1,", b"\n2013,1,%d," % day)
        dropped = datetime.now(UTC)
        self._s3.put_object(Bucket="landing", Key=key, Body=body)
        verdict = self._installation.eventually(lambda: self._verdict(day), f"verdict on {key}", pause_s=0.1)
        seen = datetime.now(UTC)
        assert verdict["verdict"] == "accepted", verdict["reason"]
        event = self._installation.eventually(lambda: self._event(verdict["run"]["event_id"]), "event")
        run = self._installation.api.get(f"flow_runs/{verdict['run']['flow_run_id']}").json()
        first = min(step["started"] for step in verdict["steps"])
        moments = (event["received"], run["created"], first, seen.isoformat())
        return tuple((datetime.fromisoformat(moment) - dropped).total_seconds() for moment in moments)

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
        page = self._installation.ask("events/filter", filter={"id": {"id": [event_id]}})
        return next(iter(page["events"]), None)


if __name__ == "__main__":
    main()
