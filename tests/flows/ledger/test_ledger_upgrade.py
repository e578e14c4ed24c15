"""A ledger that an earlier version of Aceite wrote is brought up to date when it is opened, and forgets nothing."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from watched_bucket import NOON, TICK, orders

from acceptance.errors import LedgerUnusable
from flows.ledger import open_ledger
from flows.watching.listing import Landing, Pace

DAY = "in/20260102/"
JUDGED, WAITING = "6dc2702d44aff0b52b5f", "b66498b6e53bf10f4525"
SINCE_VERSION_5 = ("ix_announcements_delivery_id", "ix_deliveries_looked_at")
POSTED = "f54d0e40-76e1-4ea0-aa6b-50685482ff84"

VERSION_1 = """
CREATE TABLE announcements (
    event_id VARCHAR NOT NULL, delivery_id VARCHAR, event JSON NOT NULL, due_at {time} NOT NULL, posted_at {time},
    confirmed_at {time}, PRIMARY KEY (event_id));
CREATE INDEX ix_announcements_confirmed_at ON announcements (confirmed_at);
CREATE TABLE deliveries (
    id VARCHAR NOT NULL, dataset VARCHAR NOT NULL, business_date DATE NOT NULL, revision INTEGER NOT NULL,
    member_keys VARCHAR NOT NULL, pointer JSON NOT NULL, pipeline_takes_s FLOAT NOT NULL, arrived_at {time} NOT NULL,
    announced_at {time}, announcements INTEGER NOT NULL, claimed_at {time}, looked_at {time}, judged_at {time},
    verdict VARCHAR, reason VARCHAR, evidence VARCHAR, PRIMARY KEY (id));
CREATE INDEX ix_deliveries_judged_at ON deliveries (judged_at);
CREATE INDEX ix_deliveries_dataset ON deliveries (dataset);
CREATE TABLE lease (name VARCHAR NOT NULL, holder VARCHAR NOT NULL, until {time} NOT NULL, PRIMARY KEY (name));
CREATE TABLE objects (
    bucket VARCHAR NOT NULL, key VARCHAR NOT NULL, etag VARCHAR NOT NULL, size BIGINT NOT NULL,
    last_modified {time} NOT NULL, seen_at {time} NOT NULL, delivery_id VARCHAR, unroutable VARCHAR,
    PRIMARY KEY (bucket, key))
"""
"""As version 1 made it, on SQLite with DATETIME and on PostgreSQL with TIMESTAMP."""


def a_pointer(delivery_id: str, name: str) -> dict[str, Any]:
    member = {"bucket": "landing", "key": DAY + name, "etag": "e1", "size": 10, "last_modified": "2026-01-02T12:00:00Z"}
    known = {"dataset": "orders", "business_date": "2026-01-02", "revision": 1}
    return {"id": delivery_id, **known, "members": [member], "fields": {"file": name}}


def an_event(name: str, key: str, payload: dict[str, Any]) -> str:
    return json.dumps({"name": name, "resource": {"prefect.resource.id": f"s3://landing/{key}"}, "payload": payload})


def rows_of_version_1() -> Iterator[tuple[str, dict[str, Any]]]:
    """A judged delivery, one whose announcement is not confirmed, and an object that is none."""
    noon = "2026-01-02 12:00:00.000000"
    for delivery_id, name in ((JUDGED, "judged"), (WAITING, "waiting")):
        seen = {"bucket": "landing", "etag": "e1", "size": 10, "last_modified": noon, "seen_at": noon}
        yield "objects", {**seen, "key": DAY + name, "delivery_id": delivery_id}
        delivery = {"id": delivery_id, "dataset": "orders", "business_date": "2026-01-02", "revision": 1}
        delivery |= {"member_keys": json.dumps([DAY + name]), "pointer": json.dumps(a_pointer(delivery_id, name))}
        delivery |= {"pipeline_takes_s": 600.0, "arrived_at": noon, "announcements": 0}
        if delivery_id == JUDGED:
            delivery |= {"announced_at": noon, "announcements": 1, "judged_at": noon, "verdict": "accepted"}
            delivery |= {"reason": "all 3 checks passed", "evidence": "s3://evidence/orders/"}
        yield "deliveries", delivery
    yield "objects", {**seen, "key": "in/nonsense\x01", "unroutable": "no date"}
    for event_id, delivery_id, event, confirmed in (
        ("70910711-bd57-4406-b918-407fe59bfc02", JUDGED, "judged", noon),
        (POSTED, WAITING, "waiting", None),
        ("0e7ac1d1-2d4b-4c43-a1f0-0e2ce1d5a3d0", None, None, noon),
    ):
        text = an_event("landing.object.unroutable", "in/nonsense\x01", {"reason": "no date"})
        if delivery_id and event:
            text = an_event("delivery.arrived", DAY + event, {"delivery": a_pointer(delivery_id, event)})
        row = {"event_id": event_id, "delivery_id": delivery_id, "event": text, "due_at": noon}
        yield "announcements", {**row, "posted_at": noon, "confirmed_at": confirmed}
    yield "lease", {"name": "watcher", "holder": "the one before", "until": noon}


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def write_version_1(url: str) -> None:
    with connected(url) as connection:
        time = "DATETIME" if connection.dialect.name == "sqlite" else "TIMESTAMP WITHOUT TIME ZONE"
        for statement in VERSION_1.format(time=time).split(";"):
            connection.exec_driver_sql(statement)
        for table, row in rows_of_version_1():
            values = ", ".join("NULL" if value is None else f"'{value}'" for value in row.values())
            connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")


def test_all_that_a_ledger_of_version_1_holds_is_there_and_nothing_of_it_is_announced_again(url, server):
    write_version_1(url)
    for key in (DAY + "judged", DAY + "waiting", "in/nonsense\x01"):
        server.put(key, size=10, etag="e1", last_modified=NOON)
    server.put(DAY + "new", size=10, last_modified=NOON)
    with open_ledger(url) as ledger:
        landing = Landing(ledger, server.client(), [orders()], Pace(TICK))
        for minute in range(3):
            landing.look(NOON + timedelta(minutes=minute))
        found = {status.id: status for status in ledger.status.deliveries()}
        assert (found[JUDGED].state, found[JUDGED].verdict) == ("judged", "accepted")
        assert (found[WAITING].state, found[WAITING].keys) == ("landed", (DAY + "waiting",))
        (new,) = found.keys() - {JUDGED, WAITING}
        assert found[new].keys == (DAY + "new",)
        assert [str(item.event_id) for item in ledger.announcements.due(10) if item.posted_at] == [POSTED]
        assert len(ledger.announcements.due(10)) == 2
        assert [(seen.key, why) for seen, why in ledger.seen.unroutable()] == [("in/nonsense\x01", "no date")]
        assert set(ledger.seen.versions("landing", "in/nonsense\x01")) == {"in/nonsense\x01"}
        ledger.announcements.confirmed([item.event_id for item in ledger.announcements.due(10)], NOON)
        assert {delivery.id for delivery in ledger.announcements.unjudged(10)} == {WAITING, new}


def test_new_bytes_of_what_version_1_saw_are_the_next_revision(url, server):
    write_version_1(url)
    server.put(DAY + "judged", size=11, last_modified=NOON)
    with open_ledger(url) as ledger:
        Landing(ledger, server.client(), [orders()], Pace(TICK)).look(NOON)
        assert sorted(status.revision for status in ledger.status.deliveries() if DAY + "judged" in status.keys) == [
            1,
            2,
        ]


def test_a_ledger_that_was_brought_up_to_date_is_laid_out_as_a_new_one(new_database):
    old, new = new_database(), new_database()
    write_version_1(old)
    for url in (old, new):
        with open_ledger(url):
            pass
    with connected(old) as upgraded, connected(new) as fresh:
        assert layout(upgraded) == layout(fresh)


def test_a_ledger_of_version_4_is_laid_out_as_a_new_one(new_database):
    old, new = new_database(), new_database()
    for url in (old, new):
        with open_ledger(url):
            pass
    with connected(old) as connection:
        for index in ("unconfirmed_announcements", "announcements_told_by_others", *SINCE_VERSION_5):
            connection.exec_driver_sql(f"DROP INDEX {index}")
        for column in ("confirmed_at", "batch_id"):
            connection.exec_driver_sql(f"CREATE INDEX ix_announcements_{column} ON announcements ({column})")
        connection.exec_driver_sql("UPDATE ledger_version SET version = 4")
    with open_ledger(old):
        pass
    with connected(old) as upgraded, connected(new) as fresh:
        assert layout(upgraded) == layout(fresh)


def layout(connection: sa.Connection) -> dict[str, Any]:
    found = sa.inspect(connection)
    return {
        table: (
            [
                (column["name"], str(column["type"]), getattr(column["type"], "collation", None), column["nullable"])
                for column in found.get_columns(table)
            ],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted((index["name"] or "", index["column_names"]) for index in found.get_indexes(table)),
        )
        for table in found.get_table_names()
    }


@pytest.mark.parametrize("write", [lambda url: None, write_version_1], ids=["new", "version 1"])
def test_several_may_open_a_ledger_at_the_same_time(url, write: Callable[[str], None]):
    write(url)
    together, failed = threading.Barrier(4), []

    def open_it() -> None:
        together.wait()
        try:
            with open_ledger(url) as ledger:
                ledger.lease.take("any", NOON, NOON)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test says it
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_ledger_of_a_later_version_is_refused_and_left_as_it_is(url):
    with open_ledger(url):
        pass
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE ledger_version SET version = 99")
    with pytest.raises(LedgerUnusable, match="layout 99, and this version of Aceite knows layouts up to 5"):
        open_ledger(url).__enter__()
    with connected(url) as connection:
        assert connection.exec_driver_sql("SELECT version FROM ledger_version").scalar_one() == 99
