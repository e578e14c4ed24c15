"""A watcher in a process of its own, which a test may kill at any time, or which kills itself at a commit.

It gets ready, and then reads from standard input which life to live. What it announces it appends to a file, as
Prefect's server would keep it: what is there was told, whatever became of the teller.
"""

import itertools
import json
import os
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import psutil
import sqlalchemy as sa
from botocore.config import Config

from acceptance.contract.contract import Contract
from acceptance.errors import LeaseLost
from flows.ledger import Ledger, open_ledger
from flows.watching.keepalive import Liveness
from flows.watching.listing import Landing, Pace

LEASE_S = 0.2
AT_ONCE = 3
BEGAN, ENDED, WATCHES = "a look began", "a look ended", "watches"


@dataclass(frozen=True)
class Life:
    """`looks` is None for a watcher that watches until it is killed. `dies_at` is a moment, before or after, of the
    commit with that number, counted from 1."""

    url: str
    endpoint: str
    contract: Contract
    pace: Pace
    told: Path
    looks: int | None = None
    lease_s: float = LEASE_S
    dies_at: tuple[str, int] | None = None

    @property
    def holder(self) -> str:
        return self.told.stem


def live(life: Life) -> None:
    s3 = client(life.endpoint)
    with open_ledger(life.url) as ledger, life.told.open("ab", buffering=0) as file:

        def tell(line: Any) -> None:
            file.write(json.dumps(line).encode() + b"\n")
            os.fsync(file.fileno())

        while not ledger.lease.take(life.holder, _lease_from_now(life), datetime.now(UTC)):
            time.sleep(life.lease_s / 10)
        tell(WATCHES)
        landing = Landing(ledger, s3, [life.contract], life.pace, Liveness(life.holder, _staying_alive(ledger, life)))
        for _ in itertools.count() if life.looks is None else range(life.looks):
            tell(BEGAN)
            landing.look(datetime.now(UTC))
            tell(ENDED)
            _announce(ledger, tell)
        ledger.lease.give_back(life.holder)


def _announce(ledger: Ledger, tell: Callable[[Any], None]) -> None:
    while due := ledger.announcements.due(AT_ONCE):
        events = [item.event_id for item in due]
        for item in due:
            tell({"event": str(item.event_id), **item.draft.payload})
        ledger.announcements.posted(events, datetime.now(UTC))
        ledger.announcements.confirmed(events, datetime.now(UTC))


def _staying_alive(ledger: Ledger, life: Life) -> Callable[[], None]:
    renewed = time.monotonic()

    def stay_alive() -> None:
        nonlocal renewed
        if time.monotonic() - renewed > life.lease_s / 3:
            if not ledger.lease.renew(life.holder, _lease_from_now(life)):
                raise LeaseLost(f"{life.holder} was asleep")
            renewed = time.monotonic()

    return stay_alive


def _lease_from_now(life: Life) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=life.lease_s)


def die_at(moment: str, number: int) -> None:
    """As kill -9 does: nothing of this process gets the chance to tidy up."""
    commits = itertools.count(1)
    reached = False

    @sa.event.listens_for(sa.Engine, "commit")
    def before_commit(_: sa.Connection) -> None:
        nonlocal reached
        reached = next(commits) == number or reached
        if reached and moment == "before":
            psutil.Process().kill()

    @sa.event.listens_for(sa.pool.Pool, "checkin")
    def after_transaction(*_: Any) -> None:
        if reached and moment == "after":
            psutil.Process().kill()


_SESSION = botocore.session.Session()  # boto3's clients are botocore's; without boto3 a process starts sooner
_SESSION.set_credentials("testing", "testing")


def client(endpoint: str) -> Any:
    path_style = Config(s3={"addressing_style": "path"})
    return _SESSION.create_client("s3", region_name="us-east-1", endpoint_url=endpoint, config=path_style)


if __name__ == "__main__":
    client("http://127.0.0.1:1")  # the next one is made at once
    ordered: Life = pickle.load(sys.stdin.buffer)
    if ordered.dies_at is not None:
        die_at(*ordered.dies_at)
    live(ordered)
