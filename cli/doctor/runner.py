"""Takes many looks side by side, each with a time limit, and returns what they found in their order."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass

from cli.doctor.looks.findings import Finding, Look, LookOutcome, unchecked, unmet

AT_ONCE = 16
_LOOK = "looks at "


@dataclass(frozen=True, slots=True)
class Precondition:
    """`look` returns what it saw. It is not called while one of `needs`, by name, is not green. `asked` is whom.

    One that asks many questions is given the time limit as often as `limits` says.
    """

    name: str
    look: Callable[[], Look]
    needs: tuple[str, ...] = ()
    asked: str = "this machine"
    limits: int = 1


def look_at(preconditions: Sequence[Precondition], within_s: float) -> tuple[Finding, ...]:
    """Take every look, those first that need no other, and give each `within_s` from its own beginning.

    Raises:
        ValueError: a precondition needs one that is not there.
    """
    seen: dict[str, Look] = {}
    while waiting := [each for each in preconditions if each.name not in seen]:
        ready = [each for each in waiting if seen.keys() >= set(each.needs)][:AT_ONCE]
        if not ready:
            raise ValueError(f"{waiting[0].name!r} needs what is not looked at: {waiting[0].needs}")
        seen |= dict(_look_together(ready, seen, within_s))
    found = [(each.name, seen[each.name]) for each in preconditions]
    return tuple(Finding(name, seen.outcome, seen.found, seen.remedy) for name, seen in found)


def end_although_looks_hang(exit_code: int) -> None:
    """End the process if a look that was given up still hangs; else do nothing.

    An interpreter that ends in order would stop its thread within whatever code it is in, and may abort over that.
    """
    if any(thread.name.startswith(_LOOK) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


def _look_together(
    ready: Sequence[Precondition], before: dict[str, Look], within_s: float
) -> Iterator[tuple[str, Look]]:
    answers: list[tuple[Precondition, Future[Look]]] = []
    begun = time.monotonic()
    for each in ready:
        failed = [name for name in each.needs if before[name].outcome is not LookOutcome.GREEN]
        if failed:
            yield each.name, unchecked(f"it needs what does not hold: {', '.join(failed)}")
        else:
            answers.append((each, _begin(each)))
    for each, answer in answers:
        limit_s = within_s * each.limits
        try:
            yield each.name, answer.result(max(0.0, begun + limit_s - time.monotonic()))
        except TimeoutError:
            remedy = (
                f"see that {each.asked} can be reached from here (network, HTTPS_PROXY, VPN); if it is slow, "
                "`aceite doctor --within 60` waits longer"
            )
            yield each.name, unmet(f"no answer within {limit_s:g} s from {each.asked}", remedy)


def _begin(each: Precondition) -> Future[Look]:
    """Start the look in a thread. It is no pool's, because the command ends also while one of them hangs."""
    answer: Future[Look] = Future()
    context = copy_context()
    look = threading.Thread(
        target=lambda: answer.set_result(context.run(_seen, each)), name=f"{_LOOK}{each.name}", daemon=True
    )
    look.start()
    return answer


def _seen(each: Precondition) -> Look:
    try:
        return each.look()
    except Exception as error:  # noqa: BLE001 - a look that fails in an unforeseen way must not hide what others see
        said = " ".join(str(error).split()) or type(error).__name__
        return unmet(f"{each.asked} could not be looked at: {said}", "see that it is what the settings say, try again")
