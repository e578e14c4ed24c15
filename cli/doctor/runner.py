"""Takes many looks side by side, each with a time limit, and returns their findings in order."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass

from cli.doctor.looks.findings import Finding, Look, not_made, unmet

AT_ONCE = 16
_THREAD_PREFIX = "doctor: "


@dataclass(frozen=True, slots=True)
class Precondition:
    """A named look. It is not taken while one of `needs`, by name, does not hold.

    `asked` names the system that answers. A look that sends many requests gets the time limit `limits` times.
    """

    name: str
    look: Callable[[], Look]
    needs: tuple[str, ...] = ()
    asked: str = "this machine"
    limits: int = 1


def look_at(preconditions: Sequence[Precondition], within_s: float, *, in_sandbox: bool = False) -> tuple[Finding, ...]:
    """Take every look after those that it needs. Each may last `within_s` from its own start.

    In the sandbox a finding has the remedy of the sandbox.

    Raises:
        ValueError: a precondition needs one that is not in the sequence.
    """
    looks: dict[str, Look] = {}
    while waiting := [item for item in preconditions if item.name not in looks]:
        ready = [item for item in waiting if looks.keys() >= set(item.needs)][:AT_ONCE]
        if not ready:
            raise ValueError(f"{waiting[0].name!r} needs a precondition that is not checked: {waiting[0].needs}")
        looks |= dict(_look_together(ready, looks, within_s))
    return tuple(_finding(item.name, looks[item.name], in_sandbox=in_sandbox) for item in preconditions)


def end_although_looks_hang(exit_code: int) -> None:
    """End the process at once if a look that timed out still hangs; else do nothing.

    An orderly end of the interpreter would stop the look's thread anywhere in its code, and may abort because of that.
    """
    if any(thread.name.startswith(_THREAD_PREFIX) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


def _look_together(
    ready: Sequence[Precondition], earlier: dict[str, Look], within_s: float
) -> Iterator[tuple[str, Look]]:
    started: list[tuple[Precondition, Future[Look]]] = []
    start = time.monotonic()
    for item in ready:
        failed = [name for name in item.needs if not earlier[name].holds]
        if failed:
            yield item.name, not_made(tuple(dict.fromkeys(_roots(failed, earlier))))
        else:
            started.append((item, _start(item)))
    for item, future in started:
        limit_s = within_s * item.limits
        try:
            yield item.name, future.result(max(0.0, start + limit_s - time.monotonic()))
        except TimeoutError:
            remedy = (
                f"check that {item.asked} can be reached from here (network, HTTPS_PROXY, VPN); if it is slow, "
                "`aceite doctor --within 60` waits longer"
            )
            yield item.name, unmet(f"no answer within {limit_s:g} s from {item.asked}", remedy)


def _roots(failed: Sequence[str], earlier: dict[str, Look]) -> Iterator[str]:
    """Yield, for each precondition that does not hold, the first one that does not: that is the one to put right."""
    for name in failed:
        yield from earlier[name].because or (name,)


def _finding(name: str, look: Look, *, in_sandbox: bool) -> Finding:
    remedy = (in_sandbox and look.in_sandbox) or look.remedy
    return Finding(name, look.outcome, look.found, remedy, look.because)


def _start(precondition: Precondition) -> Future[Look]:
    """Start the look in a daemon thread, because a thread of a pool that hangs would keep the command from ending."""
    future: Future[Look] = Future()
    context = copy_context()

    def take() -> None:
        future.set_result(context.run(_take, precondition))

    threading.Thread(target=take, name=f"{_THREAD_PREFIX}{precondition.name}", daemon=True).start()
    return future


def _take(precondition: Precondition) -> Look:
    try:
        return precondition.look()
    except Exception as error:  # noqa: BLE001 - an unforeseen failure of one look must not hide the findings of others
        message = " ".join(str(error).split()) or type(error).__name__
        return unmet(
            f"the check of {precondition.asked} failed: {message}",
            "check the settings that name it, then run `aceite doctor` again",
        )
