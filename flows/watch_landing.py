"""The watcher: lists the landing locations, remembers what it saw, announces each new delivery. It never validates."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from acceptance.announcing.announcements import together_at_most
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.errors import BlocksChanged, ContractsChanged, LeaseLost
from aws.s3.notifications import receive_notifications
from blocks.loaded_objects import exempt_from_collection
from blocks.settings import read_settings
from flows.evidence.verdicts import StandingVerdicts
from flows.installation.block_changes import refuse_changed_blocks
from flows.installation.clients import Clients, load_clients
from flows.installation.current_contracts import CurrentContracts
from flows.installation.installed import read_installed
from flows.ledger import Ledger, ledger_url, open_ledger
from flows.locks.holder import this_holder
from flows.locks.overrides import Overrides, Sweep, overridden_by
from flows.overview.publishing import PUBLISH_EVERY_S, published_pages
from flows.watching.announcing import Announcer
from flows.watching.contract_changes import ContractChanges
from flows.watching.ended_runs import EndedRuns
from flows.watching.follow_up import FollowUp
from flows.watching.keepalive import Keepalive, Liveness
from flows.watching.listing import Landing, Pace
from flows.watching.overdue import OverdueWatch
from flows.watching.silent_runs import SilentRuns
from flows.watching.verdicts.judged_again import JudgedAgain
from flows.watching.verdicts.missed_verdicts import TIME_TO_ANNOUNCE, MissedVerdicts
from flows.watching.watcher import HintedWait, RecurringLook, Watcher

TELL_EVERY_S = 1
"""However seldom the listing is."""
TELL_FOR = timedelta(seconds=5)
"""A burst takes longer to announce; in between the watcher looks what else came."""
SWEEP_EVERY_S = 10
ASK_PREFECT_EVERY_S = 3
"""For switches and ended runs: each question costs Prefect's server 30 ms, and the listing may be every second."""
LOOK_FOR_DEAD_RUNS_EVERY_S = 10
LOOK_AT_BLOCKS_EVERY_S = 10
LOOK_AT_CONTRACTS_EVERY_S = 1


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
        keepalive = Keepalive(ledger.lease, str(flow_run.id))
        try:
            keepalive.await_lease()
            changes = ContractChanges(read_settings().contracts, read_installed, get_run_logger())
            while True:  # what the watcher knows stands in the ledger, so it may begin again at any time
                with suppress(ContractsChanged):
                    patience = timedelta(seconds=patience_s)
                    watcher = _watcher(ledger, keepalive.liveness, changes, poll_s, patience, together)
                    exempt_from_collection()
                    watcher.watch()
        except LeaseLost as lost:
            return Completed(name="TakenOver", message=str(lost))
        except BlocksChanged as changed:
            return Completed(name="BlocksChanged", message=f"{changed}; its automation starts a watcher")
        finally:
            keepalive.give_lease_back()


def _watcher(
    ledger: Ledger, liveness: Liveness, changes: ContractChanges, poll_s: float, patience: timedelta, together: int
) -> Watcher:
    settings, clients, known = read_settings(), load_clients(), changes.known
    contracts = known.usable
    landing = _landing(ledger, liveness, clients, contracts, poll_s)
    complete = RecurringLook("completing deliveries of several files", poll_s, landing.complete)
    announcer = Announcer(ledger, {contract.dataset: together_at_most(contract, together) for contract in contracts})

    def announce(every_s: float) -> RecurringLook:
        return RecurringLook(
            "telling Prefect's server", every_s, lambda _: announcer.announce(liveness.stay_alive, TELL_FOR)
        )

    # What just arrived is announced before all that follows: neither completing nor following up makes it wait.
    taking_in = (announce(poll_s), complete, announce(poll_s))
    looks = (
        RecurringLook("looking at the blocks", LOOK_AT_BLOCKS_EVERY_S, lambda _: refuse_changed_blocks(clients.blocks)),
        RecurringLook("looking at the contracts", LOOK_AT_CONTRACTS_EVERY_S, changes.look),
        _sweeping(liveness, clients, contracts),
        RecurringLook("listing", poll_s, landing.look),
        *taking_in,
        *_following_up(ledger, liveness, clients, known, poll_s, patience),
        announce(min(poll_s, TELL_EVERY_S)),
        *_publishing(ledger, liveness, clients, known),
    )
    if not settings.landing_queue_url:
        return Watcher(liveness, looks)
    receive = partial(receive_notifications, clients.landing_sqs, settings.landing_queue_url)
    return Watcher(liveness, looks, HintedWait(receive, landing, taking_in, liveness))


def _landing(
    ledger: Ledger, liveness: Liveness, clients: Clients, contracts: Sequence[Contract], poll_s: float
) -> Landing:
    pace = Pace(timedelta(seconds=poll_s), timedelta(seconds=read_settings().certify_within_s))
    standing = StandingVerdicts(clients.evidence_s3, clients.evidence_bucket, liveness.stay_alive)
    landing = Landing(ledger, clients.landing_s3, contracts, pace, liveness, standing, get_run_logger())
    for bucket, prefix in landing.locations:
        get_run_logger().info("watching s3://%s/%s", bucket, prefix)
    return landing


def _publishing(
    ledger: Ledger, liveness: Liveness, clients: Clients, known: CurrentContracts
) -> tuple[RecurringLook, ...]:
    if not read_settings().publish_reports:
        return ()
    pages = published_pages(ledger, known, clients.evidence_s3, clients.evidence_bucket, liveness.stay_alive)
    return (RecurringLook("publishing the pages over all datasets", PUBLISH_EVERY_S, pages.look),)


def _sweeping(liveness: Liveness, clients: Clients, contracts: Sequence[Contract]) -> RecurringLook:
    overrides = Overrides(clients, this_holder(liveness.holder), get_run_logger())
    sweep = Sweep(overrides, overridden_by(contracts))
    return RecurringLook("restoring parameters", SWEEP_EVERY_S, lambda _: sweep(liveness.survive))


def _following_up(
    ledger: Ledger,
    liveness: Liveness,
    clients: Clients,
    known: CurrentContracts,
    poll_s: float,
    patience: timedelta,
) -> tuple[RecurringLook, ...]:
    bucket = (clients.evidence_s3, clients.evidence_bucket)
    follow_up = FollowUp(ledger.announcements, *bucket, patience, liveness.stay_alive)
    by_dataset = {contract.dataset: contract for contract in known.usable}
    ended_runs = EndedRuns(follow_up, by_dataset, clients, liveness.stay_alive)
    missed_verdicts = MissedVerdicts(ledger.announcements, *bucket, liveness.stay_alive)
    judged_again = JudgedAgain(ledger, by_dataset, *bucket, liveness.holder, liveness.stay_alive)
    overdue_watch = OverdueWatch(ledger, known.usable, liveness.holder, get_run_logger(), known.why_held_back)
    overdue_watch.begin(datetime.now(UTC))
    ask_prefect_s, find_dead_s = max(poll_s, ASK_PREFECT_EVERY_S), max(poll_s, LOOK_FOR_DEAD_RUNS_EVERY_S)
    find_missed_s = max(poll_s, TIME_TO_ANNOUNCE.total_seconds())
    return (
        RecurringLook("looking for evidence", poll_s, lambda _: follow_up.look_for_evidence()),
        RecurringLook("looking for runs that died", find_dead_s, SilentRuns(str(flow_run.id)).look),
        # Before a dataset is resumed, and all that waits is announced.
        RecurringLook("looking at runs that ended", ask_prefect_s, lambda _: ended_runs.look()),
        RecurringLook("looking for deliveries that were judged again", ask_prefect_s, judged_again.look),
        RecurringLook("looking at the datasets' switches", ask_prefect_s, overdue_watch.look_at_switches),
        RecurringLook("looking for what is overdue", poll_s, overdue_watch.look),
        RecurringLook("looking for verdicts that were not told", find_missed_s, lambda _: missed_verdicts.tell()),
        RecurringLook("looking for lost announcements", poll_s, lambda _: follow_up.announce_again()),
    )
