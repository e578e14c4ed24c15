"""Where Trino comes from, and what somebody is told who cannot run it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from acceptance.errors import SettingsError
from sandbox.athena.trino import guarded_process
from sandbox.athena.trino.program import fetched, missing


def test_a_machine_without_java_or_maven_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    environment = {**os.environ, "PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path), "JAVA_HOME": ""}
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--engine", "trino", "--until-stdin-closes"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", input="", check=False
    )
    assert (ended.returncode, ended.stdout) == (64, "")
    assert ended.stderr.startswith("Trino 476 ")
    assert any(remedy in ended.stderr for remedy in ("in WSL", "https://adoptium.net", "https://maven.apache.org"))
    assert ended.stderr.endswith("leave `--engine` out, and DuckDB answers\n")


@pytest.mark.skipif(os.name == "nt", reason="Trino does not run on Windows")
def test_another_file_than_the_known_one_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\nfor last; do :; done\necho other > ${last#*=}/trino-server-core-476.tar.gz\n", "utf-8")
    maven.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if lacks := missing():
        pytest.skip(lacks)
    with pytest.raises(SettingsError, match=r"from Maven has the SHA-256 [0-9a-f]{64}, and not 0f388f"):
        fetched()
    assert list((tmp_path / "cache" / "aceite").iterdir()) == []


HOLDING_ON = """
import socket, sys, time
held = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
time.sleep(300)
"""


def test_the_server_ends_when_the_process_that_started_it_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        started = [sys.executable, str(guarded_process.__file__), sys.executable, "-c", HOLDING_ON, port]
        guard = subprocess.Popen(started, stdin=subprocess.PIPE)
        held, _ = listening.accept()
        with held:
            assert guard.stdin is not None
            guard.stdin.close()
            held.settimeout(20)
            assert held.recv(1) == b""
        assert guard.wait(20) != 0
