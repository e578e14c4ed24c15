"""Who holds a delivery or a parameter, and whether it can still do anything with it."""

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
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import get_current_settings
from prefect_aws import AwsCredentials

from acceptance.record import Record
from flows.runs import end, state_of_run

GONE = "its process is gone"


class Holder(Record):
    """A run and the process that it is in. `flow_run_id` is None for a process that is no run, such as `aceite up`'s.

    `place` is where a process id means this process; `server` is the Prefect server that knows the run, if it is one.
    `folder` has its temporary files: in a warm process, which goes on when a run is over, it is gone with the run.
    """

    flow_run_id: str | None = None
    place: str = ""
    pid: int = 0
    server: str = ""
    folder: str = ""


def this_holder(flow_run_id: str | None = None) -> Holder:
    return Holder(
        flow_run_id=flow_run_id,
        place=_place(),
        pid=os.getpid(),
        server=_server(_api()) if flow_run_id else "",
        folder=tempfile.gettempdir(),
    )


def is_over(holder: Holder, until: datetime | None = None) -> bool:
    """Whether the holder can do nothing any more.

    A process of this machine that is gone is seen at once, sooner than by its silence, and Prefect's server is told.
    One that is at its run is not over, whoever told the server so: it was silent, or asleep, or does not know it yet.
    Only the run itself says that it completed or failed.

    One of which no end is known is over when its time is up, `until`, unless it is seen at work here. So is a run that
    our server does not know, and at once if it is no other server's.
    """
    gone, time_is_up = holder.place == _place() and not _lives(holder.pid), _is_past(until)
    if holder.flow_run_id is None:
        return gone or time_is_up
    try:
        state = state_of_run(holder.flow_run_id)
    except ObjectNotFound:
        ours = until is None or holder.server in (_server(_api()), _api())  # earlier versions wrote the address
        return gone or (not _is_at_it(holder) and (ours or time_is_up))
    is_final = state is not None and state.is_final()
    if gone and state is not None and not is_final:
        with suppress(httpx.HTTPError, PrefectException):
            end(UUID(holder.flow_run_id), state, GONE)
    said_by_itself = state is not None and state.type in (StateType.COMPLETED, StateType.FAILED)
    at_least_two = sum((is_final, time_is_up, not _is_at_it(holder))) >= 2
    return gone or said_by_itself or at_least_two


def _is_at_it(holder: Holder) -> bool:
    """Of a holder that is not gone: whether it is seen here that its process still has this run. Not so elsewhere."""
    return holder.place == _place() and holder.folder != "" and Path(holder.folder).is_dir()


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _is_past(until: datetime | None) -> bool:
    return until is not None and datetime.now(UTC) > until


def _api() -> str:
    return get_current_settings().api.url or ""


@cache
def _server(api: str) -> str:
    """What tells a server's database from all others: the id that it gave the kind of block that credentials are in.

    Not the address: that of each embedded server is the same.
    """
    with suppress(ObjectNotFound), get_client(sync_client=True) as client:
        return str(client.read_block_type_by_slug(AwsCredentials.get_block_type_slug()).id)
    return api


@cache
def _place() -> str:
    """One start of one machine and, where it has several spaces of process ids, as containers do, one of those.

    The first process of each tells them apart. If a clock that was set makes it seem another one, nothing is lost: the
    holder is then taken for one of another machine.
    """
    try:
        began = psutil.Process(1).create_time()
    except psutil.Error:  # Windows has no process 1
        began = psutil.boot_time()
    return f"{platform.node()} {began:.0f}"
