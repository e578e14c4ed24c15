"""Decides whether a precondition holds, and which remedy helps if it does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_SKEW = timedelta(minutes=1)


class LookOutcome(StrEnum):
    GREEN = "green"
    RED = "red"
    GREY = "grey"  # not checked


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a look at one precondition. The remedy is a command or an action with concrete names."""

    outcome: LookOutcome
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a look, with the name of its precondition."""

    name: str
    outcome: LookOutcome
    found: str
    remedy: str = ""


def met(found: str) -> Look:
    """Return a look at a precondition that holds."""
    return Look(LookOutcome.GREEN, found)


def unmet(found: str, remedy: str) -> Look:
    """Return a look at a precondition that does not hold."""
    return Look(LookOutcome.RED, found, remedy)


def unchecked(found: str, remedy: str = "") -> Look:
    """Return a look at a precondition that could not be checked."""
    return Look(LookOutcome.GREY, found, remedy)


@dataclass(frozen=True, slots=True)
class EvidenceLock:
    """Versioning and Object Lock of the evidence bucket; `default_mode` and `default` are its default retention."""

    versioned: bool
    locks: bool
    default_mode: str | None = None
    default: timedelta = timedelta(0)


def clock(answered: datetime, here: datetime) -> Look:
    """Compare the time in an answer of AWS (`answered`, to the second) with this machine's at that moment (`here`)."""
    ahead = here - answered
    if abs(ahead) <= MOST_SKEW:
        return met("this machine's clock agrees with AWS's, to the minute")
    direction = "ahead of" if ahead > timedelta(0) else "behind"
    return unmet(
        f"this machine's clock is {_lasting(abs(ahead))} {direction} AWS's; AWS refuses requests from 5 minutes on",
        "set the clock by the network: `w32tm /resync` (Windows, as administrator), `timedatectl set-ntp true` (Linux)",
    )


def retention(bucket: str, lock: EvidenceLock, wanted: timedelta | None, mode: str) -> Look:
    """Check that the bucket can lock evidence for as long as the settings require."""
    kept = f"versioning {'on' if lock.versioned else 'off'}, Object Lock {'on' if lock.locks else 'off'}"
    if lock.default_mode:
        kept += f" with a default of {lock.default_mode} for {lock.default.days} days"
    if wanted is None:
        return met(f"{kept}; no retention is asked for (ACEITE_EVIDENCE_RETENTION_DAYS)")
    asked = f"{mode} for {wanted.days} days is asked for"
    if lock.locks and lock.versioned:
        return met(f"{kept}; {asked}")
    if not lock.versioned:
        enable = f"`aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled`, then "
    else:
        enable = ""
    command = f"`aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration "
    return unmet(
        f"{kept}, but {asked}: evidence is put without a lock",
        f"{enable}{command}ObjectLockEnabled=Enabled`, or unset ACEITE_EVIDENCE_RETENTION_DAYS",
    )


def versions(server: str, client: str, *, may_be_here: str = "", is_allowed_here: bool = True) -> Look:
    """Check that server and client have the same minor version, and that the server is not the older one.

    `may_be_here` is Aceite's requirement of Prefect; `is_allowed_here` is True if the server's version meets it.
    """
    there, here = _numbers(server), _numbers(client)
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
        return met(f"somebody asks for the runs of all {len(deployments)} deployments")
    names = [f"{item.deployment} ({f'for {_lasting(now - item.last)}' if item.last else 'ever'})" for item in silent]
    pools = sorted({item.work_pool for item in silent if item.work_pool})
    workers = [f"`prefect worker start --pool {pool}`" for pool in pools]
    served_here = [] if len(workers) and all(item.work_pool in pools for item in silent) else ["`aceite up`"]
    return unmet(
        f"nobody asks for the runs of {', '.join(names)}",
        f"start {' and '.join([*served_here, *workers])}; if it runs, look at its log in the folder logs of the home",
    )


def watched(last_heartbeat: datetime | None, now: datetime, within: timedelta, looked_back: timedelta) -> Look:
    """Check that the last heartbeat of a watcher is recent enough."""
    remedy = (
        'start `aceite up`; if it runs, look at the runs of "watch-landing" in the Prefect UI: one that a person '
        "cancelled is started by `prefect deployment run watch-landing/aceite-watcher`"
    )
    if last_heartbeat is None:
        return unmet(f"no heartbeat of a watcher in the last {_lasting(looked_back)}", remedy)
    silent = now - last_heartbeat
    if silent > within:
        return unmet(f"the last heartbeat of a watcher was {_lasting(silent)} ago", remedy)
    return met(f"the last heartbeat was {_lasting(silent)} ago")


def _numbers(version: str) -> tuple[int, ...]:
    """Return (3, 8, 8) for 3.8.8, without a suffix such as .dev1."""
    numbers: list[int] = []
    for part in version.split("+")[0].split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)


def _lasting(time: timedelta) -> str:
    seconds = max(0, round(time.total_seconds()))
    for unit, length_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
