import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.glue import catalog as glue_calls
from aws.glue.catalog import CatalogColumn, CatalogPartition
from aws.glue.jobs import await_job_run, await_started_run, job_run_ids
from aws.glue.jobs import start_job_run as start

SCRIPT = b"""
import sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if arguments.get("--do") == "fail":
    raise ValueError("column audience_score is missing")
"""
MINUTE = timedelta(minutes=1)


@pytest.fixture
def glue(local_aws):
    return local_aws.client("glue", **no_retry_config(timedelta(seconds=20)))


def start_job_run(glue, job, arguments):
    return start(glue, job, arguments, within=MINUTE)


@pytest.fixture
def job(local_aws, glue, bucket):
    name = f"job-{uuid.uuid4().hex}"
    local_aws.client("s3").put_object(Bucket=bucket, Key="job.py", Body=SCRIPT)
    glue.create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/pipeline",
        Command={"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py", "PythonVersion": "3.9"},
        ExecutionProperty={"MaxConcurrentRuns": 10},
    )
    return name


def test_a_run_that_succeeds_has_its_arguments_and_times(glue, job):
    run_id = start_job_run(glue, job, {"--key": "in/ação é.csv"})
    run = await_job_run(glue, job, run_id, within=MINUTE)
    assert (run.id, run.state, run.error) == (run_id, "SUCCEEDED", "")
    assert run.arguments["--key"] == "in/ação é.csv"
    assert run.ended >= run.started


def test_a_run_that_fails_is_a_failed_step_with_glues_own_message(glue, job):
    run_id = start_job_run(glue, job, {"--do": "fail"})
    with pytest.raises(StepFailed, match=rf"{run_id}: FAILED$") as failed:
        await_job_run(glue, job, run_id, within=MINUTE)
    assert failed.value.words is not None
    assert "column audience_score is missing" in failed.value.words.text
    assert run_id in failed.value.words.whole


def test_a_run_that_does_not_end_in_time_names_run_and_state(glue, job, stepped):
    run_id = start_job_run(glue, job, {})
    with pytest.raises(WaitTimedOut, match=rf"wait for run {run_id} of the Glue job {job}: still \w+ after 0 s"):
        await_job_run(glue, job, run_id, within=timedelta(0), clock=stepped.clock)


def test_a_job_that_is_not_there_is_a_failed_step(glue):
    with pytest.raises(StepFailed, match="list the runs of the Glue job nojob: EntityNotFoundException"):
        job_run_ids(glue, "nojob")
    with pytest.raises(StepFailed, match="list the runs of the Glue job nojob: EntityNotFoundException"):
        start_job_run(glue, "nojob", {})


def test_the_run_that_is_new_is_the_one_that_the_step_started(glue, job):
    start_job_run(glue, job, {"--key": "a.csv"})
    known = job_run_ids(glue, job)
    ours = start_job_run(glue, job, {"--parameter": "/stage/imdb/movies/_test"})
    assert await_started_run(glue, job, known=known, mentioning="a.csv", within=MINUTE).id == ours


def test_of_several_new_runs_ours_is_the_one_that_mentions_the_key(glue, job):
    runs = [start_job_run(glue, job, {"--key": f"s3://landing/{name}.csv"}) for name in "abc"]
    found = await_started_run(glue, job, known=frozenset(), mentioning="/b.csv", within=MINUTE)
    assert found.id == runs[1]


def test_several_new_runs_that_do_not_mention_the_key_are_listed_and_none_is_guessed(glue, job):
    runs = [start_job_run(glue, job, {}) for _ in range(2)]
    with pytest.raises(StepFailed, match=r"2 new runs and none has 'a\.csv'") as failed:
        await_started_run(glue, job, known=frozenset(), mentioning="a.csv", within=MINUTE)
    assert all(run in str(failed.value) for run in runs)


def test_a_new_run_that_waits_and_has_no_time_does_not_make_runs_of_before_new():
    """Of a job with many runs the newest page is known, and Glue does not say how long a page is."""
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    runs = [{"Id": f"run {n}", "JobRunState": "SUCCEEDED", "StartedOn": noon - n * MINUTE} for n in range(400)]
    known = job_run_ids(Answers([{"JobRuns": runs[:200]}, {"JobRuns": runs[200:]}]), "job")
    waiting = [{"Id": "new", "JobRunState": "WAITING", "Arguments": {"--key": "a.csv"}}, *runs]
    for run in waiting[1:]:
        run["Arguments"] = {"--key": "a.csv"}  # delivered before, too
    glue = Answers([{"JobRuns": waiting[:300]}, {"JobRuns": waiting[300:]}])
    assert await_started_run(glue, "job", known=known, mentioning="a.csv", within=MINUTE).id == "new"


class Answers:
    """What Glue answers to a listing, page by page."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def get_paginator(self, _: str) -> "Answers":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return self._pages


def test_a_run_that_is_started_later_is_waited_for(glue, job, stepped):
    started = []
    stepped.then = lambda time_s: time_s > 5 and not started and started.append(start_job_run(glue, job, {}))
    run = await_started_run(glue, job, known=frozenset(), mentioning="x", within=MINUTE, clock=stepped.clock)
    assert [run.id] == started


def test_a_job_that_nobody_starts_ends_the_wait(glue, job, stepped):
    run_id = start_job_run(glue, job, {})
    with pytest.raises(WaitTimedOut, match=": still none beside 1 earlier ones after 60 s"):
        await_started_run(glue, job, known=frozenset({run_id}), mentioning="x", within=MINUTE, clock=stepped.clock)


@pytest.fixture
def database(glue):
    name = f"database_{uuid.uuid4().hex}"
    glue.create_database(DatabaseInput={"Name": name})
    storage = {
        "Columns": [
            {"Name": "id", "Type": "BigInt"},
            {"Name": "score", "Type": "decimal( 4, 1 )"},
            {"Name": "pieces", "Type": "decimal"},
            {"Name": "weight", "Type": "DECIMAL(5)"},
            {"Name": "year", "Type": "integer"},
            {"Name": "parts", "Type": "array<struct<Id: int>>"},
        ],
        "Location": "s3://sor/movies/",
    }
    table = {
        "Name": "movies",
        "StorageDescriptor": storage,
        "PartitionKeys": [{"Name": "anomesdia", "Type": "int"}, {"Name": "country", "Type": "string"}],
    }
    glue.create_table(DatabaseName=name, TableInput=table)
    return name


def test_a_table_has_its_columns_in_order_with_types_as_contracts_write_them(glue, database):
    table = glue_calls.read_table(glue, database, "movies")
    assert table.columns == (
        CatalogColumn("id", "bigint"),
        CatalogColumn("score", "decimal(4,1)"),
        CatalogColumn("pieces", "decimal(10,0)"),
        CatalogColumn("weight", "decimal(5,0)"),
        CatalogColumn("year", "int"),
        CatalogColumn("parts", "array<struct<id:int>>"),
    )
    assert [key.name for key in table.partition_keys] == ["anomesdia", "country"]
    assert table.location == "s3://sor/movies/"


def test_a_table_or_a_database_that_is_not_there_is_none(glue, database):
    assert glue_calls.read_table(glue, database, "none") is None
    assert glue_calls.read_table(glue, "nodatabase", "movies") is None


def test_a_partition_has_its_values_and_its_location(glue, database):
    location = "s3://sor/movies/anomesdia=20261122/country=S%C3%A3o/"
    partition = {"Values": ["20261122", "São"], "StorageDescriptor": {"Location": location}}
    glue.create_partition(DatabaseName=database, TableName="movies", PartitionInput=partition)
    found = glue_calls.read_partition(glue, database, "movies", ["20261122", "São"])
    assert found == CatalogPartition(("20261122", "São"), location)


def test_a_partition_that_is_not_there_is_none(glue, database):
    assert glue_calls.read_partition(glue, database, "movies", ["20261123", "São"]) is None
    assert glue_calls.read_partition(glue, database, "none", ["20261123"]) is None


@pytest.mark.parametrize("in_catalog", ["1", "01"])
def test_a_whole_number_is_found_as_engines_write_it_and_as_a_key_writes_it(glue, database, in_catalog):
    location = f"s3://sor/visits/month={in_catalog}/country=07/"
    keys = [{"Name": "month", "Type": "int"}, {"Name": "country", "Type": "string"}]
    glue.create_table(DatabaseName=database, TableInput={"Name": "visits", "PartitionKeys": keys})
    partition = {"Values": [in_catalog, "07"], "StorageDescriptor": {"Location": location}}
    glue.create_partition(DatabaseName=database, TableName="visits", PartitionInput=partition)
    table = glue_calls.read_table(glue, database, "visits")
    found = glue_calls.find_partition(glue, table, {"country": "07", "month": "01"})
    assert found == CatalogPartition((in_catalog, "07"), location)
    assert glue_calls.find_partition(glue, table, {"country": "07", "month": "02"}) is None
    assert glue_calls.find_partition(glue, table, {"country": "7", "month": "01"}) is None  # a text is one text


RANGE = {"projection.enabled": "true", "projection.n.type": "integer", "projection.n.range": "-1,99"}


@pytest.mark.parametrize(
    ("parameters", "value", "location"),
    [
        (RANGE, "7", "s3://sor/t/n=7/"),
        (RANGE, "07", "s3://sor/t/n=7/"),
        ({**RANGE, "projection.n.digits": "2"}, "7", "s3://sor/t/n=07/"),
        ({**RANGE, "storage.location.template": "s3://sor/other/${n}"}, "7", "s3://sor/other/7/"),
        (RANGE, "100", None),
        (RANGE, "x", None),
        (
            {"projection.enabled": "TRUE", "projection.n.type": "enum", "projection.n.values": "a, b"},
            "b",
            "s3://sor/t/n=b/",
        ),
        ({"projection.enabled": "true", "projection.n.type": "enum", "projection.n.values": "a,b"}, "c", None),
        ({"projection.enabled": "true", "projection.n.type": "date"}, "2026-01-02", "s3://sor/t/n=2026-01-02/"),
        ({"projection.enabled": "true", "projection.n.type": "injected"}, "any", "s3://sor/t/n=any/"),
    ],
)
def test_a_projected_partition_lies_where_the_tables_parameters_say(glue, parameters, value, location):
    """By Athena's documentation; the catalog lists no partition."""
    columns = (CatalogColumn("n", "string"),)
    table = glue_calls.CatalogTable("d", "t", (), columns, "s3://sor/t", parameters)
    found = glue_calls.find_partition(glue, table, {"n": value})
    assert (found and found.location) == location
