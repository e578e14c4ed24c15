"""Looks at Prefect's server: its objects are up to date, and its runs are served. The looks change nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires
from threading import Lock

import httpx
from packaging.requirements import Requirement
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventOrder
from prefect.exceptions import ObjectNotFound
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_CLIENT_MAX_RETRIES,
    get_current_settings,
    temporary_settings,
)

from acceptance.announcing.delivery_events import HEARTBEAT
from acceptance.contract.contract import Contract
from automations.apply import Change, apply
from automations.deployments import OURS
from blocks.settings import Settings
from cli.doctor.looks import findings
from cli.doctor.looks.findings import Look, advised, joined, met, unmet

ASKED_WITHIN = timedelta(seconds=60)
"""After this time without a poll Prefect itself shows a deployment as not ready."""
HEARTBEAT_WITHIN = timedelta(seconds=55)
"""The heartbeat comes every 20 s. Prefect stores events up to 5 s later, and replaces a watcher silent for 35 s."""
LOOK_BACK = timedelta(hours=1)
_ANSWER_WITHIN_S = 8


def api_url() -> str | None:
    return get_current_settings().api.url


def server() -> Look:
    """Check that a server is chosen, answers, and has a compatible version."""
    url = api_url()
    if url is None:
        return unmet(
            "no Prefect server is chosen",
            "start `aceite up`, which starts one; or choose one: `prefect profile use NAME`, or PREFECT_API_URL",
        )
    with _promptly():
        client = get_client(sync_client=True)
        if client.server_type is ServerType.CLOUD:
            return met(f"Prefect Cloud, {url}")
        try:
            there, here = client.api_version(), client.client_version()
        except httpx.HTTPStatusError as error:
            return _wrong_answer(url, error.response.status_code)
        except (httpx.HTTPError, ValueError) as error:
            return unmet(
                f"{url} does not answer: {' '.join(str(error).split()) or type(error).__name__}",
                "start `aceite up`, or that server; or choose another one: `prefect profile use NAME`, PREFECT_API_URL",
            )
    required = _required()
    allowed = required.specifier.contains(there, prereleases=True)
    result = findings.versions(there, here, may_be_here=str(required), is_allowed_here=allowed)
    return Look(result.outcome, f"{url}: {result.found}", result.remedy)


def _required() -> Requirement:
    """Return Aceite's requirement of Prefect; any version if Aceite runs without being installed."""
    try:
        requirements = [Requirement(text) for text in requires("aceite") or ()]
    except PackageNotFoundError:
        requirements = []
    return next((item for item in requirements if item.name == "prefect"), Requirement("prefect"))


class PlannedChanges:
    """The changes that `aceite apply` would make. The first thread that needs them computes them for all."""

    def __init__(self, settings: Settings, contracts: Sequence[Contract]) -> None:
        self._settings, self._contracts = settings, contracts
        self._lock = Lock()
        self._changes: tuple[Change, ...] | None = None

    def of(self, *kinds: str) -> list[Change]:
        with self._lock:
            if self._changes is None:
                with _promptly():
                    self._changes = self._planned()
            return [change for change in self._changes if change.kind in kinds]

    def _planned(self) -> tuple[Change, ...]:
        settings = self._settings
        if settings.notification_block is None or notification_block(settings).holds:
            return apply(settings, self._contracts, dry_run=True)
        # A block that does not exist has its own finding. What notifies through it is not wrong.
        without = settings.model_copy(update={"notification_block": None})
        return tuple(c for c in apply(without, self._contracts, dry_run=True) if c.change != "deleted")


def applied(planned: PlannedChanges, *kinds: str) -> Look:
    """Check that the server has everything of these kinds as `aceite apply` would make it."""
    changes = planned.of(*kinds)
    wrong = [change for change in changes if change.change != "unchanged"]
    if not wrong:
        counts = Counter(change.kind for change in changes)
        said = joined([f"{count} {kind if count == 1 else kind + 's'}" for kind, count in counts.items()])
        return met(f"{said} {'is' if len(changes) == 1 else 'are'} as settings and contracts require")
    return unmet("; ".join(map(_describe, wrong)), "`aceite apply` (`aceite apply --dry-run` prints the changes first)")


def notification_block(settings: Settings) -> Look:
    wanted = settings.notification_block
    if wanted is None:
        return advised(
            "none is set: nobody is notified of rejections, nor of what is overdue",
            "create a block on the page Blocks of the Prefect UI, such as a Slack Webhook named alerts, and set "
            "ACEITE_NOTIFICATION_BLOCK=slack-webhook/alerts",
        )
    kind, _, name = wanted.partition("/")
    with connected() as client:
        try:
            client.read_block_document_by_name(name, kind, include_secrets=False)
        except ObjectNotFound:
            return unmet(
                f"Prefect has no block {wanted}",
                f"create it on the page Blocks of the Prefect UI, with the type {kind} and the name {name}; "
                "or correct ACEITE_NOTIFICATION_BLOCK",
            )
    return met(f"{wanted} exists")


def switched_on(planned: PlannedChanges) -> Look:
    """Check that automations are on. `aceite apply` does not switch on again what a person switched off."""
    names = [change.name for change in planned.of("automation")]
    with connected() as client:
        automations = [automation for name in names for automation in client.read_automations_by_name(name)]
    off = [automation.name for automation in automations if not automation.enabled]
    if not off:
        return met(f"all {len(automations)} are on")
    return unmet(
        "switched off: " + ", ".join(f'"{name}"' for name in off),
        "on the page Automations of the Prefect UI, or: "
        + ", ".join(f'`prefect automation resume "{name}"`' for name in off),
    )


def served(planned: PlannedChanges, now: Callable[[], datetime]) -> Look:
    """Check that a runner or a worker polls for the runs of each deployment."""
    names = [change.name for change in planned.of("deployment")]
    with connected() as client:
        registered = [client.read_deployment_by_name(name) for name in names]
    polled = [
        findings.PolledDeployment(
            name, None if deployment.work_pool_name in OURS else deployment.work_pool_name, deployment.last_polled
        )
        for name, deployment in zip(names, registered, strict=True)
    ]
    return findings.served(polled, now(), ASKED_WITHIN)


def watched(now: Callable[[], datetime]) -> Look:
    """Check that the last heartbeat of a watcher is recent enough."""
    asked_at = now()
    occurred = EventOccurredFilter.model_validate({"since": asked_at - LOOK_BACK})
    heartbeats = EventFilter(event=EventNameFilter(name=[HEARTBEAT]), occurred=occurred, order=EventOrder.DESC)
    with connected() as client:
        events = client.read_events(heartbeats, limit=1).events
    remedy = (
        'start `aceite up`; if it runs, look at the runs of "watch-landing" in the Prefect UI: one that a person '
        "cancelled is started by `prefect deployment run watch-landing/aceite-watcher`"
    )
    if not events:
        return unmet(f"no heartbeat of a watcher in the last {findings.duration(LOOK_BACK)}", remedy)
    silent = asked_at - events[0].occurred
    if silent > HEARTBEAT_WITHIN:
        return unmet(f"the last heartbeat of a watcher was {findings.duration(silent)} ago", remedy)
    return met(f"the last heartbeat was {findings.duration(silent)} ago")


def _wrong_answer(url: str, status_code: int) -> Look:
    if status_code in (401, 403):
        return unmet(
            f"{url} requires credentials, and refuses those that are set here",
            "set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING (user:password)",
        )
    return unmet(
        f"{url} answers {status_code}: it may be no Prefect server",
        "correct PREFECT_API_URL, or the active profile; it ends in /api",
    )


def _describe(change: Change) -> str:
    if change.change == "created":
        return f"{change.kind} {change.name} is missing"
    if change.change == "deleted":
        return f"{change.kind} {change.name} is left over"
    fields = f" ({', '.join(change.fields)})" if change.fields else ""
    return f"{change.kind} {change.name} differs{fields}"


@contextmanager
def _promptly() -> Iterator[None]:
    """Switch off the retries of Prefect's clients, which would wait for minutes."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: _ANSWER_WITHIN_S}):
        yield


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    with _promptly(), get_client(sync_client=True) as client:
        yield client
