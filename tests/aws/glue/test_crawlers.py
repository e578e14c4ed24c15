"""Crawls of a Glue crawler, which in the sandbox really add the partitions that they find."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.glue.crawlers import run_crawler
from aws.waiting import Clock

MINUTE = timedelta(minutes=1)
COLUMN = {"Name": "id", "Type": "bigint"}


@pytest.fixture
def glue(local_aws):
    return local_aws.client("glue", **no_retry_config(MINUTE))


@pytest.fixture
def crawled(local_aws, glue) -> tuple[str, str]:
    """A crawler, and the database of the table that it crawls, which holds one folder that the catalog lacks."""
    name = f"crawled-{uuid.uuid4().hex}"
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="t/day=20260102/part-0.parquet", Body=b"rows")
    glue.create_database(DatabaseInput={"Name": name})
    storage = {"Columns": [COLUMN], "Location": f"s3://{name}/t/"}
    table = {"Name": "t", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "day", "Type": "int"}]}
    glue.create_table(DatabaseName=name, TableInput=table)
    glue.create_crawler(Name=name, Role="r", DatabaseName=name, Targets={"S3Targets": [{"Path": f"s3://{name}/t"}]})
    return name, name


def days(glue: Any, database: str) -> list[str]:
    found = glue.get_partitions(DatabaseName=database, TableName="t")["Partitions"]
    return [partition["Values"][0] for partition in found]


def crawls(glue: Any, crawler: str) -> int:
    return len(glue.list_crawls(CrawlerName=crawler)["Crawls"])


def test_a_crawl_is_run_to_its_end_and_adds_the_partitions_that_it_finds(glue, crawled):
    crawler, database = crawled
    assert run_crawler(glue, crawler, within=MINUTE).status == "SUCCEEDED"
    assert days(glue, database) == ["20260102"]
    assert run_crawler(glue, crawler, within=MINUTE).status == "SUCCEEDED", "it may be run again"


def test_a_start_whose_answer_is_lost_starts_no_second_crawl(mishaps, glue, crawled):
    crawler, _ = crawled
    aws, layer = mishaps
    layer.answers.extend(["", "answer lost"])
    run_crawler(aws.client("glue", **no_retry_config(MINUTE)), crawler, within=MINUTE)
    assert crawls(glue, crawler) == 1


def test_a_crawl_that_goes_on_is_waited_for_and_another_is_started(mishaps, glue, crawled):
    crawler, _ = crawled
    aws, layer = mishaps
    layer.answers.extend(["", "400 CrawlerRunningException", "", "400 CrawlerRunningException"])
    assert run_crawler(aws.client("glue", **no_retry_config(MINUTE)), crawler, within=MINUTE).status == "SUCCEEDED"
    assert crawls(glue, crawler) == 1


def test_a_crawler_that_is_busy_all_the_time_is_told(mishaps, crawled):
    crawler, _ = crawled
    aws, layer = mishaps
    layer.answers.extend(["", "400 CrawlerRunningException"])
    with pytest.raises(WaitTimedOut, match=f"start the crawler {crawler}: CrawlerRunningException.*; for 0 s"):
        run_crawler(aws.client("glue", **no_retry_config(MINUTE)), crawler, within=timedelta())


def test_a_crawl_that_fails_says_why(local_aws, glue, crawled):
    crawler, _ = crawled
    s3 = local_aws.client("s3")
    s3.delete_object(Bucket=crawler, Key="t/day=20260102/part-0.parquet")
    s3.delete_bucket(Bucket=crawler)
    with pytest.raises(StepFailed, match=f"crawler {crawler}: FAILED") as failed:
        run_crawler(glue, crawler, within=MINUTE)
    assert failed.value.words is not None
    assert failed.value.words.text.startswith("KeyError")


def test_a_crawl_that_is_late_is_stopped_and_so_is_one_whose_run_is_cancelled(mishaps, glue, crawled):
    class Cancelled(BaseException):
        pass

    def cancel(_: float) -> None:
        raise Cancelled

    crawler, _ = crawled
    aws, layer = mishaps
    client = aws.client("glue", **no_retry_config(MINUTE))
    layer.answers.extend(["", "", "400 ThrottlingException"])
    with pytest.raises(WaitTimedOut, match=r"wait for the crawl of .*(so Aceite told Glue|could not stop it)"):
        run_crawler(client, crawler, within=timedelta())
    layer.answers.extend(["", "", "400 ThrottlingException"])
    with pytest.raises(Cancelled):
        run_crawler(client, crawler, within=MINUTE, clock=Clock(lambda: 0.0, cancel))


def test_a_missing_crawler_is_told_by_its_name(glue):
    with pytest.raises(StepFailed, match="look at the crawler none: EntityNotFoundException"):
        run_crawler(glue, "none", within=MINUTE)


def test_a_client_that_repeats_requests_is_refused(local_aws):
    with pytest.raises(ValueError, match="could start a crawl twice"):
        run_crawler(local_aws.client("glue"), "any", within=MINUTE)
