"""The listing server lists as S3 does: else what is shown on it would say nothing about S3."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from listing_server import ListingServer

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
STRANGE = ["b ç", "b+ç", "b%2Bç", "'\"<&>[*].csv", "line\nbreak\ttab", "\u00e9", "e\u0301", "\uffff", "😀", "z" * 1000]
KEYS = sorted(["a/", "a/1", "a/b/2", "a/c", "a0", *STRANGE], key=lambda key: key.encode())


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with ListingServer() as server:
        yield server


def pages(server: ListingServer, size: int, **asked: Any) -> list[str]:
    found = []
    paginator = server.client().get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket="landing", PaginationConfig={"PageSize": size}, **asked):
        entries = [entry["Key"] for entry in page.get("Contents", [])]
        entries += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert page["KeyCount"] == len(entries) <= page["MaxKeys"] == size
        assert page["IsTruncated"] == ("NextContinuationToken" in page)
        found += sorted(entries, key=lambda key: key.encode())
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pages_of_any_size_hold_every_key_once_in_the_order_of_its_bytes(server, size):
    server.bulk(KEYS)
    assert pages(server, size) == KEYS
    assert pages(server, size, Prefix="a/") == ["a/", "a/1", "a/b/2", "a/c"]
    assert pages(server, size, StartAfter="a/b/2") == KEYS[KEYS.index("a/c") :]
    assert pages(server, size, Prefix="b", StartAfter="a") == [key for key in KEYS if key.startswith("b")]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_delimiter_shows_each_folder_once_and_hides_nothing(server, size):
    server.bulk(KEYS)
    rolled_up = sorted({key[: key.find("/") + 1] or key for key in KEYS}, key=lambda key: key.encode())
    assert pages(server, size, Delimiter="/") == rolled_up
    assert pages(server, size, Delimiter="/", Prefix="a/") == ["a/", "a/1", "a/b/", "a/c"]


def test_exactly_as_many_keys_as_a_page_holds_are_not_truncated(server):
    server.bulk("abc")
    assert not server.client().list_objects_v2(Bucket="landing", MaxKeys=3)["IsTruncated"]
    assert server.client().list_objects_v2(Bucket="landing", MaxKeys=2)["IsTruncated"]
    assert server.client().list_objects_v2(Bucket="landing", MaxKeys=0)["KeyCount"] == 0


def test_an_object_has_the_time_that_was_said_and_one_uploaded_in_parts_that_of_its_beginning(server):
    server.put("plain", b"1", last_modified=NOON)
    server.start_upload("parts", NOON - timedelta(minutes=10))
    assert pages(server, 10) == ["plain"]
    server.complete_upload("parts", b"22")
    listed = server.client().list_objects_v2(Bucket="landing")["Contents"]
    assert [(entry["Key"], entry["Size"], entry["LastModified"]) for entry in listed] == [
        ("parts", 2, NOON - timedelta(minutes=10)),
        ("plain", 1, NOON),
    ]
    assert listed[0]["ETag"].endswith('-1"')


def test_uploads_in_progress_are_listed_below_a_prefix_in_pages(server):
    for minute, key in enumerate(["a/1+ç", "a/2", "a/1+ç", "b"]):
        server.start_upload(key, NOON - timedelta(minutes=minute))
    paginator = server.client().get_paginator("list_multipart_uploads")
    found = []
    for page in paginator.paginate(Bucket="landing", Prefix="a/", PaginationConfig={"PageSize": 1}):
        found += [(upload["Key"], upload["Initiated"]) for upload in page.get("Uploads", [])]
    minutes = [("a/1+ç", 2), ("a/1+ç", 0), ("a/2", 1)]
    assert found == [(key, NOON - timedelta(minutes=minute)) for key, minute in minutes]
    server.abort_upload("b")
    assert [upload.key for upload in server.uploads()] == ["a/1+ç", "a/1+ç", "a/2"]


@pytest.mark.parametrize("key", KEYS[1:])
def test_an_object_is_read_under_its_key_and_only_in_the_version_that_is_meant(server, key):
    etag = server.put(key, b"content", last_modified=NOON).etag
    s3 = server.client()
    assert s3.get_object(Bucket="landing", Key=key, IfMatch=f'"{etag}"')["Body"].read() == b"content"
    assert s3.head_object(Bucket="landing", Key=key)["LastModified"] == NOON
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.get_object(Bucket="landing", Key=key, IfMatch='"another"')


def test_what_is_not_there_or_not_known_is_refused_in_the_words_of_s3(server):
    s3 = server.client()
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="another")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="landing", Key="absent")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="landing", Key="absent")
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.list_objects(Bucket="landing")
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_object(Bucket="landing", Key="a", Body=b"1")
    with pytest.raises(ClientError, match="InvalidArgument"):
        s3.list_objects_v2(Bucket="landing", ContinuationToken="invented")
    assert server.requests["ListObjectsV2"] == 2


@pytest.mark.parametrize("how", ["503", "dropped", "cut"])
def test_so_many_requests_fail_as_were_told_to_and_then_no_more(server, how):
    server.bulk(KEYS)
    s3 = server.client()
    server.fail_next(1, how, after=1)
    assert s3.list_objects_v2(Bucket="landing")["KeyCount"] == len(KEYS)
    with pytest.raises((ClientError, BotoCoreError)):
        s3.list_objects_v2(Bucket="landing")
    assert s3.list_objects_v2(Bucket="landing")["KeyCount"] == len(KEYS)
    server.fail_next(2, how)
    assert server.client(attempts=3).list_objects_v2(Bucket="landing")["KeyCount"] == len(KEYS)
    assert server.requests["ListObjectsV2"] == 6
