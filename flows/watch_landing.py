"""The watcher: lists the landing locations, remembers what it saw, announces each new delivery. It never validates."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Never

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Completed

from acceptance.announcing.announcements import together_at_most
from acceptance.announcing.delivery_events import HEARTBEAT, EventDraft
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.errors import AceiteError, LeaseLost
from aws.s3.notifications import Hint, Hints, receive_notifications
from blocks.settings import read_settings
from flows.evidence.verdicts import StandingVerdicts
from flows.installation.clients import Clients, load_clients
from flows.installation.installed import installed_contracts
from flows.ledger import Ledger, ledger_url, open_ledger
from flows.locks.holder import this_holder
from flows.locks.overrides import Overrides, Sweep
from flows.prefect_api import events
from flows.watching.announcing import Announcer
from flows.watching.ended_runs import Endings
from flows.watching.follow_up import TROUBLE, Aftermath
from flows.watching.listing import Landing, Pace
from flows.watching.missed_verdicts import Untold
from flows.watching.overdue import Silence
from flows.watching.silent_runs import DeadRuns

LEASE = timedelta(seconds=15)
RENEW_EVERY_S = 2
LOOK_FOR_LEASE_EVERY_S = 2
TELL_EVERY_S = 1
"""However seldom the listing is."""
TELL_FOR = timedelta(seconds=5)
"""A burst takes longer to announce; in between it is looked what else came."""
HEARTBEAT_EVERY_S = 10
SWEEP_EVERY_S = 10
ASK_PREFECT_EVERY_S = 3
"""For switches and ended runs: each question costs its server 30 ms, and the listing may be every second."""
SERVER_GONE_AFTER_S = 600
"""A watcher whose server is gone tells nobody anything. It also ends what a killed `aceite up` may leave behind."""


@flow(name="watch-landing", flow_run_name="watch the landing locations")
def watch_landing(poll_s: float = 10, patience_s: float = 120, together: int = MOST_TOGETHER) -> State:
    """Watches until it is stopped.

    Args:
        poll_s: Seconds between two listings.
        patience_s: Seconds after which a delivery that nobody claimed is announced again, doubled each time.
        together: Deliveries of a dataset that are announced, and judged, by one event and one run if many wait; 1 for
            an event and a run of its own each.
    """
    with open_ledger(ledger_url(read_settings())) as ledger:
        watcher = Watcher(ledger, str(flow_run.id))
        try:
            watcher.await_lease()
            settings, clients, contracts = read_settings(), load_clients(), installed_contracts()
            pace = Pace(timedelta(seconds=poll_s), timedelta(seconds=settings.certify_within_s))
            if settings.landing_queue_url:
                watcher.hints = partial(receive_notifications, clients.landing_sqs, settings.landing_queue_url)
            landing = _landing(watcher, clients, contracts, pace)
            aftermath = Aftermath(
                ledger.announcements,
                clients.evidence_s3,
                clients.evidence_bucket,
                timedelta(seconds=patience_s),
                watcher.stay_alive,
            )
            most = {contract.dataset: together_at_most(contract, together) for contract in contracts}
            silence = Silence(ledger, contracts, watcher.holder, get_run_logger())
            silence.begin(_now())
            watcher.sweep = Sweep(Overrides(clients, this_holder(watcher.holder), get_run_logger()))
            by_dataset = {contract.dataset: contract for contract in contracts}
            watcher.dead_runs = DeadRuns(watcher.holder)
            watcher.endings = Endings(aftermath, by_dataset, clients, watcher.stay_alive)
            watcher.untold = Untold(
                ledger.announcements, clients.evidence_s3, clients.evidence_bucket, watcher.stay_alive
            )
            watcher.watch(landing, pace, aftermath, Announcer(ledger, most), silence)
        except LeaseLost as lost:
            return Completed(name="TakenOver", message=str(lost))
        finally:
            ledger.lease.give_back(watcher.holder)


def _landing(watcher: "Watcher", clients: Clients, contracts: Sequence[Contract], pace: Pace) -> Landing:
    landing = Landing(
        watcher.ledger,
        clients.landing_s3,
        contracts,
        pace,
        watcher.holder,
        watcher.stay_alive,
        StandingVerdicts(clients.evidence_s3, clients.evidence_bucket, watcher.stay_alive),
        get_run_logger(),
    )
    for bucket, prefix in landing.locations:
        get_run_logger().info("watching s3://%s/%s", bucket, prefix)
    return landing


@dataclass
class Watcher:
    """Looks, tells, and shows that it is alive. Trouble with AWS or with Prefect's server is logged and outlived."""

    ledger: Ledger
    holder: str
    hints: Callable[[int], Hints] | None = None
    """Waits up to so many seconds for hints that something landed, if there is a queue of them."""
    sweep: Sweep | None = None
    """Restores what runs that died left changed."""
    dead_runs: DeadRuns | None = None
    """Ends runs of which nothing is heard."""
    endings: Endings | None = None
    """Looks for runs that ended without a verdict."""
    untold: Untold | None = None
    """Tells of verdicts whose runs died before they could."""
    troubles: dict[str, str] = field(default_factory=dict)
    _renewed: float = -math.inf
    _asked_prefect: float = -math.inf
    _heard: float = field(default_factory=time.monotonic)

    def await_lease(self) -> None:
        """Waits while another watcher holds the ledger's lease: one watches, and the other is there when it is gone."""
        events.post_one(_heartbeat("starting"))
        waiting = False
        while not self.ledger.lease.take(self.holder, _now() + LEASE, _now()):
            if not waiting:
                get_run_logger().info("another watcher holds the ledger's lease; waiting for it to be gone")
            waiting = True
            time.sleep(LOOK_FOR_LEASE_EVERY_S)

    def watch(
        self, landing: Landing, pace: Pace, aftermath: Aftermath, announcer: Announcer, silence: Silence | None = None
    ) -> Never:
        """Raises LeaseLost when another watcher took over, AceiteError when Prefect's server is gone for good."""
        # Prefect's client would try again by itself for a minute, with the lease running out meanwhile.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            self._watch(landing, pace, aftermath, announcer, silence)

    def _watch(
        self, landing: Landing, pace: Pace, aftermath: Aftermath, announcer: Announcer, silence: Silence | None
    ) -> Never:
        next_look = next_sweep = time.monotonic()
        tell = partial(self._tell, announcer)
        while True:
            self.stay_alive()
            if self.sweep is not None and time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + SWEEP_EVERY_S
                self.sweep(self.survive)
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + pace.every.total_seconds()
                landing.look(_now(), self.survive, tell)  # what just arrived does not wait for what follows
                tell()
                for doing, look in self._looks(aftermath, silence):
                    self.survive(doing, look)
                    self.stay_alive()
            tell()
            hinted = self._await_hints(max(0.0, min(next_look - time.monotonic(), TELL_EVERY_S)))
            if hinted:
                landing.look_where(hinted, _now(), self.survive, tell)

    def _looks(self, aftermath: Aftermath, silence: Silence | None) -> Iterator[tuple[str, Callable[[], object]]]:
        """What follows a listing, by what it does, in its order."""
        yield "looking for evidence", aftermath.look_for_evidence
        ask_prefect = time.monotonic() - self._asked_prefect >= ASK_PREFECT_EVERY_S
        if ask_prefect:
            self._asked_prefect = time.monotonic()
        if self.dead_runs is not None:
            yield "looking for runs that died", partial(self.dead_runs.look, _now())
        if ask_prefect and self.endings is not None:  # before a dataset is resumed, and all that waits is announced
            yield "looking at runs that ended", self.endings.look
        if silence is not None:
            if ask_prefect:
                yield "looking at the datasets' switches", partial(silence.look_at_switches, _now())
            yield "looking for what is overdue", partial(silence.look, _now())
        if self.untold is not None:
            yield "looking for verdicts that were not told", self.untold.tell
        yield "looking for lost announcements", aftermath.announce_again

    def stay_alive(self) -> None:
        """Renews the lease, and tells Prefect's server that somebody watches. Called often; most calls do nothing."""
        if time.monotonic() - self._renewed < RENEW_EVERY_S:
            return
        if not self.ledger.lease.renew(self.holder, _now() + LEASE):
            raise LeaseLost("another watcher took the lease while this one was asleep")
        self._renewed = time.monotonic()
        if time.monotonic() - self._heard >= HEARTBEAT_EVERY_S:
            if self.survive("the heartbeat", partial(events.post_one, _heartbeat("watching"))):
                self._heard = time.monotonic()
            elif time.monotonic() - self._heard > SERVER_GONE_AFTER_S:
                raise AceiteError(
                    f"Prefect's server has not answered for {SERVER_GONE_AFTER_S} s; once it does, its automation "
                    "starts a watcher"
                )

    def _tell(self, announcer: Announcer) -> None:
        self.survive("telling Prefect's server", partial(announcer.announce, self.stay_alive, TELL_FOR))

    def _await_hints(self, wait_s: float) -> frozenset[Hint]:
        received: list[Hints] = []
        hints = self.hints
        if hints is None or not self.survive("the hints' queue", lambda: received.append(hints(math.ceil(wait_s)))):
            time.sleep(wait_s)
        for strange in (text for each in received for text in each.strange):
            get_run_logger().warning("the hints' queue has a message that is no notification of S3's: %s", strange)
        return frozenset(hint for each in received for hint in each.found)

    def survive(self, doing: str, action: Callable[[], object]) -> bool:
        """Whether it worked. AWS or Prefect being unreachable is logged once for each new message, and tried again."""
        try:
            action()
        except TROUBLE as error:
            if self.troubles.get(doing) != str(error):
                get_run_logger().warning("%s failed, will be tried again: %s", doing, error)
            self.troubles[doing] = str(error)
            return False
        if self.troubles.pop(doing, None):
            get_run_logger().info("%s works again", doing)
        return True


def _heartbeat(doing: str) -> EventDraft:
    resource = {"prefect.resource.id": "aceite.watcher", "prefect.resource.name": "Aceite's watcher"}
    return EventDraft(HEARTBEAT, resource, {"doing": doing})


def _now() -> datetime:
    return datetime.now(UTC)
