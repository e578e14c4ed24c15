import hashlib
import json
import threading
from dataclasses import replace
from datetime import UTC, timedelta

import boto3
import pytest

from acceptance.errors import StepFailed, WaitTimedOut
from aws.s3 import objects as s3_calls
from aws.s3 import writes

ODD_KEYS = [
    "imdb/a file.csv",
    "imdb/ação é.csv",
    "imdb/a+b.csv",
    "imdb/100%25.csv",
    "imdb/%zz.csv",
    'imdb/it\'s "quoted" `so`.csv',
    "imdb/'; DROP TABLE movies; --.csv",
    "imdb/<b>&amp;.csv",
    "imdb/é decomposed.csv",
    "imdb/电影 🎬.csv",
    "imdb/a?b#c;d=e,f:g@h.csv",
    "imdb/ leading and trailing .csv ",
    "imdb//two slashes.csv",
    "imdb/..hidden.csv",
]


@pytest.fixture
def s3(local_aws):
    return local_aws.client("s3")


def landed(s3, bucket, key="in/movies.csv", body=b"id\n1\n"):
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return next(found for found in s3_calls.list_objects(s3, bucket, key) if found.key == key)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_of_any_characters_is_listed_found_and_fetched(s3, bucket, tmp_path, key):
    found = landed(s3, bucket, key, key.encode())
    assert [each.key for each in s3_calls.list_objects(s3, bucket, "imdb/")] == [key]
    assert s3_calls.object_exists(s3, f"s3://{bucket}/{key}")
    assert s3_calls.download(s3, found, tmp_path / "copy").sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert not writes.put_once(s3, bucket, key, b"")


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


def test_a_service_that_does_not_answer_is_a_failed_step_and_not_a_stack_trace(local_aws):
    nobody = local_aws.session.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=boto3.session.Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(StepFailed, match=r"look for s3://b/k: .*127\.0\.0\.1:9"):
        s3_calls.object_exists(nobody, "s3://b/k")


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


def test_an_object_that_is_forbidden_is_not_taken_for_absent(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(DENY_READING).replace("BUCKET", bucket))
    with pytest.raises(StepFailed, match=r"403.*s3:ListBucket"):
        s3_calls.object_exists(s3, f"s3://{bucket}/secret.csv")


DENY_READING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/*"}],
}


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


def test_of_many_who_put_at_the_same_time_exactly_one_wins(local_aws, s3, bucket):
    together, won = threading.Barrier(8), []

    def claim(name):
        client = local_aws.session.client("s3", endpoint_url=local_aws.endpoint)
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


def test_a_put_that_meets_another_one_under_way_is_tried_again(mishaps, bucket, stepped):
    aws, layer = mishaps
    layer.answers.extend(["conflict", "conflict"])
    assert writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1", clock=stepped.clock)
    assert stepped.slept_s == pytest.approx([0.1, 0.1125])


def test_a_put_that_never_gets_through_the_others_is_a_failed_step(mishaps, bucket, stepped):
    aws, layer = mishaps
    layer.answers.extend(["conflict"] * 50)
    with pytest.raises(StepFailed, match="ConditionalRequestConflict"):
        writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1", clock=stepped.clock)


def test_a_claim_whose_answer_was_lost_is_still_ours(mishaps, bucket):
    aws, layer = mishaps
    layer.answers.append("answer lost")
    assert writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1")
    assert layer.requests == 3, "the lost one, the repetition that met it, and the look at whose it is"


def test_a_claim_whose_request_was_lost_after_another_won_is_not_ours(mishaps, s3, bucket):
    aws, layer = mishaps
    writes.put_once(s3, bucket, "claim.json", b"run 2")
    layer.answers.append("answer lost")
    assert not writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1")


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
