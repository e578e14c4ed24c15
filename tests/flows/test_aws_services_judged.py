"""AWS's services through the whole flow: Glue's retries and limits, and buckets that demand an encryption."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from judged_formats import Dataset, Installation, column, installed
from polling import eventually

from acceptance.evidence.evidence import Evidence
from acceptance.judging.judge import Verdict
from flows.installation.clients import load_clients

JOB = "convertformats"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"
COLUMNS = (column("id", "bigint", key=True), column("pieces", "int"))
GOOD = b"id,pieces\n1,7\n2,8\n"
FAILS_ONCE = """
import sys, boto3
import time
key = dict(zip(sys.argv, sys.argv[1:])).get("--key", "")
while "--hold" in sys.argv:
    time.sleep(1)
s3 = boto3.client("s3")
if "once" in key and "Contents" not in s3.list_objects_v2(Bucket="pipeline-code", Prefix="begun/" + key):
    s3.put_object(Bucket="pipeline-code", Key="begun/" + key)
    raise MemoryError("the first attempt")
"""
"""Goes before the job's own script: the run of a key with `once` in it fails at its first attempt."""


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    datasets = [Dataset("jobs_one", COLUMNS), Dataset("jobs_two", COLUMNS)]
    with (
        pytest.MonkeyPatch.context() as patch,
        installed(tmp_path_factory.mktemp("jobs"), datasets, prefect_server) as found,
    ):
        patch.setenv("ACEITE_EVIDENCE_ENCRYPTION", KEY)
        job = found.s3.get_object(Bucket="pipeline-code", Key="job.py")["Body"].read().decode()
        found.s3.put_object(Bucket="pipeline-code", Key="job.py", Body=(FAILS_ONCE + job).encode())
        yield found


def limited(retries: int, at_once: int) -> Any:
    """Make the job that both datasets share anew, with these limits. Returns the client of Glue."""
    glue: Any = load_clients().of("glue")
    job = glue.get_job(JobName=JOB)["Job"]
    kept = {name: job[name] for name in ("Name", "Role", "Command", "DefaultArguments")}
    glue.delete_job(JobName=JOB)
    glue.create_job(**kept, MaxRetries=retries, ExecutionProperty={"MaxConcurrentRuns": at_once})
    return glue


def job_step(evidence: Evidence) -> Any:
    return next(step for step in evidence.steps if step.name == f"await Glue job {JOB}")


def test_a_job_that_glue_retries_is_judged_by_its_last_attempt(installation):
    glue = limited(retries=1, at_once=3)
    evidence = installation.judge("jobs_one", GOOD, file="once")
    assert evidence.verdict is Verdict.ACCEPTED, evidence.reason
    last, first = glue.get_job_runs(JobName=JOB)["JobRuns"]
    assert (first["JobRunState"], last["JobRunState"], last["PreviousRunId"]) == ("FAILED", "SUCCEEDED", first["Id"])
    assert job_step(evidence).ids["job_run_id"] == last["Id"]
    assert job_step(evidence).detail.endswith(", attempt 2")


def test_deliveries_of_two_datasets_take_turns_with_a_job_that_may_run_once_at_a_time(installation):
    glue = limited(retries=0, at_once=1)
    held = glue.start_job_run(JobName=JOB, Arguments={"--hold": "1"})["JobRunId"]
    with ThreadPoolExecutor(2) as threads:
        judged = [threads.submit(installation.judge, dataset, GOOD, file="f") for dataset in ("jobs_one", "jobs_two")]
        for dataset in ("jobs_one", "jobs_two"):
            copied = f"{dataset}/20260102/f.csv"
            eventually(lambda key=copied: _is_there(installation.s3, key), f"the copy of {copied}")
        glue.batch_stop_job_run(JobName=JOB, JobRunIds=[held])
        verdicts = [each.result(120) for each in judged]
    assert [(each.verdict, each.reason) for each in verdicts] == [(Verdict.ACCEPTED, each.reason) for each in verdicts]


def test_a_delivery_whose_run_fails_in_its_turn_leaves_the_job_to_the_other_dataset(installation):
    glue = limited(retries=0, at_once=1)
    with ThreadPoolExecutor(2) as threads:
        failing = threads.submit(installation.judge, "jobs_one", GOOD, fault="glue-failure", file="turn")
        good = threads.submit(installation.judge, "jobs_two", GOOD, file="turn")
        failed, accepted = failing.result(120), good.result(120)
    assert failed.verdict is Verdict.INCONCLUSIVE
    assert "the conversion failed on purpose" in failed.reason
    assert accepted.verdict is Verdict.ACCEPTED, accepted.reason
    runs = sorted(glue.get_job_runs(JobName=JOB)["JobRuns"], key=lambda run: run["StartedOn"])
    assert sorted(run["JobRunState"] for run in runs) == ["FAILED", "SUCCEEDED"], (
        "nobody was refused, nothing ran twice"
    )
    after = installation.judge("jobs_one", GOOD, file="after")
    assert after.verdict is Verdict.ACCEPTED, after.reason


def _is_there(s3: Any, key: str) -> bool:
    return "Contents" in s3.list_objects_v2(Bucket="stage", Prefix=key)


def test_all_that_a_run_puts_into_the_evidence_bucket_asks_for_the_encryption(installation):
    limited(retries=0, at_once=3)
    evidence = installation.judge("jobs_two", GOOD, file="encrypted")
    assert evidence.verdict is Verdict.ACCEPTED, evidence.reason
    keys = [item["Key"] for item in installation.s3.list_objects_v2(Bucket="evidence")["Contents"]]
    assert len(keys) > 5
    puts = [installation.s3.head_object(Bucket="evidence", Key=key) for key in keys]
    assert {(each.get("ServerSideEncryption"), each.get("SSEKMSKeyId")) for each in puts} == {("aws:kms", KEY)}
