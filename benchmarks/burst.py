"""Many files at once: seconds from the first put to the last verdict, CPU of everything, what was lost or judged twice.

The contract has no steps: what lands is the table. The files are put as fast as boto3 puts them, and the watcher polls
meanwhile. Each file is a delivery; however many one run judges, each has its evidence and its event of the verdict.

lost   files without evidence at the deadline
twice  files with a second verdict, by the events on Prefect's server, by second evidence, or by a run that came late

    python benchmarks/burst.py [--files 20 200 1000] [--only aceite] [--json]
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from installation import RUNNERS, Installation, installed
from report import show
from sales import BUCKET, CONTRACTS, DATASET, File, add_partitions, landed, lay_table_over_landing

from acceptance.announcing.delivery_events import VERDICT_EVENTS
from acceptance.evidence.object_keys import EVIDENCE, dataset_prefix
from aws.s3.objects import list_objects

SIZES = (20, 200, 1000)
OTHERS_SIZES = (20,)
"""Those that start an interpreter for each run take minutes for more."""

TARGET_FILES, TARGET_S, TARGET_CPU_S = 1000, 300, 0.3
WARM_UP = 4
FIRST_DAY = date(2026, 1, 5)
PUTS_AT_ONCE = 8
SETTLED_WITHIN_S = 90
_LISTING_SHARE = 10
"""Between two looks at the evidence so many times as long passes as a look takes: the sandbox lists it, and is busy."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(RUNNERS), help="the one system that is measured")
    parser.add_argument("--files", type=int, nargs="+", metavar="N", help="instead of 20, 200 and 1,000")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    for system in [asked.only] if asked.only else list(RUNNERS):
        sizes = asked.files or (SIZES if system == "aceite" else OTHERS_SIZES)
        for burst in bursts(system, sizes):
            rows.append(burst.row)
            remarks += burst.remarks
    show(rows, ("aceite", "prefect", "moto", "duckdb"), as_json=asked.json, remarks=[*remarks, *targets(rows)])


def bursts(system: str, sizes: Sequence[int]) -> Iterator["Burst"]:
    """One after the other on one installation, each of a day of its own. The first few deliveries do not count."""
    with installed(system, CONTRACTS) as installation:
        lay_table_over_landing(installation.aws("glue"))
        for number, files in enumerate((WARM_UP, *sizes)):
            burst = Burst(installation, system, FIRST_DAY + timedelta(days=number), files)
            burst.run()
            if number:
                yield burst
            elif burst.row["lost"]:
                raise RuntimeError("not even a few deliveries got their verdicts: " + "; ".join(burst.remarks))


def targets(rows: Sequence[dict[str, Any]]) -> list[str]:
    wanted = f"to reach with {TARGET_FILES:,} files: {TARGET_CPU_S} CPU s per delivery, {TARGET_S} s, lost 0, twice 0"
    for row in rows:
        if (row["system"], row["files"]) == ("aceite", TARGET_FILES):
            fast = row["seconds"] is not None and row["seconds"] <= TARGET_S
            reached = fast and row["cpu_s_per_delivery"] <= TARGET_CPU_S and not row["lost"] and not row["twice"]
            return [f"{wanted}: {'reached' if reached else 'NOT reached'}"]
    return [wanted]


@dataclass(frozen=True)
class Judged:
    """What there is of a burst's verdicts. `evidence` has when each was put, by delivery, to the second."""

    evidence: dict[str, datetime]
    events: list[dict[str, Any]]
    late_runs: int


class Burst:
    """`files` deliveries of a day. After `run` there are a row, and remarks on what is strange."""

    row: dict[str, Any]

    def __init__(self, installation: Installation, system: str, day: date, files: int) -> None:
        self.remarks: list[str] = []
        self._installation, self._system, self._day = installation, system, day
        self._s3 = installation.aws("s3")
        self._files = [File(day, number) for number in range(files)]

    @property
    def within_s(self) -> float:
        return 300 + len(self._files) * (2 if self._system == "aceite" else 15)

    def run(self) -> None:
        add_partitions(self._installation.aws("glue"), self._files)
        cpu_s = self._installation.cpu_s()
        began = datetime.now(UTC)
        with ThreadPoolExecutor(PUTS_AT_ONCE) as pool:
            list(pool.map(self._put, self._files))
        wanted = landed(self._s3, f"sales/{self._day:%Y%m%d}/")
        assert len(wanted) == len(self._files)
        seconds = self._await_evidence(wanted, began)
        self._settle()
        cpu_s = self._installation.cpu_s() - cpu_s
        judged = self._judged(wanted, began)
        self._remark(wanted, judged, seconds)
        self._remark_failures(began)
        self.row = {
            "system": self._system,
            "files": len(self._files),
            "seconds": seconds,
            "cpu_s_per_delivery": cpu_s / len(self._files),
            "lost": len(wanted.keys() - judged.evidence.keys()),
            "twice": judged_twice(wanted, judged),
        }
        if self.remarks:
            self._installation.keep(f"the burst of {len(self._files)}: {self.remarks[0]}")

    def _put(self, file: File) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=file.key, Body=file.body)

    def _await_evidence(self, wanted: dict[str, str], began: datetime) -> float | None:
        """Seconds until the last was there, None if one lacks at the deadline.

        A look shows also when each was put, to the second; of a big burst, which is looked at seldom, that is nearer.
        """
        deadline = time.monotonic() + self.within_s
        while True:
            look = time.monotonic()
            found = self._evidence()
            seen = datetime.now(UTC)
            self._installation.cpu_s()  # of processes that end meanwhile
            self._installation.refuse_dead()
            if wanted.keys() <= found.keys():
                last = max(found[delivery] for delivery in wanted) + timedelta(seconds=1)
                return (min(last, seen) - began).total_seconds()
            if time.monotonic() > deadline:
                return None
            time.sleep(max(0.1, _LISTING_SHARE * (time.monotonic() - look)))

    def _evidence(self) -> dict[str, datetime]:
        prefix = f"{dataset_prefix(DATASET)}{self._day.isoformat()}/"
        found = list_objects(self._s3, "evidence", prefix)
        return {each.key.split("/")[-2]: each.last_modified for each in found if each.file == EVIDENCE}

    def _settle(self) -> None:
        """Until no run is at work: what they still do is part of what a delivery costs, and may be a second verdict."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while runs := self._installation.unfinished():
            if time.monotonic() > deadline:
                for run in runs:
                    said = f"{run['name']} ({run['id']}) is {run['state']['name']} since {run['state']['timestamp']}"
                    self.remarks.append(f"a run did not end within {SETTLED_WITHIN_S} s: {said}")
                return
            time.sleep(0.5)

    def _judged(self, wanted: dict[str, str], began: datetime) -> Judged:
        """The server keeps events some seconds before it shows them."""
        deadline, events = time.monotonic() + SETTLED_WITHIN_S, list[dict[str, Any]]()
        while len(events) < len(wanted) and time.monotonic() < deadline:
            about = f"s3://{BUCKET}/sales/{self._day:%Y%m%d}/"
            events = list(self._installation.events(sorted(VERDICT_EVENTS.values()), about))
            time.sleep(0.5)
        late = sum("another run was faster" in (run["state"]["message"] or "") for run in self._duplicates(began))
        return Judged(self._evidence(), events, late)

    def _duplicates(self, began: datetime) -> Iterator[dict[str, Any]]:
        """Runs, and in runs that judge several deliveries the tasks, that left a delivery to another run."""
        wanted = {"state": {"name": {"any_": ["Duplicate"]}}, "start_time": after(began)}
        yield from self._installation.ask("flow_runs/filter", flow_runs=wanted)
        yield from self._installation.ask("task_runs/filter", task_runs=wanted)

    def _remark(self, wanted: dict[str, str], judged: Judged, seconds: float | None) -> None:
        told = {event["payload"]["delivery_id"] for event in judged.events}
        if silent := judged.evidence.keys() - told:
            self.remarks.append(f"{len(silent)} of {len(wanted)} verdicts have no event on Prefect's server")
        reasons = Counter(
            f"{event['payload']['verdict']}: {event['payload']['reason']}"
            for event in judged.events
            if event["payload"]["verdict"] != "accepted"
        )
        self.remarks += [f"{times} of {len(wanted)} {reason}" for reason, times in reasons.most_common(3)]
        if lost := sorted(wanted[delivery] for delivery in wanted.keys() - judged.evidence.keys()):
            first = f"s3://{BUCKET}/{lost[0]} is the first of them"
            self.remarks.append(f"no evidence of {len(lost)} of {len(wanted)} after {self.within_s:g} s; {first}")
        elif seconds is None:
            self.remarks.append(f"all {len(wanted)} have their verdicts, but not within {self.within_s:g} s")

    def _remark_failures(self, began: datetime) -> None:
        """Runs that came to an end which is no verdict, by what they said."""
        state = {"type": {"any_": ["FAILED", "CRASHED", "CANCELLED"]}}
        runs = self._installation.ask("flow_runs/filter", flow_runs={"state": state, "start_time": after(began)})
        said = Counter(
            f"{run['state']['name']}: {run['state']['message']}"
            for run in runs
            if run["state"]["name"] not in ("Rejected", "Inconclusive")
        )
        self.remarks += [f"{times} runs ended {reason}" for reason, times in said.most_common(3)]


def after(moment: datetime) -> dict[str, str]:
    return {"after_": moment.isoformat()}


def judged_twice(wanted: dict[str, str], judged: Judged) -> int:
    """Evidence that is of no delivery is of a second one that was made of a file."""
    told = {event["id"]: event["payload"]["delivery_id"] for event in judged.events}
    verdicts = Counter(told.values())
    again = sum(times > 1 for times in verdicts.values())
    return again + len(judged.evidence.keys() - wanted.keys()) + judged.late_runs


if __name__ == "__main__":
    main()
