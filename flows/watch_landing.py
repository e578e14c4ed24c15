"""The watcher: lists the landing locations, remembers what it saw, announces each new delivery. It never validates."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from acceptance.announcements import due_again
from acceptance.contract import Contract
from acceptance.delivery import Delivery, LandingObject
from acceptance.errors import AceiteError, StepFailed, UnroutableKey
from acceptance.events import HEARTBEAT, EventDraft, arrived, unroutable
from acceptance.routing import route, watched_locations
from aws.s3 import list_objects
from blocks.settings import read_settings
from flows import events
from flows.clients import load_clients
from flows.evidence_store import read_claim, read_verdict
from flows.installation import installed_contracts
from flows.ledger import Ledger, Sighting, ledger_url, open_ledger
from flows.runs import has_ended

LEASE = timedelta(seconds=15)
HEARTBEAT_EVERY_S = 10
SERVER_GONE_AFTER_S = 600
"""A watcher whose server is gone tells nobody anything. It also ends what a killed `aceite up` may leave behind."""

POST_AGAIN_AFTER = timedelta(seconds=15)
ANNOUNCED_AT_ONCE = 200
LOOKED_FOR_AT_ONCE = 25


@flow(name="watch-landing", flow_run_name="watch the landing locations")
def watch_landing(poll_s: float = 10, patience_s: float = 120) -> State:
    """Watches until it is stopped.

    Args:
        poll_s: Seconds between two listings.
        patience_s: Seconds after which a delivery that nobody claimed is announced again, doubled each time.
    """
    events.post_one(_heartbeat("starting", 0))
    with open_ledger(ledger_url(read_settings())) as ledger:
        if not _take_lease(ledger):
            return Completed(name="AlreadyWatched", message="another watcher holds the ledger's lease and is alive")
        try:
            return _watch(Watcher(ledger, installed_contracts()), poll_s, timedelta(seconds=patience_s))
        finally:
            ledger.give_lease_back(str(flow_run.id))


def _watch(watcher: "Watcher", poll_s: float, patience: timedelta) -> State:
    next_heartbeat = time.monotonic()
    while next_heartbeat + SERVER_GONE_AFTER_S > time.monotonic():
        began = time.monotonic()
        if not watcher.ledger.take_lease(str(flow_run.id), _now() + LEASE, _now()):
            return Completed(name="TakenOver", message="another watcher took the lease while this one was asleep")
        watcher.look()
        watcher.tell(patience)
        beat = partial(events.post_one, _heartbeat("watching", watcher.seen_count))
        if began >= next_heartbeat and watcher.survive("the heartbeat", beat):
            next_heartbeat = began + HEARTBEAT_EVERY_S
        time.sleep(max(0.0, poll_s - (time.monotonic() - began)))
    raise AceiteError(
        f"Prefect's server has not answered for {SERVER_GONE_AFTER_S} s; once it does, its automation starts a watcher"
    )


@dataclass
class Watcher:
    """One tick is `look` and then `tell`. Trouble with AWS or with Prefect's server is logged and outlived."""

    ledger: Ledger
    contracts: Sequence[Contract]
    seen: dict[tuple[str, str], dict[str, LandingObject]] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bucket, prefix in watched_locations(self.contracts):
            self.seen[bucket, prefix] = self.ledger.seen(bucket, prefix)
            get_run_logger().info("watching s3://%s/%s, %d seen before", bucket, prefix, len(self.seen[bucket, prefix]))

    @property
    def seen_count(self) -> int:
        return sum(map(len, self.seen.values()))

    def look(self) -> None:
        """Lists every location; what was not seen in this version is remembered, and due to be announced."""
        for (bucket, prefix), seen in self.seen.items():
            self.survive(f"listing s3://{bucket}/{prefix}", partial(self._look_at, bucket, prefix, seen))

    def _look_at(self, bucket: str, prefix: str, seen: dict[str, LandingObject]) -> None:
        batch: list[LandingObject] = []
        for landed in list_objects(load_clients().landing_s3, bucket, prefix):
            if seen.get(landed.key) != landed and not _is_folder_marker(landed):
                batch.append(landed)
            if len(batch) == ANNOUNCED_AT_ONCE:
                self._observe(batch, seen)
        self._observe(batch, seen)

    def _observe(self, batch: list[LandingObject], seen: dict[str, LandingObject]) -> None:
        if not batch:
            return
        sightings = [self._sight(landed) for landed in batch]
        self.ledger.observe(sightings, _now())
        seen.update((landed.key, landed) for landed in batch)
        for sighting in sightings:
            what = sighting.delivery.title if sighting.delivery else f"unroutable: {sighting.unroutable}"
            get_run_logger().info("%s: %s", sighting.landed.uri, what)
        batch.clear()

    def _sight(self, landed: LandingObject) -> Sighting:
        try:
            routed = route(landed, self.contracts)
        except UnroutableKey as error:
            return Sighting(landed, None, unroutable(landed, str(error)), unroutable=str(error))
        revision = self.ledger.revision_of(routed.dataset, [landed.key])
        delivery = Delivery(routed.dataset, routed.business_date, routed.members, routed.fields, revision)
        contract = next(contract for contract in self.contracts if contract.dataset == delivery.dataset)
        takes = sum((step.within for step in contract.steps), timedelta())
        return Sighting(landed, delivery, arrived(delivery), pipeline_takes=takes)

    def tell(self, patience: timedelta) -> None:
        """Posts what is due, confirms what was posted, learns of verdicts, and announces again what seems lost."""
        self.survive("telling Prefect's server", self._announce)
        self.survive("looking for evidence", self._look_for_evidence)
        overdue = due_again(self.ledger.in_flight(), _now(), patience)[:ANNOUNCED_AT_ONCE]
        if overdue:
            get_run_logger().warning("announcing %d deliveries again: no verdict yet", len(overdue))
            self.ledger.announce_again([item.delivery_id for item in overdue], _now())

    def _announce(self) -> None:
        due = self.ledger.due(ANNOUNCED_AT_ONCE)
        if not due:
            return
        with get_client(sync_client=True) as client:
            posted = [item.event_id for item in due if item.posted_at is not None]
            confirmed = events.stored(client, posted)
            self.ledger.confirmed(tuple(confirmed), _now())
            late = _now() - POST_AGAIN_AFTER
            unsent = [
                item
                for item in due
                if item.event_id not in confirmed and (item.posted_at is None or item.posted_at < late)
            ]
            events.post(client, [(item.event_id, item.draft) for item in unsent])
            self.ledger.posted([item.event_id for item in unsent], _now())

    def _look_for_evidence(self) -> None:
        clients = load_clients()
        for delivery in self.ledger.unjudged(LOOKED_FOR_AT_ONCE):
            self.ledger.note(delivery.id, _now(), **_found(clients.evidence_s3, clients.evidence_bucket, delivery))

    def survive(self, doing: str, action: Callable[[], object]) -> bool:
        """Whether it worked. AWS or Prefect being unreachable is logged once for each new message, and tried again."""
        try:
            action()
        except (BotoCoreError, ClientError, httpx.HTTPError, StepFailed) as error:
            if self.troubles.get(doing) != str(error):
                get_run_logger().warning("%s failed, will be tried again: %s", doing, error)
            self.troubles[doing] = str(error)
            return False
        if self.troubles.pop(doing, None):
            get_run_logger().info("%s works again", doing)
        return True


def _found(s3: Any, bucket: str, delivery: Delivery) -> dict[str, Any]:
    judged = read_verdict(s3, bucket, delivery)
    if judged is not None:
        return {
            "verdict": judged.verdict.value,
            "reason": judged.reason,
            "evidence": judged.evidence_uri,
            "judged_at": judged.judged_at,
        }
    claim = read_claim(s3, bucket, delivery)
    # The claim of a run that ended without a verdict holds nobody back: the delivery is announced again.
    return {"claimed_at": claim.claimed_at if claim and not has_ended(claim.flow_run_id) else None}


def _take_lease(ledger: Ledger) -> bool:
    """Waits for a lease that a dead watcher left behind; a living one renews it, and then this run is not needed."""
    deadline = time.monotonic() + LEASE.total_seconds() + 1
    while not ledger.take_lease(str(flow_run.id), _now() + LEASE, _now()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _heartbeat(doing: str, seen: int) -> EventDraft:
    resource = {"prefect.resource.id": "aceite.watcher", "prefect.resource.name": "Aceite's watcher"}
    return EventDraft(HEARTBEAT, resource, {"doing": doing, "objects_seen": seen})


def _is_folder_marker(landed: LandingObject) -> bool:
    """What the S3 console puts for "Create folder"."""
    return landed.key.endswith("/") and landed.size == 0


def _now() -> datetime:
    return datetime.now(UTC)
