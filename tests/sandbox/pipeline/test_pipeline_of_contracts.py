"""Any contract gets a pipeline that does what its steps await. Each test plays the steps by plain boto3."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from builders import a_contract
from polling import eventually
from sandbox_answers import Answer, payload

from acceptance.contract.contract import Column, Contract, LandingFormat, Override, Table
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import PartitionHolds
from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, RunGlueJob, Step
from sandbox.pipeline.deployed.injected_faults import FAULTS
from sandbox.pipeline.pipeline_plan import actions, table_location
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

MINUTE = timedelta(minutes=1)
COLUMNS = (
    Column("id", "bigint", "Id", required=True, primary_key=True),
    Column("title", "string", "Movie Title"),
    Column("score", "decimal(4,1)", "Score"),
    Column("weight", "double", "weight"),
    Column("released", "date", "released", landed_format="%d/%m/%Y"),
    Column("seen", "timestamp", "seen"),
    Column("day", "int", "day", partition=True),
)
FILE = (
    "Id;Movie Title;Score;weight;released;seen\r\n"
    '1;"Um; ""dois""";9.3;1.25;31/01/2024;2024-01-31 10:20:30\r\n'
    "2;;8.5;;;2024-01-31T10:20:30-03:00\r\n"
    "3;Não;;3.5;01/02/2024;\r\n"
)
ROWS = [
    ("1", 'Um; "dois"', "9.3", "1.25", "2024-01-31", "2024-01-31 10:20:30.000"),
    ("2", None, "8.5", None, None, "2024-01-31 13:20:30.000"),
    ("3", "Não", None, "3.5", "2024-02-01", None),
]
PARTITION = "s3://sor/movies/day={business_date:%Y%m%d}/"


def _contract(name: str, steps: tuple[Step, ...], **changes: Any) -> Contract:
    made = a_contract(
        dataset=f"ds-{name}",
        template=KeyTemplate.parse(f"s3://landing/{name}/{{business_date:%Y%m%d}}/{{file}}.csv"),
        landing=LandingFormat(delimiter=";"),
        table=Table("awsdatacatalog", "sor_db", name, "analysts"),
        columns=COLUMNS,
        steps=steps,
        partition={"day": "{business_date:%Y%m%d}"},
        partition_holds=PartitionHolds.ALL_DELIVERIES,
    )
    return replace(made, **changes)


STAGED = _contract(
    "movies",
    (
        Invoke("copytostage", {"provider": "imdb", "key": "{key}"}, MINUTE),
        AwaitObject("s3://stage/{key}", MINUTE),
        Invoke("startjob", {"parameter": "/stage/movies/_test", "key": "{key}"}, MINUTE, asynchronous=True),
        AwaitGlueJob("stagetosor", MINUTE),
        AwaitObject(PARTITION, MINUTE),
    ),
    override=(Override("/stage/movies/_test", "/stage/movies", {"source_bucket": "{bucket}"}),),
)
BY_FUNCTION = _contract(
    "ratings",
    (
        Invoke("ingestratings", {"file": "s3://{bucket}/{key}"}, MINUTE),
        AwaitObject(PARTITION.replace("movies", "ratings"), MINUTE),
    ),
)
BY_JOB = _contract(
    "plain",
    (RunGlueJob("convertplain", {"--key": "{key}"}, MINUTE),),
    partition={},
    columns=COLUMNS[:-1],
    template=KeyTemplate.parse("s3://other-landing/plain/{business_date:%Y-%m-%d}/{file}.csv"),
)
BY_FOLDER = _contract(
    "parts",
    (
        Invoke("copyfolder", {"prefix": "{prefix}"}, MINUTE),
        AwaitObject("s3://stage/{prefix}", MINUTE),
        Invoke("startfolder", {"prefix": "{prefix}"}, MINUTE, asynchronous=True),
        AwaitGlueJob("convertfolder", MINUTE),
        AwaitObject(PARTITION.replace("movies", "parts"), MINUTE),
    ),
    template=KeyTemplate.parse("s3://landing/shared/{business_date:%Y%m%d}/{region}/part-{file}.csv"),
)
BESIDE = _contract(
    "beside",
    (
        Invoke("ingestbeside", {"prefix": "{prefix}"}, MINUTE),
        AwaitObject(PARTITION.replace("movies", "beside"), MINUTE),
    ),
    template=KeyTemplate.parse("s3://landing/shared/{business_date:%Y%m%d}/{region}/other-{file}.csv"),
)


@pytest.fixture(scope="module")
def provisioned(aws: LocalAws, session: boto3.Session) -> None:
    for _ in range(2):  # again changes nothing
        provision(session, aws.endpoint, (STAGED, BY_FUNCTION, BY_JOB, BESIDE, BY_FOLDER), "proofs")


@pytest.fixture
def pipeline(provisioned: None, client: Callable[[str], Any], s3: Any, glue: Any) -> SimpleNamespace:
    """Drops a file and plays the steps of STAGED; each returns what AWS answered."""

    def drop(key: str, content: str = FILE, fault: str | None = None, bucket: str = "landing") -> str:
        s3.put_object(Bucket=bucket, Key=key, Body=content.encode(), Metadata={"aceite-fault": fault} if fault else {})
        return key

    def invoke(function: str, event: Any) -> Any:
        return payload(client("lambda").invoke(FunctionName=function, Payload=json.dumps(event)))

    def start(key: str) -> Any:
        known = {run["Id"] for run in glue.get_job_runs(JobName="stagetosor")["JobRuns"]}
        _override(client("ssm"), "landing")
        started = invoke("startjob", {"parameter": "/stage/movies/_test", "key": key})
        assert started.get("job") == "stagetosor", started

        def ended() -> Any:
            new = [run for run in glue.get_job_runs(JobName="stagetosor")["JobRuns"] if run["Id"] not in known]
            return next((run for run in new if run["JobRunState"] not in ("STARTING", "RUNNING")), None)

        return eventually(ended, "the end of it")

    def run(key: str, content: str = FILE, fault: str | None = None) -> Any:
        drop(key, content, fault)
        copied = invoke("copytostage", {"provider": "imdb", "key": key})
        assert copied.get("copied") == f"s3://stage/{key}", copied
        return start(key)

    def ingest(day: str, content: str = FILE, fault: str | None = None) -> Any:
        """The same conversion, by the function of BY_FUNCTION."""
        return invoke("ingestratings", {"key": drop(f"ratings/{day}/f.csv", content, fault)})

    return SimpleNamespace(drop=drop, invoke=invoke, start=start, run=run, ingest=ingest)


def _override(ssm: Any, source_bucket: str) -> None:
    value = json.loads(ssm.get_parameter(Name="/stage/movies")["Parameter"]["Value"])
    value["source_bucket"] = source_bucket
    ssm.put_parameter(Name="/stage/movies/_test", Type="String", Value=json.dumps(value), Overwrite=True)


def _rows(ask: Callable[..., Answer], day: str, table: str = "movies") -> list[tuple[str | None, ...]]:
    where = f"WHERE day = {day}" if day else ""
    answer = ask(f"SELECT id, title, score, weight, released, seen FROM sor_db.{table} {where} ORDER BY id")
    assert answer.state == "SUCCEEDED", answer.reason
    return answer.rows


def test_what_the_contract_names_is_there(provisioned: None, client: Callable[[str], Any], s3: Any, glue: Any) -> None:
    buckets = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert {"landing", "stage", "sor", "proofs", "athena-results", "other-landing"} <= buckets
    assert client("athena").get_work_group(WorkGroup="analysts")["WorkGroup"]["Name"] == "analysts"
    table = glue.get_table(DatabaseName="sor_db", Name="movies")["Table"]
    assert table["StorageDescriptor"]["Location"] == table_location(STAGED) == "s3://sor/movies/"
    assert [(key["Name"], key["Type"]) for key in table["PartitionKeys"]] == [("day", "int")]
    assert glue.get_job(JobName="stagetosor")["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 10}
    facts = json.loads(client("ssm").get_parameter(Name="/stage/movies")["Parameter"]["Value"])
    assert facts == {
        "source_bucket": "landing",
        "stage_bucket": "stage",
        "job": "stagetosor",
        "database": "sor_db",
        "table": "movies",
    }


def test_what_a_function_has_to_do_is_read_from_what_is_awaited_after_it() -> None:
    staged, table = AwaitObject("s3://stage/{key}", MINUTE), AwaitObject(PARTITION, MINUTE)
    job, one, two = AwaitGlueJob("job", MINUTE), Invoke("one", {}, MINUTE), Invoke("two", {}, MINUTE)
    copy, start, ingest = ("copy", "s3://stage/{key}"), ("start", "job"), ("ingest", "")
    for steps, expected in (
        ((one, staged, two, job, table), {"one": [copy], "two": [start]}),
        ((one, staged, job, table), {"one": [copy, start]}),
        ((one, staged, two, table), {"one": [copy], "two": [ingest]}),
        ((one, staged, table), {"one": [copy, ingest]}),
        ((one,), {"one": [ingest]}),
        ((one, staged, RunGlueJob("job", {}, MINUTE)), {"one": [copy]}),
        ((RunGlueJob("job", {}, MINUTE),), {}),
    ):
        assert actions(replace(STAGED, steps=steps)) == expected


def test_a_file_goes_from_landing_by_stage_to_its_partition_with_every_cell(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], s3: Any, glue: Any
) -> None:
    key = "movies/20240131/péça +1.csv"
    run = pipeline.run(key)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert key in run["Arguments"]["--key"]
    assert _rows(ask, "20240131") == ROWS
    partition = glue.get_partition(DatabaseName="sor_db", TableName="movies", PartitionValues=["20240131"])["Partition"]
    assert partition["StorageDescriptor"]["Location"] == "s3://sor/movies/day=20240131/"


def test_a_second_delivery_of_a_file_replaces_the_first(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], s3: Any
) -> None:
    for content in (FILE, "\n".join(FILE.splitlines()[:2])):
        assert pipeline.run("movies/20240201/again.csv", content)["JobRunState"] == "SUCCEEDED"
    assert _rows(ask, "20240201") == ROWS[:1]
    assert s3.list_objects_v2(Bucket="sor", Prefix="movies/day=20240201/")["KeyCount"] == 1


def _file(*rows: int) -> str:
    """The file with only these of its three rows."""
    head, *lines = FILE.splitlines()
    return "\r\n".join([head, *(lines[row] for row in rows), ""])


def test_several_keys_go_into_one_partition_side_by_side_and_each_replaces_only_its_own(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], s3: Any
) -> None:
    one, two = "movies/20240205/part-1.csv", "movies/20240205/part-2.csv"
    for key, rows in ((one, (0, 1)), (two, (2,))):
        assert pipeline.run(key, _file(*rows))["JobRunState"] == "SUCCEEDED"
    assert _rows(ask, "20240205") == ROWS
    assert pipeline.run(one, _file(1))["JobRunState"] == "SUCCEEDED"
    assert _rows(ask, "20240205") == ROWS[1:]
    assert s3.list_objects_v2(Bucket="sor", Prefix="movies/day=20240205/")["KeyCount"] == 2


def test_a_fault_of_one_file_leaves_the_rows_of_the_others_alone(
    pipeline: SimpleNamespace, ask: Callable[..., Answer]
) -> None:
    for name, rows, fault in (("one", (0, 1), None), ("two", (2,), "row-dropped")):
        key = pipeline.drop(f"ratings/20240206/{name}.csv", _file(*rows), fault)
        assert "written" in pipeline.invoke("ingestratings", {"key": key})
    assert _rows(ask, "20240206", "ratings") == ROWS[:2]


@pytest.fixture
def folder(pipeline: SimpleNamespace, s3: Any, glue: Any) -> Callable[[str], Any]:
    """Plays the steps of BY_FOLDER for a folder, and answers the job's run."""

    def run(prefix: str) -> Any:
        copied = pipeline.invoke("copyfolder", {"prefix": prefix})
        assert "copied" in copied, copied
        started = pipeline.invoke("startfolder", {"prefix": prefix})
        assert started.get("job") == "convertfolder", started
        live = ("STARTING", "RUNNING")
        ask = lambda: glue.get_job_run(JobName="convertfolder", RunId=started["run"])["JobRun"]  # noqa: E731
        return eventually(lambda: (job := ask())["JobRunState"] not in live and job, "the end of the job")

    return run


def test_a_folder_is_copied_and_converted_whole_but_for_what_does_not_fit_the_template(
    pipeline: SimpleNamespace, folder: Callable[[str], Any], ask: Callable[..., Answer], s3: Any
) -> None:
    for name, rows in (("br/part-1", (0,)), ("br/part-2", (1,)), ("pt/part-1", (2,)), ("pt/other-1", (0, 1, 2))):
        pipeline.drop(f"shared/20240207/{name}.csv", _file(*rows))
    pipeline.drop("shared/20240207/_SUCCESS", "")
    pipeline.drop("shared/20240208/br/part-1.csv", _file(0))
    run = folder("shared/20240207/")
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert run["Arguments"]["--prefix"] == "shared/20240207/"
    assert _rows(ask, "20240207", "parts") == ROWS
    assert _rows(ask, "20240208", "parts") == []
    staged = [item["Key"] for item in s3.list_objects_v2(Bucket="stage", Prefix="shared/")["Contents"]]
    assert staged == [f"shared/20240207/{name}.csv" for name in ("br/part-1", "br/part-2", "pt/part-1")]


def test_of_two_datasets_in_one_folder_each_function_takes_its_own(
    pipeline: SimpleNamespace, folder: Callable[[str], Any], ask: Callable[..., Answer]
) -> None:
    pipeline.drop("shared/20240209/br/part-1.csv", _file(0, 2))
    pipeline.drop("shared/20240209/br/other-1.csv", _file(1))
    assert folder("shared/20240209/br/")["JobRunState"] == "SUCCEEDED"
    assert "written" in pipeline.invoke("ingestbeside", {"prefix": "shared/20240209/br/"})
    assert _rows(ask, "20240209", "parts") == [ROWS[0], ROWS[2]]
    assert _rows(ask, "20240209", "beside") == ROWS[1:2]


def test_a_fault_of_one_file_of_a_folder_stops_its_job(
    pipeline: SimpleNamespace, folder: Callable[[str], Any], ask: Callable[..., Answer]
) -> None:
    pipeline.drop("shared/20240210/br/part-1.csv", _file(0))
    pipeline.drop("shared/20240210/br/part-2.csv", _file(1), fault="glue-failure")
    run = folder("shared/20240210/br/")
    assert run["JobRunState"] == "FAILED" and "on purpose" in run["ErrorMessage"]


def test_an_empty_folder_is_refused(pipeline: SimpleNamespace) -> None:
    failed = pipeline.invoke("copyfolder", {"prefix": "shared/20240211/"})
    assert "a folder of landed objects" in failed["errorMessage"]


def test_a_bad_file_does_not_stop_the_pipeline(pipeline: SimpleNamespace, ask: Callable[..., Answer]) -> None:
    ragged = "Id;Movie Title;Score\r\n1;a;2.5;more\r\nx;b\r\n3\r\n"
    assert "written" in pipeline.ingest("20240202", ragged)
    rows = sorted(_rows(ask, "20240202", "ratings"), key=str)
    assert [row[:3] for row in rows] == [("1", "a", "2.5"), ("3", None, None), (None, "b", None)]


@pytest.mark.parametrize("content", ["", "Id;Movie Title\r\n"])
def test_a_file_without_rows_makes_a_partition_without_rows(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], content: str
) -> None:
    assert "written" in pipeline.ingest("20240203", content)
    assert _rows(ask, "20240203", "ratings") == []


def test_the_parameter_steers_the_second_function(pipeline: SimpleNamespace, client: Callable[[str], Any]) -> None:
    key = pipeline.drop("movies/20240204/steered.csv")
    pipeline.invoke("copytostage", {"key": key})
    _override(client("ssm"), "other-landing")
    failed = pipeline.invoke("startjob", {"parameter": "/stage/movies/_test", "key": key})
    assert "s3://other-landing/movies/20240204/steered.csv cannot be read" in failed["errorMessage"]


def test_a_parameter_that_is_not_there_is_named(pipeline: SimpleNamespace) -> None:
    failed = pipeline.invoke("startjob", {"parameter": "/stage/nothing", "key": "movies/20240204/a.csv"})
    assert failed["errorMessage"] == "the SSM parameter /stage/nothing, which the event names, does not exist"


def test_an_event_without_a_known_key_is_refused_with_what_is_known(pipeline: SimpleNamespace) -> None:
    failed = pipeline.invoke("copytostage", {"provider": "imdb"})
    assert "is the key of a landed object" in failed["errorMessage"]
    assert "s3://landing/movies/{business_date:%Y%m%d}/{file}.csv" in failed["errorMessage"]


def test_a_contract_without_a_job_is_ingested_by_its_last_function(
    pipeline: SimpleNamespace, ask: Callable[..., Answer]
) -> None:
    key = pipeline.drop("ratings/20240131/r.csv")
    assert "written" in pipeline.invoke("ingestratings", {"file": f"s3://landing/{key}"})
    assert _rows(ask, "20240131", "ratings") == ROWS


def test_a_job_that_the_run_starts_itself_fills_a_table_without_partitions(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], glue: Any
) -> None:
    key = pipeline.drop("plain/2024-01-31/p.csv", bucket="other-landing")
    run = glue.start_job_run(JobName="convertplain", Arguments={"--key": key})["JobRunId"]
    eventually(
        lambda: glue.get_job_run(JobName="convertplain", RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED",
        "the job's success",
    )
    assert _rows(ask, "", "plain") == ROWS


SPOILED = {
    "row-dropped": [ROWS[0], ROWS[2]],
    "row-duplicated": [ROWS[0], ROWS[1], ROWS[1], ROWS[2]],
    "cell-changed": [ROWS[0], (*ROWS[1][:2], "9.5", *ROWS[1][3:]), ROWS[2]],
    "nulls-to-text": [ROWS[0], ("2", "null", *ROWS[1][2:]), ROWS[2]],
    "decimals-truncated": [
        (*ROWS[0][:2], "9.0", "1.0", *ROWS[0][4:]),
        (*ROWS[1][:2], "8.0", *ROWS[1][3:]),
        (*ROWS[2][:3], "3.0", *ROWS[2][4:]),
    ],
}


def test_a_fault_that_changes_nothing_is_an_error(pipeline: SimpleNamespace, glue: Any) -> None:
    pipeline.drop("plain/2024-02-01/p.csv", fault="wrong-partition", bucket="other-landing")
    run = glue.start_job_run(JobName="convertplain", Arguments={"--key": "plain/2024-02-01/p.csv"})["JobRunId"]
    ended = eventually(
        lambda: (job := glue.get_job_run(JobName="convertplain", RunId=run)["JobRun"]).get("ErrorMessage") and job,
        "the job's error",
    )
    assert "ImpossibleFault: wrong-partition" in ended["ErrorMessage"]


@pytest.mark.parametrize("fault", SPOILED)
def test_a_fault_of_the_data_is_in_the_table(pipeline: SimpleNamespace, ask: Callable[..., Answer], fault: str) -> None:
    day = f"202403{list(SPOILED).index(fault) + 10}"
    assert "written" in pipeline.ingest(day, fault=fault)
    assert _rows(ask, day, "ratings") == SPOILED[fault]


def test_a_fault_travels_with_the_copy_to_the_job(pipeline: SimpleNamespace, ask: Callable[..., Answer]) -> None:
    assert pipeline.run("movies/20240310/f.csv", fault="row-dropped")["JobRunState"] == "SUCCEEDED"
    assert _rows(ask, "20240310") == SPOILED["row-dropped"]


def test_a_wrong_partition_is_that_of_the_next_day(pipeline: SimpleNamespace, ask: Callable[..., Answer]) -> None:
    pipeline.ingest("20240430", fault="wrong-partition")
    assert (_rows(ask, "20240430", "ratings"), _rows(ask, "20240501", "ratings")) == ([], ROWS)


def test_rows_without_a_partition_in_the_catalog_are_not_read(
    pipeline: SimpleNamespace, ask: Callable[..., Answer], s3: Any
) -> None:
    pipeline.ingest("20240601", fault="no-partition")
    assert s3.list_objects_v2(Bucket="sor", Prefix="ratings/day=20240601/")["KeyCount"] == 1
    assert _rows(ask, "20240601", "ratings") == []


def test_a_lambda_error_is_a_function_error(pipeline: SimpleNamespace) -> None:
    key = pipeline.drop("movies/20240602/f.csv", fault="lambda-error")
    failed = pipeline.invoke("copytostage", {"key": key})
    assert failed["errorType"] == "RuntimeError" and "lambda-error" in failed["errorMessage"]


def test_a_glue_failure_fails_the_run_with_a_message(pipeline: SimpleNamespace) -> None:
    run = pipeline.run("movies/20240603/f.csv", fault="glue-failure")
    assert run["JobRunState"] == "FAILED" and "on purpose" in run["ErrorMessage"]


def test_every_fault_is_shown_here() -> None:
    assert set(FAULTS) == {*SPOILED, "wrong-partition", "no-partition", "lambda-error", "glue-failure"}
