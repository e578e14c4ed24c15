"""The holder of a delivery or a parameter, and whether it is over."""

import os
import platform
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import httpx
import psutil
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import get_current_settings
from prefect_aws import AwsCredentials

from acceptance.record import Record
from flows.prefect_api.runs import end, is_own_report, state_of_run

GONE = "its process is gone"

CORRECTED_BY_S = 60
"""How far a clock may be corrected before a process on this machine is considered one of another machine."""
SAME_MOMENT_S = 2


class LockHolder(Record):
    """A run and the process that it is in. `flow_run_id` is None for a process that is no run, such as `aceite up`'s.

    `place` is where a process id means this process, since the machine `booted`; the process `began` then. Both times
    are seconds since 1970. `server` is the Prefect server that knows the run, and empty if it is no run. `folder` has
    its temporary files: in a warm process, which goes on when a run is over, it goes with the run.
    """

    flow_run_id: str | None
    place: str
    booted: float
    pid: int
    began: float
    server: str
    folder: str


def this_holder(flow_run_id: str | None = None) -> LockHolder:
    place, booted, began = _this_process()
    server, folder = _server(_api()) if flow_run_id else "", tempfile.gettempdir()
    return LockHolder(
        flow_run_id=flow_run_id, place=place, booted=booted, pid=os.getpid(), began=began, server=server, folder=folder
    )


def is_over(holder: LockHolder, until: datetime, *, ends_it: bool = True) -> bool:
    """Return whether the holder is over, so that another run may take what it holds.

    If its process ran on this machine and is gone, the holder is over, and Prefect's server is told if `ends_it`. If
    its process still works on the run, the holder is not over, even if the server was told so after a silence, a sleep
    or by hand. What the run itself reports is believed.

    A holder whose end is unknown is over after `until`, unless it is seen at work here. A run that this server does not
    know is over at once if it was this server's, else after `until`.
    """
    gone, time_is_up = _is_here(holder) and not _lives(holder), datetime.now(UTC) > until
    if holder.flow_run_id is None:
        return gone or time_is_up
    try:
        state = state_of_run(holder.flow_run_id)
    except ObjectNotFound:
        return gone or (not _is_at_it(holder) and (holder.server == _server(_api()) or time_is_up))
    is_final = state is not None and state.is_final()
    if ends_it and gone and state is not None and not is_final:
        with suppress(httpx.HTTPError, PrefectException):
            end(UUID(holder.flow_run_id), state, GONE)
    said_by_itself = state is not None and is_own_report(state)
    at_least_two = sum((is_final, time_is_up, not _is_at_it(holder))) >= 2
    return gone or said_by_itself or at_least_two


def _is_at_it(holder: LockHolder) -> bool:
    """Return True if the holder runs on this machine and its run's temporary folder still exists."""
    return _is_here(holder) and Path(holder.folder).is_dir()


def _is_here(holder: LockHolder) -> bool:
    """Return whether the holder's process ran here since the last boot. If in doubt it counts as one of elsewhere."""
    return holder.place == _this_process()[0] and bool(abs(holder.booted - psutil.boot_time()) <= CORRECTED_BY_S)


def _lives(holder: LockHolder) -> bool:
    """Return whether the process of a holder of this place lives. Another process that got its id began later.

    After a correction of the clock, Linux reports shifted begin times of processes and of the boot; Windows shifts only
    that of the boot.
    """
    try:
        process = psutil.Process(holder.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        moved, booted = process.create_time() - holder.began, psutil.boot_time() - holder.booted
        return bool(min(abs(moved), abs(moved - booted)) <= SAME_MOMENT_S)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _api() -> str:
    return get_current_settings().api.url or ""


@cache
def _server(api: str) -> str:
    """Return what tells a server's database from all others: its id of the block type for AWS credentials.

    The address does not: all embedded servers have the same one.
    """
    with suppress(ObjectNotFound), get_client(sync_client=True) as client:
        return str(client.read_block_type_by_slug(AwsCredentials.get_block_type_slug()).id)
    return api


@cache
def _this_process() -> tuple[str, float, float]:
    """Returns this process's place, when its machine booted, and when it began.

    A place is one start of one machine and, where it has several spaces of process ids, as containers do, one of
    those: by when after the boot the first process of each began, which no correction of the clock changes.
    """
    booted, space = psutil.boot_time(), 0.0
    if psutil.LINUX:
        with suppress(psutil.Error):
            space = psutil.Process(1).create_time() - booted
    return f"{platform.node()} {space:.2f}", booted, psutil.Process().create_time()
