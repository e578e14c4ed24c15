"""Runs of Glue workflows, whose triggers the sandbox really follows."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.glue.workflows import run_workflow
from aws.waiting import Clock

MINUTE = timedelta(minutes=1)
NOTHING = timedelta()
SCRIPT = """
import sys, time
if "wait" in sys.argv:
    time.sleep(60)
if "fail" in sys.argv:
    raise ValueError("row 7 has no price")
if "once" in sys.argv or "twice" in sys.argv:
    import boto3
    s3, job = boto3.client("s3"), sys.argv[sys.argv.index("--JOB_NAME") + 1]
    s3.create_bucket(Bucket="attempts")
    again = "Contents" in s3.list_objects_v2(Bucket="attempts", Prefix=job)
    s3.put_object(Bucket="attempts", Key=job)
    if not again or "twice" in sys.argv:
        raise MemoryError("the second attempt" if again else "the first attempt")
"""


@pytest.fixture(scope="module")
def script(local_aws) -> str:
    bucket, s3 = f"scripts-{uuid.uuid4().hex}", local_aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="script.py", Body=SCRIPT.encode())
    return f"s3://{bucket}/script.py"


@pytest.fixture
def glue(local_aws):
    return local_aws.client("glue", **no_retry_config(MINUTE))


@pytest.fixture
def workflow(glue, script):
    """Make a workflow that runs one job with this argument, and another one after it."""

    def make(what: str, retries: int = 0, **more: Any) -> str:
        name = f"w-{uuid.uuid4().hex}"
        command = {"Name": "pythonshell", "ScriptLocation": script}
        for job, argument in (("first", what), ("second", "work")):
            given = {"DefaultArguments": {"--what": argument}, "MaxRetries": retries}
            glue.create_job(Name=f"{name}-{job}", Role="r", Command=command, **given)
        glue.create_workflow(Name=name, **more)
        actions = [{"JobName": f"{name}-first"}]
        glue.create_trigger(Name=f"{name}-start", WorkflowName=name, Type="ON_DEMAND", Actions=actions)
        condition = {"LogicalOperator": "EQUALS", "JobName": f"{name}-first", "State": "SUCCEEDED"}
        glue.create_trigger(
            Name=f"{name}-then",
            WorkflowName=name,
            Type="CONDITIONAL",
            Predicate={"Logical": "AND", "Conditions": [condition]},
            Actions=[{"JobName": f"{name}-second"}],
        )
        return name

    return make


def runs(glue: Any, workflow: str) -> list[Any]:
    return list(glue.get_workflow_runs(Name=workflow)["Runs"])


def test_a_run_ends_when_all_its_jobs_have_succeeded_and_has_the_properties(glue, workflow):
    name = workflow("work")
    ended = run_workflow(glue, name, {"key": "Preço.csv"}, "mine", within=MINUTE)
    assert (ended.succeeded, ended.total) == (2, 2)
    (run,) = runs(glue, name)
    assert run["WorkflowRunProperties"] == {"key": "Preço.csv", "aceite_run": "mine"}
    assert run_workflow(glue, name, {"key": "Preço.csv"}, "mine", within=MINUTE) == ended, "it is the same run"
    assert len(runs(glue, name)) == 1


def test_a_run_in_which_a_job_fails_is_a_failure_with_the_jobs_own_words_though_glue_calls_it_completed(glue, workflow):
    name = workflow("fail")
    with pytest.raises(StepFailed, match=f"run wr_.*: COMPLETED, job {name}-first FAILED") as failed:
        run_workflow(glue, name, {}, "mine", within=MINUTE)
    assert failed.value.words is not None
    assert failed.value.words.text == "ValueError: row 7 has no price"
    assert "row 7" not in str(failed.value)


def test_a_job_of_a_run_that_glue_retries_counts_by_its_last_attempt(glue, workflow):
    name = workflow("once", retries=1)
    ended = run_workflow(glue, name, {}, "mine", within=MINUTE)
    assert (ended.succeeded, ended.total) == (2, 2)
    states = [run["JobRunState"] for run in glue.get_job_runs(JobName=f"{name}-first")["JobRuns"]]
    assert states == ["SUCCEEDED", "FAILED"]


def test_a_job_of_a_run_whose_retry_fails_too_is_told_by_the_words_of_the_retry(glue, workflow):
    name = workflow("twice", retries=1)
    with pytest.raises(StepFailed, match=f"COMPLETED, job {name}-first FAILED") as failed:
        run_workflow(glue, name, {}, "mine", within=MINUTE)
    assert failed.value.words is not None
    assert failed.value.words.text == "MemoryError: the second attempt"


def test_a_run_in_which_a_crawler_fails_is_a_failure_with_the_crawlers_own_words(glue):
    name = f"w-{uuid.uuid4().hex}"
    glue.create_crawler(Name=name, Role="r", DatabaseName="gone", Targets={"S3Targets": [{"Path": "s3://none/t/"}]})
    glue.create_workflow(Name=name)
    glue.create_trigger(Name=name, WorkflowName=name, Type="ON_DEMAND", Actions=[{"CrawlerName": name}])
    with pytest.raises(StepFailed, match=f"COMPLETED, crawler {name} FAILED") as failed:
        run_workflow(glue, name, {}, "mine", within=MINUTE)
    assert failed.value.words is not None
    assert "EntityNotFoundException" in failed.value.words.text
    assert "logs of the crawler" in failed.value.words.whole


def test_a_start_whose_answer_is_lost_starts_no_second_run(mishaps, glue, workflow):
    name = workflow("work")
    aws, layer = mishaps
    layer.answers.extend(["", "answer lost"])
    run_workflow(aws.client("glue", **no_retry_config(MINUTE)), name, {}, "mine", within=MINUTE)
    assert len(runs(glue, name)) == 1


def test_a_start_waits_for_its_turn_and_a_run_that_is_late_or_whose_caller_is_cancelled_is_stopped(
    local_aws, glue, workflow
):
    class Cancelled(BaseException):
        pass

    def cancel(_: float) -> None:
        raise Cancelled

    name = workflow("wait", MaxConcurrentRuns=1)
    with pytest.raises(WaitTimedOut, match="still RUNNING, 0 of 1 actions succeeded after 0 s, so Aceite told"):
        run_workflow(glue, name, {}, "late", within=NOTHING)
    with pytest.raises(Cancelled):
        run_workflow(glue, workflow("wait"), {}, "cancelled", within=MINUTE, clock=Clock(lambda: 0.0, cancel))
    busy = workflow("wait", MaxConcurrentRuns=1)
    glue.start_workflow_run(Name=busy)
    with pytest.raises(WaitTimedOut, match=r"ConcurrentRunsExceededException.*; for 0 s, and Glue started no run"):
        run_workflow(glue, busy, {}, "mine", within=NOTHING)
    assert len(runs(glue, busy)) == 1


def test_a_workflow_without_a_trigger_ran_nothing_and_a_missing_one_is_told(glue):
    glue.create_workflow(Name="empty")
    with pytest.raises(StepFailed, match="COMPLETED, but no job and no crawler of it ran; look at the triggers"):
        run_workflow(glue, "empty", {}, "mine", within=MINUTE)
    with pytest.raises(StepFailed, match="list the runs of the Glue workflow none: EntityNotFoundException"):
        run_workflow(glue, "none", {}, "mine", within=MINUTE)


def test_a_client_that_repeats_requests_is_refused(local_aws):
    with pytest.raises(ValueError, match="could start a workflow twice"):
        run_workflow(local_aws.client("glue"), "any", {}, "mine", within=MINUTE)
