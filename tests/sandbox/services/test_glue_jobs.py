from typing import Any

import pytest
from polling import eventually

SCRIPT = """
import sys, time
import boto3
from awsglue.utils import getResolvedOptions

given = getResolvedOptions(sys.argv, ["what", "bucket"])
if given["what"] == "wait":
    time.sleep(60)
if given["what"] == "fail":
    raise ValueError("the file is empty: ção.csv")
if given["what"] == "exit":
    sys.exit(2)
boto3.client("s3").put_object(Bucket=given["bucket"], Key="made", Body=given["JOB_NAME"].encode())
"""


@pytest.fixture(scope="module")
def job(s3: Any, glue: Any) -> str:
    s3.create_bucket(Bucket="scripts")
    s3.put_object(Bucket="scripts", Key="jobs/script.py", Body=SCRIPT.encode())
    glue.create_job(
        Name="convert",
        Role="any",
        Command={"Name": "pythonshell", "ScriptLocation": "s3://scripts/jobs/script.py"},
        DefaultArguments={"--bucket": "scripts"},
        ExecutionProperty={"MaxConcurrentRuns": 1},
        Timeout=60,
    )
    return "convert"


def _start(glue: Any, job: str, what: str, **asked: Any) -> str:
    return glue.start_job_run(JobName=job, Arguments={"--what": what}, **asked)["JobRunId"]


def _end(glue: Any, job: str, run_id: str) -> Any:
    def ended() -> Any:
        run = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        return run if run["JobRunState"] not in ("STARTING", "RUNNING", "STOPPING") else None

    return eventually(ended, "the end of the job")


def test_a_run_runs_the_script_with_the_arguments_of_job_and_run(glue: Any, s3: Any, job: str) -> None:
    run = _end(glue, job, _start(glue, job, "write"))
    assert run["JobRunState"] == "SUCCEEDED" and "ErrorMessage" not in run
    assert s3.get_object(Bucket="scripts", Key="made")["Body"].read() == b"convert"


@pytest.mark.parametrize(
    ("what", "message"), [("fail", "ValueError: the file is empty: ção.csv"), ("exit", "SystemExit: 2")]
)
def test_a_failure_shows_the_last_line_of_the_traceback(glue: Any, job: str, what: str, message: str) -> None:
    run = _end(glue, job, _start(glue, job, what))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_a_missing_argument_is_named(glue: Any, job: str) -> None:
    run = _end(glue, job, glue.start_job_run(JobName=job)["JobRunId"])
    assert run["ErrorMessage"].endswith("the following arguments are required: --what")


def test_a_missing_script_fails_the_run(glue: Any) -> None:
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/nothing.py"}
    glue.create_job(Name="without-script", Role="any", Command=command)
    run = _end(glue, "without-script", _start(glue, "without-script", "write"))
    assert run["JobRunState"] == "FAILED" and "s3://scripts/nothing.py does not exist" in run["ErrorMessage"]


def test_no_more_runs_than_the_job_allows_and_a_run_can_be_stopped(glue: Any, job: str) -> None:
    running = _start(glue, job, "wait")
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        _start(glue, job, "write")
    eventually(
        lambda: glue.get_job_run(JobName=job, RunId=running)["JobRun"]["JobRunState"] == "RUNNING", "the job runs"
    )
    stopped = glue.batch_stop_job_run(JobName=job, JobRunIds=[running, "jr_unknown"])
    assert [run["JobRunId"] for run in stopped["SuccessfulSubmissions"]] == [running]
    assert [run["JobRunId"] for run in stopped["Errors"]] == ["jr_unknown"]
    assert _end(glue, job, running)["JobRunState"] == "STOPPED"


def test_a_run_that_takes_too_long_times_out(glue: Any, job: str) -> None:
    run = _end(glue, job, _start(glue, job, "wait", Timeout=2))
    assert run["JobRunState"] == "TIMEOUT" and "2 minutes" in run["ErrorMessage"]


def test_a_run_that_fails_is_retried_as_the_job_says_and_one_that_is_stopped_is_not(glue: Any, job: str) -> None:
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/jobs/script.py"}
    glue.create_job(Name="retried", Role="any", Command=command, DefaultArguments={"--bucket": "b"}, MaxRetries=2)
    first = _start(glue, "retried", "fail")

    def runs() -> Any:
        found = glue.get_job_runs(JobName="retried")["JobRuns"]
        return found if [run["JobRunState"] for run in found] == ["FAILED"] * 3 else None

    last, second, run = eventually(runs, "three attempts")
    assert [run["Id"], second["PreviousRunId"], last["PreviousRunId"]] == [first, first, second["Id"]]
    assert [run["Attempt"], second["Attempt"], last["Attempt"]] == [0, 1, 2]
    assert last["Arguments"] == run["Arguments"]
    waiting = _start(glue, "retried", "wait")
    glue.batch_stop_job_run(JobName="retried", JobRunIds=[waiting])
    assert _end(glue, "retried", waiting)["JobRunState"] == "STOPPED"
    assert [run["Attempt"] for run in glue.get_job_runs(JobName="retried")["JobRuns"]] == [0, 2, 1, 0]
