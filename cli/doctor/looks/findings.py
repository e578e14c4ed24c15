"""The findings of `aceite doctor`: the state of a precondition, and the remedy if it does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from packaging.version import Version

from acceptance.untrusted_text import one_line

SANDBOX_MAKES = "end the sandbox and start it again (`aceite up --sandbox`): it makes what the contracts name"
"""The remedy in the sandbox for what is missing or was changed there: nobody makes it by hand."""


class LookOutcome(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"  # it works, and something about it is worth a thought
    RED = "red"
    GREY = "grey"  # not checked


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a look at one precondition. The remedy is a command or an action with concrete names.

    `in_sandbox` is the remedy in the sandbox, if that is another one. `because` names the preconditions that do not
    hold, and without which this one was not looked at.
    """

    outcome: LookOutcome
    found: str
    remedy: str = ""
    in_sandbox: str = ""
    because: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Return True if what needs the precondition can be looked at."""
        return self.outcome in (LookOutcome.GREEN, LookOutcome.YELLOW)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a look, with the name of its precondition."""

    name: str
    outcome: LookOutcome
    found: str
    remedy: str = ""
    because: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in ("name", "found", "remedy"):
            object.__setattr__(self, text, one_line(getattr(self, text)))


def met(found: str) -> Look:
    """Return a look at a precondition that holds."""
    return Look(LookOutcome.GREEN, found)


def advised(found: str, remedy: str, in_sandbox: str = "") -> Look:
    """Return a look at a precondition that holds, with something that is worth a thought."""
    return Look(LookOutcome.YELLOW, found, remedy, in_sandbox)


def unmet(found: str, remedy: str, in_sandbox: str = "") -> Look:
    """Return a look at a precondition that does not hold."""
    return Look(LookOutcome.RED, found, remedy, in_sandbox)


def unchecked(found: str, remedy: str = "") -> Look:
    """Return a look at a precondition that could not be checked."""
    return Look(LookOutcome.GREY, found, remedy)


def not_made(because: tuple[str, ...]) -> Look:
    """Return a look that was not taken, because these preconditions do not hold."""
    return Look(LookOutcome.GREY, f"it was not looked at, because {does_not_hold(because)}", because=because)


def does_not_hold(names: Sequence[str]) -> str:
    """Return that the preconditions of these names do not hold, as a part of a sentence."""
    return f"{joined([f'`{name}`' for name in names])} {'do' if len(names) > 1 else 'does'} not hold"


def joined(names: Sequence[str]) -> str:
    """Return the names as a sentence has them: disk; disk and clock; disk, clock and ledger."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def versions(server: str, client: str, *, may_be_here: str = "", is_allowed_here: bool = True) -> Look:
    """Check that server and client have the same minor version, and that the server is not the older one.

    `may_be_here` is Aceite's requirement of Prefect; `is_allowed_here` is True if the server's version meets it.
    """
    there, here = Version(server).release, Version(client).release
    if there[:2] == here[:2] and there >= here:
        return met(f"{server}, and {client} here")
    if there > here and not is_allowed_here:
        return unmet(
            f"the server is Prefect {server}, and here is {client}; this version of Aceite takes {may_be_here}",
            f'`pip install "prefect=={client}"` there, and start that again; or a version of Aceite for {server} here',
        )
    older = "there" if there < here else "here"
    return unmet(
        f"the server is Prefect {server}, and here is {client}",
        f'`pip install "prefect=={max((there, server), (here, client))[1]}"` {older}, and start that again',
    )


@dataclass(frozen=True, slots=True)
class PolledDeployment:
    """A deployment, and the time of the last poll for its runs by a runner or a worker.

    `work_pool` is None for a deployment that `aceite up` serves, even through a pool of its own.
    """

    deployment: str
    work_pool: str | None
    last: datetime | None


def served(deployments: Sequence[PolledDeployment], now: datetime, within: timedelta) -> Look:
    """Check that a runner or a worker polls for the runs of each deployment."""
    silent = [deployment for deployment in deployments if deployment.last is None or now - deployment.last > within]
    if not silent:
        return met(f"runners or workers poll for the runs of all {len(deployments)} deployments")
    names = [
        f"{item.deployment} ({f'last polled {duration(now - item.last)} ago' if item.last else 'never polled'})"
        for item in silent
    ]
    pools = sorted({item.work_pool for item in silent if item.work_pool})
    workers = [f"`prefect worker start --pool {pool}`" for pool in pools]
    served_here = [] if len(workers) and all(item.work_pool in pools for item in silent) else ["`aceite up`"]
    return unmet(
        f"nothing polls for the runs of {', '.join(names)}",
        f"start {' and '.join([*served_here, *workers])}; if it runs, read its log in the folder logs of the home",
    )


def duration(time: timedelta) -> str:
    """Return a duration for people, in whole units: 90 s, 3 hours."""
    seconds = max(0, round(time.total_seconds()))
    for unit, length_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
