"""Starts and ends the parts of an installation: sandbox, Prefect server, served flows. `up` and `demo` share it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
from rich.console import Console

from acceptance.errors import SettingsError, Unreachable
from blocks.build import aws_credentials, identify
from blocks.settings import Settings, read_settings
from cli.serving.child_process import ChildProcess
from cli.serving.connection import refuse_wrong_auth
from cli.serving.home import Running, find_running, running_in
from cli.serving.retention import retention
from flows.installation.contracts import contract_environment, contracts_of
from flows.ledger import ledger_url, make_folder, sqlite_url

DEFAULT_AWS_PORT = 5000
DEFAULT_PREFECT_PORT = 4200
_READY_WITHIN_S = 180

SANDBOX_SETTINGS = {
    "ACEITE_AWS_ACCESS_KEY_ID": "sandbox",
    "ACEITE_AWS_SECRET_ACCESS_KEY": "sandbox",
    "ACEITE_AWS_REGION": "us-east-1",
    "ACEITE_AWS_PROFILE": "",  # empty is unset, also where a file .env says something else
    "ACEITE_AWS_ROLE_ARN": "",
    "ACEITE_AWS_SESSION_TOKEN": "",
    "ACEITE_AWS_ACCOUNT_ID": "",
    "ACEITE_POLL_S": "1",
    "ACEITE_PATIENCE_S": "60",
}


@dataclass(frozen=True, slots=True)
class InstallationOptions:
    """What the command line asks for. A port of None is the default one, or a free one where that is taken."""

    sandbox: bool = False
    aws_port: int | None = None
    prefect_port: int | None = None
    own_server: bool = False
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """A running one, and its processes."""

    running: Running
    children: tuple[ChildProcess, ...]

    def ended(self) -> ChildProcess | None:
        """A process that ended although nobody asked it to."""
        return next((child for child in self.children if child.returncode is not None), None)


@contextmanager
def started(wanted: InstallationOptions, console: Console) -> Iterator[Installation]:
    """Everything runs inside, and nothing of it outside.

    Raises:
        AceiteError: a contract, a setting or the credentials cannot be used, or a part did not start.
    """
    settings = read_settings()
    if (other := find_running(settings.home.expanduser())) is not None:
        raise SettingsError(
            f"`aceite up` runs on {settings.home} already (process {other.pid}, {other.ui_url}): end it, or give "
            "another folder with --home"
        )
    contracts_of(settings)  # what is wrong with them is said before anything starts
    with ExitStack() as undo:
        parts = _Parts(settings, console, undo)
        with console.status("starting"):
            if not wanted.sandbox:
                identify(aws_credentials(settings), settings.aws_account_id)
            sandbox = parts.start_sandbox(wanted.aws_port) if wanted.sandbox else None
            parts.start_server(wanted)
            if sandbox is not None:
                parts.use_sandbox(sandbox)
            parts.start_flows(wanted.only)
        running = parts.describe()
        undo.enter_context(running_in(parts.home, running))
        yield Installation(running, tuple(parts.children))


class _Parts:
    """The parts that were started so far, and the environment that the next one gets."""

    def __init__(self, settings: Settings, console: Console, undo: ExitStack) -> None:
        self.home = settings.home.expanduser().absolute()
        make_folder(self.home / "logs")
        self.children: list[ChildProcess] = []
        self._console = console
        self._undo = undo
        self._of_contracts = contract_environment(settings)
        self._environment = {**os.environ, **self._of_contracts} | {
            "ACEITE_HOME": str(self.home),
            "ACEITE_CONTRACTS": str(settings.contracts.absolute()),
            "ACEITE_LEDGER_URL": ledger_url(settings),
        }

    def start_sandbox(self, asked_port: int | None) -> ChildProcess:
        """It gets ready while Prefect's server starts; `use_sandbox` waits for it."""
        port = _port(asked_port, DEFAULT_AWS_PORT, "--aws-port")
        self._console.print(f"starting the sandbox: AWS on 127.0.0.1:{port}, made from the contracts")
        ledger = self.home / "sandbox-ledger.db"
        for leftover in self.home.glob(ledger.name + "*"):
            leftover.unlink()  # a new sandbox is a new world: what an earlier one saw is gone with it
        arguments = ("--port", str(port), "--contracts", self._environment["ACEITE_CONTRACTS"], "--until-stdin-closes")
        self._environment.update(SANDBOX_SETTINGS, ACEITE_LEDGER_URL=sqlite_url(ledger))
        return self._start("sandbox", "sandbox", *arguments)

    def use_sandbox(self, sandbox: ChildProcess) -> None:
        self._environment["ACEITE_AWS_ENDPOINT_URL"] = sandbox.await_ready(_READY_WITHIN_S)

    def start_server(self, wanted: InstallationOptions) -> None:
        """The server of the active Prefect profile if it answers, otherwise one of our own on this machine."""
        configured = None if wanted.own_server or wanted.prefect_port is not None else _profile_api_url()
        if configured and _is_healthy(configured):
            refuse_wrong_auth(configured)
            self._console.print(f"using the Prefect server of the active profile, {configured}")
            self._environment["PREFECT_API_URL"] = configured
            return
        if configured and not configured.startswith(("http://127.0.0.1:", "http://localhost:")):
            raise Unreachable(
                f"the active Prefect profile's server {configured} does not answer. Start it, choose another profile "
                "(`prefect profile use`), or give --prefect-port to use a server on this machine"
            )
        port = _port(wanted.prefect_port, DEFAULT_PREFECT_PORT, "--prefect-port")
        self._console.print(f"starting Prefect's server on 127.0.0.1:{port}")
        self._environment.pop("PREFECT_PROFILE", None)
        self._environment.update(
            PREFECT_HOME=str(self.home / "prefect"),
            PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            **_auth(),
            **_csrf(),
            **retention(),
        )
        self._start("prefect server", "cli.serving.prefect_server", "--port", str(port)).await_ready(_READY_WITHIN_S)

    def start_flows(self, only: str | None) -> None:
        what = only or "watcher, validations"
        self._console.print(f"starting the flows: blocks, deployments, automations, {what}")
        arguments = ("--only", only) if only else ()
        self._start("flows", "cli.serving.flows_server", *arguments).await_ready(_READY_WITHIN_S)

    def describe(self) -> Running:
        return Running(
            pid=os.getpid(),
            prefect_api_url=self._environment["PREFECT_API_URL"],
            aws_endpoint=self._environment.get("ACEITE_AWS_ENDPOINT_URL"),
            environment={name: value for name, value in self._environment.items() if self._is_shared(name)},
        )

    def _is_shared(self, name: str) -> bool:
        """No secret is; the sandbox's credentials are none."""
        in_sandbox = self._environment.get("ACEITE_AWS_ACCESS_KEY_ID") == SANDBOX_SETTINGS["ACEITE_AWS_ACCESS_KEY_ID"]
        if name == "ACEITE_LEDGER_URL" and not self._environment[name].startswith("sqlite"):
            return False  # its password is
        return name in (*_SHARED, *self._of_contracts) or (in_sandbox and name in SANDBOX_SETTINGS)

    def _start(self, name: str, *arguments: str) -> ChildProcess:
        child = ChildProcess(name, arguments, self._environment, self.home / "logs" / f"{name.replace(' ', '-')}.log")
        self._undo.callback(child.stop)
        self.children.append(child)
        return child


def _profile_api_url() -> str | None:
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def _csrf() -> dict[str, str]:
    """Each new client would ask for a token first, even of a server that wants none."""
    from prefect.settings import get_current_settings

    return {"PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": str(get_current_settings().server.api.csrf_protection_enabled)}


def _auth() -> dict[str, str]:
    """What a server of our own asks for, and its clients say, wherever Prefect's settings have it from.

    Raises:
        SettingsError: the two are not the same, or Prefect's server cannot compare them.
    """
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    asked, said = settings.server.api.auth_string, settings.api.auth_string
    if asked is None or not asked.get_secret_value():
        return {}
    if said is not None and said != asked:
        raise SettingsError(
            "PREFECT_API_AUTH_STRING is not the same as PREFECT_SERVER_API_AUTH_STRING, so the server that is started "
            "would refuse the flows; set both to the same user:password, or only the latter"
        )
    auth = asked.get_secret_value()
    if not auth.isascii():
        raise SettingsError(
            "PREFECT_SERVER_API_AUTH_STRING has characters that are not ASCII, with which Prefect's server answers "
            "every request by an error; write another one, such as user:password"
        )
    return {"PREFECT_SERVER_API_AUTH_STRING": auth, "PREFECT_API_AUTH_STRING": auth}


def _is_healthy(api_url: str) -> bool:
    try:
        return httpx.get(f"{api_url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _port(asked: int | None, default: int, option: str) -> int:
    """The asked port, 0 meaning any free one; without a wish the default, or a free one where that is taken.

    Raises:
        SettingsError: the asked port is taken.
    """
    for port in (default, 0) if asked is None else (asked,):
        with socket.socket() as probe:
            if sys.platform != "win32":
                # A port whose last connections still close is free; on Windows this option would steal a taken one.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError(f"port {asked} on 127.0.0.1 is taken; give {option} another one, or 0 for any that is free")


_SHARED = (
    "ACEITE_HOME",
    "ACEITE_CONTRACTS",
    "ACEITE_AWS_ENDPOINT_URL",
    "ACEITE_LEDGER_URL",
    "ACEITE_LANDING_BUCKET",
    "ACEITE_EVIDENCE_BUCKET",
    "ACEITE_AWS_REGION",
    "ACEITE_POLL_S",
    "ACEITE_RUNNER",
)
