"""The wait of a delivery without a verdict, in words for people."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from acceptance.announcing.announcements import InFlight, due_again_at


@dataclass(frozen=True, slots=True)
class Unjudged:
    """The ledger's facts of a delivery without a verdict. All times are in UTC.

    `in_flight` is None until its first announcement is on Prefect's server. `due` is since when one is due that the
    server does not show, `paused` since when its dataset is. `claimed_by` is the id of the run that has it, `run_ended`
    how its last run ended without a verdict, `run_ended_at` when the watcher saw that.
    """

    in_flight: InFlight | None = None
    due: datetime | None = None
    paused: datetime | None = None
    claimed_by: str | None = None
    run_ended: str | None = None
    run_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The thing that a delivery waits for, and when the watcher announces it again without it; None if it does not.

    While runs queue, it may be one of theirs: it is announced again `at_the_latest`.
    """

    why: str
    announced_again: datetime | None = None
    at_the_latest: datetime | None = None


def switch_name(dataset: str) -> str:
    """Return the name of the automation that runs the dataset's validations."""
    return f"Aceite: validate {dataset}"


def wait_of(known: Unjudged, patience: timedelta, switch: str, now: datetime) -> Wait:
    """Return the wait of a delivery. `switch` is the name of its dataset's automation.

    A time that is over is told as one that is over: without a watcher nobody announces anything.
    """
    flight = known.in_flight
    if flight is not None and flight.claimed_at is not None:
        until = due_again_at(flight, patience, queued=False, orphaned=False)
        run = f"run {known.claimed_by}" if known.claimed_by else "a run that is not known"
        look = f"if that dies, or by {_at(until)}, another one looks"
        over = f"it had until {_at(until)}: the next run looks for it"
        why = f"{run}, which took it at {_at(flight.claimed_at)}; {look if until > now else over}"
        return Wait(why, until, until)
    ended = f"{known.run_ended}; " if known.run_ended else ""
    if known.paused is not None:
        return Wait(f'{ended}the automation "{switch}", which is off since {_at(known.paused)}; switch it on again')
    if flight is None or known.due is not None:
        since = f", due since {_at(known.due)}" if known.due else ""
        return Wait(f"{ended}Prefect's server, which does not show its announcement{since}")
    orphaned = known.run_ended_at is not None and known.run_ended_at >= flight.announced_at
    until = due_again_at(flight, patience, queued=False, orphaned=orphaned)
    latest = due_again_at(flight, patience, queued=True, orphaned=orphaned)
    often = "once" if flight.announcements == 1 else f"{flight.announcements} times"
    why = f"{ended}a run; announced {often}, last at {_at(flight.announced_at)}"
    return Wait(f"{why}, {_again(until, latest, now)}", until, latest)


def _again(until: datetime, latest: datetime, now: datetime) -> str:
    """Return when the watcher announces a delivery again, or since when it should have."""
    if latest <= now:
        return f"due again since {_at(latest)}: a watcher announces it at its next look"
    if until <= now:
        return f"again at {_at(latest)}, or earlier as soon as no runs queue"
    return f"again at {_at(until)}" + (f", or at {_at(latest)} while runs queue" if latest > until else "")


def _at(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} (UTC)"
