"""The ledger remembers what was seen and what must be announced, and a second writer stays out."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from builders import a_delivery, an_object

from acceptance.announcing.delivery_events import ARRIVED, ARRIVED_TOGETHER, arrived, unroutable
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.key_ranges import KeyRange
from flows.ledger import open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = "business/imdb/20260102/movies/a b+ç%'.csv"


@pytest.fixture
def ledger(url):
    with open_ledger(url) as ledger:
        yield ledger


def a_landed(etag: str = "e1", key: str = KEY) -> LandingObject:
    return an_object(key, etag)


def a_sighting(etag: str = "e1", key: str = KEY, revision: int = 1) -> NewObject:
    delivery = a_delivery(an_object(key, etag), dataset="movies", revision=revision)
    return NewObject(delivery.first, delivery, arrived(delivery), pipeline_takes=timedelta(minutes=10))


def observe(ledger, *new_objects: NewObject) -> None:
    ledger.listing.commit(Certified("landing", "", None, (KeyRange(certified_at=NOON),), new_objects), NOON)


def announce(ledger, new_object: NewObject) -> None:
    observe(ledger, new_object)
    events = [item.event_id for item in ledger.announcements.due(10)]
    ledger.announcements.posted(events, NOON)
    ledger.announcements.confirmed(events, NOON)


def test_what_was_seen_is_known_after_a_restart_and_so_is_what_must_be_announced(url):
    with open_ledger(url) as ledger:
        observe(ledger, a_sighting())
    with open_ledger(url) as ledger:
        assert ledger.listing.versions("landing", "business/imdb/") == {KEY: a_landed()}
        (due,) = ledger.announcements.due(10)
        assert (due.draft.name, due.draft.payload["delivery"]["members"][0]["key"]) == (ARRIVED, KEY)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_files_of_a_ledger_are_its_owners_alone_whatever_process_makes_them(tmp_path):
    before = os.umask(0)
    try:
        with open_ledger(sqlite_url(tmp_path / "home" / "ledger.db")) as ledger:
            observe(ledger, a_sighting())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "home").iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600)


def test_a_ledger_in_memory_leaves_no_file_where_the_command_was_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_ledger("sqlite://") as ledger:
        observe(ledger, a_sighting())
        assert ledger.listing.versions("landing", "business/imdb/") == {KEY: a_landed()}
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_text_and_not_a_pattern(ledger):
    observe(ledger, a_sighting(key="a_c/x.csv"), a_sighting(key="abc/x.csv"))
    assert set(ledger.listing.versions("landing", "a_c/")) == {"a_c/x.csv"}


def test_observing_one_version_twice_makes_one_announcement(ledger):
    observe(ledger, a_sighting())
    observe(ledger, a_sighting())
    assert len(ledger.announcements.due(10)) == 1


def test_new_bytes_at_the_same_key_are_another_delivery_with_the_next_revision(ledger):
    assert ledger.listing.revisions("movies", [(KEY,)]) == {}
    observe(ledger, a_sighting("e1"))
    assert ledger.listing.revisions("movies", [(KEY,)]) == {(KEY,): 1}
    observe(ledger, a_sighting("e2", revision=2))
    assert ledger.listing.revisions("movies", [(KEY,)]) == {(KEY,): 2}
    assert {status.revision for status in ledger.status.deliveries()} == {1, 2}
    assert ledger.listing.versions("landing", "") == {KEY: a_landed("e2")}


def test_a_delivery_is_announced_when_its_event_is_confirmed_and_not_when_it_is_posted(ledger):
    observe(ledger, a_sighting())
    (due,) = ledger.announcements.due(10)
    ledger.announcements.posted([due.event_id], NOON)
    assert [status.state for status in ledger.status.deliveries()] == ["landed"]
    assert ledger.announcements.due(10)[0].posted_at == NOON
    ledger.announcements.confirmed([due.event_id], NOON)
    assert [status.state for status in ledger.status.deliveries()] == ["announced"]
    assert ledger.announcements.due(10) == ()


def test_an_announced_delivery_is_in_flight_until_it_has_a_verdict(ledger):
    new_object = a_sighting()
    assert new_object.delivery is not None
    announce(ledger, new_object)
    (item,) = ledger.announcements.in_flight()
    assert (item.announcements, item.pipeline_takes) == (1, timedelta(minutes=10))
    ledger.announcements.record({new_object.delivery.id: {"claimed_at": NOON}}, NOON)
    assert [status.state for status in ledger.status.deliveries()] == ["claimed"]
    verdict = {"judged_at": NOON, "verdict": "accepted", "reason": "all", "evidence": "s3://e/"}
    ledger.announcements.record({new_object.delivery.id: verdict}, NOON)
    assert ledger.announcements.in_flight() == ()
    assert [(status.state, status.verdict) for status in ledger.status.deliveries()] == [("judged", "accepted")]


def test_announcing_again_makes_a_new_event_with_a_new_id_and_the_same_delivery(ledger):
    new_object = a_sighting()
    assert new_object.delivery is not None
    observe(ledger, new_object)
    (first,) = ledger.announcements.due(10)
    ledger.announcements.confirmed([first.event_id], NOON)
    ledger.announcements.announce_again([new_object.delivery.id], NOON)
    (second,) = ledger.announcements.due(10)
    assert second.event_id != first.event_id
    assert second.draft == first.draft
    assert ledger.announcements.in_flight() == (), "while an announcement is on its way there is nothing to repeat"


def test_an_object_that_fits_no_contract_is_announced_once_and_listed_with_its_reason(ledger):
    landed = a_landed(key="business/imdb/nonsense")
    new_object = NewObject(landed, event=unroutable(landed, "no date"), unroutable="no date")
    observe(ledger, new_object)
    assert [item.draft.payload["reason"] for item in ledger.announcements.due(10)] == ["no date"]
    assert ledger.listing.unroutable() == ((landed, "no date"),)
    assert ledger.status.deliveries() == ()


def test_of_two_watchers_one_holds_the_lease_and_the_other_gets_it_when_it_runs_out(ledger):
    later = NOON + timedelta(seconds=15)
    assert ledger.lease.take("first", later, NOON)
    assert not ledger.lease.take("second", later, NOON + timedelta(seconds=14))
    assert ledger.lease.take("first", later + timedelta(seconds=15), NOON + timedelta(seconds=14))
    assert ledger.lease.take("second", later + timedelta(hours=1), NOON + timedelta(seconds=31))
    assert not ledger.lease.take("first", later + timedelta(hours=1), NOON + timedelta(seconds=32))
    ledger.lease.give_back("second")
    assert not ledger.lease.renew("first", later + timedelta(hours=2)), "what it knew is old, though nobody is there"
    assert ledger.lease.take("first", later + timedelta(hours=2), NOON + timedelta(seconds=33))


DAILY = tuple(f"in/2026010{day}/a.csv" for day in range(1, 10)) + tuple(f"in/2026011{day}/a.csv" for day in range(1, 4))


def observe_many(ledger, number: int = 12) -> set[str]:
    """Their deliveries' ids."""
    new_objects = [a_sighting(key=key) for key in DAILY[:number]]
    observe(ledger, *new_objects)
    return {new_object.delivery.id for new_object in new_objects if new_object.delivery}


def told_of(due) -> list[str]:
    pointers = due.draft.payload.get("deliveries") or [due.draft.payload["delivery"]]
    return [pointer["id"] for pointer in pointers]


def test_many_deliveries_that_wait_are_announced_by_one_event_and_a_few_by_one_each(ledger):
    ids = observe_many(ledger)
    ledger.announcements.bundle({"movies": 200}, NOON)
    (due,) = ledger.announcements.due(10)
    assert (due.draft.name, set(told_of(due))) == (ARRIVED_TOGETHER, ids)
    assert due.draft.resource["prefect.resource.id"] == "s3://landing/in/"


@pytest.mark.parametrize("together", [{"movies": 1}, {"another": 200}, {}])
def test_deliveries_that_may_not_be_judged_together_are_announced_one_by_one(ledger, together):
    ids = observe_many(ledger)
    ledger.announcements.bundle(together, NOON)
    assert {told_of(due)[0] for due in ledger.announcements.due(100)} == ids
    assert {due.draft.name for due in ledger.announcements.due(100)} == {ARRIVED}


def test_a_few_are_a_trickle_and_lots_are_no_larger_than_asked_for(ledger):
    ids = observe_many(ledger, 8)
    ledger.announcements.bundle({"movies": 200}, NOON)
    assert len(ledger.announcements.due(100)) == 8
    ids |= observe_many(ledger, 12)
    ledger.announcements.bundle({"movies": 5}, NOON)
    lots = [told_of(due) for due in ledger.announcements.due(100)]
    assert sorted(map(len, lots)) == [*[1] * 7, 5]
    assert {each for lot in lots for each in lot} == ids
    assert sum(map(len, lots)) == len(ids)


def test_one_confirmation_announces_all_that_the_event_tells_of(ledger):
    ids = observe_many(ledger)
    ledger.announcements.bundle({"movies": 200}, NOON)
    (due,) = ledger.announcements.due(10)
    ledger.announcements.posted([due.event_id], NOON)
    assert {status.state for status in ledger.status.deliveries()} == {"landed"}
    assert ledger.announcements.in_flight() == ()
    for _ in range(2):
        ledger.announcements.confirmed([due.event_id], NOON)
    assert ledger.announcements.due(10) == ()
    assert {item.delivery_id: item.announcements for item in ledger.announcements.in_flight()} == dict.fromkeys(ids, 1)


def test_what_was_posted_by_itself_is_not_told_of_again_with_others(ledger):
    observe_many(ledger)
    alone = [due.event_id for due in ledger.announcements.due(3)]
    ledger.announcements.posted(alone, NOON)
    ledger.announcements.bundle({"movies": 200}, NOON)
    assert sorted(len(told_of(due)) for due in ledger.announcements.due(100)) == [1, 1, 1, 9]


def test_a_bundle_outlives_a_restart_and_is_not_made_twice(url):
    with open_ledger(url) as ledger:
        observe_many(ledger)
        ledger.announcements.bundle({"movies": 200}, NOON)
        (first,) = ledger.announcements.due(10)
    with open_ledger(url) as ledger:
        ledger.announcements.bundle({"movies": 200}, NOON)
        assert [due.event_id for due in ledger.announcements.due(10)] == [first.event_id]


def test_those_that_ended_two_runs_without_a_verdict_are_told_of_alone(ledger):
    """One of them may be what kills its run: then it kills no more than its own."""
    ids = observe_many(ledger)
    for announced in (1, 2):
        ledger.announcements.bundle({"movies": 200}, NOON)
        (due,) = ledger.announcements.due(100)
        ledger.announcements.confirmed([due.event_id], NOON)
        assert {item.announcements for item in ledger.announcements.in_flight()} == {announced}
        ledger.announcements.announce_again(sorted(ids), NOON)
    ledger.announcements.bundle({"movies": 200}, NOON)
    assert {told_of(due)[0] for due in ledger.announcements.due(100)} == ids
