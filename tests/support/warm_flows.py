"""Flows for the tests of warm runs. Each tells what it saw, or did, by files in a folder that the test gives it."""

import contextvars
import gc
import json
import logging
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
from prefect import flow
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal

from flows.installation.clients import load_clients
from flows.locks.holder import this_holder

_LEFT: contextvars.ContextVar[str] = contextvars.ContextVar("left", default="nothing")


def _tell(folder: str, name: str, what: Any) -> None:
    draft = Path(folder) / f"{name}.draft"
    draft.write_text(json.dumps(what), encoding="utf-8")
    draft.replace(draft.with_suffix(".json"))


def _note_crash(flow: Any, flow_run: Any, state: Any) -> None:
    _tell(flow_run.parameters["folder"], "crashed", state.name)


def _note_cancellation(flow: Any, flow_run: Any, state: Any) -> None:
    _tell(flow_run.parameters["folder"], "cancelled", state.name)


@flow
def report(folder: str, name: str = "report") -> None:
    context = FlowRunContext.get()
    _tell(
        folder,
        name,
        {
            "pid": os.getpid(),
            "run": str(context.flow_run.id) if context and context.flow_run else None,
            "variables": sorted(os.environ),
            "handlers": [[type(handler).__name__ for handler in logging.getLogger(of).handlers] for of in ("", "mine")],
            "level": logging.getLogger("mine").level,
            "context": _LEFT.get(),
            "folder": str(Path.cwd()),
            "path": sys.path,
            "temporary": [str(path) for path in Path(tempfile.gettempdir()).iterdir()],
            "session": boto3.DEFAULT_SESSION is not None,
        },
    )


@flow
def count_exempt(folder: str) -> None:
    _tell(folder, "exempt", {"objects": gc.get_freeze_count()})


@flow
def leave_things_behind(folder: str) -> None:
    os.environ["LEFT"] = "a variable"
    os.environ.pop("KEPT", None)
    for of in ("", "mine"):
        logging.getLogger(of).addHandler(logging.NullHandler())
    logging.getLogger("mine").setLevel(logging.ERROR)
    _LEFT.set("a value")
    boto3.setup_default_session(region_name="us-east-1")
    sys.path.insert(0, folder)
    os.chdir(folder)
    handle, file = tempfile.mkstemp()
    os.close(handle)
    sys.stdout.write("not an answer\n")
    sys.stdout.flush()
    _tell(folder, "left", {"pid": os.getpid(), "file": file})


@flow(on_crashed=[_note_crash], on_cancellation=[_note_cancellation])
def wait(folder: str, stubborn: bool = False) -> None:
    _tell(folder, "begun", os.getpid())
    until = time.monotonic() + 120
    try:
        _wait_for(Path(folder) / "go", until)
    except TerminationSignal:
        _tell(folder, "restored", os.getpid())
        while stubborn and time.monotonic() < until:
            with suppress(TerminationSignal):
                time.sleep(0.1)
        raise
    _tell(folder, "ended", time.time())


def _wait_for(path: Path, until: float) -> None:
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)


@flow
def hold(folder: str) -> None:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    _tell(folder, "holder", this_holder(str(context.flow_run.id)).model_dump(mode="json"))
    _wait_for(Path(folder) / "go", time.monotonic() + 120)


@flow(on_crashed=[_note_crash])
def die(folder: str) -> None:
    _tell(folder, "begun", os.getpid())
    psutil.Process().kill()


@flow
def fail(folder: str) -> None:
    raise ValueError("as expected")


@flow
async def wait_as_a_coroutine(folder: str) -> None:
    _tell(folder, "coroutine", os.getpid())


@flow
def which_account(folder: str, name: str) -> None:
    """By the cached clients, and by what the server answers to them."""
    clients = load_clients()
    told = clients.of("sts").get_caller_identity()["Account"]
    _tell(folder, name, {"loaded": clients.caller.account, "told": told})
