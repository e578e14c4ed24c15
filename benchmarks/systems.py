"""The systems that detection.py measures: what each needs to be installed, and its process."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
ANSWER_WITHIN_S = 3600


@dataclass(frozen=True)
class System:
    """`packages` are installed in an environment of its own; Aceite has none and runs in this one.

    `settings` are environment variables, in which {state} stands for the folder that its processes share.
    """

    name: str
    packages: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


SYSTEMS = {
    system.name: system
    for system in (
        System("aceite", settings={"PYTHONPATH": str(HERE.parent)}),
        System("dagster", ("dagster-aws==0.29.27",), {"DAGSTER_DISABLE_TELEMETRY": "yes"}),
        System(
            "airflow",
            ("apache-airflow==3.3.2", "apache-airflow-providers-amazon==9.39.0"),
            {"AIRFLOW_HOME": "{state}", "SCARF_ANALYTICS": "false"},
        ),
        System("dlt", ("dlt[s3]==1.31.0",), {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": "{state}"}),
    )
}


def python_of(system: System, environments: Path) -> str:
    """The interpreter of the system's environment, which is made if it is not there."""
    if not system.packages:
        return sys.executable
    folder = environments.absolute() / system.name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed, wanted = folder / "installed.txt", "\n".join(system.packages)
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *system.packages]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
            subprocess.run(command, check=True, stdout=sys.stderr)
        installed.write_text(wanted, encoding="utf-8")
    return str(python)


class Poller:
    """A process of a system. It polls when it is told to, and ends at the end of `with`."""

    def __init__(self, system: System, python: str, endpoint: str, state: Path) -> None:
        self.system = system
        state.mkdir(exist_ok=True)
        self._log = state / "log.txt"
        command = [python, str(HERE / "pollers" / f"poll_{system.name}.py")]
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONUTF8": "1"}
        environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing"}
        environ |= {name: value.format(state=state) for name, value in system.settings.items()}
        with self._log.open("ab") as log:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, cwd=state, env=environ)
        self._deadline = threading.Timer(ANSWER_WITHIN_S, self._process.kill)

    def __enter__(self) -> "Poller":
        self._deadline.start()
        self.versions: dict[str, str] = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._deadline.cancel()

    def poll(self) -> dict[str, Any]:
        """cpu_s, found, and peak_mb of the process so far, in units of 2**20 bytes."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"poll\n")
        self._process.stdin.flush()
        answer = self._answer()
        return {**answer, "peak_mb": _peak_bytes(self._process.pid) / 2**20}

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{self.system.name} gave no answer (it has {ANSWER_WITHIN_S} s). It said:\n{said}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _peak_bytes(process: int) -> int:
    """Of resident memory since the process began. Where the system does not tell, what is resident now."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    memory = psutil.Process(process).memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))
