"""What holds whatever a person presses: one verdict each, every parameter as it was, and no silence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from polling import eventually
from prefect_page import PrefectPage
from world import World

SILENCE_S = 120
LOOKS_EVERY_S = 3
VERDICTS_WITHIN_S = 240
"""After the last act. A delivery whose runs were ended five times waits for half a minute more, and says so."""
TOLD_WITHIN_S = 120


class Witness:
    """Asks `aceite status` all the time, and holds its words against what is so.

    A delivery is silent if `status` has no word of it, or if its word stays wrong for two minutes.
    """

    def __init__(self, world: World, page: PrefectPage) -> None:
        self._world, self._page = world, page
        self._since: dict[tuple[str, str], float] = {}
        self.silent: dict[str, str] = {}
        self.looks = 0

    def look(self) -> None:
        landed = dict(self._world.landed)
        told = self._world.status()
        deliveries = {each["keys"][0]: each for each in told["deliveries"]}
        is_watched = told["watcher"] is not None
        wrong = {key: self._wrong(deliveries.get(key), is_watched) for key in landed}
        now = time.monotonic()
        self._since = {
            (key, why): self._since.get((key, why), max(now - LOOKS_EVERY_S, landed[key]))
            for key, why in wrong.items()
            if why
        }
        self.silent |= {key: why for (key, why), since in self._since.items() if now - since > SILENCE_S}
        self.looks += 1

    def _wrong(self, delivery: dict[str, Any] | None, is_watched: bool) -> str:
        """What of the word on a delivery is not so. Without a watcher, which `status` tells first, nothing happens."""
        if delivery is None:
            return "`status` does not know it" if is_watched else ""
        why = delivery["waits_for"]
        if delivery["verdict"] is not None:
            return ""
        if not why:
            return "`status` does not say what it waits for"
        by = delivery["announced_again_by"]
        if not is_watched:
            return ""
        if by is not None and datetime.fromisoformat(by) < datetime.now(UTC):
            return "it was to be announced again, and was not"
        if delivery["run"] and not self._goes_on(delivery["run"]):
            return f"run {delivery['run']}, for which it waits, is over"
        if "which is off" in why and self._is_on(delivery["dataset"]):
            return "the automation for which it waits is on"
        return ""

    def _goes_on(self, run: str) -> bool:
        answer = self._page.ask("get", f"/flow_runs/{run}")
        return answer.is_success and answer.json()["state_type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

    def _is_on(self, dataset: str) -> bool:
        name = f"Aceite: validate {dataset}"
        return any(each["enabled"] for each in self._page.rows("automations", limit=200) if each["name"] == name)


@contextmanager
def watched(witness: Witness) -> Iterator[None]:
    """The witness looks while the block runs, and once more at its end."""
    over, errors = Event(), list[BaseException]()

    def look() -> None:
        try:
            while not over.wait(LOOKS_EVERY_S):
                witness.look()
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test tells it
            errors.append(error)

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if errors:
        raise errors[0]
    witness.look()


def await_verdicts(world: World) -> None:
    def unjudged() -> str:
        told = {each["keys"][0]: each for each in world.status()["deliveries"]}
        judged = world.verdicts()
        lines = [f"{key}: {told.get(key)}" for key in world.landed if key not in judged]
        return "verdicts on all deliveries:\n" + "\n".join([*lines, *map(str, world.doctor())]) + "\n"

    def all_judged() -> bool:
        assert world.is_served, "`aceite up` ended"
        return world.count_verdicts() >= len(world.landed)

    eventually(all_judged, unjudged, VERDICTS_WITHIN_S, every_s=0.5)


def assert_one_verdict_each(world: World, cancelled: set[str]) -> None:
    """Accepted, unless a person cancelled the run, or an automation of a person did."""
    found = world.verdicts()
    assert {key: len(found.get(key, ())) for key in world.landed} == dict.fromkeys(world.landed, 1)
    assert found.keys() == world.landed.keys()
    verdicts = {key: evidence for key, (evidence,) in found.items()}
    told = {key: (each["verdict"], each["reason"], each["run"]["flow_run_id"]) for key, each in verdicts.items()}
    assert {key: each for key, each in told.items() if not _is_right(*each, cancelled)} == {}
    assert {key for key, each in told.items() if each[0] == "accepted"}, told

    def told_once() -> bool:
        counted = world.told()
        assert all(count == 1 for count in counted.values()), counted
        return counted.keys() == world.landed.keys()

    eventually(told_once, lambda: f"events of all verdicts: {world.told()}", TOLD_WITHIN_S, every_s=1)


def _is_right(verdict: str, reason: str, run: str, cancelled: set[str]) -> bool:
    if verdict == "accepted":
        return True
    by_automation = reason.startswith("cancelled by the automation")
    return verdict == "inconclusive" and (
        by_automation or (reason.startswith("cancelled by a person") and run in cancelled)
    )


def assert_parameters_as_they_were(world: World, before: dict[str, tuple[str, str, str]]) -> None:
    def restored() -> bool:
        return world.parameters() == before and world.locks() == []

    eventually(restored, lambda: f"parameters {before}, but {world.parameters()}; {world.locks()}", 60, every_s=1)


def assert_all_is_well(world: World) -> None:
    """`aceite doctor` has nothing to say, `status` has every verdict, and what lands now is judged at once."""
    seen: list[list[dict[str, str]]] = []

    def green() -> bool:
        seen.append(world.doctor())
        return seen[-1] == []

    eventually(green, lambda: f"a green doctor: {seen[-1]}", SILENCE_S, every_s=2)
    key = world.land("kept")
    eventually(lambda: key in world.verdicts(), f"a verdict on {key}", SILENCE_S, every_s=0.5)
    assert world.verdicts()[key][0]["verdict"] == "accepted"
    eventually(
        lambda: [each for each in world.status()["deliveries"] if each["verdict"] is None] == [],
        lambda: f"verdicts in `status`: {world.status()['deliveries']}",
        60,
        every_s=1,
    )
