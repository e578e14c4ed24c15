"""Finds runs that ended without a verdict. A cancelled delivery gets a verdict; the others are announced again.

Prefect knows of most such ends at once: its worker sees a process die, and a failing run reports it. Otherwise a
delivery would have to wait until its run has been silent for too long.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import get_current_settings

from acceptance.announcing.verdict_events import verdict_event_id
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from flows.evidence.chain import Chain
from flows.evidence.run_facts import run_of
from flows.installation.clients import Clients
from flows.judging.delivery_run import DeliveryRun
from flows.ledger.writes import AT_ONCE, slices
from flows.locks.claims import read_claim
from flows.locks.holder import is_over
from flows.prefect_api import events, runs
from flows.prefect_api.events import READ_BACK_AT_MOST
from flows.prefect_api.run_labels import name_of, name_runs, tag_judged
from flows.steps.timeline import Timeline, without_task_run
from flows.watching.follow_up import FollowUp
from flows.watching.keepalive import TROUBLE

SKEW = timedelta(minutes=10)
"""A run's end time comes from the clock of the machine that ended it."""

BEGINS_WITHIN = timedelta(minutes=5)
"""How long a run may take to begin after a worker took it. Prefect's ECS worker, the slowest, waits this long."""

STARTS_WITHIN = timedelta(seconds=15)
"""So long after an announcement its run is there, or the server is busy: only then it is asked whether it still is."""
NAMED_AFTER = timedelta(seconds=5)
"""Nearly all runs begin sooner than that, and have their names from Prefect's engine."""
NAMED_AT_ONCE = 50
NAME_EVERY = timedelta(seconds=10)
DELETED_EVERY = timedelta(seconds=10)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class EndedRuns:
    """Looks for runs that ended without a verdict, for runs that never began, and for runs that somebody deleted.

    `stay_alive` is called between deliveries whose evidence is put. If a worker took a run and it does not begin within
    `begins_within`, both are considered dead. `deleted_every` is the time between two looks for deleted runs.
    """

    follow_up: FollowUp
    contracts: Mapping[str, Contract]
    clients: Clients
    stay_alive: Callable[[], None]
    begins_within: timedelta = BEGINS_WITHIN
    deleted_every: timedelta = DELETED_EVERY
    _since: datetime | None = None
    _known: frozenset[UUID] = field(default_factory=frozenset)
    _looked_for_stuck: datetime | None = None
    _named: datetime | None = None
    _looked_for_deleted: datetime | None = None
    _asked_of: dict[UUID, datetime] = field(default_factory=dict)

    def look(self) -> None:
        """Record cancelled deliveries, and tell the follow-up which deliveries lost their run.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            StepFailed: the evidence bucket did not answer. The next look does what was left undone.
        """
        # Paused datasets and repeated announcements count too: a person's cancellation of the last run is final.
        now, announced = datetime.now(UTC), self.follow_up.announcements.unjudged_since()
        if not announced:
            self._since = now
            return
        if self._since is None:
            self._find_dead()
            self._since = min(announced.values())
        self._end_what_never_began(now)
        self._name_what_waits(now)
        self._find_deleted(now)
        ended = runs.ended_without_verdict(self._since - SKEW)
        of = self._deliveries([run for run in ended if run.id not in self._known])
        name_runs(run for run in ended if of.get(run.id))
        recorded = {
            run.id: all([self._record(run, delivery, reason) for delivery in of[run.id]])
            for run in ended
            if of.get(run.id) and run.state_type is StateType.CANCELLED and (reason := runs.cancelled_by(str(run.id)))
        }
        self._orphan(run for run in ended if of.get(run.id))
        self.follow_up.look_for([delivery for deliveries in of.values() for delivery in deliveries])
        # The latest end comes first, and is the one to tell.
        told = {each.id: runs.end_of(run) for run in reversed(ended) for each in of.get(run.id, ())}
        # A delivery that was announced again since then has another run, for which it waits.
        lost = self.follow_up.orphaned
        seen = {id_: {"run_ended": end, "run_ended_at": now if id_ in lost else None} for id_, end in told.items()}
        self.follow_up.announcements.record(seen, now)
        # If a run ended at once, the server may not show its event yet, so its deliveries are not in flight yet.
        self._known = frozenset(
            run.id for run in ended if run.id in self._known or (of[run.id] and recorded.get(run.id, True))
        )
        self._since = now

    def _deliveries(self, of_runs: Sequence[FlowRun]) -> Mapping[UUID, tuple[Delivery, ...]]:
        """Return by run id the deliveries without a verdict that a run is about, as the ledger has them.

        What a run says of itself may be anybody's words: a pointer that differs from the ledger's is of no delivery.
        """
        said = {run.id: {pointer.id: pointer.delivery() for pointer in runs.pointers_of(run)} for run in of_runs}
        ids = sorted({id_ for pointers in said.values() for id_ in pointers})
        unjudged = (self.follow_up.announcements.unjudged_of(some) for some in slices(ids, AT_ONCE))
        known = {each.id: each for some in unjudged for each in some}
        return {
            run: tuple(each for id_, each in pointers.items() if known.get(id_) == each)
            for run, pointers in said.items()
        }

    def _find_dead(self) -> None:
        """Look at runs that died with the previous watcher: one delivery's claim shows if a run's process is gone."""
        firsts = (deliveries[:1] for deliveries in self._deliveries(runs.running()).values())
        self.follow_up.look_for([delivery for first in firsts for delivery in first])

    def _end_what_never_began(self, now: datetime) -> None:
        """End runs that would otherwise seem to queue for ever, and their deliveries with them."""
        if self._looked_for_stuck is not None and now - self._looked_for_stuck < self.begins_within / 10:
            return
        self._looked_for_stuck = now
        for run in runs.unbegun(now - self.begins_within):
            get_run_logger().warning("run %s was taken by a worker and did not begin; the watcher ends it", run.name)
            runs.end(run.id, run.state, f"a worker took it, and it did not begin within {self.begins_within}")

    def _name_what_waits(self, now: datetime) -> None:
        """Name the runs that wait, a few at a look: until they begin, Prefect's page shows random words for them."""
        if self._named is not None and now - self._named < NAME_EVERY:
            return
        self._named = now
        if self.follow_up.announcements.unclaimed_events(now - NAMED_AFTER):
            name_runs(runs.waiting(), at_most=NAMED_AT_ONCE)

    def _find_deleted(self, now: datetime) -> None:
        """Mark the deliveries whose run was deleted before it took them, a page of announcements after the other.

        While other runs queue, such a delivery seems to wait among them.
        """
        if self._looked_for_deleted is not None and now - self._looked_for_deleted < self.deleted_every:
            return
        self._looked_for_deleted = now
        waiting = self.follow_up.announcements.unclaimed_events(now - STARTS_WITHIN)
        asked_of = {event: self._asked_of[event] for event in waiting.values() if event in self._asked_of}
        page = sorted(dict.fromkeys(waiting.values()), key=lambda event: asked_of.get(event, _NEVER))[
            :READ_BACK_AT_MOST
        ]
        self._asked_of = asked_of | dict.fromkeys(page, now)
        gone = runs.deleted(page) if page else {}
        ends = {
            id_: f"run {gone[event]} was deleted before it took this" for id_, event in waiting.items() if event in gone
        }
        self.follow_up.orphaned.update(ends)
        seen = {id_: {"run_ended": end, "run_ended_at": now} for id_, end in ends.items()}
        self.follow_up.announcements.record(seen, now)

    def _orphan(self, ended: Iterable[FlowRun]) -> None:
        """Mark the deliveries whose latest event started one of these runs. Others were announced again since then."""
        of = {run.parameters.get("event_id"): _ids(run) for run in ended}
        last = self.follow_up.announcements.last_events([each for ids in of.values() for each in ids])
        self.follow_up.orphaned.update(
            id_ for event_id, ids in of.items() for id_ in ids if id_ in last and str(last[id_]) == event_id
        )

    def _record(self, run: FlowRun, delivery: Delivery, reason: str) -> bool:
        """Record a cancellation, also of a delivery that was not begun yet. Return False if it must be tried again."""
        self.stay_alive()
        contract = self.contracts.get(delivery.dataset)
        try:
            if contract is not None and not self._is_anothers(run, delivery):
                self._conclude(run, contract, delivery, reason)
        except TROUBLE as trouble:
            get_run_logger().warning("%s was cancelled, and that cannot be recorded now: %s", delivery.title, trouble)
            return False
        return True

    def _conclude(self, run: FlowRun, contract: Contract, delivery: Delivery, reason: str) -> None:
        chain = Chain(self.clients.evidence_s3, self.clients.evidence_bucket, contract.dataset)
        began = run.start_time or datetime.now(UTC)
        delivery_run = DeliveryRun(
            contract, delivery, run.parameters.get("event_id"), chain, Timeline(without_task_run), started=began
        )
        facts = run_of(contract, self.clients.caller, str(run.id), name_of(run), _page(run))
        if delivery_run.record_cancellation(facts, reason):
            get_run_logger().warning("%s: its run was %s", delivery.title, reason)
            events.post_one(delivery_run.verdict_event(facts), verdict_event_id(delivery_run.evidence_uri))
            tag_judged(facts.id, delivery.dataset, [delivery_run.judgement.verdict])

    def _is_anothers(self, run: FlowRun, delivery: Delivery) -> bool:
        """Return whether another run, started beside the cancelled one, still works on the delivery."""
        claim = read_claim(self.clients.evidence_s3, self.clients.evidence_bucket, delivery)
        return claim is not None and claim.flow_run_id != str(run.id) and not is_over(claim.holder, claim.until)


def _ids(run: FlowRun) -> list[str]:
    return [pointer.id for pointer in runs.pointers_of(run)]


def _page(run: FlowRun) -> str | None:
    url = get_current_settings().ui_url
    return f"{url}/runs/flow-run/{run.id}" if url else None
