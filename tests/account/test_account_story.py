"""The whole path on an AWS account: `pytest --aws`. Without the option the same is told in a sandbox."""

import json
from collections.abc import Callable, Iterator

import pytest
from account_aceite import DATASETS, Aceite, own_role, served, settings_of, write_contracts
from account_aws import Account, leftovers, named, new_name
from account_deletion import Undo, delete_bucket
from account_pipeline import BOOKS, LOANS, TABLES, TYPES, Pipeline, made_pipeline, place_of_bucket
from account_probe import prove_pipeline
from polling import eventually

pytestmark = pytest.mark.proof

GONE_WITHIN_S, SEALED_WITHIN_S = 120, 60
OF_BOOKS = "id,title,price,released\n1,Memórias Póstumas de Brás Cubas,29.90,1881-03-15\n2,Dom Casmurro,,1899-12-01\n"
OF_TYPES = f"{','.join(TABLES[TYPES])}\n" + (
    "1,-128,32767,-2147483648,São 🎬,a  ,br,-999.9,0.0001,99999999999999999999999999999999999999,1e300,-0.5,true,"
    "1582-10-15,1969-12-31 23:59:59.999\n"
    "2,0,0,0,a b,b,b,0.1,-0.9999,0,-0.0,0.1,false,9999-12-31,1970-01-01 00:00:00\n"
    "3,,,,,,,,,,,,,,\n"
)
OF_LOANS = (
    "id,title,price,released,lent\n"
    "1,Memórias Póstumas de Brás Cubas,29.90,1881-03-15,2026-01-02 10:00:00.123456\n"
    "2,O'Neill,,1899-12-01,\n"
)
GOOD, BAD = f"{BOOKS}/20260102/books.csv", f"{BOOKS}/20260103/books.csv"
EVERY_TYPE = f"{TYPES}/20260102/types.csv"
LENT = f"{LOANS}/20260102/loans.csv"
FILES = {"evidence.json", "evidence.html", "junit.xml", "openlineage.json", "manifest.json"}
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def undo() -> Undo:
    return Undo()


@pytest.fixture(scope="module")
def pipeline(account: Account, undo: Undo, say: Say) -> Iterator[Pipeline]:
    with made_pipeline(account, undo) as pipeline:
        say("the pipeline is made; now one file goes through it by hand")
        prove_pipeline(pipeline, OF_BOOKS.encode())
        yield pipeline
        say("deleting everything")
    eventually(lambda: not named(account, account.name)[0], f"the end of all {account.name}", GONE_WITHIN_S, every_s=5)
    say("nothing is left")


@pytest.fixture(scope="module")
def before(pipeline: Pipeline) -> dict[str, str]:
    """What the parameters hold before anything lands."""
    return pipeline.values()


@pytest.fixture(scope="module")
def aceite(
    pipeline: Pipeline, before: dict[str, str], undo: Undo, say: Say, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aceite]:
    """Four files have been dropped: two of books, each of its own date, one with every type, one for Iceberg."""
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    write_contracts(pipeline, contracts)
    environment = settings_of(pipeline, home, contracts)
    role = own_role(pipeline, undo, environment, home)
    say(f"the pipeline works; now `aceite up` as {role}")
    with served(pipeline, home, {**environment, "ACEITE_AWS_ROLE_ARN": role}) as aceite:
        aceite.drop(GOOD, OF_BOOKS.encode())
        aceite.drop(BAD, OF_BOOKS.replace("29.90", "-29.90").encode())
        aceite.drop(EVERY_TYPE, OF_TYPES.encode())
        aceite.drop(LENT, OF_LOANS.encode())
        yield aceite


def test_a_good_file_is_accepted(aceite: Aceite, say: Say) -> None:
    evidence = aceite.verdict(GOOD)
    say(f"{GOOD}: {evidence['verdict']}, {evidence['reason']}")
    assert (evidence["verdict"], evidence["table"]["rows"], evidence["landed"]["rows"]) == ("accepted", 2, 2)
    assert evidence["table"]["fingerprint"] == evidence["landed"]["fingerprint"]
    assert {check["outcome"] for check in evidence["checks"]} == {"passed"}


def test_a_bad_file_is_rejected_with_the_reason(aceite: Aceite, say: Say) -> None:
    evidence = aceite.verdict(BAD)
    say(f"{BAD}: {evidence['verdict']}, {evidence['reason']}")
    assert (evidence["verdict"], evidence["table"]["rows"]) == ("rejected", 2)
    assert evidence["reason"] == "price_range: expected price >= 0, observed 1 row"
    failed = {check["id"] for check in evidence["checks"] if check["outcome"] == "failed"}
    assert failed == {"price_range"}
    assert [row[1] for row in evidence["sample"]["rows"]] == ["1"]


def test_a_table_of_every_type_agrees_cell_by_cell_and_decimals_are_divided_as_decimals(
    aceite: Aceite, say: Say
) -> None:
    evidence = aceite.verdict(EVERY_TYPE)
    say(f"{EVERY_TYPE}: {evidence['verdict']}, {evidence['reason']}")
    assert (evidence["verdict"], evidence["table"]["rows"], evidence["landed"]["rows"]) == ("accepted", 3, 3)
    assert evidence["table"]["fingerprint"] == evidence["landed"]["fingerprint"]
    assert {check["outcome"] for check in evidence["checks"]} == {"passed"}
    assert "33.3" in [check["observed"] for check in evidence["checks"] if check["id"].startswith("share")]


def test_a_table_of_iceberg_that_athena_filled_is_accepted_as_of_a_snapshot(aceite: Aceite, say: Say) -> None:
    evidence, pipeline = aceite.verdict(LENT), aceite.pipeline
    say(f"{LENT}: {evidence['verdict']}, {evidence['reason']}")
    assert (evidence["verdict"], evidence["table"]["rows"], evidence["landed"]["rows"]) == ("accepted", 2, 2)
    assert evidence["table"]["fingerprint"] == evidence["landed"]["fingerprint"]
    table = pipeline.account.client("glue").get_table(DatabaseName=pipeline.database, Name=LOANS)["Table"]
    bucket, _, key = table["Parameters"]["metadata_location"].removeprefix("s3://").partition("/")
    metadata = json.loads(pipeline.account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert evidence["table"]["snapshot"] == str(metadata["current-snapshot-id"])


def test_aceite_was_in_a_role_that_has_what_the_command_printed_and_no_more(aceite: Aceite) -> None:
    run = aceite.verdict(GOOD)["run"]
    assert run["aws_account"] == aceite.pipeline.account.id
    assert f":assumed-role/{aceite.pipeline.account.name}-aceite/" in run["aws_caller"]


def test_what_the_evidence_names_is_found_on_the_account(aceite: Aceite) -> None:
    evidence, account = aceite.verdict(GOOD), aceite.pipeline.account
    (query,) = evidence["queries"]
    found = account.client("athena").get_query_execution(QueryExecutionId=query["query_id"])["QueryExecution"]
    assert (found["WorkGroup"], found["Status"]["State"]) == (aceite.pipeline.workgroup, "SUCCEEDED")
    ids = {name: each for step in evidence["steps"] for name, each in step["ids"].items()}
    run = account.client("glue").get_job_run(JobName=aceite.pipeline.job, RunId=ids["job_run_id"])["JobRun"]
    assert run["JobRunState"] == "SUCCEEDED"


@pytest.mark.parametrize("key", [GOOD, BAD])
def test_the_evidence_is_in_its_bucket_and_sealed(aceite: Aceite, key: str) -> None:
    prefix = aceite.verdict(key)["prefix"]

    def complete() -> bool:
        return {place.removeprefix(prefix) for place in aceite.keys(prefix)} >= FILES

    eventually(complete, f"{sorted(FILES)} below {prefix}", SEALED_WITHIN_S)


def test_the_evidence_is_as_it_was_sealed(aceite: Aceite) -> None:
    aceite.verdict(GOOD)
    aceite.verdict(BAD)
    aceite.verdict(EVERY_TYPE)
    aceite.verdict(LENT)

    def verified() -> bool:
        return all(aceite.run("evidence", "verify", each).returncode == 0 for each in DATASETS.values())

    eventually(verified, lambda: aceite.run("evidence", "verify", *DATASETS.values()).stderr, SEALED_WITHIN_S)


def test_the_parameters_are_as_they_were(aceite: Aceite, before: dict[str, str]) -> None:
    for key in (GOOD, BAD):
        (parameter,) = aceite.verdict(key)["parameters"]
        assert (parameter["name"], parameter["restored"]) == (aceite.pipeline.overridden, True)
    assert aceite.pipeline.values() == before


def test_what_an_earlier_run_left_is_named_and_not_touched(account: Account) -> None:
    s3, earlier = account.client("s3"), f"{new_name(account.prefix)}-landing"
    try:
        s3.create_bucket(Bucket=earlier, **place_of_bucket(account.region))
        eventually(lambda: f"S3 bucket {earlier}" in leftovers(account)[0], f"{earlier} among what is left", 60)
        assert not [each for each in leftovers(account)[0] if account.name in each]
        s3.head_bucket(Bucket=earlier)
    finally:
        delete_bucket(account, earlier)
