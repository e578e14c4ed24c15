"""A Lambda that runs Python handlers: one warm process per function version, which exchanges lines of JSON."""

import base64
import io
import json
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

from blocks.temporary_folders import temporary_folder
from sandbox.services.runtime_process import environment, start_python

ATTEMPTS = 3
"""Attempts of an Event invocation, as AWS makes by default."""
LOG_TAIL_BYTES = 4096
"""The size of the log's end in an answer, as in AWS."""


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The JSON body, True if the function failed, and the log."""

    body: str
    failed: bool
    log: str


class FunctionProcess:
    """The process of one function version. It answers one event at a time."""

    def __init__(self, function: LambdaFunction, endpoint: str) -> None:
        self._one_at_a_time, self._log, self._log_ended = threading.Lock(), list[str](), threading.Event()
        self._folder = temporary_folder()
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

    def call(self, event: Any, timeout_s: float, request_id: str) -> InvocationResult:
        """Send the event and wait for the answer; kill the process after `timeout_s`."""
        with self._one_at_a_time:
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
                body, failed = self._describe_death(request_id, timeout_s if timed_out.is_set() else None), True
            return InvocationResult(body, failed, self._report(request_id, duration_ms))

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

    def _describe_death(self, request_id: str, timeout_s: float | None) -> str:
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
    """A function that runs. Every caller uses `invoke`: the API, S3 notifications, event source mappings."""

    @property
    def _backend(self) -> "RunningLambda":
        from moto.awslambda.models import lambda_backends

        backend: RunningLambda = lambda_backends[self.account_id][self.region]
        return backend

    def invoke(self, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        kind = (request_headers or {}).get("X-Amz-Invocation-Type") or "RequestResponse"
        event, request_id = json.loads(body) if body else {}, str(uuid.uuid4())
        if not request_headers and _is_of_s3(event):
            kind = "Event"
        response_headers.update({"x-amzn-RequestId": request_id, "x-amz-executed-version": str(self.version)})
        if kind == "Event":
            threading.Thread(target=self._attempt, args=(event, request_id), daemon=True).start()
        if kind != "RequestResponse":
            return b""
        result = self._run(event, request_id)
        if result.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = base64.b64encode(result.log.encode()[-LOG_TAIL_BYTES:]).decode()
        return result.body.encode()

    def _attempt(self, event: Any, request_id: str) -> None:
        for _ in range(ATTEMPTS):
            if not self._run(event, request_id).failed:
                return
            time.sleep(self._backend.retry_delay_s)

    def _run(self, event: Any, request_id: str) -> InvocationResult:
        result = self._backend.process_of(self).call(event, float(self.timeout or 3), request_id)
        self.logs_backend.ensure_log_group(self.logs_group_name)
        self.save_logs(result.log)
        return result


def _is_of_s3(event: Any) -> bool:
    """Return True for a notification of S3, which does not wait for the function."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and records[:1] != [] and records[0].get("eventSource") == "aws:s3"


class RunningLambda(LambdaBackend):
    endpoint: ClassVar[str] = ""
    retry_delay_s: ClassVar[float] = 0.2
    """Seconds between attempts of an Event invocation. AWS waits one minute, then two."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._processes: dict[str, tuple[str, FunctionProcess]] = {}
        self._processes_lock = threading.Lock()

    def process_of(self, function: LambdaFunction) -> FunctionProcess:
        """Return the process of this version of the function; end one that runs older code."""
        source = json.dumps([function.code_sha_256, function.handler, function.environment_vars])
        with self._processes_lock:
            running_source, running = self._processes.get(function.function_arn, ("", None))
            if running and (running_source != source or running.process.poll() is not None):
                running.stop()
                running = None
            if running is None:
                running = FunctionProcess(function, self.endpoint)
                self._processes[function.function_arn] = (source, running)
            return running

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        function = super().create_function(spec)
        # moto fixes the class where it makes the function; this is the same object with another `invoke`.
        self.get_function(spec["FunctionName"]).__class__ = function.__class__ = RunningFunction
        return function

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        function = self.get_function(function_name, qualifier)
        super().delete_function(function_name, qualifier)
        with self._processes_lock:
            _, running = self._processes.pop(function.function_arn, ("", None))
        if running:
            running.stop()

    def reset(self) -> None:
        for _, running in self._processes.values():
            running.stop()
        super().reset()

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=urls.url_bases, url_paths=urls.url_paths)
