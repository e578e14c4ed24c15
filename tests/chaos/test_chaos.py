"""A person presses every button of Prefect's page at random moments of a burst, and every promise holds."""

import os
import random
from functools import partial

import httpx
import pytest
from buttons import BUTTONS, NOT_PRESSED
from person import Mending, Person
from prefect.server.api.server import create_api_app
from prefect_page import PrefectPage
from prefect_routes import writing_routes
from promises import (
    Witness,
    assert_all_is_well,
    assert_one_verdict_each,
    assert_parameters_as_they_were,
    await_verdicts,
    watched,
)
from world import world

SEED = int(os.environ.get("CHAOS_SEED", "7"))
"""The order of buttons and deliveries, though not their moments."""
AT_FIRST = ["kept"] * 2 + ["copied"] * 2 + ["together"] * 9
"""Enough of the last ones at once to be judged by one run."""
LATER = ["kept", "copied"] * 3


def test_each_route_of_prefect_that_writes_is_a_button_or_says_why_it_is_none():
    """A release of Prefect with another route fails here, until somebody says what the route is."""
    routes = set(writing_routes(create_api_app().openapi()))
    assert {button.route for button in BUTTONS} | NOT_PRESSED.keys() == routes
    assert not {button.route for button in BUTTONS} & NOT_PRESSED.keys()


@pytest.mark.proof
def test_whatever_a_person_presses_each_delivery_has_one_verdict_and_nothing_stays_changed_or_silent(tmp_path):
    print(f"CHAOS_SEED={SEED}")  # noqa: T201
    chance = random.Random(SEED)
    with world(tmp_path) as aceite:
        before = aceite.parameters()
        page, looking = PrefectPage(aceite.served, chance), PrefectPage(aceite.served, chance)
        doings = [*BUTTONS, *(partial(aceite.land, dataset) for dataset in LATER)]
        chance.shuffle(doings)
        witness = Witness(aceite, looking)
        with Mending(aceite.served, aceite.apply, SEED) as mending, watched(witness):
            person = Person(page, mending, aceite.give_work)
            try:
                for dataset in AT_FIRST:
                    aceite.land(dataset)
                person.press_all(doings)
                mending.finish()
                await_verdicts(aceite)
            finally:
                print(*person.pressed, sep="\n")  # noqa: T201
        assert_one_verdict_each(aceite, person.cancelled)
        assert_parameters_as_they_were(aceite, before)
        assert witness.looks
        assert witness.silent == {}
        assert [each for each in person.pressed if _fails(each.status, each.button.may_answer)] == []
        assert_all_is_well(aceite)
        page.close()
        looking.close()


def _fails(status: int, may: int | None) -> bool:
    """A page of an object that is gone answers 404; no other failure is expected."""
    return status >= httpx.codes.BAD_REQUEST and status not in (httpx.codes.NOT_FOUND, may)
