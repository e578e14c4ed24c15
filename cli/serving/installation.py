"""Starts and ends the parts of an installation for `up` and `demo`: sandbox, Prefect server and flows."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from acceptance.errors import SettingsError, Unreachable
from blocks.settings import SANDBOX_ACCESS_KEY, Settings, read_settings
from blocks.temporary_folders import remove_what_was_left
from cli.serving.active_settings import active_settings
from cli.serving.auth_string import AuthString, choose_auth_string
from cli.serving.child_process import ChildProcess
from cli.serving.connection import refuse_wrong_auth
from cli.serving.ending import end_all
from cli.serving.home import Running, find_running, running_in, take_home
from cli.serving.server_settings import server_settings
from cli.terminal import Terminal
from flows.installation.contracts import contract_environment
from flows.installation.current_contracts import current_contracts, usable_contracts
from flows.ledger import ledger_url, sqlite_url

_OPEN = (
    "WARNING: --no-auth: every user of this machine can read the AWS credentials from Prefect's API, and run commands "
    "as you"
)
DEFAULT_AWS_PORT = 5000
DEFAULT_PREFECT_PORT = 4200
_READY_WITHIN_S = 180

SANDBOX_SETTINGS = {
    "ACEITE_AWS_ACCESS_KEY_ID": SANDBOX_ACCESS_KEY,
    "ACEITE_AWS_SECRET_ACCESS_KEY": SANDBOX_ACCESS_KEY,
    "ACEITE_AWS_REGION": "us-east-1",
    "ACEITE_AWS_PROFILE": "",  # an empty value unsets it, even if the file .env sets it
    "ACEITE_AWS_ROLE_ARN": "",
    "ACEITE_AWS_SESSION_TOKEN": "",
    "ACEITE_AWS_ACCOUNT_ID": "",
    "ACEITE_POLL_S": "1",
    "ACEITE_PATIENCE_S": "60",
}


@dataclass(frozen=True, slots=True)
class InstallationOptions:
    """The options of the command line. A port of None means the default port, or a free one if that is taken."""

    sandbox: bool = False
    aws_port: int | None = None
    prefect_port: int | None = None
    own_server: bool = False
    only: str | None = None
    no_auth: bool = False
    engine: str = "duckdb"
    """The engine of the sandbox's Athena."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation and its processes."""

    running: Running
    children: tuple[ChildProcess, ...]

    def ended(self) -> ChildProcess | None:
        """Return a process that ended by itself; None if all are running."""
        return next((child for child in self.children if child.returncode is not None), None)


@contextmanager
def started(options: InstallationOptions, console: Terminal) -> Iterator[Installation]:
    """Run an installation while the block runs.

    Raises:
        AceiteError: a contract, a setting or the credentials cannot be used, or a part does not start.
    """
    settings = read_settings()
    if (other := find_running(settings.home.expanduser())) is not None:
        raise SettingsError(
            f"`aceite up` already runs on {settings.home} (process {other.pid}, {other.ui_url}): end it, or give "
            "another folder with --home"
        )
    remove_what_was_left()
    usable_contracts(settings)  # raises before anything starts if none can be used
    for broken in current_contracts(settings).broken:
        console.print(f"a contract is held back until it is corrected: {broken}", style="yellow", soft_wrap=True)
    with ExitStack() as undo:
        parts = _Parts(settings, console)
        undo.callback(end_all, parts.children, console)
        with console.status("starting"):
            if not options.sandbox:
                from blocks.build import aws_credentials, identify

                identify(aws_credentials(settings), settings.aws_account_id)
            sandbox = parts.start_sandbox(options.aws_port, options.engine) if options.sandbox else None
            parts.start_server(options)
            if sandbox is not None:
                parts.use_sandbox(sandbox)
            parts.start_flows(options.only)
        running = parts.describe()
        undo.enter_context(running_in(parts.home, running))
        yield Installation(running, tuple(parts.children))


class _Parts:
    """Starts the parts in order, and collects the environment for the next one."""

    def __init__(self, settings: Settings, console: Terminal) -> None:
        self.home = take_home(settings.home.expanduser().absolute())
        self.children: list[ChildProcess] = []
        self._ports = Ports()
        self._console = console
        self._auth: AuthString | None = None
        self._of_contracts = contract_environment(settings)
        self._environment = {**os.environ, **self._of_contracts} | {
            "ACEITE_HOME": str(self.home),
            "ACEITE_CONTRACTS": str(settings.contracts.absolute()),
            "ACEITE_LEDGER_URL": ledger_url(settings),
        }

    def start_sandbox(self, requested_port: int | None, engine: str) -> ChildProcess:
        """Start the sandbox without waiting, so that Prefect's server starts meanwhile; `use_sandbox` waits."""
        port = self._ports.choose(requested_port, DEFAULT_AWS_PORT, "--aws-port")
        if engine == "trino":
            from sandbox.athena.trino.program import fetched

            fetched()  # it may take minutes; the sandbox that starts then has it
        self._console.print(f"starting the sandbox: AWS on 127.0.0.1:{port}, made from the contracts")
        self._console.print("  (it asks for no password: every user of this machine can run code in it as you)")
        ledger = self.home / "sandbox-ledger.db"
        for leftover in self.home.glob(ledger.name + "*"):
            leftover.unlink()  # a new sandbox is empty, so the ledger of an earlier one is wrong
        contracts = self._environment["ACEITE_CONTRACTS"]
        arguments = ("--port", str(port), "--contracts", contracts, "--until-stdin-closes", "--engine", engine)
        self._environment.update(SANDBOX_SETTINGS, ACEITE_LEDGER_URL=sqlite_url(ledger))
        return self._start("sandbox", "sandbox", *arguments)

    def use_sandbox(self, sandbox: ChildProcess) -> None:
        self._environment["ACEITE_AWS_ENDPOINT_URL"] = sandbox.await_ready(_READY_WITHIN_S)

    def start_server(self, options: InstallationOptions) -> None:
        """Use the server of the active Prefect profile if it answers; otherwise start one on this machine."""
        active = active_settings()
        configured = None if options.own_server or options.prefect_port is not None else active.api_url
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
        self._auth = choose_auth_string(self.home, active, is_sandbox=options.sandbox, no_auth=options.no_auth)
        if options.no_auth:
            self._console.print(_OPEN, style="bold red", soft_wrap=True)
        port = self._ports.choose(options.prefect_port, DEFAULT_PREFECT_PORT, "--prefect-port")
        self._console.print(f"starting Prefect's server on 127.0.0.1:{port}")
        self._environment.pop("PREFECT_PROFILE", None)
        self._environment.update(
            PREFECT_HOME=str(self.home / "prefect"),
            PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
            **server_settings(csrf_protection=active.csrf_protection),
            **(self._auth.environment if self._auth else {}),
        )
        self._start("prefect server", "cli.serving.prefect_server", "--port", str(port)).await_ready(_READY_WITHIN_S)

    def start_flows(self, only: str | None) -> None:
        parts = only or "watcher, validations"
        self._console.print(f"starting the flows: blocks, deployments, automations, {parts}")
        arguments = ("--only", only) if only else ()
        self._start("flows", "cli.serving.flows_server", *arguments).await_ready(_READY_WITHIN_S)

    def describe(self) -> Running:
        return Running(
            pid=os.getpid(),
            prefect_api_url=self._environment["PREFECT_API_URL"],
            aws_endpoint=self._environment.get("ACEITE_AWS_ENDPOINT_URL"),
            environment={name: value for name, value in self._environment.items() if self._is_shared(name)},
            auth_file=str(self._auth.file) if self._auth and self._auth.file else "",
        )

    def _is_shared(self, name: str) -> bool:
        """Return True for a setting that other commands read from the home. Secrets are not shared."""
        in_sandbox = self._environment.get("ACEITE_AWS_ACCESS_KEY_ID") == SANDBOX_ACCESS_KEY
        if name == "ACEITE_LEDGER_URL" and not self._environment[name].startswith("sqlite"):
            return False  # the URL has a password
        return name in (*_SHARED, *self._of_contracts) or (in_sandbox and name in SANDBOX_SETTINGS)

    def _start(self, name: str, *arguments: str) -> ChildProcess:
        child = ChildProcess(name, arguments, self._environment, self.home / "logs" / f"{name.replace(' ', '-')}.log")
        self.children.append(child)
        return child


def _is_healthy(api_url: str) -> bool:
    try:
        return httpx.get(f"{api_url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


class Ports:
    """Chooses the ports on which the parts listen. Two parts never get the same one.

    A part listens only some time after its port was chosen, so meanwhile the system may offer the port once more.
    """

    def __init__(self) -> None:
        self._chosen: set[int] = set()

    def choose(self, requested: int | None, default: int, option: str) -> int:
        """Return the requested port (0 for any free one). If None is requested: the default, or a free one if taken.

        Raises:
            SettingsError: the requested port is taken.
        """
        for port in (default, 0) if requested is None else (requested,):
            free = self._bind(port)
            if free is not None:
                self._chosen.add(free)
                return free
        raise SettingsError(f"port {requested} on 127.0.0.1 is taken; give {option} another one, or 0 for any free one")

    def _bind(self, port: int) -> int | None:
        """Return the port, or any free one for 0; None if the port is taken."""
        with socket.socket() as probe:
            if port and sys.platform != "win32":
                # A port whose last connections are closing counts as free. On Windows this would take a used port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return None
            bound = int(probe.getsockname()[1])
            if bound not in self._chosen:
                return bound
            return None if port else self._bind(0)  # while the probe holds the port, the system offers another one


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
