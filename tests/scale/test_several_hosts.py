"""Several hosts, and each kind of process killed on the way: every delivery has one verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import date
from typing import Any

import boto3
import httpx
import psutil
import pytest
import sqlalchemy as sa
from cluster import Cluster, why_not
from polling import eventually

from acceptance.announcing.delivery_events import VERDICT_EVENTS
from acceptance.evidence.object_keys import EVIDENCE, dataset_prefix
from aws.s3.objects import list_objects
from benchmarks.sales import BUCKET, CONTRACTS, DATASET, File, add_partitions, lay_table_over_landing
from cli.serving.child_process import ChildProcess
from cli.serving.installation import SANDBOX_SETTINGS

pytestmark = [pytest.mark.proof, pytest.mark.skipif(bool(why_not()), reason=why_not())]

DELIVERIES = 500
VERDICTS_WITHIN_S = 1200
WORKERS = ("worker-1", "worker-2", "worker-3")


class Side:
    """AWS, and what both sides of it see of the verdicts."""

    def __init__(self, cluster: Cluster, endpoint: str) -> None:
        self.cluster = cluster
        session = boto3.Session("any", "thing", region_name="us-east-1")
        self.s3: Any = session.client("s3", endpoint_url=endpoint)
        self.glue: Any = session.client("glue", endpoint_url=endpoint)
        lay_table_over_landing(self.glue)

    def put(self, files: Sequence[File]) -> None:
        add_partitions(self.glue, files)
        with ThreadPoolExecutor(8) as putting:
            list(putting.map(lambda file: self.s3.put_object(Bucket=BUCKET, Key=file.key, Body=file.body), files))

    def evidence(self, day: date) -> Counter[str]:
        """By delivery of a day."""
        found = list_objects(self.s3, "evidence", f"{dataset_prefix(DATASET)}{day.isoformat()}/")
        return Counter(each.key.rsplit("/", 2)[1] for each in found if each.file == EVIDENCE)

    def told(self, day: date) -> Counter[tuple[str, str]]:
        """The events of verdicts, by delivery of a day and verdict."""
        body = {"filter": {"event": {"name": list(VERDICT_EVENTS.values())}, "order": "ASC"}, "limit": 50}
        answer = httpx.post(f"{self.cluster.api}/events/filter", json=body, timeout=60)
        found: Counter[tuple[str, str]] = Counter()
        while True:
            page = answer.raise_for_status().json()
            payloads = [event["payload"] for event in page["events"]]
            of_day = [payload for payload in payloads if day.isoformat() in payload["evidence"]]
            found.update((payload["delivery_id"], payload["verdict"]) for payload in of_day)
            if page["next_page"] is None:
                return found
            answer = httpx.get(page["next_page"], timeout=60)

    def standing(self, day: date) -> str:
        """What is said where verdicts are missing."""
        answer = httpx.post(f"{self.cluster.api}/flow_runs/filter", json={"sort": "START_TIME_DESC"}, timeout=60)
        runs = [f"{run['name']} {run['state_name']} since {run['state']['timestamp']}" for run in answer.json()]
        alive = ", ".join(sorted(self.cluster.alive()))
        return "\n".join([f"{len(self.evidence(day))} verdicts of {day}; alive: {alive}; runs:", *runs])

    def holder(self) -> str | None:
        """The run that watches, by the ledger."""
        engine = sa.create_engine(f"postgresql+psycopg://{self.cluster.postgresql}/ledger")
        with engine.connect() as connection, suppress(sa.exc.ProgrammingError):
            return connection.exec_driver_sql("SELECT holder FROM lease").scalar_one_or_none()
        return None


@pytest.fixture(scope="module")
def side(tmp_path_factory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("scale")
    with ExitStack() as undo:
        cluster = Cluster(folder, undo)
        arguments = ("sandbox", "--port", "0", "--contracts", str(CONTRACTS), "--until-stdin-closes")
        sandbox = ChildProcess("sandbox", arguments, cluster.environment, folder / "sandbox.log")
        undo.callback(sandbox.stop)
        cluster.start_server()
        endpoint = sandbox.await_ready(600)
        cluster.environment |= SANDBOX_SETTINGS | {
            "ACEITE_AWS_ENDPOINT_URL": endpoint,
            "ACEITE_CONTRACTS": str(CONTRACTS),
            "ACEITE_LEDGER_URL": f"postgresql+psycopg://{cluster.postgresql}/ledger",
            "ACEITE_TOGETHER": "50",
            "ACEITE_PATIENCE_S": "15",
            "ACEITE_WORKERS": "1",
        }
        yield Side(cluster, endpoint)


def test_five_hundred_deliveries_have_one_verdict_each_though_one_process_of_each_kind_is_killed(side):
    cluster, day = side.cluster, date(2026, 1, 2)
    pool = {"name": "hosts", "type": "process"}
    httpx.post(f"{cluster.api}/work_pools/", json=pool, timeout=30).raise_for_status()
    deploy = ("cli.main", "deploy", "--work-pool", "hosts", "--only", "validations")
    assert cluster.start("deploying", *deploy).wait(600) == 0
    for name in WORKERS:
        cluster.start(name, "prefect", "worker", "start", "--pool", "hosts", "--limit", "1", "--name", name)
    watch(side)
    side.put([File(day, number) for number in range(DELIVERIES)])

    eventually(lambda: len(side.evidence(day)) >= 20, "the first verdicts", VERDICTS_WITHIN_S)
    cluster.kill("api-1")
    cluster.kill("services-1")
    host = eventually(lambda: host_that_watches(side), "a watcher")
    watching = side.holder()
    cluster.kill(host)
    busy = eventually(lambda: [name for name in WORKERS if cluster.processes_of(name)], "a validation that runs")
    cluster.kill(busy[0])
    before = len(side.evidence(day))
    eventually(lambda: len(side.evidence(day)) >= DELIVERIES, lambda: side.standing(day), VERDICTS_WITHIN_S)

    assert before < DELIVERIES, "all was over before anything was killed"
    assert set(side.evidence(day).values()) == {1}
    assert len(side.evidence(day)) == DELIVERIES
    told = side.told(day)
    assert set(told.values()) == {1}
    assert {verdict for _, verdict in told} == {"accepted"}
    assert side.holder() not in (None, watching)
    assert len(cluster.alive() - {"redis"}) == 5, "one of two, one of two, one of two and two of three"


def test_warm_processes_on_two_hosts_share_the_deliveries_though_an_api_process_is_killed(side):
    cluster, day = side.cluster, date(2026, 1, 3)
    cluster.start_server()
    watch(side)
    for number in (1, 2):
        cluster.start(f"warm-{number}", "cli.serving.flows_server", "--only", "validations")
        eventually(lambda number=number: "ready" in cluster.said(f"warm-{number}"), "the warm processes")
    side.put([File(day, number) for number in range(20)])
    eventually(lambda: side.evidence(day), "the first verdict", VERDICTS_WITHIN_S)
    cluster.kill("api-2")
    side.put([File(day, number) for number in range(20, 40)])
    eventually(lambda: len(side.evidence(day)) >= 40, lambda: side.standing(day), VERDICTS_WITHIN_S)
    assert set(side.evidence(day).values()) == {1}
    assert {"warm-1", "warm-2"} <= cluster.alive()


def watch(side: Side) -> None:
    """On two hosts, of which one waits for the other's end; one that was killed is there again."""
    for name in {"watcher-1", "watcher-2"} - side.cluster.alive():
        side.cluster.start(name, "cli.serving.flows_server", "--only", "watcher")
    eventually(lambda: host_that_watches(side), "a watcher")


def host_that_watches(side: Side) -> str | None:
    """Of the two the one on which the run is that holds the ledger's lease."""
    holder = side.holder()
    for name in ("watcher-1", "watcher-2"):
        for process in side.cluster.processes_of(name):
            with suppress(psutil.Error):
                if holder and process.environ().get("PREFECT__FLOW_RUN_ID") == holder:
                    return name
    return None
