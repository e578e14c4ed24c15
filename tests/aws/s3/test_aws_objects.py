"""Objects and conditional writes."""

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from acceptance.errors import StepFailed, WaitTimedOut
from aws.s3 import objects as s3_calls
from aws.s3 import writes


@pytest.fixture
def bucket(s3_bucket):
    return s3_bucket


def landed(s3, bucket, key="in/movies.csv", body=b"id\n1\n"):
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return next(found for found in s3_calls.list_objects(s3, bucket, key) if found.key == key)


def test_a_listing_has_the_etag_without_quotes_and_the_time_in_utc_to_the_second(s3, bucket):
    found = landed(s3, bucket, body=b"x")
    assert found.etag == hashlib.md5(b"x").hexdigest()
    assert (found.size, found.bucket) == (1, bucket)
    assert found.last_modified.tzinfo is UTC
    assert found.last_modified.microsecond == 0


def test_a_listing_of_more_than_one_page_is_complete_and_in_order(s3, bucket):
    keys = [f"in/{number:04d}.csv" for number in range(1001)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert [found.key for found in s3_calls.list_objects(s3, bucket, "in/")] == keys


def test_an_empty_prefix_lists_nothing(s3, bucket):
    assert list(s3_calls.list_objects(s3, bucket, "none/")) == []


def test_listing_a_bucket_that_is_not_there_says_which(s3):
    with pytest.raises(StepFailed, match=r"list s3://no-such-bucket/in/: NoSuchBucket"):
        list(s3_calls.list_objects(s3, "no-such-bucket", "in/"))


def test_an_absent_object_does_not_exist(s3, bucket):
    assert not s3_calls.object_exists(s3, f"s3://{bucket}/none.csv")


def test_an_object_below_a_prefix_makes_the_prefix_exist(s3, bucket):
    assert not s3_calls.object_exists(s3, f"s3://{bucket}/table/day=1/")
    s3.put_object(Bucket=bucket, Key="table/day=1/part-0.parquet", Body=b"x")
    assert s3_calls.object_exists(s3, f"s3://{bucket}/table/day=1/")
    assert not s3_calls.object_exists(s3, f"s3://{bucket}/table/day=11/")


def test_the_marker_of_an_empty_folder_is_no_object_below_it(s3, bucket):
    s3.put_object(Bucket=bucket, Key="table/day=1/", Body=b"")
    assert not s3_calls.object_exists(s3, f"s3://{bucket}/table/day=1/")


@pytest.mark.parametrize("uri", ["bucket/key", "s3://bucket", "s3:///key", "https://bucket/key"])
def test_an_address_that_is_not_of_s3_is_refused(s3, uri):
    with pytest.raises(StepFailed, match="write s3://bucket/key"):
        s3_calls.object_exists(s3, uri)


def test_an_awaited_object_that_comes_ends_the_wait(s3, bucket, stepped):
    stepped.then = lambda time_s: time_s > 3 and s3.put_object(Bucket=bucket, Key="out.csv", Body=b"x")
    s3_calls.await_object(s3, f"s3://{bucket}/out.csv", within=timedelta(minutes=5), clock=stepped.clock)
    assert 3 < stepped.time_s < 6


def test_an_awaited_object_that_does_not_come_names_it_and_the_time(s3, bucket, stepped):
    with pytest.raises(WaitTimedOut, match=rf"wait for any object below s3://{bucket}/t/: still absent after 300 s"):
        s3_calls.await_object(s3, f"s3://{bucket}/t/", within=timedelta(minutes=5), clock=stepped.clock)


def test_of_many_who_put_at_the_same_time_exactly_one_wins(s3_server, s3, bucket):
    together, won = threading.Barrier(8), []

    def claim(name):
        client = s3_server.client("s3")
        together.wait()
        if writes.put_once(client, bucket, "claim.json", name):
            won.append(name)

    threads = [threading.Thread(target=claim, args=(f"run {number}".encode(),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert s3.get_object(Bucket=bucket, Key="claim.json")["Body"].read() == won[0]


def test_what_is_put_once_keeps_its_first_content_and_its_type(s3, bucket):
    assert writes.put_once(s3, bucket, "evidence.html", b"<p>", "text/html; charset=utf-8")
    assert not writes.put_once(s3, bucket, "evidence.html", b"<p>", "text/html; charset=utf-8")
    answer = s3.get_object(Bucket=bucket, Key="evidence.html")
    assert (answer["Body"].read(), answer["ContentType"]) == (b"<p>", "text/html; charset=utf-8")


def test_an_object_is_replaced_only_while_it_is_the_one_that_was_read(s3, bucket):
    writes.put_once(s3, bucket, "state.json", b'{"n": 1}')
    value, etag = s3_calls.read_json(s3, bucket, "state.json")
    assert value == {"n": 1}
    assert writes.replace_if(s3, bucket, "state.json", b'{"n": 2}', etag)
    assert not writes.replace_if(s3, bucket, "state.json", b'{"n": 3}', etag)
    assert s3_calls.read_json(s3, bucket, "state.json")[0] == {"n": 2}


def test_an_object_that_was_deleted_meanwhile_is_not_replaced(s3, bucket):
    assert not writes.replace_if(s3, bucket, "gone.json", b"{}", "0" * 32)


def test_json_that_is_not_there_is_none(s3, bucket):
    assert s3_calls.read_json(s3, bucket, "none.json") is None


@pytest.mark.parametrize(("body", "said"), [(b"{", "is not JSON"), (b"[1]", "JSON list"), (b"\xff", "is not JSON")])
def test_json_that_cannot_be_used_says_why(s3, bucket, body, said):
    s3.put_object(Bucket=bucket, Key="bad.json", Body=body)
    with pytest.raises(StepFailed, match=said):
        s3_calls.read_json(s3, bucket, "bad.json")


def test_a_download_has_the_version_of_the_object(s3, bucket, tmp_path):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    got = s3_calls.download(s3, next(s3_calls.list_objects(s3, bucket, "k")), tmp_path / "copy")
    assert got.version_id == put["VersionId"]


def test_without_versioning_there_is_no_version(s3, bucket, tmp_path):
    assert s3_calls.download(s3, landed(s3, bucket), tmp_path / "copy").version_id is None


def test_a_download_is_the_listed_bytes_with_their_digest(s3, bucket, tmp_path):
    body = bytes(range(256)) * 10_000
    got = s3_calls.download(s3, landed(s3, bucket, body=body), tmp_path / "copy")
    assert (got.path.read_bytes(), got.size_bytes) == (body, len(body))
    assert got.sha256 == hashlib.sha256(body).hexdigest()


def test_an_object_replaced_since_it_was_listed_is_not_judged_in_its_place(s3, bucket, tmp_path):
    found = landed(s3, bucket)
    s3.put_object(Bucket=bucket, Key=found.key, Body=b"other")
    with pytest.raises(StepFailed, match="somebody replaced it since"):
        s3_calls.read_at_most(s3, found, 1)
    with pytest.raises(StepFailed, match="somebody replaced it since"):
        s3_calls.object_digest(s3, found, "sha256")
    with pytest.raises(StepFailed, match="somebody replaced it since"):
        s3_calls.download(s3, found, tmp_path / "copy")


def test_an_object_deleted_since_it_was_listed_says_so(s3, bucket, tmp_path):
    found = landed(s3, bucket)
    s3.delete_object(Bucket=bucket, Key=found.key)
    with pytest.raises(StepFailed, match="somebody deleted it since"):
        s3_calls.read_at_most(s3, found, 1)
    with pytest.raises(StepFailed, match="somebody deleted it since"):
        s3_calls.object_digest(s3, found, "sha256")
    with pytest.raises(StepFailed, match="somebody deleted it since"):
        s3_calls.download(s3, found, tmp_path / "copy")


def test_a_failed_download_leaves_no_file(s3, bucket, tmp_path):
    wrong = replace(landed(s3, bucket), etag="0" * 32)
    with pytest.raises(StepFailed):
        s3_calls.download(s3, wrong, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
