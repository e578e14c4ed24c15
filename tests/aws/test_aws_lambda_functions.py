import io
import re
import uuid
import zipfile
from datetime import timedelta

import pytest

from acceptance.errors import AnswerLost, NoFreeRun, StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.lambda_functions import LOG_LINES, invoke

CODE = """
import json, time

def handler(event, context):
    print("got", json.dumps(event, ensure_ascii=False))
    match event["do"]:
        case "answer":
            return {"heard": event}
        case "nothing":
            return None
        case "fail":
            for line in range(30):
                print("line", line)
            raise KeyError("source_bucket")
        case "start":
            raise RuntimeError("no run: " + event["error"] + " when calling the StartJobRun operation")
        case "hang":
            time.sleep(60)
"""
MINUTE = timedelta(minutes=1)


def create_function(aws):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("code_under_test.py", CODE)
    name = f"function-{uuid.uuid4().hex}"
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="code_under_test.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=90,
    )
    return name


@pytest.fixture(scope="module")
def function(local_aws):
    return create_function(local_aws)


@pytest.fixture
def lambda_(local_aws):
    return local_aws.client("lambda", **no_retry_config(MINUTE))


def test_an_answer_has_payload_request_and_log(lambda_, function):
    answer = invoke(lambda_, function, {"do": "answer", "key": "ação é.csv"}, within=MINUTE)
    assert answer.payload == {"heard": {"do": "answer", "key": "ação é.csv"}}
    assert answer.status_code == 200
    assert "ação é.csv" in answer.log_tail
    assert answer.request_id


def test_a_function_that_returns_nothing_answers_null(lambda_, function):
    assert invoke(lambda_, function, {"do": "nothing"}, within=MINUTE).payload is None


def test_a_function_that_glue_refused_another_run_is_told_from_one_that_failed(lambda_, function):
    refused = "An error occurred (ConcurrentRunsExceededException)"
    with pytest.raises(NoFreeRun, match=rf"{function} failed, RuntimeError"):
        invoke(lambda_, function, {"do": "start", "error": refused}, within=MINUTE)
    with pytest.raises(StepFailed) as failed:
        invoke(lambda_, function, {"do": "start", "error": "InvalidInputException"}, within=MINUTE)
    assert not isinstance(failed.value, NoFreeRun)


def test_a_failing_function_is_a_failed_step_with_its_own_error_and_the_end_of_its_log(lambda_, function):
    with pytest.raises(StepFailed) as failed:
        invoke(lambda_, function, {"do": "fail"}, within=MINUTE)
    assert re.fullmatch(rf"{function} failed, KeyError \(request [\w-]+\)", str(failed.value))
    assert failed.value.words is not None
    first, *log = failed.value.words.text.splitlines()
    assert first == "'source_bucket'"
    assert failed.value.words.whole.startswith(f"CloudWatch, log group /aws/lambda/{function}, ")
    assert len(log) == 1 + LOG_LINES
    assert "  line 29" in log
    assert "  line 0" not in log


def test_an_asynchronous_call_is_accepted_and_not_waited_for(lambda_, function):
    answer = invoke(lambda_, function, {"do": "answer"}, within=MINUTE, asynchronous=True)
    assert (answer.status_code, answer.payload, answer.log_tail) == (202, None, "")


def test_a_function_that_is_not_there_is_named(lambda_):
    with pytest.raises(StepFailed, match=r"invoke lambdanone: ResourceNotFoundException: .*lambdanone"):
        invoke(lambda_, "lambdanone", {}, within=MINUTE)


def test_a_late_answer_is_a_wait_that_timed_out_and_the_function_was_called_once(mishaps):
    aws, layer = mishaps
    function, layer.requests = create_function(aws), 0
    within = timedelta(seconds=1)
    with pytest.raises(
        WaitTimedOut, match=rf"invoke {function}: no response after 1 s; the function may still be running"
    ):
        invoke(aws.client("lambda", **no_retry_config(within)), function, {"do": "hang"}, within=within)
    assert layer.requests == 1


def test_a_lost_answer_is_a_failed_step_and_the_function_was_called_once(mishaps, function):
    aws, layer = mishaps
    layer.answers.append("answer lost")
    with pytest.raises(StepFailed, match=f"invoke {function}: 500"):
        invoke(aws.client("lambda", **no_retry_config(MINUTE)), function, {"do": "answer"}, within=MINUTE)
    assert layer.requests == 1


@pytest.mark.parametrize("refusal", ["409 CodeArtifactUserPendingException", "502 EC2ThrottledException"])
def test_a_function_that_is_not_ready_yet_is_asked_again_until_it_runs(mishaps, stepped, function, refusal):
    aws, layer = mishaps
    layer.answers += [refusal, refusal]
    client = aws.client("lambda", **no_retry_config(MINUTE))
    answer = invoke(client, function, {"do": "answer"}, within=MINUTE, clock=stepped.clock)
    assert answer.status_code == 200
    assert layer.requests == 3


def test_a_function_that_lambda_could_not_set_up_fails_at_once_though_the_status_is_502(mishaps, stepped, function):
    aws, layer = mishaps
    layer.answers.append("502 KMSAccessDeniedException")
    client = aws.client("lambda", **no_retry_config(MINUTE))
    with pytest.raises(StepFailed, match=f"invoke {function}: KMSAccessDeniedException: not now") as failed:
        invoke(client, function, {"do": "answer"}, within=MINUTE, clock=stepped.clock)
    assert not isinstance(failed.value, AnswerLost)
    assert layer.requests == 1


@pytest.mark.parametrize("config", [{}, {"retries": {"max_attempts": 2}}, {"retries": {"total_max_attempts": 3}}])
def test_a_client_that_would_call_the_function_again_by_itself_is_refused(local_aws, function, config):
    with pytest.raises(ValueError, match=r"create it with no_retry_config"):
        invoke(local_aws.client("lambda", **config), function, {}, within=MINUTE)
