"""Lambda that runs Python handlers: one warm process per function version, spoken to in lines of JSON."""

import base64
import io
import json
import tempfile
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from moto.awslambda import urls
from moto.awslambda.models import LambdaBackend, LambdaFunction

from sandbox.services.runtime_process import environment, start_python

ATTEMPTS = 3  # of an Event invocation, as AWS makes
LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    body: str
    failed: bool
    log: str


class Worker:
    """The process of one function version. Events are answered one after the other."""

    def __init__(self, function: LambdaFunction, endpoint: str) -> None:
        self._turn, self._log, self._log_ended = threading.Lock(), list[str](), threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="lambda-", ignore_cleanup_errors=True)
        with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
            package.extractall(self._folder.name)
        variables = {
            "LAMBDA_TASK_ROOT": self._folder.name,
            "_HANDLER": function.handler,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "FUNCTION_ARN": function.function_arn,
            **{name: str(value) for name, value in function.environment_vars.items()},
        }
        variables = {**environment(endpoint, function.region), **variables}
        self.process = start_python("lambda_worker.py", [], Path(self._folder.name), variables)
        threading.Thread(target=self._read_log, daemon=True).start()

    def call(self, event: Any, timeout_s: float, request_id: str) -> Answer:
        with self._turn:
            self._log.clear()
            self._log_ended.clear()
            timed_out = threading.Event()
            timer = threading.Timer(timeout_s, self._time_out, (timed_out,))
            timer.daemon = True
            timer.start()
            started = time.monotonic()
            line = self._exchange({"id": request_id, "event": event, "deadline": time.time() + timeout_s})
            timer.cancel()
            self._log_ended.wait(5)
            duration_ms = (time.monotonic() - started) * 1000
            if line:
                body, failed = json.loads(line)
            else:
                body, failed = self._how_it_died(request_id, timeout_s if timed_out.is_set() else None), True
            return Answer(body, failed, self._report(request_id, duration_ms))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self._folder.cleanup()

    def _time_out(self, timed_out: threading.Event) -> None:
        timed_out.set()
        self.process.kill()

    def _exchange(self, request: dict[str, Any]) -> str:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except OSError:
            return ""

    def _read_log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            text, end, _ = line.rstrip("\n").partition("\0")
            if text or not end:
                self._log.append(text)
            if end:
                self._log_ended.set()
        self._log_ended.set()

    def _how_it_died(self, request_id: str, timeout_s: float | None) -> str:
        status = self.process.wait()
        if timeout_s is not None:
            message, kind = f"{request_id} Task timed out after {timeout_s:.2f} seconds", "Sandbox.Timedout"
        else:
            message, kind = f"Error: Runtime exited with error: exit status {status}", "Runtime.ExitError"
            message = f"RequestId: {request_id} {message}"
        self._log.append(message)
        return json.dumps({"errorType": kind, "errorMessage": message})

    def _report(self, request_id: str, duration_ms: float) -> str:
        head = f"START RequestId: {request_id} Version: $LATEST"
        tail = f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms"
        return "\n".join([head, *self._log, tail]) + "\n"


class RunningFunction(LambdaFunction):
    """`invoke` is the gate of every caller: the API, S3 notifications, event source mappings."""

    @property
    def _backend(self) -> "RunningLambda":
        from moto.awslambda.models import lambda_backends

        backend: RunningLambda = lambda_backends[self.account_id][self.region]
        return backend

    def invoke(self, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        kind = (request_headers or {}).get("X-Amz-Invocation-Type") or "RequestResponse"
        event, request_id = json.loads(body) if body else {}, str(uuid.uuid4())
        response_headers.update({"x-amzn-RequestId": request_id, "x-amz-executed-version": str(self.version)})
        if kind == "Event":
            threading.Thread(target=self._attempt, args=(event, request_id), daemon=True).start()
        if kind != "RequestResponse":
            return b""
        answer = self._answer(event, request_id)
        if answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = base64.b64encode(answer.log.encode()[-LOG_TAIL_BYTES:]).decode()
        return answer.body.encode()

    def _attempt(self, event: Any, request_id: str) -> None:
        for _ in range(ATTEMPTS):
            if not self._answer(event, request_id).failed:
                return
            time.sleep(self._backend.retry_delay_s)

    def _answer(self, event: Any, request_id: str) -> Answer:
        answer = self._backend.worker(self).call(event, float(self.timeout or 3), request_id)
        self.logs_backend.ensure_log_group(self.logs_group_name)
        self.save_logs(answer.log)
        return answer


class RunningLambda(LambdaBackend):
    endpoint: ClassVar[str] = ""
    retry_delay_s: ClassVar[float] = 0.2  # AWS waits one minute, then two

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._workers: dict[str, tuple[str, Worker]] = {}
        self._workers_lock = threading.Lock()

    def worker(self, function: LambdaFunction) -> Worker:
        """The process of this version of the function; one that runs older code is ended."""
        made_of = json.dumps([function.code_sha_256, function.handler, function.environment_vars])
        with self._workers_lock:
            known, worker = self._workers.get(function.function_arn, ("", None))
            if worker and (known != made_of or worker.process.poll() is not None):
                worker.stop()
                worker = None
            if worker is None:
                worker = Worker(function, self.endpoint)
                self._workers[function.function_arn] = (made_of, worker)
            return worker

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        function = super().create_function(spec)
        # moto names its class where it makes the function; this is the same object with another `invoke`.
        self.get_function(spec["FunctionName"]).__class__ = function.__class__ = RunningFunction
        return function

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        function = self.get_function(function_name, qualifier)
        super().delete_function(function_name, qualifier)
        with self._workers_lock:
            _, worker = self._workers.pop(function.function_arn, ("", None))
        if worker:
            worker.stop()

    def reset(self) -> None:
        for _, worker in self._workers.values():
            worker.stop()
        super().reset()

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=urls.url_bases, url_paths=urls.url_paths)
