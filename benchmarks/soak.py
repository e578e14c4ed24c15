"""A delivery every few seconds for a long time: does memory stay flat, does any process collect open files.

Each minute a row: resident memory and open files of the whole installation, and for --json of each process; the median
seconds from drop to verdict of the files that landed in that minute. At the end, for each kind of process, how both
changed after the first minutes, as the slope of a straight line. What was judged is taken away, file and partition, but
for its evidence: that the sandbox keeps in memory, so its process grows by it.

    python benchmarks/soak.py [--minutes 30] [--every 2] [--only aceite] [--json]
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import psutil
from installation import RUNNERS, Installation, installed
from report import show
from sales import BUCKET, CONTRACTS, File, add_partitions, has_evidence, landed, lay_table_over_landing, remove

WARM_UP_MIN = 5
DAY = date(2026, 1, 5)
FIRST_VERDICT_WITHIN_S = 300
VERDICTS_WITHIN_S = 180
"""After the last file has landed."""

LOOK_EVERY_S, LOOK_AT = 0.25, 8
FLAT = 0.05
"""What rises by no more than this part of its mean, from end to end of its straight line, is flat."""

_KINDS = {
    "cli.main": "command",
    "sandbox": "sandbox",
    "cli.serving.prefect_server": "server",
    "cli.serving.flows_server": "worker",
    "flows.workers.child": "warm",
    "prefect.engine": "watcher",
}
"""Kinds of processes, by the modules that they run. Where runs are warm, only the watcher has Prefect's engine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--every", type=float, default=2, metavar="SECONDS")
    parser.add_argument("--only", choices=list(RUNNERS), default="aceite", help="the system; the others cannot keep up")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with installed(asked.only, CONTRACTS) as installation:
        soak = Soak(installation, asked.every)
        soak.run(asked.minutes)
    remarks = [*soak.remarks, *growth(soak.rows)]
    show(soak.rows, ("aceite", "prefect", "moto", "duckdb"), as_json=asked.json, remarks=remarks)


@dataclass
class Dropped:
    """A file, when it was put, and how long its verdict took; None while there is none."""

    file: File
    delivery_id: str
    at: float
    latency_s: float | None = None


@dataclass
class Soak:
    """After `run`, `rows` has one for each minute."""

    installation: Installation
    every_s: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _dropped: list[Dropped] = field(default_factory=list)
    _open: list[Dropped] = field(default_factory=list)

    def run(self, minutes: int) -> None:
        self._s3, self._glue = self.installation.aws("s3"), self.installation.aws("glue")
        lay_table_over_landing(self._glue)
        self._drop(0)
        self._await_verdicts(FIRST_VERDICT_WITHIN_S)
        if self._open:
            raise TimeoutError(f"the first delivery has no verdict after {FIRST_VERDICT_WITHIN_S} s")
        self._dropped.clear()
        self._began = time.monotonic()
        samples = [self._minute(number) for number in range(1, minutes + 1)]
        self._await_verdicts(VERDICTS_WITHIN_S)
        self.rows = [self._row(number, sample) for number, sample in enumerate(samples, 1)]
        self._remark()

    def _minute(self, number: int) -> list[dict[str, Any]]:
        """Drops and looks until the minute is over. Answers the processes at its end."""
        while (now := time.monotonic() - self._began) < 60 * number:
            if now >= len(self._dropped) * self.every_s:
                self._drop(len(self._dropped) + 1)
            self._look()
            time.sleep(LOOK_EVERY_S)
        return processes(self.installation)

    def _drop(self, number: int) -> None:
        file = File(DAY, number)
        add_partitions(self._glue, [file])
        at = time.monotonic()
        self._s3.put_object(Bucket=BUCKET, Key=file.key, Body=file.body)
        (delivery_id,) = landed(self._s3, file.folder)
        self._dropped.append(Dropped(file, delivery_id, at))
        self._open.append(self._dropped[-1])

    def _look(self) -> None:
        """At some of those that have no verdict yet, so that a backlog does not cost more looks."""
        self.installation.refuse_dead()
        for dropped in random.sample(self._open, min(LOOK_AT, len(self._open))):
            if has_evidence(self._s3, dropped.file.day, dropped.delivery_id):
                dropped.latency_s = time.monotonic() - dropped.at
                self._open.remove(dropped)
                remove(self._glue, self._s3, dropped.file)

    def _await_verdicts(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while self._open and time.monotonic() < deadline:
            self._look()
            time.sleep(LOOK_EVERY_S)

    def _row(self, number: int, sample: list[dict[str, Any]]) -> dict[str, Any]:
        of_minute = [each for each in self._dropped if 60 * (number - 1) <= each.at - self._began < 60 * number]
        latencies = [each.latency_s for each in of_minute if each.latency_s is not None]
        return {
            "minute": number,
            "rss_mb": sum(each["rss_mb"] for each in sample),
            "open_files": sum(each["open_files"] for each in sample),
            "latency_s": statistics.median(latencies) if latencies else None,
            "deliveries": len(of_minute),
            **{f"{kind}_mb": value for kind, value in by_kind(sample, "rss_mb").items()},
            "processes": sample,
        }

    def _remark(self) -> None:
        if self._open:
            first = self._open[0].file.key
            said = f"{len(self._open)} of {len(self._dropped)} deliveries have no verdict {VERDICTS_WITHIN_S} s after"
            self.remarks.append(f"{said} the last one landed; {first} is the first of them")
        for run in self.installation.unfinished() if self._open else ():
            since = f"is {run['state']['name']} since {run['state']['timestamp']}"
            self.remarks.append(f"run {run['name']} ({run['id']}) {since}")
        if self.remarks:
            self.installation.keep(self.remarks[0])


def processes(installation: Installation) -> list[dict[str, Any]]:
    """Kind, memory in units of 2**20 bytes, and open files (on Windows: handles) of each. Ended ones are left out."""
    found = []
    for process in installation.processes():
        with suppress(psutil.NoSuchProcess), process.oneshot():
            opened = process.num_handles() if os.name == "nt" else process.num_fds()
            facts = {
                "pid": process.pid,
                "kind": kind_of(process.cmdline()),
                "age_s": time.time() - process.create_time(),
            }
            found.append({**facts, "rss_mb": process.memory_info().rss / 2**20, "open_files": opened})
    return found


def kind_of(command: Sequence[str]) -> str:
    module = next((after for before, after in pairwise(command) if before == "-m"), "")
    return _KINDS.get(module, "other")


def by_kind(sample: Sequence[dict[str, Any]], what: str) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(dict.fromkeys(_KINDS.values()), 0)
    for process in sample:
        found[process["kind"]] = found.get(process["kind"], 0) + process[what]
    return found


def growth(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each kind of process."""
    after = [row for row in rows if row["minute"] > WARM_UP_MIN]
    if len(after) < 3:
        return [f"fewer than 3 minutes after the first {WARM_UP_MIN}: too few to say whether anything grows"]
    kinds = sorted({process["kind"] for row in after for process in row["processes"]})
    return [f"after {WARM_UP_MIN} minutes, {kind}: {trend(after, kind)}" for kind in (*kinds, "all")]


def trend(rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Each row is of one minute."""
    parts = []
    for what, unit in (("rss_mb", "MB"), ("open_files", "open files")):
        values = [row[what] if kind == "all" else by_kind(row["processes"], what).get(kind, 0) for row in rows]
        slope, _ = statistics.linear_regression(range(len(values)), values)
        middle = statistics.fmean(values)
        flat = slope * len(values) <= FLAT * middle
        parts.append(f"{middle:.0f} {unit}, {slope * 60:+.1f} an hour, {'flat' if flat else 'GREW'}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
