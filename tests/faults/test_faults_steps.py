"""Steps under faults of AWS, on the sandbox: what is started is started once, and a moment's faults are outlived."""

import io
import time
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from acceptance.errors import AnswerLost, QueryFailed, StepFailed, WaitTimedOut
from aws.athena import connect, run_query
from aws.calls import no_retry_config, retry_when_denied
from aws.glue import jobs as glue_jobs
from aws.lambda_functions import invoke
from aws.s3.objects import await_object, read_bytes
from aws.s3.writes import put_once, replace_if
from aws.waiting import REAL_CLOCK, Clock
from blocks.build import RETRY_CONFIG
from sandbox.fault_injection.aws_faults import AwsFault, AwsFaultKind
from sandbox.server import REGION, LocalAws

SEED = 20261123
MINUTE, SOON = timedelta(minutes=1), timedelta(seconds=3)
ANSWER_WITHIN = timedelta(seconds=1.5)
HURRIED = Clock(now=lambda: 5 * time.monotonic(), sleep=lambda pause_s: time.sleep(pause_s / 5))
"""Five seconds in one."""
CALLED = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket="lost", Key=f"called/{event['name']}/{context.aws_request_id}", Body=b"")
"""
JOB = b"import sys, time\ntime.sleep(60 if 'stuck' in sys.argv else 0)\n"


class FaultyAws:
    """The sandbox, and clients of it as Aceite has them."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self._session = boto3.Session("sandbox", "sandbox", region_name=REGION)
        self.unharmed = boto3.Session("other", "other", region_name=REGION)

    def client(self, service: str, **config: Any) -> Any:
        made = Config(**(config or RETRY_CONFIG | {"read_timeout": 1.5}))
        return retry_when_denied(self._session.client(service, endpoint_url=self.aws.endpoint, config=made))

    def once(self, service: str) -> Any:
        return self.client(service, **no_retry_config(ANSWER_WITHIN))

    def plain(self, service: str) -> Any:
        return self.unharmed.client(service, endpoint_url=self.aws.endpoint)

    def faults(self, *faults: AwsFault) -> None:
        self.aws.fault_injection.set(faults)
        print(f"seeds {[fault.seed for fault in faults]}")  # noqa: T201

    def calls(self, name: str) -> int:
        return self.plain("s3").list_objects_v2(Bucket="lost", Prefix=f"called/{name}/")["KeyCount"]


@pytest.fixture(scope="module")
def _faulty_aws() -> Iterator[FaultyAws]:
    with LocalAws() as aws:
        made = FaultyAws(aws)
        s3, role = made.plain("s3"), "arn:aws:iam::123456789012:role/pipeline"
        s3.create_bucket(Bucket="lost")
        s3.put_object(Bucket="lost", Key="job.py", Body=JOB)
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as file:
            file.writestr("called.py", CALLED)
        made.plain("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument="{}")
        made.plain("lambda").create_function(
            FunctionName="called", Runtime="python3.12", Role=role, Handler="called.handler",
            Code={"ZipFile": package.getvalue()}, Timeout=30,
        )  # fmt: skip
        command = {"Name": "pythonshell", "ScriptLocation": "s3://lost/job.py", "PythonVersion": "3.9"}
        for name, runs in (("job", 50), ("narrow", 1)):
            limit = {"MaxConcurrentRuns": runs}
            made.plain("glue").create_job(Name=name, Role=role, Command=command, ExecutionProperty=limit)
        made.plain("glue").create_database(DatabaseInput={"Name": "lost"})
        yield made


@pytest.fixture
def faulty_aws(_faulty_aws: FaultyAws) -> Iterator[FaultyAws]:
    yield _faulty_aws
    _faulty_aws.faults()


def new_name() -> str:
    return uuid.uuid4().hex


@pytest.mark.parametrize("kind", [AwsFaultKind.RESET, AwsFaultKind.ERROR, AwsFaultKind.TIMEOUT])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["awaited", "asynchronous"])
def test_a_function_whose_answer_is_lost_was_called_once_or_not_at_all(
    faulty_aws: FaultyAws, kind: AwsFaultKind, after: bool, asynchronous: bool
) -> None:
    faulty_aws.faults(AwsFault(kind, "lambda", "Invoke", after=after, seconds=30, seed=SEED))
    name = new_name()
    with pytest.raises(
        (AnswerLost, WaitTimedOut), match=r"Aceite did not invoke it again|the function may still be running"
    ):
        invoke(faulty_aws.once("lambda"), "called", {"name": name}, within=ANSWER_WITHIN, asynchronous=asynchronous)
    if after:
        await_object(faulty_aws.plain("s3"), f"s3://lost/called/{name}/", within=MINUTE)
    assert faulty_aws.calls(name) == int(after)


def test_a_function_that_lambda_did_not_run_is_called_when_it_is_not_busy_any_more(faulty_aws: FaultyAws) -> None:
    name = new_name()
    faulty_aws.faults(
        AwsFault(AwsFaultKind.THROTTLED, "lambda", "Invoke", at_most=2, seed=SEED),
        AwsFault(AwsFaultKind.DENIED, "lambda", "Invoke", at_most=2, seed=SEED),
    )
    invoke(faulty_aws.once("lambda"), "called", {"name": name}, within=MINUTE)
    assert faulty_aws.calls(name) == 1
    faulty_aws.faults(AwsFault(AwsFaultKind.THROTTLED, "lambda", "Invoke", seed=SEED))
    with pytest.raises(StepFailed, match="TooManyRequestsException"):
        invoke(faulty_aws.once("lambda"), "called", {"name": name}, within=SOON)
    assert faulty_aws.calls(name) == 1


def runs_of(faulty_aws: FaultyAws, job: str, name: str) -> list[str]:
    runs = faulty_aws.plain("glue").get_job_runs(JobName=job)["JobRuns"]
    return [run["Id"] for run in runs if run["Arguments"].get("--name") == name]


@pytest.mark.parametrize("kind", [AwsFaultKind.RESET, AwsFaultKind.ERROR, AwsFaultKind.TIMEOUT])
def test_a_job_whose_start_has_no_answer_is_looked_for_and_found(faulty_aws: FaultyAws, kind: AwsFaultKind) -> None:
    name = new_name()
    faulty_aws.faults(AwsFault(kind, "glue", "StartJobRun", at_most=1, after=True, seconds=30, seed=SEED))
    run_id = glue_jobs.start_job_run(faulty_aws.once("glue"), "job", {"--name": name}, within=MINUTE, clock=HURRIED)
    assert runs_of(faulty_aws, "job", name) == [run_id]


def test_a_job_that_was_not_started_is_started_after_it_was_looked_for(faulty_aws: FaultyAws) -> None:
    name = new_name()
    faulty_aws.faults(AwsFault(AwsFaultKind.RESET, "glue", "StartJobRun", at_most=1, seed=SEED))
    run_id = glue_jobs.start_job_run(faulty_aws.once("glue"), "job", {"--name": name}, within=MINUTE, clock=HURRIED)
    assert runs_of(faulty_aws, "job", name) == [run_id]


def test_twelve_deliveries_start_twelve_runs_while_three_of_ten_answers_are_lost(faulty_aws: FaultyAws) -> None:
    names = [new_name() for _ in range(12)]
    faulty_aws.faults(
        AwsFault(AwsFaultKind.RESET, "glue", after=True, rate=0.15, seed=SEED),
        AwsFault(AwsFaultKind.THROTTLED, "glue", rate=0.1, seed=SEED + 1),
        AwsFault(AwsFaultKind.ERROR, "glue", after=True, rate=0.1, seed=SEED + 2),
    )

    def start(name: str) -> str:
        return glue_jobs.start_job_run(faulty_aws.once("glue"), "job", {"--name": name}, within=MINUTE, clock=HURRIED)

    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(start, names))
    faulty_aws.faults()
    assert {name: runs_of(faulty_aws, "job", name) for name in names} == {
        name: [run_id] for name, run_id in zip(names, started, strict=True)
    }


def test_two_new_runs_with_the_same_arguments_are_not_guessed_between(faulty_aws: FaultyAws) -> None:
    glue, known = faulty_aws.once("glue"), glue_jobs.job_run_ids(faulty_aws.plain("glue"), "job")
    arguments = {"--name": new_name()}
    for _ in range(2):
        faulty_aws.plain("glue").start_job_run(JobName="job", Arguments=arguments)
    with pytest.raises(AnswerLost, match="2 new runs have these arguments"):
        glue_jobs._started(glue, "job", arguments, known, REAL_CLOCK)


def test_a_job_that_runs_as_often_as_it_may_is_waited_for_until_the_deadline(faulty_aws: FaultyAws) -> None:
    glue = faulty_aws.once("glue")
    stuck = glue_jobs.start_job_run(glue, "narrow", {"--name": "stuck"}, within=MINUTE)
    with pytest.raises(WaitTimedOut, match=r"ConcurrentRunsExceededException.*Glue started no run"):
        glue_jobs.start_job_run(glue, "narrow", {"--name": "b"}, within=SOON, clock=HURRIED)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(glue_jobs.start_job_run, glue, "narrow", {"--name": "c"}, within=MINUTE, clock=HURRIED)
        with pytest.raises(WaitTimedOut, match=rf"run {stuck} .* after 0.5 s, so Aceite told Glue to stop it"):
            glue_jobs.await_job_run(faulty_aws.client("glue"), "narrow", stuck, within=timedelta(seconds=0.5))
        started = waiting.result(60)
    assert glue_jobs.await_job_run(faulty_aws.client("glue"), "narrow", started, within=MINUTE).state == "SUCCEEDED"


def test_a_run_that_may_be_somebody_elses_is_left_alone(faulty_aws: FaultyAws) -> None:
    glue = faulty_aws.plain("glue")
    run_id = glue.start_job_run(JobName="job", Arguments={"--name": "stuck"})["JobRunId"]
    with pytest.raises(WaitTimedOut, match="left it running, as it may be somebody else's"):
        glue_jobs.await_job_run(glue, "job", run_id, within=timedelta(0), stop=False)
    assert glue.get_job_run(JobName="job", RunId=run_id)["JobRun"]["JobRunState"] in ("STARTING", "RUNNING")
    with pytest.raises(KeyboardInterrupt):  # as any end from outside, such as a person's cancellation
        glue_jobs.await_job_run(glue, "job", run_id, within=MINUTE, clock=Clock(sleep=_interrupted))
    assert glue_jobs._stop(glue, "job", run_id).startswith("and Aceite could not stop it")  # it is stopped already


def _interrupted(_: float) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def connection(faulty_aws: FaultyAws) -> Any:
    return connect(
        faulty_aws._session, endpoint_url=faulty_aws.aws.endpoint, region=None, workgroup="primary", database="lost",
        config=Config(**RETRY_CONFIG | {"read_timeout": 1.5}),
    )  # fmt: skip


def queries(faulty_aws: FaultyAws) -> set[str]:
    return set(faulty_aws.plain("athena").list_query_executions(WorkGroup="primary")["QueryExecutionIds"])


@pytest.mark.parametrize("kind", [AwsFaultKind.RESET, AwsFaultKind.ERROR, AwsFaultKind.THROTTLED])
@pytest.mark.parametrize("operation", ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"])
def test_a_query_is_started_once_whichever_answers_are_lost(
    faulty_aws: FaultyAws, connection: Any, kind: AwsFaultKind, operation: str
) -> None:
    before = queries(faulty_aws)
    after = kind is not AwsFaultKind.THROTTLED
    faulty_aws.faults(AwsFault(kind, "athena", operation, at_most=3, after=after, seed=SEED))
    answer = run_query(connection, "SELECT 1 AS one", within=MINUTE, clock=HURRIED)
    assert answer.rows == ((1,),)
    assert queries(faulty_aws) - before == {answer.query_id}


def test_athena_that_never_answers_ends_at_the_deadline_with_the_reason(faulty_aws: FaultyAws, connection: Any) -> None:
    faulty_aws.faults(AwsFault(AwsFaultKind.RESET, "athena", after=True, seed=SEED))
    with pytest.raises(QueryFailed, match=r"not started after 1 s \(.*Connection was closed.*it has no id"):
        run_query(connection, "SELECT 1", within=timedelta(seconds=1), clock=HURRIED)


@pytest.mark.parametrize("kind", [AwsFaultKind.RESET, AwsFaultKind.ERROR, AwsFaultKind.TIMEOUT])
def test_a_conditional_put_whose_answer_was_lost_is_ours(faulty_aws: FaultyAws, kind: AwsFaultKind) -> None:
    s3, key = faulty_aws.client("s3"), new_name()
    faulty_aws.faults(AwsFault(kind, "s3", "PutObject", after=True, at_most=1, seconds=30, seed=SEED))
    assert put_once(s3, "lost", key, b"ours")
    assert not put_once(s3, "lost", key, b"another's")
    etag = faulty_aws.plain("s3").head_object(Bucket="lost", Key=key)["ETag"].strip('"')
    faulty_aws.faults(AwsFault(kind, "s3", "PutObject", after=True, at_most=1, seconds=30, seed=SEED))
    assert replace_if(s3, "lost", key, b"ours, again", etag)
    faulty_aws.faults(AwsFault(kind, "s3", "PutObject", after=True, at_most=1, seconds=30, seed=SEED))
    assert not replace_if(s3, "lost", key, b"another's", etag)
    assert read_bytes(s3, "lost", key) == b"ours, again"


def test_of_many_who_put_at_once_under_faults_one_is_the_first(faulty_aws: FaultyAws) -> None:
    faulty_aws.faults(
        AwsFault(AwsFaultKind.RESET, "s3", after=True, rate=0.15, seed=SEED),
        AwsFault(AwsFaultKind.THROTTLED, "s3", rate=0.15, seed=SEED + 1),
    )
    s3 = faulty_aws.client("s3")
    for key in [new_name() for _ in range(3)]:
        bodies = [f"writer {each}".encode() for each in range(6)]
        with ThreadPoolExecutor(6) as pool:
            won = list(pool.map(partial(put_once, s3, "lost", key), bodies))
        assert sum(won) == 1
        assert read_bytes(s3, "lost", key) == bodies[won.index(True)]


def test_a_wait_outlives_trouble_and_ends_at_its_deadline_with_the_last_of_it(faulty_aws: FaultyAws) -> None:
    s3, key = faulty_aws.client("s3", retries={"total_max_attempts": 1}), new_name()
    faulty_aws.plain("s3").put_object(Bucket="lost", Key=key, Body=b"")
    faulty_aws.faults(AwsFault(AwsFaultKind.ERROR, "s3", "HeadObject", at_most=4, seed=SEED))
    await_object(s3, f"s3://lost/{key}", within=MINUTE, clock=HURRIED)
    faulty_aws.faults(AwsFault(AwsFaultKind.RESET, "s3", seed=SEED))
    with pytest.raises(WaitTimedOut, match=r"no response after 0.5 s: .*Connection was closed"):
        await_object(s3, f"s3://lost/{key}", within=timedelta(seconds=0.5), clock=HURRIED)


def test_denied_for_a_moment_is_asked_again_and_denied_for_good_is_told_with_what_is_needed(
    faulty_aws: FaultyAws,
) -> None:
    s3 = faulty_aws.client("s3")
    faulty_aws.faults(AwsFault(AwsFaultKind.DENIED, "s3", "PutObject", at_most=2, seed=SEED))
    assert put_once(s3, "lost", new_name(), b"")
    faulty_aws.faults(AwsFault(AwsFaultKind.DENIED, "s3", "PutObject", seed=SEED))
    with pytest.raises(StepFailed, match=r"AccessDenied: .*the credentials need s3:PutObject"):
        put_once(s3, "lost", new_name(), b"")
    assert faulty_aws.aws.fault_injection.faults[0].made == 5


@pytest.mark.parametrize("service", ["lambda", "glue"])
def test_a_client_that_repeats_by_itself_may_start_nothing(faulty_aws: FaultyAws, service: str) -> None:
    with pytest.raises(ValueError, match="create it with no_retry_config"):
        if service == "lambda":
            invoke(faulty_aws.client("lambda"), "called", {}, within=MINUTE)
        else:
            glue_jobs.start_job_run(faulty_aws.client("glue"), "job", {}, within=MINUTE)
