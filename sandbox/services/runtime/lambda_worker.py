"""Runs one Lambda handler: reads an event per line of standard input, writes an answer per line of standard output.

The handler's own output goes to standard error, its log; a NUL ends the log of one event. The process ends when its
standard input closes, even during an event. Error types and messages are those of Lambda's own runtime.
"""

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

Request = dict[str, Any]


class Context:
    def __init__(self, request: Request) -> None:
        self.aws_request_id = request["id"]
        self.function_name = self.log_stream_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = os.environ["FUNCTION_ARN"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self._deadline = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


class LoadError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def load(path: str) -> Callable[[Any, Context], Any]:
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise LoadError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    if not hasattr(module, name):
        raise LoadError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")
    handler: Callable[[Any, Context], Any] = getattr(module, name)
    return handler


def answer(request: Request) -> tuple[str, bool]:
    """Return the answer's JSON text, and True if the function failed."""
    try:
        result = load(os.environ["_HANDLER"])(request["event"], Context(request))
    except Exception as error:  # noqa: BLE001 - any exception becomes the function's answer
        kind = error.kind if isinstance(error, LoadError) else type(error).__name__
        sys.stdout.write(f"[ERROR] {kind}: {error}\n{traceback.format_exc()}\n")
        described = {"errorMessage": str(error), "errorType": kind, "requestId": request["id"]}
        return json.dumps({**described, "stackTrace": traceback.format_tb(error.__traceback__)[1:]}), True
    try:
        return json.dumps(result), False
    except TypeError as error:
        message = f"Unable to marshal response: {error}"
        return json.dumps({"errorMessage": message, "errorType": "Runtime.MarshalError", "stackTrace": []}), True


def read(requests: queue.Queue[Request]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    requests: queue.Queue[Request] = queue.Queue()
    threading.Thread(target=read, args=(requests,), daemon=True).start()
    while True:
        answered = answer(requests.get())
        sys.stdout.flush()
        sys.stderr.write("\0\n")
        sys.stderr.flush()
        answers.write(json.dumps(answered) + "\n")
        answers.flush()


main()
