"""Bursts on a table of Iceberg into which others commit meanwhile: each evidence names the snapshot that was read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from threading import Event, Lock
from typing import Any

import pyarrow as pa
import pytest
from judged_formats import Dataset, Installation, column, installed
from prefect.logging import disable_run_logger

from acceptance.contract.contract import NEVER_WRITTEN
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_prefix
from acceptance.judging.judge import Verdict
from cli.verbs.landing_files import landed_delivery
from flows.evidence.chain import Chain
from flows.installation.clients import load_clients
from flows.judging.delivery_run import DeliveryRun
from flows.steps.timeline import Timeline, without_task_run
from flows.validate_deliveries import validate_deliveries

pytest.importorskip("pyiceberg", reason="the sandbox makes tables of Iceberg by it")
from sandbox.pipeline.deployed import iceberg

COLUMNS = (column("id", "bigint", key=True), column("pieces", "int"))
ICEBERG = "customProperties: [{property: tableProperties, vendor: aceite, value: {table_type: ICEBERG}}]"
DATASETS = [Dataset(name, COLUMNS, by_job=False, table=ICEBERG, awaits=False) for name in ("iced", "never", "widened")]
DAYS = (date(2026, 1, 2) + timedelta(days=number) for number in count())
GOOD = b"id,pieces\n1,7\n2,8\n"


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("iced"), DATASETS, prefect_server) as found:
        yield found


def landed(installation: Installation, dataset: str) -> Delivery:
    """A file of a day of its own."""
    contract = next(each for each in installation.contracts if each.dataset == dataset)
    key = contract.template.write(next(DAYS), {"file": "f"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=GOOD)
    return landed_delivery(installation.s3, "landing", key, installation.contracts)


def judged(installation: Installation, dataset: str, number: int) -> list[Evidence]:
    """Deliveries that one run judges."""
    deliveries = [landed(installation, dataset) for _ in range(number)]
    pointers = [DeliveryPointer.to(each) for each in deliveries]
    validate_deliveries(pointers, return_state=True)
    places = [evidence_prefix(dataset, each.business_date, each.id) + "evidence.json" for each in deliveries]
    bodies = [installation.s3.get_object(Bucket="evidence", Key=place)["Body"].read() for place in places]
    return [Evidence.model_validate_json(body) for body in bodies]


def iced(dataset: str) -> Any:
    clients = load_clients()
    return iceberg.catalog(clients.session(), clients.endpoint_url).load_table(("formats", dataset))


def append(dataset: str, day: int, *pieces: int) -> None:
    """Add rows, as a writer does who is no pipeline of ours."""
    table = iced(dataset)
    rows = pa.table({"id": range(1, len(pieces) + 1), "pieces": pieces, "day": [day] * len(pieces)})
    table.append(rows.cast(table.schema().as_arrow()))


def corrupt(dataset: str) -> None:
    """Change each row of the table."""
    table = iced(dataset)
    rows, schema = table.scan().to_arrow(), table.schema().as_arrow()
    pieces = pa.array([1000] * rows.num_rows, schema.field("pieces").type)
    table.overwrite(rows.set_column(1, "pieces", pieces).select(schema.names).cast(schema))


@contextmanager
def at_each(events: Any, what: str, do: Callable[..., None]) -> Iterator[None]:
    """Let others act at each such call of ours, as they may at any time."""
    events.register(what, do)
    try:
        yield
    finally:
        events.unregister(what, do)


@contextmanager
def between_the_queries(do: Callable[[], None]) -> Iterator[None]:
    """Let others act once, after a snapshot was asked for and before it is read."""
    acted: list[str] = []

    def act(params: Any, **_: Any) -> None:
        if "$refs" not in params["QueryString"] and not acted:
            acted.append(params["QueryString"])
            do()

    with at_each(load_clients().session().events, "before-parameter-build.athena.StartQueryExecution", act):
        yield
    assert acted


def read_as_named(evidence: Evidence) -> bool:
    """Return True if all rows were read as of the snapshot that the evidence names, and that snapshot was asked for."""
    asked = [query for query in evidence.queries if query.purpose == "snapshot"]
    rows = [query.sql for query in evidence.queries if query.purpose in ("checks", "differences", "sample")]
    return bool(asked and rows) and all(f" FOR VERSION AS OF {evidence.table.snapshot}\n" in sql for sql in rows)


def test_pipelines_that_commit_at_the_same_time_lose_no_row_and_are_judged_as_of_one_snapshot(installation):
    evidence = judged(installation, "iced", 6)
    assert [(each.verdict, each.reason) for each in evidence] == [(Verdict.ACCEPTED, each.reason) for each in evidence]
    assert all(map(read_as_named, evidence))
    assert len({each.table.snapshot for each in evidence}) == 2, "four pipelines run side by side, and then two"


def test_a_commit_between_the_snapshot_and_its_query_changes_no_verdict(installation):
    with between_the_queries(lambda: corrupt("iced")):
        evidence = judged(installation, "iced", 3)
    assert [(each.verdict, each.reason) for each in evidence] == [(Verdict.ACCEPTED, each.reason) for each in evidence]
    assert all(map(read_as_named, evidence))
    assert str(iced("iced").metadata.current_snapshot_id) not in {each.table.snapshot for each in evidence}


def test_deliveries_that_were_told_other_columns_are_judged_as_of_snapshots_of_their_own(installation):
    """Somebody widens a column when two of four deliveries have looked at the catalog."""
    from pyiceberg.types import LongType

    glue, lock, looks, two_have_looked = load_clients().of("glue"), Lock(), count(1), Event()
    answers = count(1)

    def look(**_: Any) -> None:
        with lock:
            if next(looks) == 3:
                assert two_have_looked.wait(60)
                with iced("widened").update_schema() as schema:
                    schema.update_column("pieces", LongType())

    def answered(**_: Any) -> None:
        if next(answers) == 2:
            two_have_looked.set()

    with (
        at_each(glue.meta.events, "before-parameter-build.glue.GetTable", look),
        at_each(glue.meta.events, "after-call.glue.GetTable", answered),
        between_the_queries(lambda: append("widened", 19990101, 5)),
    ):
        evidence = judged(installation, "widened", 4)
    assert sorted(each.verdict.value for each in evidence) == ["accepted", "accepted", "rejected", "rejected"]
    assert all(map(read_as_named, evidence))
    assert len({(each.verdict, each.table.snapshot) for each in evidence}) == 2
    assert len({each.table.snapshot for each in evidence}) == 2


def test_a_burst_in_which_a_view_gives_way_to_a_table_is_judged_kind_by_kind(installation):
    answers, lock = count(1), Lock()

    def answered(parsed: Any, **_: Any) -> None:
        with lock:
            if next(answers) <= 2:
                parsed["Table"] |= {"TableType": "VIRTUAL_VIEW", "Parameters": {}}

    with at_each(load_clients().of("glue").meta.events, "after-call.glue.GetTable", answered):
        evidence = judged(installation, "iced", 4)
    assert {each.verdict for each in evidence} == {Verdict.ACCEPTED}
    of_the_view = [each for each in evidence if each.table.snapshot is None]
    assert len(of_the_view) == 2
    assert not any("FOR VERSION" in query.sql for each in of_the_view for query in each.queries)
    assert all(read_as_named(each) for each in evidence if each not in of_the_view)


def test_a_table_that_had_no_snapshot_has_no_rows_though_somebody_writes_the_first_meanwhile(installation):
    delivery, clients = landed(installation, "never"), load_clients()
    contract = next(each for each in installation.contracts if each.dataset == "never")
    chain = Chain(clients.evidence_s3, "evidence", "never")
    run = DeliveryRun(contract, delivery, None, chain, Timeline(without_task_run), without_pipeline=True)
    with (
        disable_run_logger(),
        between_the_queries(lambda: append("never", int(f"{delivery.business_date:%Y%m%d}"), 7, 8)),
    ):
        run.prepare()
        run.measure()
    assert run.judgement.verdict is Verdict.REJECTED, run.judgement.reason
    assert "partition_exists" in run.judgement.reason
    assert run.contract.table.snapshot == NEVER_WRITTEN
