"""The watcher and Prefect's server as they run, and many files at once: each delivery gets one event, whoever dies."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from listing_server import ListingServer
from moto.server import ThreadedMotoServer
from polling import eventually
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_processes import PrefectServer, run, running
from watched_bucket import CONTRACT

from acceptance.announcing.announcements import ON_THEIR_WAY_AT_MOST
from acceptance.announcing.delivery_events import ARRIVED, ARRIVED_TOGETHER, EventDraft
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger import sqlite_url
from flows.ledger.tables import announcements
from flows.prefect_api import events

SAVE_BLOCKS = """
from blocks.build import save_blocks
from blocks.settings import read_settings
save_blocks(read_settings())
"""
WATCH = """
from flows.watch_landing import watch_landing
watch_landing(poll_s=10, patience_s=3600, together={together})
"""
"""The patience is so long that no delivery is announced again for want of somebody to claim it."""


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """It is alive when a test begins. STS, which the watcher asks who it is, is moto's."""
    home = tmp_path_factory.mktemp("prefect")
    sts = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    sts.start()
    try:
        with PrefectServer(home) as server:
            (home / "orders.odcs.yaml").write_text(CONTRACT.replace("RESENT", "report"), encoding="utf-8")
            server.environment |= {
                "AWS_ENDPOINT_URL_STS": "http://{}:{}".format(*sts.get_host_and_port()),
                "ACEITE_AWS_ACCESS_KEY_ID": "testing",
                "ACEITE_AWS_SECRET_ACCESS_KEY": "testing",
                "ACEITE_AWS_REGION": "us-east-1",
                "ACEITE_EVIDENCE_BUCKET": "landing",  # the listing server has one bucket
                "ACEITE_CONTRACTS": str(home),
            }
            run(SAVE_BLOCKS, server.environment)
            yield server
    finally:
        sts.stop()


@dataclass(frozen=True)
class Announced:
    """What the ledger says of announcements."""

    posted: int
    confirmed: int


class Burst:
    """Files that are all there when the watcher begins, below a folder of their own."""

    def __init__(
        self, prefect: PrefectServer, s3: ListingServer, home: Path, day: str, files: int, together: int = 1
    ) -> None:
        self.files, self._together = files, together
        self._prefect, self._s3, self._home, self._day = prefect, s3, home, day
        self._environment = prefect.environment | {"AWS_ENDPOINT_URL_S3": s3.endpoint, "ACEITE_HOME": str(home)}
        self._url = sqlite_url(home / "ledger.db")
        s3.bulk(f"in/{day}/{number:05d}" for number in range(files))

    def watcher(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return running(WATCH.format(together=self._together), self._environment, self._home / "watcher.log")

    def announced(self) -> Announced:
        if not (self._home / "ledger.db").exists():
            return Announced(0, 0)
        query = sa.select(sa.func.count(announcements.c.posted_at), sa.func.count(announcements.c.confirmed_at))
        try:
            return Announced(*self._ask(query)[0])
        except sa.exc.OperationalError:  # the watcher is about to make the tables
            return Announced(0, 0)

    def announcements(self) -> dict[UUID, str]:
        """Deliveries, by event."""
        rows = self._ask(sa.select(announcements.c.event_id, announcements.c.delivery_id))
        return {UUID(row.event_id): row.delivery_id for row in rows}

    def stored(self) -> list[tuple[UUID, DeliveryPointer]]:
        """What Prefect's server shows of them."""
        below = {"id_prefix": [f"s3://landing/in/{self._day}/"]}
        found = self._prefect.events(event={"name": [ARRIVED]}, resource=below)
        return [(UUID(event["id"]), DeliveryPointer.model_validate(event["payload"]["delivery"])) for event in found]

    def stored_together(self) -> list[DeliveryPointer]:
        """The same of events that tell of many deliveries, and of those that were left over."""
        below = {"id_prefix": [f"s3://landing/in/{self._day}/"]}
        found = list(self._prefect.events(event={"name": [ARRIVED_TOGETHER]}, resource=below))
        assert len(found) >= self.files // self._together
        assert all(len(event["payload"]["deliveries"]) <= self._together for event in found)
        told = [pointer for event in found for pointer in event["payload"]["deliveries"]]
        alone = [pointer for _, pointer in self.stored()]
        return [*(DeliveryPointer.model_validate(pointer) for pointer in told), *alone]

    def there(self) -> Counter[LandingObject]:
        return Counter(
            LandingObject(self._s3.name, key, stored.etag, stored.size, stored.last_modified)
            for key, stored in self._s3.objects.items()
        )

    def _ask(self, query: sa.Select) -> list:
        engine = sa.create_engine(self._url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(query))
        finally:
            engine.dispose()


def is_whole(burst: Burst) -> bool:
    return burst.announced() == Announced(burst.files, burst.files)


def assert_each_has_one_event(burst: Burst) -> None:
    """Lost none, twice none: neither by the ledger, nor by what the server shows."""
    stored, announced = burst.stored(), burst.announcements()
    assert len(announced) == len(set(announced.values())) == burst.files
    assert Counter(event for event, _ in stored) == Counter(announced.keys())
    assert {event: pointer.delivery().id for event, pointer in stored} == announced
    assert Counter(member for _, pointer in stored for member in pointer.delivery().members) == burst.there()


def assert_nothing_was_dropped(prefect: PrefectServer) -> None:
    for complaint in ("queue is full", "dropping", "Event queue at"):
        assert complaint not in prefect.log


@pytest.mark.proof
def test_twelve_thousand_files_at_once_have_one_event_each_and_overflow_no_queue(prefect, tmp_path):
    with ListingServer() as s3:
        burst = Burst(prefect, s3, tmp_path, "20260102", files=12_000)
        with burst.watcher():
            eventually(lambda: is_whole(burst), "all announcements are confirmed", 900)
        assert_each_has_one_event(burst)
        assert_nothing_was_dropped(prefect)


@pytest.mark.proof
def test_announced_together_each_of_two_thousand_files_is_in_one_event(prefect, tmp_path):
    with ListingServer() as s3:
        burst = Burst(prefect, s3, tmp_path, "20260105", files=2_000, together=200)
        with burst.watcher():
            eventually(lambda: burst.announced().confirmed >= burst.files, "all announcements are confirmed", 300)
        there, stored = burst.there(), burst.stored_together()
    assert Counter(member for pointer in stored for member in pointer.delivery().members) == there
    assert_nothing_was_dropped(prefect)


@pytest.mark.proof
@pytest.mark.parametrize(("day", "with_it"), [("20260103", "the server alone"), ("20260104", "the watcher as well")])
def test_a_server_that_is_killed_in_the_middle_loses_no_event_and_keeps_none_twice(prefect, tmp_path, day, with_it):
    with ListingServer() as s3, ExitStack() as at_the_end:
        burst = Burst(prefect, s3, tmp_path, day, files=2_000)
        watcher = at_the_end.enter_context(burst.watcher())

        def in_the_middle() -> bool:
            announced = burst.announced()
            return 300 <= announced.confirmed < announced.posted - 20

        eventually(in_the_middle, "some are confirmed, and others on their way")
        prefect.kill()
        if with_it == "the watcher as well":
            watcher.kill()
            watcher.wait()
        at_death = burst.announced()
        prefect.start()
        assert at_death.confirmed < at_death.posted < burst.files
        assert at_death.posted - at_death.confirmed <= ON_THEIR_WAY_AT_MOST
        if with_it == "the watcher as well":
            at_the_end.enter_context(burst.watcher())
        eventually(lambda: is_whole(burst), "all announcements are confirmed")
        assert_each_has_one_event(burst)
    assert_nothing_was_dropped(prefect)


def test_an_event_that_is_posted_again_after_a_restart_is_stored_once(prefect):
    resource = {"prefect.resource.id": "s3://landing/again/", "prefect.resource.name": "again"}
    drafts = [(uuid4(), EventDraft("test.posted.again", resource, {})) for _ in range(30)]
    ids = [event_id for event_id, _ in drafts]
    with temporary_settings({PREFECT_API_URL: prefect.api}), get_client(sync_client=True) as client:
        events.post(client, drafts[:20])
        eventually(lambda: len(events.stored(client, ids)) == 20, "the first ones are stored")
        prefect.kill()
        prefect.start()
        events.post(client, drafts)
        eventually(lambda: len(events.stored(client, ids)) == 30, "all are stored")
    shown = Counter(UUID(event["id"]) for event in prefect.events(event={"name": ["test.posted.again"]}))
    assert shown == Counter(ids)
