import copy
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.glue import catalog as glue_calls
from aws.glue.catalog import CatalogColumn, CatalogPartition
from aws.glue.jobs import await_free_run, await_job_run, await_started_run, job_run_ids
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


FAILED_ONCE = {
    "run": {"Id": "run", "JobRunState": "FAILED", "ErrorMessage": "no memory"},
    "retry": {"Id": "retry", "JobRunState": "RUNNING", "Attempt": 1, "PreviousRunId": "run"},
}


class RetryingGlue(Answers):
    """A job with retries. `begun` are its runs so far, the newest first."""

    def __init__(self, retries: int, *begun: str) -> None:
        self.runs, self.begun, self.retries, self.stopped = copy.deepcopy(FAILED_ONCE), list(begun), retries, []
        super().__init__([])

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"JobRuns": [self.runs[name] for name in self.begun]}]

    def get_job_run(self, **asked: str) -> dict[str, Any]:
        return {"JobRun": self.runs[asked["RunId"]]}

    def get_job(self, **_: str) -> dict[str, Any]:
        if self.retries < 0:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetJob")
        return {"Job": {"MaxRetries": self.retries, "ExecutionProperty": {"MaxConcurrentRuns": 1}}}

    def batch_stop_job_run(self, **asked: Any) -> dict[str, Any]:
        self.stopped += asked["JobRunIds"]
        return {}


def test_a_run_that_glue_retries_counts_by_its_last_attempt(stepped):
    glue = RetryingGlue(2, "run")

    def go_on(time_s: float) -> None:
        if time_s > 20:
            glue.begun = ["retry", "run"]
        if time_s > 40:
            glue.runs["retry"]["JobRunState"] = "SUCCEEDED"

    stepped.then = go_on
    run = await_job_run(glue, "job", "run", within=MINUTE, clock=stepped.clock)
    assert (run.id, run.state, run.attempt) == ("retry", "SUCCEEDED", 1)


def test_a_run_fails_when_its_last_attempt_does_and_at_once(stepped):
    glue = RetryingGlue(1, "retry", "run")
    glue.runs["retry"] |= {"JobRunState": "FAILED", "ErrorMessage": "no disk"}
    with pytest.raises(StepFailed, match=r"run retry: FAILED, after 1 earlier attempt$") as failed:
        await_job_run(glue, "job", "run", within=MINUTE, clock=stepped.clock)
    assert failed.value.words is not None and failed.value.words.text == "no disk"
    assert stepped.slept_s == []


def test_a_retry_that_glue_does_not_begin_ends_the_wait_and_the_message_says_so(stepped):
    glue = RetryingGlue(1, "run")
    with pytest.raises(WaitTimedOut, match=r"run of the|still FAILED, and Glue has not begun retry 1 after 60 s"):
        await_job_run(glue, "job", "run", within=MINUTE, clock=stepped.clock)


def test_a_retry_that_is_late_is_stopped_in_the_place_of_the_run(stepped):
    glue = RetryingGlue(1, "retry", "run")
    with pytest.raises(WaitTimedOut, match="still RUNNING, as attempt 2, run retry after 60 s, so Aceite told Glue"):
        await_job_run(glue, "job", "run", within=MINUTE, clock=stepped.clock)
    assert glue.stopped == ["retry"]


def test_without_the_right_to_read_the_job_the_first_failure_counts_and_the_message_names_the_right(stepped):
    glue = RetryingGlue(-1, "run")
    with pytest.raises(StepFailed, match=r"FAILED; Aceite does not know if Glue retries it: .* need glue:GetJob"):
        await_job_run(glue, "job", "run", within=MINUTE, clock=stepped.clock)


def test_a_retry_of_an_earlier_run_is_no_run_that_a_step_started(stepped):
    glue = RetryingGlue(1, "retry", "run")
    with pytest.raises(WaitTimedOut, match="still none beside 1 earlier ones"):
        await_started_run(glue, "job", known=frozenset({"run"}), mentioning="", within=MINUTE, clock=stepped.clock)
    assert await_started_run(glue, "job", known=frozenset(), mentioning="x", within=MINUTE).id == "run"


def test_whoever_wants_to_start_a_run_waits_until_the_job_may_have_one_more(stepped):
    """MaxConcurrentRuns is 1 unless the job says otherwise."""
    glue = RetryingGlue(0, "retry", "run")
    asked = []

    def take(at_work: int, at_most: int) -> bool:
        asked.append((at_work, at_most))
        return at_work < at_most

    stepped.then = lambda time_s: glue.runs["retry"].update({"JobRunState": "STOPPED"}) if time_s > 30 else None
    known = await_free_run(glue, "job", take, within=MINUTE, clock=stepped.clock)
    assert known == {"retry", "run"}
    assert set(asked) == {(1, 1), (0, 1)}
    glue.runs["retry"]["JobRunState"], stepped.then = "RUNNING", lambda _: None
    waiting = "wait for a turn with the Glue job job, which may have 1 runs at work: still 1 at work after 60 s"
    with pytest.raises(WaitTimedOut, match=waiting):
        await_free_run(glue, "job", take, within=MINUTE, clock=stepped.clock)


def test_without_the_right_to_read_the_job_nobody_waits_for_a_turn(stepped):
    glue = RetryingGlue(-1, "retry", "run")
    assert await_free_run(glue, "job", lambda *_: False, within=MINUTE, clock=stepped.clock) == {"retry", "run"}


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


def described(**said):
    columns = [{"Name": "Id", "Type": "bigint", "Parameters": {"iceberg.field.current": "true"}}]
    table = {"Name": "t", "StorageDescriptor": {"Columns": columns, "Location": "s3://sor/t"}, **said}
    return glue_calls.described_table("d", table)


def test_names_are_in_small_letters_as_athena_has_them(glue):
    table = described(PartitionKeys=[{"Name": "AnoMesDia", "Type": "int"}])
    assert (table.columns[0].name, table.partition_keys[0].name) == ("id", "anomesdia")


def test_names_in_other_letters_are_projected_too(glue):
    parameters = {"projection.Enabled": "true", "projection.N.type": "enum", "projection.N.values": "a"}
    parameters |= {"projection.enabled": "true", "storage.location.template": "s3://sor/other/${N}"}
    table = described(PartitionKeys=[{"Name": "N", "Type": "string"}], Parameters=parameters)
    assert glue_calls.find_partition(glue, table, {"n": "a"}).location == "s3://sor/other/a/"
    assert glue_calls.find_partition(glue, table, {"n": "b"}) is None


@pytest.mark.parametrize(
    ("said", "partition", "problem"),
    [
        ({"PartitionKeys": [{"Name": "Day", "Type": "int"}]}, ["day"], ""),
        (
            {"PartitionKeys": [{"Name": "day", "Type": "int"}, {"Name": "country", "Type": "string"}]},
            ["day"],
            "its partition keys are day, country, and those of the contract day;",
        ),
        ({"PartitionKeys": []}, ["day"], "its partition keys are none, and those of the contract day;"),
        (
            {"PartitionKeys": [{"Name": "day", "Type": "int"}]},
            [],
            "its partition keys are day, and those of the contract none;",
        ),
        ({"Parameters": {"table_type": "ICEBERG"}}, ["day"], ""),
        ({"TableType": "VIRTUAL_VIEW"}, ["day"], ""),
        ({"Parameters": {"spark.sql.sources.provider": "delta"}}, ["day"], "it is a table of Delta Lake,"),
        (
            {
                "StorageDescriptor": {},
                "TargetTable": {"CatalogId": "210987654321", "DatabaseName": "crm", "Name": "people"},
            },
            [],
            "it is a resource link to 210987654321.crm.people, of which the role sees nothing;",
        ),
    ],
)
def test_a_table_that_cannot_be_judged_is_told(said, partition, problem):
    found = described(**said).problem(partition)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_columns_that_were_dropped_from_a_table_of_iceberg_are_none():
    gone = {"Name": "gone", "Type": "string", "Parameters": {"iceberg.field.current": "false"}}
    kept = {"Name": "kept", "Type": "string", "Parameters": {"iceberg.field.current": "true"}}
    assert [column.name for column in described(StorageDescriptor={"Columns": [gone, kept]}).columns] == ["kept"]


def test_objects_of_a_table_that_lake_formation_governs_are_not_listed():
    assert described(IsRegisteredWithLakeFormation=True).unlisted == "Lake Formation governs it"
    assert described().unlisted == ""


def test_a_table_of_another_catalog_is_read_with_its_id(glue, database):
    other = {"CatalogId": "210987654321"}
    glue.create_database(DatabaseInput={"Name": database}, **other)
    glue.create_table(DatabaseName=database, TableInput={"Name": "theirs", "PartitionKeys": []}, **other)
    assert glue_calls.read_table(glue, database, "theirs") is None
    assert glue_calls.read_table(glue, database, "theirs", "210987654321").catalog_id == "210987654321"
