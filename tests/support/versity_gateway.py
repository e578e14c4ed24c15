"""Versity's S3 gateway: an S3 that is not moto, with objects as files in a folder. Decision 0039 says why this one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from aws_clients import KEY, REGION, Aws

from benchmarks.local_postgresql import free_port
from sandbox.athena.trino import guarded_process

MODULE, VERSION = "github.com/versity/versitygw", "v1.8.0"
SUM = "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc="
"""Go's checksum of the module's files. One of them is go.sum, which has those of all modules that it is built from."""

_BUILT_WITHIN_S = 1200
_READY_WITHIN_S = 60
_HEALTH = "/health"


class NotThere(Exception):
    """This machine cannot have the gateway; the message says why, and what to do about it."""


def built() -> Path:
    """Return the program; Go builds it if this user has not got it yet.

    Raises:
        NotThere: there is no Go, or it could not fetch or build the program.
    """
    if sys.platform != "linux":
        raise NotThere("Versity's gateway keeps keys as names of files, and only Linux takes any two of them for two")
    caches = os.environ.get("XDG_CACHE_HOME")
    program = (Path(caches) if caches else Path.home() / ".cache") / "aceite" / f"versitygw-{VERSION}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"Go fetches and builds Versity's gateway {VERSION} as {program}: some minutes, once\n")
        with tempfile.TemporaryDirectory(dir=program.parent) as unfinished:
            made = Path(unfinished) / "versitygw"
            source = _source(Path(unfinished))
            _go(source, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), "./cmd/versitygw")
            made.replace(program)  # another process that was faster made the same
    return program


def _source(folder: Path) -> Path:
    """Return the folder in which Go keeps the module's files. Go is asked from a folder that is in no module."""
    module = json.loads(_go(folder, "mod", "download", "-json", f"{MODULE}@{VERSION}"))
    if module["Sum"] != SUM:
        raise AssertionError(f"{MODULE} {VERSION} has the checksum {module['Sum']}, and not {SUM}: it is another one")
    return Path(module["Dir"])


def _go(folder: Path, *arguments: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise NotThere(f"Versity's gateway {VERSION} is built by Go 1.25 or newer, and none is on the PATH")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    options: dict[str, Any] = {"capture_output": True, "encoding": "utf-8", "timeout": _BUILT_WITHIN_S}
    try:
        done = subprocess.run([go, *arguments], cwd=folder, env=environment, check=False, **options)
    except subprocess.TimeoutExpired as late:
        raise NotThere(f"Go did not fetch and build Versity's gateway {VERSION} within {late.timeout:g} s") from late
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).splitlines()[-5:])
        assert "SECURITY ERROR" not in said, said
        raise NotThere(f"Go could not fetch or build Versity's gateway {VERSION}; it said:\n{said}")
    return done.stdout


@contextmanager
def running_gateway(program: Path, folder: Path) -> Iterator[Aws]:
    """Start the gateway with its buckets in `folder`; end it with the block, or with this process."""
    places = [folder / name for name in ("versions", "buckets")]
    for place in places:
        place.mkdir()
    aws = Aws(f"http://127.0.0.1:{free_port()}", keys_are_paths=True)
    served = ["--port", aws.endpoint.removeprefix("http://"), "--region", REGION, "--keep-alive", "--quiet"]
    command = [str(program), *served, "--health", _HEALTH, "posix", "--versioning-dir", *map(str, places)]
    process = _start(command, aws, folder / "server.log")
    try:
        _await_health(process, aws.endpoint, folder / "server.log")
        yield aws
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def _start(command: Sequence[str], aws: Aws, log: Path) -> "subprocess.Popen[bytes]":
    keys = {"ROOT_ACCESS_KEY_ID": KEY, "ROOT_SECRET_ACCESS_KEY": KEY}
    with log.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-I", str(guarded_process.__file__), *command],
            env={**os.environ, **keys},
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
        )


def _await_health(process: "subprocess.Popen[bytes]", endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            httpx.get(endpoint + _HEALTH, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, f"Versity's gateway does not answer:\n{log.read_text(encoding='utf-8', errors='replace')}"
            time.sleep(0.05)
        else:
            return
