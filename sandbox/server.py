"""AWS on 127.0.0.1 in one process: moto, with an Athena, a Lambda and a Glue that do real work."""

import contextlib
import logging
import os
import re
import socket
import threading
import weakref
from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import Any, ClassVar, Self

from moto.athena.models import athena_backends
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.events.models import events_backends
from moto.glue.models import glue_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from acceptance.errors import SettingsError
from sandbox.athena.backend import RunningAthena
from sandbox.athena.trino.engine import TrinoEngine
from sandbox.athena.values import RESULTS_BUCKET
from sandbox.aws_requests import REGION as REGION
from sandbox.aws_requests import Wsgi
from sandbox.browser_gate import BrowserGate
from sandbox.fault_injection.fault_gate import FAULTS_PATH, FaultInjection
from sandbox.policies.policy_gate import PolicyGate
from sandbox.services.moto_events import StartingEvents
from sandbox.services.moto_glue import RunningGlue
from sandbox.services.moto_lambda import RunningLambda
from sandbox.services.moto_s3 import OrderedS3


class LocalAws:
    """The services of one AWS account. A process can have one at a time, because moto keeps its state per process.

    `glue_minute_s` is how many seconds a minute of a Glue timeout takes. `fault_injection` holds the faults to make.
    `engine` runs Athena's SELECTs: "duckdb" or "trino".

    Raises:
        SettingsError: the port is taken, or this machine cannot run Trino.
    """

    def __init__(
        self, port: int = 0, host: str = "127.0.0.1", *, glue_minute_s: float = 60, engine: str = "duckdb"
    ) -> None:
        if port and _is_in_use(host, port):
            raise SettingsError(f"Port {port} on {host} is in use. Choose another port, or 0 for any free one.")
        _replace_backends()
        self.fault_injection = FaultInjection()
        app = wsgi_app(BrowserGate, self.fault_injection.gate, PolicyGate)
        try:
            self._server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
        except SystemExit:  # werkzeug raises it
            raise SettingsError(f"Port {port} on {host} cannot be opened. Choose another port.") from None
        self.endpoint = f"http://{host}:{self._server.server_address[1]}"
        self.faults_url = self.endpoint + FAULTS_PATH
        RunningLambda.endpoint = RunningGlue.endpoint = self.endpoint
        RunningGlue.minute_s = glue_minute_s
        self._undo, self._trino = contextlib.ExitStack(), None
        if engine == "trino":
            self._trino = TrinoEngine(self.endpoint, DEFAULT_ACCOUNT_ID)
        os.environ["MOTO_PORT"] = str(self._server.server_address[1])  # where moto's state machines call AWS

    def start(self) -> Self:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(RESULTS_BUCKET, REGION)
        threading.Thread(target=self._server.serve_forever, name="sandbox", daemon=True).start()
        if self._trino:
            try:
                RunningAthena.trino = self._undo.enter_context(self._trino)
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """End the server and every child process, and delete all state."""
        RunningAthena.trino = None
        self._undo.close()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(_QuietHandler.connections):  # an idle connection would keep its thread alive
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        BackendDict.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wsgi_app(*gates: Callable[[Wsgi], Wsgi]) -> Any:
    """Return AWS as one WSGI application. A request goes through the gates from the first to the last."""
    app: Any = _OneRegion(_Dispatcher(create_backend_app))
    for gate in reversed(gates):
        app = gate(app)
    return app


class _Dispatcher(DomainDispatcherApplication):
    """Caches the service of a host. moto searches all services at each request, which takes a third of its CPU."""

    def __init__(self, create_app: Callable[[str], Any]) -> None:
        super().__init__(create_app)
        self._backend_of = lru_cache(maxsize=256)(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        return self._backend_of(host)


class _OneRegion:
    """Serves every region as REGION, so that a client of one region finds what a client of another region made."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if signed := environ.get("HTTP_AUTHORIZATION"):
            environ["HTTP_AUTHORIZATION"] = re.sub(r"(Credential=[^/,]+/\d+/)[^/]+/", rf"\1{REGION}/", signed)

        def start_with_one_request_id(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            """Drop moto's request id if the function's log has another one; boto3 would join the two."""
            has_own = any(name == "x-amzn-RequestId" for name, _ in headers)
            kept = [header for header in headers if not (has_own and header[0] == "x-amzn-requestid")]
            return start_response(status, kept, *more)

        return self._app(environ, start_with_one_request_id)


def _replace_backends() -> None:
    """Give moto the classes from which it makes a service's backend at the first request."""
    athena_backends.backend = RunningAthena
    lambda_backends.backend = RunningLambda
    glue_backends.backend = RunningGlue
    events_backends.backend = StartingEvents
    s3_backends.backend = OrderedS3
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    for name, level in (("sqlglot", logging.ERROR), ("moto.stepfunctions", logging.CRITICAL)):
        logging.getLogger(name).setLevel(level)


def _is_in_use(host: str, port: int) -> bool:
    # Connect rather than bind: on Windows a second server may bind a port in use, and takes half of its clients.
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


class _QuietHandler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: ClassVar[weakref.WeakSet[socket.socket]] = weakref.WeakSet()

    def setup(self) -> None:
        super().setup()
        self.connections.add(self.connection)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log(self, type: str, message: str, *args: Any) -> None:
        pass

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass
