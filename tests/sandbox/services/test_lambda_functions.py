import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from polling import eventually
from sandbox_answers import payload

CODE = """
import os, time
import boto3

def hello(event, context):
    print("olá", event["name"])
    return {"name": event["name"], "function": context.function_name, "who": os.environ["WHO"],
            "left": context.get_remaining_time_in_millis() > 0, "pid": os.getpid()}

def fail(event, context):
    raise ValueError("no such thing: " + event["name"])

def sleep(event, context):
    time.sleep(30)

def leave(event, context):
    os._exit(3)

def odd(event, context):
    return {1, 2}

def count(event, context):
    s3 = boto3.client("s3")
    name = f"attempt-{time.time_ns()}"
    s3.put_object(Bucket=event["bucket"], Key=name, Body=b"")
    if event.get("fail"):
        raise RuntimeError("again")
"""


def _zip(code: str) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("functions_under_test.py", code)
    return package.getvalue()


@pytest.fixture(scope="module")
def awslambda(client: Callable[[str], Any]) -> Any:
    role = client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = client("lambda")
    for name in ("hello", "fail", "sleep", "leave", "odd", "count"):
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role,
            Handler=f"functions_under_test.{name}",
            Code={"ZipFile": _zip(CODE)},
            Timeout=1 if name == "sleep" else 20,
            Environment={"Variables": {"WHO": "Ana"}},
        )
    return client


def _invoke(client: Any, name: str, event: Any, **asked: Any) -> Any:
    return client.invoke(FunctionName=name, Payload=json.dumps(event), **asked)


def test_a_handler_answers_and_its_log_comes_with_the_answer(awslambda: Any) -> None:
    answer = _invoke(awslambda, "hello", {"name": "João"}, LogType="Tail")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "olá João" in log and log.startswith("START RequestId") and "REPORT RequestId" in log
    got = payload(answer)
    assert (got["name"], got["function"], got["who"], got["left"]) == ("João", "hello", "Ana", True)


def test_a_function_stays_warm_until_its_code_changes(awslambda: Any) -> None:
    first, second = (payload(_invoke(awslambda, "hello", {"name": "x"})) for _ in range(2))
    assert first["pid"] == second["pid"]
    awslambda.update_function_code(FunctionName="hello", ZipFile=_zip(CODE.replace('"pid"', '"process"')))
    third = payload(_invoke(awslambda, "hello", {"name": "x"}))
    assert third["process"] != first["pid"]


def test_an_exception_is_a_function_error_with_its_type_message_and_trace(awslambda: Any) -> None:
    answer = _invoke(awslambda, "fail", {"name": "é"}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    got = payload(answer)
    assert (got["errorType"], got["errorMessage"]) == ("ValueError", "no such thing: é")
    assert any("functions_under_test.py" in line for line in got["stackTrace"])
    assert b"[ERROR] ValueError" in base64.b64decode(answer["LogResult"])


def test_a_function_that_takes_too_long_is_ended(awslambda: Any) -> None:
    answer = _invoke(awslambda, "sleep", {})
    assert answer["FunctionError"] == "Unhandled"
    assert payload(answer)["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_a_process_that_ends_is_an_error_and_the_next_call_gets_a_new_one(awslambda: Any) -> None:
    for _ in range(2):
        assert "Runtime exited with error: exit status 3" in payload(_invoke(awslambda, "leave", {}))["errorMessage"]


def test_an_answer_that_is_not_json_is_an_error(awslambda: Any) -> None:
    assert payload(_invoke(awslambda, "odd", {}))["errorType"] == "Runtime.MarshalError"


def test_a_missing_module_or_handler_is_named(awslambda: Any) -> None:
    for handler, kind in (
        ("nowhere.f", "Runtime.ImportModuleError"),
        ("functions_under_test.f", "Runtime.HandlerNotFound"),
    ):
        awslambda.update_function_configuration(FunctionName="odd", Handler=handler)
        assert payload(_invoke(awslambda, "odd", {}))["errorType"] == kind


@pytest.mark.parametrize(("fail", "attempts"), [(False, 1), (True, 3)])
def test_an_event_is_accepted_at_once_and_tried_three_times(awslambda: Any, s3: Any, fail: bool, attempts: int) -> None:
    bucket = f"attempts-{attempts}"
    s3.create_bucket(Bucket=bucket)
    answer = _invoke(awslambda, "count", {"bucket": bucket, "fail": fail}, InvocationType="Event")
    assert answer["StatusCode"] == 202
    eventually(lambda: s3.list_objects_v2(Bucket=bucket)["KeyCount"] == attempts, "all attempts")
    # Events of one function are answered in order: once this one is, a fourth attempt would be there.
    _invoke(awslambda, "count", {"bucket": "athena-results"})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == attempts


def test_a_dry_run_runs_nothing(awslambda: Any) -> None:
    assert _invoke(awslambda, "fail", {"name": ""}, InvocationType="DryRun")["StatusCode"] == 204


def test_an_unknown_function_is_refused(awslambda: Any) -> None:
    with pytest.raises(awslambda.exceptions.ResourceNotFoundException):
        _invoke(awslambda, "nobody", {})
