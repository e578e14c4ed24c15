"""What the watcher makes of runs that ended without a verdict, on a real Prefect server and S3 of the sandbox."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import prefect
import pytest
from botocore.config import Config
from builders import contract_text
from contract_texts import watched
from polling import eventually
from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import Event, Resource, ResourceSpecification
from prefect.events.actions import CancelFlowRun
from prefect.events.filters import EventFilter, EventResourceFilter
from prefect.logging import disable_run_logger
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running, Scheduled
from sealing import MemoryKey

from acceptance.announcing.delivery_events import INCONCLUSIVE, arrived, title_together
from acceptance.announcing.overdue_events import paused
from acceptance.announcing.verdict_events import FAILURE, verdict_event_id
from acceptance.announcing.waiting import wait_of
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import StepFailed
from acceptance.evidence.assembled import evidence_of
from acceptance.evidence.audit import audit
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import CLAIM, EVIDENCE, claim_key, evidence_prefix, evidence_uri
from acceptance.evidence.signatures import signed_metadata
from acceptance.judging.findings import Findings
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from flows.evidence.audit import read_stored
from flows.evidence.chain import Chain
from flows.evidence.files import put_evidence
from flows.evidence.run_facts import run_of
from flows.installation.clients import Clients, load_clients
from flows.installation.seal_keys import seal_keys
from flows.judging.delivery_run import DeliveryRun
from flows.ledger import Ledger, open_ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject
from flows.locks.claims import read_claim, take_claim
from flows.locks.holder import LockHolder, this_holder
from flows.prefect_api import events
from flows.prefect_api.events import READ_BACK_AT_MOST
from flows.prefect_api.runs import SHUTTING_DOWN, WITHDRAWN
from flows.steps.evidence_bucket import Claimed, claim
from flows.steps.timeline import Timeline, without_task_run
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from flows.watching.ended_runs import EndedRuns
from flows.watching.follow_up import FollowUp
from flows.watching.verdicts.missed_verdicts import MissedVerdicts
from sandbox.fault_injection.aws_faults import AwsFault, AwsFaultKind
from sandbox.server import REGION, LocalAws

CONTRACT = contract_text("sales", database="lab")
PATIENCE = timedelta(hours=1)
DAYS = count()


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


def contract() -> Contract:
    return watched(CONTRACT)


def elsewhere(run: str) -> LockHolder:
    """Who holds for this run on another machine."""
    return this_holder(run).model_copy(update={"place": "another machine"})


@dataclass
class Watch:
    """A ledger whose deliveries were announced, and the watcher's looks at what became of them."""

    ledger: Ledger
    clients: Clients
    alive: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3 = self.clients.evidence_s3
        self.follow_up = FollowUp(self.ledger.announcements, self.s3, "evidence", PATIENCE)
        self.ended_runs = self.restarted()

    def restarted(self) -> EndedRuns:
        return EndedRuns(self.follow_up, {"sales": contract()}, self.clients, lambda: self.alive.append(None))

    def arrive(self, deliveries: int = 1) -> tuple[list[Delivery], UUID]:
        """New deliveries, which one event has told of."""
        made = [self._delivery() for _ in range(deliveries)]
        seen = tuple(NewObject(each.first, each, arrived(each)) for each in made)
        self.ledger.listing.commit(
            Certified("landing", "", None, (KeyRange(certified_at=long_ago()),), seen), long_ago()
        )
        return made, self.tell()

    def tell(self) -> UUID:
        """The event that was due, as the server has it."""
        self.ledger.announcements.bundle({"sales": 200}, long_ago())
        (due,) = self.ledger.announcements.due(10)
        self.ledger.announcements.confirmed([due.event_id], long_ago())
        return due.event_id

    def run(self, deliveries: list[Delivery], event_id: UUID, *states: State, work_pool: str | None = None) -> UUID:
        """A run of theirs, through these states."""
        pointers = [DeliveryPointer.to(each).model_dump(mode="json") for each in deliveries]
        alone = len(pointers) == 1
        parameters = {"delivery": pointers[0]} if alone else {"deliveries": pointers}
        flow: Any = validate_delivery if alone else validate_deliveries
        with get_client(sync_client=True) as client:
            parameters = {**parameters, "event_id": str(event_id)}
            run = client.create_flow_run(flow, parameters=parameters, state=states[0], work_pool_name=work_pool)
            for state in states[1:]:
                client.set_flow_run_state(run.id, state)
        return run.id

    def look(self) -> int:
        """How many are announced again at once."""
        with disable_run_logger():
            self.ended_runs.look()
            self.follow_up.announce_again()
        return sum(len(item.draft.payload.get("deliveries", [1])) for item in self.ledger.announcements.due(500))

    def evidence(self, delivery: Delivery) -> Evidence | None:
        key = evidence_prefix("sales", delivery.business_date, delivery.id) + EVIDENCE
        try:
            return Evidence.model_validate_json(self.s3.get_object(Bucket="evidence", Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            return None

    def claim(self, delivery: Delivery, run: UUID, until: datetime | None = None) -> None:
        now = datetime.now(UTC)
        assert take_claim(self.s3, "evidence", delivery, elsewhere(str(run)), now, until or now + PATIENCE)

    def put_signed(self, key: str, content: bytes) -> None:
        """Put an object as a run of this installation does."""
        metadata = signed_metadata(key, content, seal_keys().signing())
        self.s3.put_object(Bucket="evidence", Key=key, Body=content, Metadata=metadata)

    def _delivery(self) -> Delivery:
        day = date(2026, 1, 1) + timedelta(days=next(DAYS))
        landed = LandingObject("landing", f"sales/{day:%Y%m%d}/a.csv", "e", 10, long_ago().replace(microsecond=0))
        return Delivery("sales", day, (landed,), {"file": "a"})


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def clients(aws: LocalAws, prefect_server: str) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (SANDBOX_SETTINGS | {"ACEITE_AWS_ENDPOINT_URL": aws.endpoint}).items():
            environment.setenv(name, value)
        save_blocks(read_settings())
        load_clients.cache_clear()  # of tests that ran in this process before
        yield load_clients()
    load_clients.cache_clear()


@pytest.fixture
def watch(clients: Clients, aws: LocalAws, new_sqlite: Any) -> Iterator[Watch]:
    forget_queued_runs()
    s3 = boto3.Session("sandbox", "x", region_name=REGION).client("s3", endpoint_url=clients.endpoint_url)
    s3.create_bucket(Bucket="evidence")
    with open_ledger(new_sqlite()) as ledger:
        yield Watch(ledger, clients)
    aws.fault_injection.set([])
    for item in s3.list_objects_v2(Bucket="evidence").get("Contents", ()):
        s3.delete_object(Bucket="evidence", Key=item["Key"])


def forget_queued_runs() -> None:
    """Those of other tests on this server: while runs queue, what nobody claimed may be one of theirs."""
    waiting = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=waiting)):
            client.delete_flow_run(run.id)


@pytest.mark.parametrize(
    "states",
    [
        (Running(), Crashed()),
        (Running(), Failed()),
        (Scheduled(), Completed()),
        (Pending(), Crashed()),
        (Running(), Cancelled(message=SHUTTING_DOWN)),
        (Scheduled(), Cancelled(message=f"{WITHDRAWN} `aceite up`")),
        (Pending(), Cancelled(message="Deployment concurrency limit reached.")),
        (Pending(), Cancelled(message=f"Deployment {uuid4()} no longer exists, cancelled run.")),
    ],
    ids=[
        "it died",
        "it failed",
        "a person set it to Completed before it began",
        "it died before it began",
        "what ran it was told to end",
        "its deployment moved",
        "its deployment runs no more at once",
        "its deployment is gone",
    ],
)
def test_a_delivery_whose_run_came_to_nothing_is_announced_again_at_once(watch: Watch, states) -> None:
    deliveries, event_id = watch.arrive()
    assert watch.look() == 0
    watch.claim(deliveries[0], watch.run(deliveries, event_id, *states))
    assert watch.look() == 1
    assert watch.evidence(deliveries[0]) is None


def known(run: UUID) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run)


def test_runs_that_wait_longer_than_usual_have_their_names_before_they_begin(watch: Watch) -> None:
    [alone], of_one = watch.arrive()
    several, of_many = watch.arrive(20)
    one, many = (watch.run(each, event, Scheduled()) for each, event in (([alone], of_one), (several, of_many)))
    assert {known(run).name for run in (one, many)} & {alone.title} == set()
    watch.look()
    assert known(one).name == alone.title
    assert known(many).name == title_together([DeliveryPointer.to(each) for each in several])


def test_a_run_that_was_cancelled_before_it_began_has_its_name_and_the_tags_of_its_verdict(watch: Watch) -> None:
    [delivery], event_id = watch.arrive()
    run = watch.run([delivery], event_id, Scheduled(), Cancelled(message="by Ana"))
    watch.look()
    evidence = watch.evidence(delivery)
    assert evidence is not None
    assert known(run).name == evidence.run.flow_run_name == delivery.title
    assert sorted(known(run).tags) == ["dataset:sales", "verdict:inconclusive"]


def test_a_run_that_died_before_it_began_has_its_name_too(watch: Watch) -> None:
    [delivery], event_id = watch.arrive()
    run = watch.run([delivery], event_id, Pending(), Crashed())
    watch.look()
    assert known(run).name == delivery.title


def waits(watch: Watch, delivery: Delivery) -> str:
    """What `aceite status` says that the delivery waits for."""
    (found,) = (item.unjudged for item in watch.ledger.status.deliveries() if item.id == delivery.id)
    assert found is not None
    return wait_of(found, PATIENCE, "the switch", datetime.now(UTC)).why


def test_a_delivery_without_a_verdict_says_which_run_has_it_and_then_how_that_ended(watch: Watch) -> None:
    [delivery], event_id = watch.arrive()
    assert waits(watch, delivery).startswith("a run; announced once, last at ")
    run = watch.run([delivery], event_id, Running())
    watch.claim(delivery, run)
    watch.look()
    assert waits(watch, delivery).startswith(f"run {run}, which took it at ")
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Crashed(message="its worker is gone"))
    watch.look()
    ended = waits(watch, delivery)
    assert ended.startswith(f"run {run} ended as Crashed at ")
    assert ": its worker is gone; Prefect's server, which does not show its announcement, due since " in ended
    watch.tell()
    assert f"run {run} ended as Crashed at " in waits(watch, delivery)
    assert "announced 2 times, last at " in waits(watch, delivery)


def test_a_watcher_that_begins_later_does_not_say_of_a_queued_delivery_that_its_run_ended(watch: Watch) -> None:
    deliveries, event = watch.arrive()
    watch.run(deliveries, event, Running(), Failed(message="Flow run encountered an exception: no block"))
    watch.look()
    watch.run(deliveries, watch.tell(), Scheduled())
    Watch(watch.ledger, watch.clients).look()
    (told,) = (item for item in watch.ledger.status.deliveries() if item.id == deliveries[0].id)
    assert told.unjudged is not None and told.unjudged.run_ended is not None
    assert told.unjudged.run_ended_at is None


def test_a_delivery_whose_file_was_replaced_awaits_no_verdict_once_no_run_has_it(watch: Watch) -> None:
    [read], event_id = watch.arrive()
    [older], _ = watch.arrive()
    watch.claim(read, watch.run([read], event_id, Running()))
    versions = [replace(each, members=(replace(each.first, etag="newer"),), revision=2) for each in (read, older)]
    seen = tuple(NewObject(each.first, each, arrived(each)) for each in versions)
    watch.ledger.listing.commit(Certified("landing", "", None, (KeyRange(certified_at=long_ago()),), seen), long_ago())
    watch.follow_up.look_for_evidence()
    found = {item.id: item for item in watch.ledger.status.deliveries()}
    assert (found[older.id].state, found[older.id].verdict) == ("judged", "superseded")
    assert f"{older.first.uri} was replaced on " in str(found[older.id].reason)
    assert (found[read.id].state, found[read.id].verdict) == ("claimed", None), "its run may have read it before"
    assert [found[each.id].verdict for each in versions] == [None, None]
    assert watch.ledger.announcements.unjudged_of([older.id]) == ()


def test_a_delivery_whose_file_was_deleted_awaits_no_verdict_unless_a_run_had_taken_it(watch: Watch) -> None:
    [deleted], [moved], [there] = (watch.arrive()[0] for _ in range(3))
    watch.claim(moved, watch.run([moved], uuid4(), Running(), Crashed()))
    gone = (deleted.first.key, moved.first.key)
    ranges = (KeyRange(certified_at=long_ago()),)
    watch.ledger.listing.commit(Certified("landing", "", None, ranges, (), gone), long_ago())
    with disable_run_logger():
        watch.follow_up.look_for_evidence()
    found = {item.id: item for item in watch.ledger.status.deliveries()}
    assert (found[deleted.id].state, found[deleted.id].verdict) == ("judged", "deleted")
    assert found[deleted.id].reason == f"{deleted.first.uri} was deleted before a run took it; deliver it again"
    assert found[moved.id].verdict is None, "its pipeline may have moved it"
    assert found[there.id].verdict is None


def test_a_run_whose_worker_died_before_it_began_is_ended_and_keeps_its_delivery_back_no_longer(watch: Watch) -> None:
    deliveries, event_id = watch.arrive()
    run = watch.run(deliveries, event_id, Scheduled(), Pending())
    assert watch.look() == 0, "it may begin any moment"
    watch.ended_runs.begins_within = timedelta(0)
    assert watch.look() == 1
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run).state_type is StateType.CRASHED


def test_a_run_that_never_ends_keeps_its_delivery_until_its_time_is_up_and_no_longer(watch: Watch) -> None:
    late, punctual = (delivery for (delivery,) in (watch.arrive()[0] for _ in range(2)))
    for delivery, left in ((late, timedelta(seconds=-1)), (punctual, timedelta(hours=1))):
        watch.claim(delivery, watch.run([delivery], uuid4(), Running()), datetime.now(UTC) + left)
    watch.follow_up = replace(watch.follow_up, patience=timedelta(seconds=50))
    assert watch.look() == 1
    with disable_run_logger():
        taken = [claim.fn(each, str(uuid4()), timedelta(hours=2)) for each in (late, punctual)]
    assert [done.value for done in taken] == [Claimed.TAKEN_OVER, Claimed.NOT]
    found = read_claim(watch.s3, "evidence", late)
    assert found is not None
    assert found.until is not None
    assert timedelta(hours=1) < found.until - datetime.now(UTC) < timedelta(hours=4)


@pytest.mark.parametrize(
    "forged",
    [
        lambda body, _: (body, {}),
        lambda body, of: (body, signed_metadata(of, body, MemoryKey())),
        lambda body, of: (body, signed_metadata(of + "x", body, seal_keys().signing())),
        lambda body, of: (body + b" ", signed_metadata(of, body, seal_keys().signing())),
        lambda _, of: (b"no claim", {}),
        lambda _, of: (b"[" * 2_000_000, {}),
    ],
    ids=["unsigned", "signed by a stranger", "of another delivery", "changed", "no JSON", "too large"],
)
def test_a_claim_that_no_run_of_ours_put_keeps_no_delivery_back_and_is_kept_aside(watch: Watch, forged) -> None:
    deliveries, event_id = watch.arrive()
    (delivery,), key = deliveries, claim_key(deliveries[0])
    watch.claim(delivery, watch.run(deliveries, event_id, Running()))
    body, metadata = forged(watch.s3.get_object(Bucket="evidence", Key=key)["Body"].read(), key)
    watch.s3.put_object(Bucket="evidence", Key=key, Body=body, Metadata=metadata)

    assert read_claim(watch.s3, "evidence", delivery) is None
    assert watch.follow_up.look_for([delivery])[delivery.id]["claimed_at"] is None
    first, second = str(uuid4()), str(uuid4())
    with disable_run_logger():
        taken = [claim.fn(delivery, run, timedelta(hours=2)) for run in (first, first, second)]
    assert [done.value for done in taken] == [Claimed.TAKEN_OVER, Claimed.TAKEN_OVER, Claimed.NOT]
    assert "was not put by this installation" in taken[0].detail
    claimed = read_claim(watch.s3, "evidence", delivery)
    assert claimed is not None
    assert claimed.flow_run_id == first
    kept = [item["Key"] for item in watch.s3.list_objects_v2(Bucket="evidence")["Contents"] if "foreign" in item["Key"]]
    assert [watch.s3.get_object(Bucket="evidence", Key=each)["Body"].read() for each in kept] == [body]


def test_the_next_deaths_of_a_delivery_make_it_wait_for_ever_longer(watch: Watch) -> None:
    deliveries, event_id = watch.arrive()
    watch.run(deliveries, event_id, Running(), Crashed())
    assert watch.look() == 1
    second = watch.tell()
    assert watch.look() == 0, "the run that died is of the first event"
    watch.run(deliveries, second, Running(), Crashed())
    assert watch.look() == 0, "an eighth of twice the patience"


@pytest.fixture(scope="module")
def work_pool(prefect_server: str) -> str:
    """One whose runs wait for a worker."""
    with get_client(sync_client=True) as client:
        return client.create_work_pool(WorkPoolCreate(name="of-the-watcher", type="process")).name


@pytest.mark.parametrize(
    ("due_in", "pool", "again"),
    [
        (timedelta(minutes=-1), "of-the-watcher", 0),
        (timedelta(hours=-2), "of-the-watcher", 1),
        (timedelta(days=1), "of-the-watcher", 1),
        (timedelta(minutes=-1), None, 1),
    ],
    ids=["that was due just now", "that nobody takes", "of tomorrow", "in no work pool"],
)
@pytest.mark.usefixtures("work_pool")
def test_what_nobody_claimed_waits_for_runs_that_may_be_its_own_and_for_no_others(
    watch: Watch, due_in, pool, again
) -> None:
    watch.follow_up = FollowUp(watch.ledger.announcements, watch.s3, "evidence", timedelta(0))
    watch.arrive()
    watch.run([watch._delivery()], uuid4(), Scheduled(scheduled_time=datetime.now(UTC) + due_in), work_pool=pool)
    with disable_run_logger():
        watch.follow_up.announce_again()
    assert len(watch.ledger.announcements.due(10)) == again


def started(event_id: Any, run: Any, automation: str = "Aceite: validate sales") -> None:
    """Prefect's word that this automation started the run for the announcement, in its event store."""
    related = [
        {"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.role": "flow-run"},
        {"prefect.resource.id": f"prefect.event.{event_id}", "prefect.resource.role": "triggering-event"},
    ]
    resource = {"prefect.resource.id": f"prefect.automation.{uuid4()}", "prefect.resource.name": automation}
    word = Event(event="prefect.automation.action.executed", resource=Resource(resource), related=related)
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[word.model_dump(mode="json")]).raise_for_status()
        eventually(lambda: events.stored(client, [word.id]), "the event is stored")


def delete(run: UUID) -> None:
    with get_client(sync_client=True) as client:
        client.delete_flow_run(run)


def test_a_queued_run_that_is_deleted_while_others_queue_keeps_its_delivery_back_no_longer(
    watch: Watch, work_pool: str
) -> None:
    queued = []
    for _ in range(2):
        [delivery], event_id = watch.arrive()
        run = watch.run([delivery], event_id, Scheduled(scheduled_time=datetime.now(UTC)), work_pool=work_pool)
        started(event_id, run)
        queued.append((delivery, run))
    assert watch.look() == 0
    delete(queued[0][1])
    watch.ended_runs = watch.restarted()
    assert watch.look() == 1
    assert waits(watch, queued[0][0]).startswith(f"run {queued[0][1]} was deleted before it took this; ")
    assert waits(watch, queued[1][0]).startswith("a run; announced once, last at ")
    watch.tell()
    watch.ended_runs = watch.restarted()
    assert watch.look() == 0, "its second announcement has a run of its own"


@pytest.mark.parametrize(
    "told",
    [
        lambda event_id: started(event_id, uuid4(), "another automation of a person"),
        lambda event_id: started(event_id, "no id"),
        lambda event_id: started(uuid4(), uuid4()),
    ],
    ids=["of another automation", "of no run", "of another announcement"],
)
def test_words_of_other_starts_tell_nothing_of_a_deletion(watch: Watch, told) -> None:
    _, event_id = watch.arrive()
    told(event_id)
    assert watch.look() == 0


def test_however_many_announcements_wait_all_are_asked_of_a_page_after_the_other(watch: Watch) -> None:
    waiting = [watch.arrive() for _ in range(READ_BACK_AT_MOST + 1)]
    (deliveries, event_id) = waiting[-1]
    started(event_id, uuid4())
    assert watch.look() == 0
    watch.ended_runs.deleted_every = timedelta(0)
    assert watch.look() == 1
    assert " was deleted before it took this; " in waits(watch, deliveries[0])


def test_a_watcher_that_begins_later_finds_the_deaths_of_before(watch: Watch) -> None:
    deliveries, event_id = watch.arrive(20)
    watch.run(deliveries, event_id, Running(), Crashed())
    watch.ended_runs = watch.restarted()
    assert watch.look() == 20


def test_deliveries_of_which_the_bucket_does_not_tell_keep_back_no_others(watch: Watch, aws: LocalAws) -> None:
    watch.arrive(20)
    once = Config(retries={"total_max_attempts": 1})
    s3 = boto3.Session("sandbox", "x", region_name=REGION).client("s3", endpoint_url=aws.endpoint, config=once)
    watch.ended_runs.follow_up = watch.follow_up = FollowUp(watch.ledger.announcements, s3, "evidence", timedelta(0))
    aws.fault_injection.set([AwsFault(AwsFaultKind.ERROR, "s3", "GetObject", rate=0.4, seed=6)])
    first = watch.look()
    assert 0 < first < 20
    aws.fault_injection.set([])
    assert watch.look() == 20


@pytest.mark.parametrize("content", [b"{}", b'{"claimed_at": "yesterday"}'])
def test_a_claim_of_a_version_that_we_do_not_know_is_named_and_keeps_no_other_delivery_back(watch, content) -> None:
    strange, _ = watch.arrive(9)
    for each in strange:
        watch.put_signed(claim_key(each), content)
    (good,), event_id = watch.arrive()
    watch.claim(good, watch.run([good], event_id, Running()))
    with disable_run_logger():
        with pytest.raises(StepFailed, match=rf"s3://evidence/deliveries/sales/.*/{CLAIM} .*remove it"):
            watch.follow_up.look_for_evidence()
        watch.follow_up.look_for_evidence()
    states = {each.id: each.state for each in watch.ledger.status.deliveries()}
    assert [states[each.id] for each in (*strange, good)] == [*["announced"] * len(strange), "claimed"]
    assert len(watch.follow_up.strange) == len(strange)


def test_a_claim_of_a_run_that_cannot_be_keeps_nobody_back(watch: Watch) -> None:
    (delivery,), _ = watch.arrive()
    key = claim_key(delivery)
    claim = {**elsewhere("mine").model_dump(), "claimed_at": long_ago().isoformat(), "until": long_ago().isoformat()}
    watch.put_signed(key, json.dumps(claim).encode())
    watch.follow_up.look_for_evidence()
    assert [each.state for each in watch.ledger.status.deliveries()] == ["announced"]


def test_a_run_beside_another_one_that_goes_on_takes_nothing_with_it(watch: Watch) -> None:
    deliveries, event_id = watch.arrive()
    watch.claim(deliveries[0], watch.run(deliveries, event_id, Running()))
    watch.run(deliveries, event_id, Pending(), Crashed())
    watch.run(deliveries, event_id, Scheduled(), Cancelled())
    assert watch.look() == 0
    assert watch.evidence(deliveries[0]) is None


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ((Scheduled(), Cancelling()), "cancelled by a person"),
        ((Scheduled(), Cancelled(message="by Ana: a draft")), "cancelled by a person: by Ana: a draft"),
        ((Pending(), Cancelling(message="by Ana"), Cancelled(message="as asked")), "cancelled by a person: by Ana"),
        ((Running(), Cancelling(), Cancelled(message="its process is gone")), "cancelled by a person"),
    ],
    ids=["before it was due", "through the API", "while it was submitted", "and it had no time to tell"],
)  # fmt: skip
def test_a_cancelled_run_is_not_run_again_but_is_inconclusive_and_told_so_once(watch: Watch, states, reason) -> None:
    deliveries, event_id = watch.arrive()
    run = watch.run(deliveries, event_id, *states)
    assert (watch.look(), watch.look()) == (0, 0)
    found = watch.evidence(deliveries[0])
    assert found is not None
    assert (found.verdict.value, found.reason, found.run.flow_run_id) == ("inconclusive", reason, str(run))
    assert [(each.state, each.verdict) for each in watch.ledger.status.deliveries()] == [("judged", "inconclusive")]
    assert audit(read_stored(watch.s3, "evidence", "sales", seal_keys().trusted), seal_keys().trusted).flaws == ()


@pytest.mark.parametrize("is_gone", [False, True], ids=["there", "deleted since"])
def test_a_run_that_an_automation_cancelled_is_inconclusive_and_the_automation_is_named(watch: Watch, is_gone) -> None:
    trigger = EventTrigger(expect={"nothing.of.the.kind"}, posture=Posture.Reactive, threshold=1)
    automation = AutomationCore(name="what takes too long", trigger=trigger, actions=[CancelFlowRun()])
    deliveries, event_id = watch.arrive()
    with get_client(sync_client=True) as client:
        id_ = client.create_automation(automation)
        if is_gone:
            client.delete_automation(id_)
        watch.run(deliveries, event_id, Running(), Cancelling(message=f"Cancelled by Automation {id_}"), Cancelled())
        assert watch.look() == 0
        if not is_gone:
            client.delete_automation(id_)
    found = watch.evidence(deliveries[0])
    assert found is not None
    name = str(id_) if is_gone else '"what takes too long"'
    assert (found.verdict.value, found.reason) == ("inconclusive", f"cancelled by the automation {name}")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("server/events/actions.py", 'f"Cancelled by Automation {triggered_action.automation.id}"'),
        ("server/orchestration/core_policy.py", '"Deployment concurrency limit reached."'),
        ("server/orchestration/core_policy.py", '"Deployment concurrency slot lost '),
        ("workers/base.py", 'f"Deployment {flow_run.deployment_id} no longer exists, cancelled run."'),
        ("flow_engine.py", '"Flow run encountered an exception:"'),
        ("server/events/actions.py", '"prefect.resource.id": f"prefect.event.{triggered_action.triggering_event.id}"'),
        ("server/events/actions.py", '"prefect.resource.role": "triggering-event"'),
        ("server/events/actions.py", 'event="prefect.automation.action.executed"'),
    ],
)
def test_prefect_says_by_what_we_know_who_ended_a_run(module: str, message: str) -> None:
    assert message in (Path(prefect.__file__).parent / module).read_text(encoding="utf-8")


@pytest.mark.parametrize("resumed", [False, True], ids=["while it is paused", "after it was resumed"])
def test_a_queued_run_that_is_cancelled_while_its_dataset_is_paused_is_not_run_again(watch: Watch, resumed) -> None:
    (delivery,), event_id = watch.arrive()
    datasets, announcements = watch.ledger.datasets, watch.ledger.announcements
    datasets.watch(["sales"], long_ago())
    datasets.pause("sales", paused("sales", long_ago(), 1, (), ""), long_ago())
    watch.run([delivery], event_id, Scheduled(), Cancelled(message="by Ana"))
    if resumed:  # before the watcher saw the run's end
        announcements.announce_again(announcements.unclaimed("sales"), long_ago())
    watch.look()
    found = watch.evidence(delivery)
    assert found is not None
    assert found.reason == "cancelled by a person: by Ana"
    assert announcements.unclaimed("sales") == ()


@pytest.mark.parametrize(
    "forged",
    [
        {"business_date": "2020-01-01"},
        {"fields": {"file": "../x"}},
        {"members": [{"bucket": "b", "key": "x", "etag": "e", "size": 1, "last_modified": "2026-01-01T00:00:00Z"}]},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_the_end_of_a_run_with_a_forged_pointer_ends_no_true_delivery(watch: Watch, forged) -> None:
    (delivery,), event_id = watch.arrive()
    pointer = DeliveryPointer.to(delivery).model_dump(mode="json") | forged
    with get_client(sync_client=True) as client:
        for said in ({"delivery": pointer}, {"deliveries": 5}, {"deliveries": "text"}, {"delivery": [pointer]}):
            parameters = said | {"event_id": str(event_id)}
            flow: Any = validate_deliveries if "deliveries" in said else validate_delivery
            client.create_flow_run(flow, parameters=parameters, state=Cancelled(message="by Ana"))
            client.create_flow_run(flow, parameters=parameters, state=Failed(name="Refused"))
    assert watch.look() == 0, "the true one's event is on its way to a run of its own"
    assert watch.s3.list_objects_v2(Bucket="evidence")["KeyCount"] == 0
    watch.run([delivery], event_id, Running(), Crashed())
    assert watch.look() == 1


def test_of_a_cancelled_run_of_many_all_without_a_verdict_are_inconclusive(watch: Watch) -> None:
    deliveries, event_id = watch.arrive(12)
    run = watch.run(deliveries, event_id, Running(), Cancelling(), Cancelled())
    watch.claim(deliveries[0], run)
    assert watch.look() == 0
    found = [watch.evidence(each) for each in deliveries]
    assert {each.reason for each in found if each} == {"cancelled by a person"}
    assert len(watch.alive) == 12, "the watcher shows that it lives between them"
    assert audit(read_stored(watch.s3, "evidence", "sales", seal_keys().trusted), seal_keys().trusted).flaws == ()


def test_a_verdict_that_its_run_did_not_tell_is_told_by_the_watcher_once(watch: Watch) -> None:
    (told,), (untold,) = (watch.arrive()[0] for _ in range(2))
    run = run_of(contract(), watch.clients.caller, str(uuid4()), "a run", None)
    chain = Chain(watch.s3, "evidence", "sales")
    with disable_run_logger():
        for delivery in (told, untold):
            case = DeliveryRun(contract(), delivery, None, chain, Timeline(without_task_run))
            case.findings = Findings(stopped_by="claim: it was tried")
            evidence = evidence_of(case.facts, case.judgement, run)
            assert put_evidence(watch.s3, "evidence", delivery, evidence, chain) == (evidence, ())
            if delivery == told:
                events.post_one(case.verdict_event(run), verdict_event_id(case.evidence_uri))
        watch.follow_up.look_for([told, untold])
        ids = {each.id: verdict_event_id(evidence_uri("evidence", each)) for each in (told, untold)}

        def stored() -> frozenset[UUID]:
            with get_client(sync_client=True) as client:
                return events.stored(client, list(ids.values()))

        eventually(lambda: stored() == {ids[told.id]}, "the event of one")
        alive: list[None] = []
        watcher = MissedVerdicts(
            watch.ledger.announcements, watch.s3, "evidence", lambda: alive.append(None), timedelta(0)
        )
        watcher.tell()
        eventually(lambda: stored() == set(ids.values()), "the events of all")
        before = events_of(untold)
        watcher.tell()
        MissedVerdicts(watch.ledger.announcements, watch.s3, "evidence", given=timedelta(0)).tell()
    assert len(alive) >= 2, "before the server is asked, and before evidence is read"
    (event,) = before
    assert (event.payload["verdict"], event.payload["reason"]) == ("inconclusive", "claim: it was tried")
    assert FAILURE not in event.resource
    assert [len(events_of(delivery)) for delivery in (told, untold)] == [1, 1]


def events_of(delivery: Delivery) -> list[Event]:
    wanted = EventFilter(resource=EventResourceFilter(labels=ResourceSpecification({"aceite.delivery": delivery.id})))
    with get_client(sync_client=True) as client:
        return [each for each in client.read_events(wanted, limit=50).events if each.event == INCONCLUSIVE]
