"""Keeps the watcher alive: renews its lease, sends heartbeats, and logs the failures that it survives."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from prefect import get_run_logger

from acceptance.announcing.delivery_events import HEARTBEAT, EventDraft
from acceptance.errors import AceiteError, LeaseLost, StepFailed
from aws.calls import without_request_ids
from flows.ledger.lease import Lease
from flows.prefect_api import events

TROUBLE = (BotoCoreError, ClientError, httpx.HTTPError, StepFailed)
"""AWS or Prefect's server is unreachable or refuses a request. The watcher logs it and tries again later."""

LEASE = timedelta(seconds=15)
RENEW_EVERY_S = 2
TRY_LEASE_EVERY_S = 2
HEARTBEAT_EVERY_S = 20
"""Each is an event in Prefect's feed. One that cannot be sent is sent again after RENEW_EVERY_S."""
SERVER_GONE_AFTER_S = 600
"""A watcher without a server announces nothing. This also ends the watcher that a killed `aceite up` leaves behind."""

Survive = Callable[[str, Callable[[], object]], bool]
"""Takes an action's name for the log and the action. Returns False if AWS or Prefect's server failed it."""


def _raise_trouble(_: str, action: Callable[[], object]) -> bool:
    action()
    return True


@dataclass(frozen=True)
class Liveness:
    """The lease under which the watcher writes, and the calls that keep it alive.

    `holder` must hold the ledger's lease whenever something is written; with None no lease is needed. Work calls
    `stay_alive` between its requests, and `survive` for an action whose failure must not end it. By default errors are
    raised.
    """

    holder: str | None = None
    stay_alive: Callable[[], None] = lambda: None
    survive: Survive = _raise_trouble


ALONE = Liveness()
"""For work outside of a watcher: it needs no lease, and every error is raised."""


class Keepalive:
    """Holds the ledger's lease for one watcher, and shows Prefect's server that it watches."""

    def __init__(self, lease: Lease, holder: str) -> None:
        self._lease = lease
        self._holder = holder
        self._troubles: dict[str, str] = {}
        self._renewed = -math.inf
        self._heard = time.monotonic()

    @property
    def liveness(self) -> Liveness:
        return Liveness(self._holder, self.stay_alive, self.survive)

    def await_lease(self) -> None:
        """Wait while another watcher holds the lease. One watches; the other takes over when the first is gone."""
        events.post_one(_heartbeat("starting"))
        waiting = False
        while not self._lease.take(self._holder, _now() + LEASE, _now()):
            if not waiting:
                get_run_logger().info("another watcher holds the ledger's lease; waiting until it is gone")
            waiting = True
            time.sleep(TRY_LEASE_EVERY_S)

    def give_lease_back(self) -> None:
        self._lease.give_back(self._holder)

    def stay_alive(self) -> None:
        """Renew the lease every RENEW_EVERY_S and send a heartbeat every HEARTBEAT_EVERY_S; do nothing in between.

        Raises:
            LeaseLost: another watcher took the lease.
            AceiteError: Prefect's server has not answered for SERVER_GONE_AFTER_S.
        """
        if time.monotonic() - self._renewed < RENEW_EVERY_S:
            return
        if not self._lease.renew(self._holder, _now() + LEASE):
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

    def survive(self, doing: str, action: Callable[[], object]) -> bool:
        """Act, and return whether it worked. Each new trouble is logged once; the caller tries again later."""
        try:
            action()
        except TROUBLE as error:
            trouble = without_request_ids(str(error))
            if self._troubles.get(doing) != trouble:
                get_run_logger().warning("%s failed and will be tried again: %s", doing, error)
            self._troubles[doing] = trouble
            return False
        if self._troubles.pop(doing, None):
            get_run_logger().info("%s works again", doing)
        return True


def _heartbeat(doing: str) -> EventDraft:
    resource = {"prefect.resource.id": "aceite.watcher", "prefect.resource.name": "Aceite's watcher"}
    return EventDraft(HEARTBEAT, resource, {"doing": doing})


def _now() -> datetime:
    return datetime.now(UTC)
