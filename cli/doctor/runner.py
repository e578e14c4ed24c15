"""Looks at many things side by side, each with a time limit, and answers in their order."""

import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, Queue

from cli.doctor.looks.findings import Finding, Look, LookOutcome, unchecked, unmet

AT_ONCE = 16
_LOOK = "looks at "


@dataclass(frozen=True, slots=True)
class Precondition:
    """`look` answers what was seen. It is not called while one of `needs`, by name, is not green. `asked` is whom.

    One that asks many questions is given the time limit as often as `limits` says.
    """

    name: str
    look: Callable[[], Look]
    needs: tuple[str, ...] = ()
    asked: str = "this machine"
    limits: int = 1


def look_at(preconditions: Sequence[Precondition], within_s: float) -> tuple[Finding, ...]:
    """In their order. Each is given `within_s` from its own beginning. What one needs must stand before it."""
    looks = _Looks(preconditions, within_s)
    while not looks.are_over:
        looks.begin()
        looks.await_one()
    found = [(each.name, looks.seen[each.name]) for each in preconditions]
    return tuple(Finding(name, seen.outcome, seen.found, seen.remedy) for name, seen in found)


def end_although_looks_hang(exit_code: int) -> None:
    """Ends the process if a look that was given up still hangs; else does nothing.

    An interpreter that ends in order would stop its thread within whatever code it is in, and may abort over that.
    """
    if any(thread.name.startswith(_LOOK) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


class _Looks:
    """What is still to be looked at, what is being looked at, and what was seen, all by name."""

    def __init__(self, preconditions: Sequence[Precondition], within_s: float) -> None:
        before: set[str] = set()
        for each in preconditions:
            if each.name in before or not before.issuperset(each.needs):
                raise ValueError(f"{each.name!r} is there twice, or stands before what it needs: {each.needs}")
            before.add(each.name)
        self.seen: dict[str, Look] = {}
        self._waiting = list(preconditions)
        self._begun: dict[str, tuple[Precondition, float]] = {}
        self._answers: Queue[tuple[str, Look]] = Queue()
        self._within_s = within_s

    @property
    def are_over(self) -> bool:
        return not self._waiting and not self._begun

    def begin(self) -> None:
        """Begins what may begin, and gives up what cannot any more."""
        waiting = []
        for each in self._waiting:
            missing = [name for name in each.needs if name not in self.seen]
            failed = [name for name in each.needs if name in self.seen and not _is_green(self.seen[name])]
            if failed:
                self.seen[each.name] = unchecked(f"it needs what does not hold: {', '.join(failed)}")
            elif missing or len(self._begun) == AT_ONCE:
                waiting.append(each)
            else:
                self._start(each)
        self._waiting = waiting

    def await_one(self) -> None:
        """An answer, or the end of the time of those that gave none."""
        if not self._begun:
            return
        left_s = min(deadline for _, deadline in self._begun.values()) - time.monotonic()
        try:
            name, seen = self._answers.get(timeout=max(0.0, left_s))
        except Empty:
            self._give_up(time.monotonic())
            return
        if self._begun.pop(name, None) is not None:  # else it was given up, and answers now
            self.seen[name] = seen

    def _start(self, each: Precondition) -> None:
        self._begun[each.name] = (each, time.monotonic() + self._within_s * each.limits)
        context = contextvars.copy_context()

        def answer() -> None:
            self._answers.put((each.name, context.run(_seen, each)))

        # Not a pool's: the command ends also while one of them hangs.
        threading.Thread(target=answer, name=f"{_LOOK}{each.name}", daemon=True).start()

    def _give_up(self, now: float) -> None:
        for name, (each, deadline) in list(self._begun.items()):
            if deadline <= now:
                del self._begun[name]
                self.seen[name] = unmet(
                    f"no answer within {self._within_s * each.limits:g} s from {each.asked}",
                    f"see that {each.asked} can be reached from here (network, HTTPS_PROXY, VPN); if it is slow, "
                    "`aceite doctor --within 60` waits longer",
                )


def _seen(each: Precondition) -> Look:
    try:
        return each.look()
    except Exception as error:  # noqa: BLE001 - a look that fails in an unforeseen way must not hide what others see
        said = " ".join(str(error).split()) or type(error).__name__
        return unmet(f"{each.asked} could not be looked at: {said}", "see that it is what the settings say, try again")


def _is_green(seen: Look) -> bool:
    return seen.outcome is LookOutcome.GREEN
