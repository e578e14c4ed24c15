"""The whole path of a pause: `aceite up --sandbox`, a pipeline that fails, the switch, and a person who resumes it."""

import json
from typing import Any

import pytest
from polling import eventually
from test_story import Installation, aceite, flights_of, key_of

__all__ = ["aceite"]
pytestmark = pytest.mark.proof

BROKEN = [f"2013-01-{day:02}" for day in range(1, 8)]
LATER = "2013-01-20"


def status(aceite: Installation) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(aceite.aceite("status", "--json").stdout)
    return found


def test_a_pipeline_that_keeps_failing_pauses_its_dataset_and_all_that_waited_is_judged_after_the_resumption(
    aceite: Installation,
) -> None:
    keys = [aceite.drop(key_of(day), flights_of(day), "lambda-error") for day in BROKEN]
    (paused,) = eventually(lambda: status(aceite)["paused"], "the pause", 240)
    assert paused["dataset"] == "nyc-flights"
    waiting = aceite.drop(key_of(LATER), flights_of(LATER))
    eventually(lambda: (aceite.status(waiting) or {}).get("state") == "paused", "the delivery that waits")
    (event,) = eventually(lambda: aceite.events("dataset.paused"), "its event")
    assert event["payload"]["inconclusive"] >= 1, event["payload"]

    switch = next(
        item for item in aceite.prefect("automations/filter") if item["name"] == "Aceite: validate nyc-flights"
    )
    assert not switch["enabled"]
    toggled = aceite.client.patch(f"automations/{switch['id']}", json={"enabled": True})  # what the page's toggle sends
    toggled.raise_for_status()
    assert aceite.verdict(waiting, within_s=240)["verdict"] == "accepted"
    verdicts = [aceite.verdict(key, within_s=240)["verdict"] for key in keys]
    assert verdicts == ["inconclusive"] * len(BROKEN)
    eventually(lambda: not status(aceite)["paused"] or None, "the end of the pause")
