"""Events that become runs: how many a second Prefect's server makes of them, on SQLite and on PostgreSQL.

`delivery.arrived` events of deliveries of their own are posted at a growing rate. The automation that Aceite applies
fires for each, and its action creates a run in a work pool that nobody serves: it is the server's own work, nothing
else. The server is the one process that `aceite up` starts, in-memory messaging included; only the database differs.
A rate is the last one for a database if the server made less than half of it.

made   runs a second, from the first that was created to the last
p50    seconds from the event's post to its run
cpu    of the server and of PostgreSQL, for each run

    python benchmarks/server_rate.py [--rates 1 2 4 8 16] [--only sqlite] [--json]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import psutil
from local_postgresql import postgresql
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings
from report import show
from sales import BUCKET, CONTRACTS, DATASET

from acceptance.announcing.delivery_events import arrived
from acceptance.deliveries.delivery import Delivery, LandingObject
from automations.apply import apply
from blocks.settings import read_settings
from cli.serving.child_process import ChildProcess
from flows.installation.contracts import contracts_of
from flows.prefect_api import events

DATABASES = ("sqlite", "postgresql")
RATES = (1, 2, 4, 8, 16)
POSTED_FOR_S = 6
MADE_WITHIN_S = 40
ENOUGH = 0.5
FEWEST = 10
WARM_UP = 5
_TICK_S = 0.05
_PAGE = 200
_READY_WITHIN_S = 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=DATABASES, help="the one database that is measured")
    parser.add_argument("--rates", type=float, nargs="+", metavar="N", default=RATES, help="events a second")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    databases = [asked.only] if asked.only else DATABASES
    rows = [row for database in databases for row in measured(database, asked.rates)]
    show(rows, ("prefect", "sqlalchemy", "asyncpg", "aiosqlite"), as_json=asked.json)


def measured(database: str, rates: Sequence[float]) -> Iterator[dict[str, Any]]:
    with (
        tempfile.TemporaryDirectory(prefix="aceite-benchmark-", ignore_cleanup_errors=True) as folder,
        serving(database, Path(folder)) as server,
        get_client(sync_client=True) as client,
    ):
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing", "aws_region": "us-east-1"}
        settings = read_settings(contracts=CONTRACTS, home=Path(folder), **keys)
        apply(settings, contracts_of(settings))
        load = Load(client, server)
        load.at(WARM_UP, WARM_UP)
        for rate in rates:
            row = {"database": database, **load.at(rate, max(FEWEST, round(rate * POSTED_FOR_S)))}
            yield row
            if row["runs_per_s_made"] < ENOUGH * rate:
                return


@dataclass(frozen=True)
class Server:
    """The processes that do the work."""

    roots: tuple[int, ...]

    def cpu_s(self) -> float:
        """So far; Linux adds a process that ended to its parent."""
        found = [psutil.Process(pid) for pid in self.roots]
        found += [child for root in found for child in root.children(recursive=True)]
        total = 0.0
        for process in found:
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total


@contextmanager
def serving(database: str, home: Path) -> Iterator[Server]:
    """A Prefect server of its own, which this process uses."""
    own = postgresql(home / "postgresql.log", ["prefect"], durable=True) if database == "postgresql" else nullcontext()
    with own as beside:
        environment = {**os.environ, "PREFECT_HOME": str(home / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        environment.pop("PREFECT_API_URL", None)
        if beside is not None:
            url = f"postgresql+asyncpg://{beside.address}/prefect"
            environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = url
        child = ChildProcess(
            "Prefect's server", ("cli.serving.prefect_server", "--port", "0"), environment, home / "server.log"
        )
        try:
            api = child.await_ready(_READY_WITHIN_S)
            with temporary_settings({PREFECT_API_URL: api}), _temporary_global_settings_context(get_settings_context()):
                yield Server((child.pid, *([beside.pid] if beside is not None else [])))
        finally:
            child.stop()


class Load:
    """Events of one rate, and the runs that came of them."""

    def __init__(self, client: SyncPrefectClient, server: Server) -> None:
        self._client, self._server = client, server

    def at(self, rate: float, count: int) -> dict[str, Any]:
        cpu_s = self._server.cpu_s()
        posted = self._post(rate, count)
        created = self._created(posted)
        cpu_s = self._server.cpu_s() - cpu_s
        took = [
            (created[event_id] - moment).total_seconds() for event_id, moment in posted.items() if event_id in created
        ]
        between_s = (max(created.values()) - min(created.values())).total_seconds()
        return {
            "runs_per_s_asked": float(rate),
            "runs_per_s_made": (len(created) - 1) / between_s,
            "seconds_to_run_p50": median(took),
            "cpu_s_per_run": cpu_s / len(created),
            "events": count,
            "without_run": count - len(created),
        }

    def _post(self, rate: float, count: int) -> dict[UUID, datetime]:
        """When each was posted. What is due by now goes in one request."""
        posted: dict[UUID, datetime] = {}
        began = time.monotonic()
        while len(posted) < count:
            due = min(count, int((time.monotonic() - began) * rate) + 1) - len(posted)
            new = [(uuid4(), arrived(_delivery())) for _ in range(due)]
            posted |= {event_id: datetime.now(UTC) for event_id, _ in new}
            events.post(self._client, new)
            time.sleep(_TICK_S)
        return posted

    def _created(self, posted: dict[UUID, datetime]) -> dict[UUID, datetime]:
        """When the run of each event was created, once all are there or the time is over. Each has its event's id."""
        deadline = time.monotonic() + MADE_WITHIN_S
        while True:
            found = self._runs(min(posted.values()))
            created = {event_id: moment for event_id, moment in found.items() if event_id in posted}
            if len(created) == len(posted) or time.monotonic() > deadline:
                return created
            time.sleep(1)

    def _runs(self, since: datetime) -> dict[UUID, datetime]:
        found: dict[UUID, datetime] = {}
        seen = 0
        while True:
            wanted = {"expected_start_time": {"after_": (since - timedelta(seconds=1)).isoformat()}}
            body = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_ASC", "limit": _PAGE, "offset": seen}
            page = self._client.request("POST", "/flow_runs/filter", json=body).raise_for_status().json()
            seen += len(page)
            of_events = [run for run in page if "event_id" in run["parameters"]]
            found |= {UUID(run["parameters"]["event_id"]): datetime.fromisoformat(run["created"]) for run in of_events}
            if len(page) < _PAGE:
                return found


def _delivery() -> Delivery:
    key = f"sales/20260105/{uuid4().hex}/file.csv"
    member = LandingObject(BUCKET, key, uuid4().hex, 1000, datetime.now(UTC))
    return Delivery(DATASET, date(2026, 1, 5), (member,), {"store": key.split("/")[2], "file": "file"})


if __name__ == "__main__":
    main()
