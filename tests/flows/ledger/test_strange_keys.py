"""Keys that fit no contract cost the ledger and Prefect's server a bounded amount, however many there are."""

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa
from listing_server import ListingServer
from watched_bucket import NOON, SECOND, TICK, Watch, orders, put

from acceptance.contract.keys.template import KeyTemplate
from flows.ledger.tables import announcements, objects
from flows.watching.listing import Landing, Pace
from flows.watching.strange_keys import MOST, SUMMED_UP_EVERY

WHOLE_PAGES = Pace(TICK, at_least=1000)


def strange(server: ListingServer, first: int, last: int, size: int = 1) -> None:
    server.bulk([f"in/strange/{number:05}" for number in range(first, last)], b"x" * size, NOON)


def rows(watch: Watch) -> tuple[int, int]:
    """How many objects the ledger remembers, and how many announcements."""
    with watch.ledger.listing._engine.connect() as connection:
        count = lambda table: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()  # noqa: E731
        return count(objects), count(announcements)


def status(watch: Watch) -> tuple[int, int, int]:
    (place,) = watch.ledger.status.locations()
    return place.objects, place.unroutable, place.counted


def test_beyond_the_first_thousand_they_are_counted_and_told_once_an_hour(
    server: ListingServer, watching: Callable[..., Watch]
) -> None:
    watch = watching(WHOLE_PAGES)
    strange(server, 0, MOST + 1500)
    keys = put(server, ["a", "b"])
    watch.look()
    assert (len(watch.unroutable), watch.summed_up) == (MOST, [MOST + 1500])
    assert status(watch) == (MOST + 1502, MOST + 1500, 1500)
    for more in range(1, 6):
        strange(server, 3000, 3000 + 10 * more, size=more)
        watch.look()
    assert (len(watch.unroutable), watch.summed_up) == (MOST, [MOST + 1500]), "an hour has not passed"
    assert rows(watch) == (MOST + 2, MOST + 3)
    watch.look(watch.now + SUMMED_UP_EVERY)
    watch.look()
    assert watch.summed_up == [MOST + 1500, MOST + 1550]
    keys += put(server, ["c"], NOON + SECOND)
    watch.look()
    assert watch.keys_told == sorted(keys), "what fits is found among them"


def test_whoever_puts_them_again_and_again_makes_no_more_events_of_it(
    server: ListingServer, watching: Callable[..., Watch]
) -> None:
    watch = watching(WHOLE_PAGES)
    for size in range(1, 5):
        strange(server, 0, 400, size)
        watch.look()
    assert (len(watch.unroutable), watch.summed_up) == (MOST, [400])
    assert rows(watch) == (400, MOST + 1)
    for number in range(5):
        for key in [key for key in server.objects if "strange" in key]:
            server.delete(key)
        strange(server, 10_000 + 400 * number, 10_400 + 400 * number)
        watch.look()
    assert (len(watch.unroutable), watch.summed_up) == (MOST, [400])
    watch.look(watch.now + SUMMED_UP_EVERY)
    assert watch.summed_up == [400, 400]


def test_one_that_was_only_counted_is_delivered_when_a_contract_fits(
    server: ListingServer, watching: Callable[..., Watch]
) -> None:
    watch = watching(WHOLE_PAGES)
    strange(server, 0, MOST + 3)
    watch.look()
    server.put("in/strange/20260102/a", size=1, last_modified=NOON)
    watch.look()
    assert status(watch)[2] == 4
    wider = replace(orders(), template=KeyTemplate.parse("s3://landing/in/{folder}/{business_date:%Y%m%d}/{file}"))
    watch.landing = Landing(watch.ledger, watch.s3, [wider], WHOLE_PAGES)
    watch.tick()
    watch.announce()
    assert watch.keys_told == ["in/strange/20260102/a"]
    watch.told.clear()
