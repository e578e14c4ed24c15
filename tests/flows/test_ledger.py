"""The ledger remembers what was seen and what must be announced, and a second writer stays out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from acceptance.delivery import Delivery, LandingObject
from acceptance.events import ARRIVED, arrived, unroutable
from flows.ledger import Sighting, open_ledger, sqlite_url

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = "business/imdb/20260102/movies/a b+ç%'.csv"


@pytest.fixture
def url(tmp_path) -> str:
    return sqlite_url(tmp_path / "home" / "ledger.db")


@pytest.fixture
def ledger(url):
    with open_ledger(url) as ledger:
        yield ledger


def a_landed(etag: str = "e1", key: str = KEY) -> LandingObject:
    return LandingObject("landing", key, etag, 10, NOON)


def a_sighting(etag: str = "e1", key: str = KEY, revision: int = 1) -> Sighting:
    delivery = Delivery("movies", date(2026, 1, 2), (a_landed(etag, key),), {"file": "a"}, revision)
    return Sighting(delivery.first, delivery, arrived(delivery), pipeline_takes=timedelta(minutes=10))


def announce(ledger, sighting: Sighting) -> None:
    ledger.observe([sighting], NOON)
    events = [item.event_id for item in ledger.due(10)]
    ledger.posted(events, NOON)
    ledger.confirmed(events, NOON)


def test_what_was_seen_is_known_after_a_restart_and_so_is_what_must_be_announced(url):
    with open_ledger(url) as ledger:
        ledger.observe([a_sighting()], NOON)
    with open_ledger(url) as ledger:
        assert ledger.seen("landing", "business/imdb/") == {KEY: a_landed()}
        (due,) = ledger.due(10)
        assert (due.draft.name, due.draft.payload["delivery"]["members"][0]["key"]) == (ARRIVED, KEY)


def test_a_prefix_is_text_and_not_a_pattern(ledger):
    ledger.observe([a_sighting(key="a_c/x.csv"), a_sighting(key="abc/x.csv")], NOON)
    assert set(ledger.seen("landing", "a_c/")) == {"a_c/x.csv"}


def test_observing_one_version_twice_makes_one_announcement(ledger):
    ledger.observe([a_sighting()], NOON)
    ledger.observe([a_sighting()], NOON)
    assert len(ledger.due(10)) == 1


def test_new_bytes_at_the_same_key_are_another_delivery_with_the_next_revision(ledger):
    assert ledger.revision_of("movies", [KEY]) == 1
    ledger.observe([a_sighting("e1")], NOON)
    assert ledger.revision_of("movies", [KEY]) == 2
    ledger.observe([a_sighting("e2", revision=2)], NOON)
    assert ledger.revision_of("movies", [KEY]) == 3
    assert {status.revision for status in ledger.statuses()} == {1, 2}
    assert ledger.seen("landing", "") == {KEY: a_landed("e2")}


def test_a_delivery_is_announced_when_its_event_is_confirmed_and_not_when_it_is_posted(ledger):
    ledger.observe([a_sighting()], NOON)
    (due,) = ledger.due(10)
    ledger.posted([due.event_id], NOON)
    assert [status.state for status in ledger.statuses()] == ["landed"]
    assert ledger.due(10)[0].posted_at == NOON
    ledger.confirmed([due.event_id], NOON)
    assert [status.state for status in ledger.statuses()] == ["announced"]
    assert ledger.due(10) == ()


def test_an_announced_delivery_is_in_flight_until_it_has_a_verdict(ledger):
    sighting = a_sighting()
    assert sighting.delivery is not None
    announce(ledger, sighting)
    (item,) = ledger.in_flight()
    assert (item.announcements, item.pipeline_takes) == (1, timedelta(minutes=10))
    ledger.note(sighting.delivery.id, NOON, claimed_at=NOON)
    assert [status.state for status in ledger.statuses()] == ["claimed"]
    ledger.note(sighting.delivery.id, NOON, judged_at=NOON, verdict="accepted", reason="all", evidence="s3://e/")
    assert ledger.in_flight() == ()
    assert [(status.state, status.verdict) for status in ledger.statuses()] == [("judged", "accepted")]


def test_announcing_again_makes_a_new_event_with_a_new_id_and_the_same_delivery(ledger):
    sighting = a_sighting()
    assert sighting.delivery is not None
    ledger.observe([sighting], NOON)
    (first,) = ledger.due(10)
    ledger.confirmed([first.event_id], NOON)
    ledger.announce_again([sighting.delivery.id], NOON)
    (second,) = ledger.due(10)
    assert second.event_id != first.event_id
    assert second.draft == first.draft
    assert ledger.in_flight() == (), "while an announcement is on its way there is nothing to repeat"


def test_an_object_that_fits_no_contract_is_announced_once_and_listed_with_its_reason(ledger):
    landed = a_landed(key="business/imdb/nonsense")
    sighting = Sighting(landed, None, unroutable(landed, "no date"), unroutable="no date")
    ledger.observe([sighting], NOON)
    assert [item.draft.payload["reason"] for item in ledger.due(10)] == ["no date"]
    assert ledger.unroutable() == (("s3://landing/business/imdb/nonsense", "no date"),)
    assert ledger.statuses() == ()


def test_of_two_watchers_one_holds_the_lease_and_the_other_gets_it_when_it_runs_out(ledger):
    later = NOON + timedelta(seconds=15)
    assert ledger.take_lease("first", later, NOON)
    assert not ledger.take_lease("second", later, NOON + timedelta(seconds=14))
    assert ledger.take_lease("first", later + timedelta(seconds=15), NOON + timedelta(seconds=14))
    assert ledger.take_lease("second", later + timedelta(hours=1), NOON + timedelta(seconds=31))
    assert not ledger.take_lease("first", later + timedelta(hours=1), NOON + timedelta(seconds=32))
    ledger.give_lease_back("second")
    assert ledger.take_lease("first", later + timedelta(hours=2), NOON + timedelta(seconds=33))
