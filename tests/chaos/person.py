"""Somebody who presses every button of Prefect's page at random, and then does what the documentation says."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, NamedTuple

import httpx
from buttons import Act, Button
from polling import eventually
from prefect_page import Found, PrefectPage
from serving_aceite import Served
from targets import BEGUN, a_run, the_watchers_deployment

BETWEEN_PRESSES_S = 0.35
"""On average."""
UNDONE_AFTER_S = 4.0
ANSWERED_AFTER_S = 6.0
"""How long it takes a person, on average, to see that something is gone."""
GIVES_UP_AFTER_S = 120
"""For so long each button may find nothing that it could be pressed on."""


class Pressed(NamedTuple):
    at_s: float
    button: Button
    status: int
    words: str

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  {self.status}  {self.button.route}  {self.words}"


@dataclass
class Person:
    """`give_work` lands one more delivery, for buttons that are pressed on what is under way."""

    page: PrefectPage
    mending: "Mending"
    give_work: Callable[[], object]
    pressed: list[Pressed] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    """The ids of the runs that were cancelled, all else leaves no `cancelled by a person`."""
    began_s: float = field(default_factory=time.monotonic)

    def press_all(self, doings: Iterable[Button | Callable[[], object]]) -> None:
        """Press all buttons, and do what is mixed in, in this order. What finds no object comes again later."""
        waiting, since_s = deque(doings), time.monotonic()
        while waiting:
            time.sleep(self.page.chance.expovariate(1 / BETWEEN_PRESSES_S))  # at any moment: it awaits nothing
            doing = waiting.popleft()
            if not isinstance(doing, Button):
                doing()
            elif self._press(doing):
                since_s = time.monotonic()
            else:
                waiting.append(doing)
                left = [(each.route, each.body) for each in waiting if isinstance(each, Button)]
                assert time.monotonic() < since_s + GIVES_UP_AFTER_S, f"nothing to press these on: {left}"
                if a_run("SCHEDULED", *BEGUN)(self.page) is None:  # a delivery may wait long for its next announcement
                    self.give_work()

    def _press(self, button: Button) -> bool:
        """Return False if there is nothing to press it on, or no longer."""
        try:
            found = button.on(self.page)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            found = None
        if found is None:
            return False
        if button.cancels:  # before anything can come of it
            self.cancelled.add(found["id"])
        answer = self.page.press(button.route, button.body, found)
        words = str(found.get("name") or found.get("id") or "")
        self.pressed.append(
            Pressed(time.monotonic() - self.began_s, button, answer.status_code, f"{words} {_told(answer)}")
        )
        if answer.is_success:
            made = answer.json() if answer.content else None
            found = {**found, "made": made.get("id")} if isinstance(made, dict) else found
            self.mending.expect(button, found)
        return answer.is_success or answer.status_code == button.may_answer


def _told(answer: httpx.Response) -> str:
    if not answer.is_success:
        return answer.text[:300]
    told = answer.json() if answer.content else None
    return str(told.get("status") or "") if isinstance(told, dict) else ""


class Due(NamedTuple):
    at_s: float
    button: Button
    found: Found


class Mending:
    """Another person, who undoes what was pressed, and does what the documentation says. A `with` block."""

    def __init__(self, served: Served, apply: Callable[[], None], seed: int) -> None:
        self._chance = random.Random(seed)
        self._page = PrefectPage(served, self._chance)
        self._apply = apply
        self._due: list[Due] = []
        self._changed = Condition()
        self._at_once = self._ending = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._mend, daemon=True)

    def __enter__(self) -> "Mending":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
        self._page.close()

    def expect(self, button: Button, found: Found) -> None:
        """Something is to be undone, or put back, after a while."""
        mean_s = UNDONE_AFTER_S if button.undone_by else ANSWERED_AFTER_S
        if button.undone_by or button.then:
            with self._changed:
                after_s = min(self._chance.expovariate(1 / mean_s), 2 * mean_s)
                self._due.append(Due(time.monotonic() + after_s, button, found))
                self._changed.notify_all()

    def finish(self) -> None:
        """Undo and put back all that is left, at once."""
        with self._changed:
            self._at_once = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._due or self._error)
        if self._error:
            raise self._error

    def _mend(self) -> None:
        try:
            while (due := self._next()) is not None:
                self._undo(due)
                if due[0].button.then is Act.START_WATCHER:
                    self._start_watcher()
                with self._changed:
                    self._due = [each for each in self._due if each not in due]
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test tells it
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next(self) -> list[Due] | None:
        """Wait for what is due. One `aceite apply` puts back all that was gone when it began."""
        with self._changed:
            while not self._ending:
                now = time.monotonic()
                ready = sorted(
                    (each for each in self._due if self._at_once or each.at_s <= now), key=lambda each: each.at_s
                )
                if ready and ready[0].button.then is Act.APPLY:
                    return [each for each in self._due if each.button.then is Act.APPLY]
                if ready:
                    return ready[:1]
                first = min((each.at_s for each in self._due), default=now + 60)
                self._changed.wait(max(0.0, first - now))
            return None

    def _undo(self, due: list[Due]) -> None:
        first = due[0]
        if first.button.then is Act.APPLY:
            self._apply()
        elif first.button.undone_by:
            route, body = first.button.undone_by
            answer = self._page.press(route, body, first.found)
            gone = answer.status_code == httpx.codes.NOT_FOUND  # somebody deleted it meanwhile
            assert answer.is_success or gone, f"{route}: {answer.status_code} {answer.text}"

    def _start_watcher(self) -> None:
        """As on the page of its deployment, which somebody may just have deleted."""

        def started() -> bool:
            with suppress(httpx.HTTPStatusError):
                found = the_watchers_deployment(self._page)
                return (
                    found is not None
                    and self._page.press("post /deployments/{id}/create_flow_run", {}, found).is_success
                )
            return False

        eventually(started, "a watcher that is started by hand", 60, every_s=1)
