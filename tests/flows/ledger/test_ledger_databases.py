"""The ledger on SQLite and on PostgreSQL: the same answers from both, and plain words when there is none."""

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from builders import an_object

from acceptance.announcing.delivery_events import EventDraft, arrived, unroutable
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.errors import LeaseLost, LedgerUnusable
from flows.ledger import Ledger, open_ledger
from flows.ledger.lease import still_held
from flows.ledger.listing import Certified, NewObject
from flows.ledger.tables import writing

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
STRANGE = ["A", "a", "B", "b", "a b", "a.b", "é", "e\u0301", "z", "ä", "ß", "\ufffd", "\uffff", "😀", "%", "_", "'"]
STRANGE += ["nul", *(f"nul{end}" for end in ("\0", "\0\1", "\1", "\1\1", "\1\2", "\2")), "\\", '"', "\n", "\x7f"]


HISTORY = re.compile(r"SCAN (announcements|deliveries)\b")


@pytest.fixture
def ledger(url):
    with open_ledger(url) as ledger:
        yield ledger


@contextmanager
def listening(hear: Callable[[str, Any], None]) -> Iterator[None]:
    """Hears each statement and its values."""

    def heard(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        hear(statement, values)

    sa.event.listen(sa.Engine, "before_cursor_execute", heard)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", heard)


def remember(ledger: Ledger, *keys: str) -> None:
    seen = [
        NewObject(an_object(key), event=unroutable(an_object(key), f"no {key}"), unroutable=f"no {key}") for key in keys
    ]
    ledger.listing.commit(Certified("landing", "", None, (KeyRange(certified_at=NOON),), seen), NOON)


def test_keys_are_kept_and_ordered_by_their_bytes_whatever_characters_they_have(ledger):
    remember(ledger, *STRANGE)
    by_bytes = sorted(STRANGE, key=lambda key: key.encode())
    assert list(ledger.listing.versions("landing", "")) == by_bytes
    for place, until in enumerate(by_bytes):
        assert list(ledger.listing.versions("landing", "", "", until)) == by_bytes[: place + 1]
        assert list(ledger.listing.versions("landing", "", until)) == by_bytes[place + 1 :]
        below = [key for key in by_bytes if key.startswith(until)]
        assert list(ledger.listing.versions("landing", until)) == below
    assert {landed.key: why for landed, why in ledger.listing.unroutable()} == {key: f"no {key}" for key in STRANGE}
    assert {item.draft.payload["key"] for item in ledger.announcements.due(100)} == set(STRANGE)
    ledger.listing.commit(Certified("landing", "", None, (), gone=STRANGE), NOON)
    assert ledger.listing.versions("landing", "") == {}


def test_ranges_come_in_the_order_of_their_keys(ledger):
    by_bytes = sorted(STRANGE, key=lambda key: key.encode())
    after = ["", *by_bytes]
    cut = [KeyRange(start, end, 1) for start, end in zip(after, [*by_bytes, None], strict=True)]
    ledger.listing.recut("landing", "in/", cut[::-1])
    assert ledger.listing.ranges("landing", "in/") == tuple(cut)


def test_what_is_forgotten_is_read_again_wherever_it_is_listed(ledger):
    remember(ledger, "in/a\x00", "in/b")
    for prefix in ("", "in/", "in/a\x00", "in/b", "IN/", "i_/"):
        ledger.listing.recut("landing", prefix, [KeyRange(digest="known")])
    ledger.listing.forget(an_object("in/a\x00"))
    assert list(ledger.listing.versions("landing", "")) == ["in/b"]
    read = [prefix for prefix in ("", "in/", "in/a\x00") if not ledger.listing.ranges("landing", prefix)[0].digest]
    assert read == ["", "in/", "in/a\x00"]
    assert all(ledger.listing.ranges("landing", prefix)[0].digest == "known" for prefix in ("in/b", "IN/", "i_/"))


def test_the_objects_of_a_location_are_those_whose_keys_begin_with_exactly_its_prefix(ledger):
    remember(ledger, "in/a", "in/b", "IN/a", "i_/a", "in0", "in.")
    ledger.listing.recut("landing", "in/", [KeyRange(certified_at=NOON)])
    found = {location.prefix: location.objects for location in ledger.status.locations()}
    assert found == {"": 6, "in/": 2}


def test_a_delivery_may_have_more_keys_than_fit_into_an_index(ledger):
    members = tuple(an_object(f"in/{number * 7919:x} {'é' * (number % 97)}") for number in range(3000))
    delivery = Delivery("orders", date(2026, 1, 2), members)
    new_object = NewObject(delivery.first, delivery, arrived(delivery))
    ledger.listing.commit(Certified("landing", "", None, (), [new_object]), NOON)
    keys = tuple(member.key for member in members)
    assert ledger.listing.revisions("orders", [keys, keys[:1]]) == {keys: 1}
    assert ledger.listing.revisions("others", [keys]) == {}


def test_the_lease_cannot_be_taken_while_its_holder_commits(ledger, url):
    """And who waits for it gets it afterwards: the holder learns of that at its next commit."""
    assert ledger.lease.take("first", NOON, NOON)
    happened: list[str] = []

    def take_over() -> None:
        with open_ledger(url) as other:
            assert other.lease.take("second", LATER, LATER - timedelta(minutes=1))
            happened.append("taken over")

    taker = threading.Thread(target=take_over)
    with writing(ledger._engine) as connection:
        still_held(connection, "first")
        taker.start()
        taker.join(timeout=0.5)
        happened.append("committed")
    taker.join()
    assert happened == ["committed", "taken over"]
    with pytest.raises(LeaseLost, match="second holds its lease, not first"):
        ledger.listing.commit(Certified("landing", "", None, ()), NOON, "first")


def test_a_watcher_that_slept_while_another_came_and_went_must_start_anew(ledger):
    assert ledger.lease.take("first", NOON, NOON)
    assert ledger.lease.renew("first", LATER)
    assert ledger.lease.take("second", LATER, LATER + timedelta(seconds=1))
    ledger.lease.give_back("second")
    assert not ledger.lease.renew("first", LATER)
    with pytest.raises(LeaseLost, match="nobody"):
        ledger.listing.recut("landing", "", [KeyRange()], "first")


def a_delivery(ledger: Ledger) -> str:
    """That was announced."""
    delivery = Delivery("orders", date(2026, 1, 2), (an_object("in/20260102/a"),))
    ledger.listing.commit(
        Certified("landing", "", None, (), [NewObject(delivery.first, delivery, arrived(delivery))]), NOON
    )
    ledger.announcements.confirmed([item.event_id for item in ledger.announcements.due(10)], NOON)
    return delivery.id


def test_two_that_announce_again_at_the_same_time_make_one_announcement(ledger, url):
    delivery_id = a_delivery(ledger)
    together = threading.Barrier(4)

    def announce() -> None:
        with open_ledger(url) as other:
            together.wait()
            other.announcements.announce_again([delivery_id], NOON)

    threads = [threading.Thread(target=announce) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.announcements.due(10)) == 1


def test_an_announcement_that_is_confirmed_twice_counts_once(ledger):
    delivery_id = a_delivery(ledger)
    ledger.announcements.announce_again([delivery_id], NOON)
    (due,) = ledger.announcements.due(10)
    for _ in range(2):
        ledger.announcements.confirmed([due.event_id], NOON)
    assert [item.announcements for item in ledger.announcements.in_flight()] == [2]


def test_a_delivery_with_a_verdict_is_not_announced_again(ledger):
    delivery_id = a_delivery(ledger)
    verdict = {"judged_at": NOON, "verdict": "accepted", "reason": "a\x00b", "evidence": "s3://e/"}
    ledger.announcements.record({delivery_id: verdict}, NOON)
    ledger.announcements.announce_again([delivery_id], NOON)
    assert ledger.announcements.due(10) == ()
    assert [status.reason for status in ledger.status.deliveries()] == ["a\x00b"]


def test_on_postgresql_keys_are_compared_by_their_bytes_whatever_the_locale_of_the_database(postgresql):
    with open_ledger(postgresql()) as ledger, ledger._engine.connect() as connection:
        columns = "SELECT table_name, column_name FROM information_schema.columns WHERE collation_name = 'C'"
        found = {tuple(row) for row in connection.exec_driver_sql(columns) if row.table_name in ("objects", "ranges")}
        assert found == {("objects", "key"), ("ranges", "prefix"), ("ranges", "until")}


def test_a_ledger_on_postgresql_outlives_its_connections(postgresql):
    url = postgresql()
    with open_ledger(url) as ledger, sa.create_engine(url).connect() as other:
        remember(ledger, "a")
        backends = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        assert other.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {backends}").all()
        assert list(ledger.listing.versions("landing", "")) == ["a"]


def test_a_watcher_that_hangs_in_a_transaction_does_not_keep_the_others_from_the_ledger(postgresql):
    with open_ledger(postgresql()) as ledger, ledger._engine.connect() as connection:
        limits = [
            connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("idle_in_transaction_session_timeout", "lock_timeout")
        ]
        assert limits == ["30s", "30s"]


def test_a_url_without_a_driver_is_enough(postgresql):
    url = sa.make_url(postgresql()).set(drivername="postgresql").render_as_string(hide_password=False)
    with open_ledger(url) as ledger:
        assert ledger.lease.take("any", NOON, NOON)


SECRET = "s3cr:et/pa?ss"
ENCODED = "s3cr%3Aet%2Fpa%3Fss"

REFUSED = {
    "": "not a database URL",
    "ledger.db": "not a database URL",
    f"postgresql+psycopg://aceite:{ENCODED}@db:port/ledger": "not a database URL",
    f"mysql+pymysql://aceite:{ENCODED}@db/ledger": "of the kind 'mysql+pymysql'",
    f"postgresql+asyncpg://aceite:{ENCODED}@db/ledger": "of the kind 'postgresql+asyncpg'",
    "postgresql://aceite:s3cr@pa?ss@db/ledger": "more than one @",
    "postgresql://aceite:s3cr@db/pa?ss@ledger": "more than one @",
    "postgresql://aceite:s3cr@pa/ss@db/ledger": "more than one @",
    f"postgresql+psycopg://aceite:{ENCODED}@127.0.0.1:1/ledger": "//aceite:***@127.0.0.1:1/ledger cannot be opened: ",
    f"postgresql+psycopg://aceite@127.0.0.1:1/ledger?password={ENCODED}": "cannot be opened",
    f"postgresql+psycopg:///ledger?host=127.0.0.1&port=1&password={ENCODED}": "host=127.0.0.1&port=1 cannot be opened",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_ledger_that_cannot_be_opened_says_why_and_what_is_allowed_but_never_the_password(url):
    with pytest.raises(LedgerUnusable, match=re.escape(REFUSED[url])) as refused:
        Ledger(url)
    said = str(refused.value)
    assert "ACEITE_LEDGER_URL" in said
    assert not any(part in said for part in (SECRET, ENCODED, "s3cr", "pa?ss", "pa/ss"))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_without_its_driver_a_ledger_on_postgresql_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    with pytest.raises(LedgerUnusable, match=r'needs PostgreSQL.s driver.*pip install "aceite\[postgres\]"') as refused:
        Ledger(f"postgresql+psycopg://aceite:{ENCODED}@db/ledger")
    assert ENCODED not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(tmp_path):
    file = tmp_path / "ledger.db"
    file.write_text("dear diary, " * 100, encoding="utf-8")
    with pytest.raises(LedgerUnusable, match=r"ledger.db cannot be opened: file is not a database; the file must be"):
        Ledger(f"sqlite:///{file.as_posix()}")
    assert file.read_text(encoding="utf-8").startswith("dear diary, ")
    file.unlink()  # nothing holds it open


def test_a_ledger_whose_folder_is_not_there_is_refused(tmp_path):
    with pytest.raises(LedgerUnusable, match=r"cannot be opened: unable to open database file; .* its folder"):
        Ledger(f"sqlite:///{(tmp_path / 'absent' / 'ledger.db').as_posix()}")


def test_a_database_in_which_not_every_key_can_be_written_is_refused(postgresql):
    url = postgresql("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(LedgerUnusable, match="has the encoding SQL_ASCII"):
        Ledger(url)


def test_a_database_in_which_no_table_can_be_made_is_refused(postgresql):
    url = sa.make_url(postgresql())
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE reader LOGIN")
    engine.dispose()
    with pytest.raises(LedgerUnusable, match=r"permission denied for schema public.*may make tables there"):
        Ledger(url.set(username="reader").render_as_string(hide_password=False))


def test_a_database_that_is_not_there_is_refused(postgresql):
    url = sa.make_url(postgresql()).set(database="absent").render_as_string(hide_password=False)
    with pytest.raises(LedgerUnusable, match=r'cannot be opened: .*database "absent" does not exist'):
        Ledger(url)


def test_what_is_asked_again_and_again_reads_no_history(new_sqlite):
    url, asked = new_sqlite(), list[tuple[str, Any]]()
    with open_ledger(url) as ledger, listening(lambda statement, values: asked.append((statement, values))):
        ledger.datasets.watch(["sales"], NOON)
        ledger.datasets.pause("sales", EventDraft("dataset.paused", {}, {}), NOON)
        told = ledger.announcements
        (event,) = told.due(500)
        told.posted([event.event_id], NOON)
        told.confirmed([event.event_id], NOON)
        told.bundle({"sales": 200, "others": 200}, NOON)
        told.last_events(["any"])
        told.announce_again(["any"], NOON)
        told.in_flight(), told.unjudged(5), told.unjudged_since(), told.judged(NOON, LATER), told.unclaimed("sales")
        ledger.datasets.late({"sales": timedelta(hours=1)}, LATER)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in asked
            if statement.startswith(("SELECT", "UPDATE"))
        }
    engine.dispose()
    scans = [(plan, statement) for statement, plan in plans.items() for step in plan if HISTORY.match(step)]
    assert scans == []
    assert len(plans) > 12


def test_nothing_is_asked_of_no_deliveries(ledger):
    asked = list[str]()
    with listening(lambda statement, _: asked.append(statement)):
        assert ledger.announcements.last_events([]) == {}
    assert asked == []
