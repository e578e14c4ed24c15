import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ["a/1.csv", "a/2.csv", "b ç+%'\"/x;y.csv", "b/1.csv", "c.csv", "z"]


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    s3.create_bucket(Bucket="listing")
    for key in reversed(KEYS):
        s3.put_object(Bucket="listing", Key=key, Body=key.encode())
    return "listing"


def _pages(s3: Any, **asked: Any) -> list[str]:
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(**asked):
        found += [entry["Key"] for entry in page.get("Contents", [])]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    return found


def test_keys_are_listed_in_order_whatever_characters_they_have(s3: Any, bucket: str) -> None:
    assert _pages(s3, Bucket=bucket) == KEYS


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_of_any_size_hold_every_key_once(s3: Any, bucket: str, size: int) -> None:
    assert _pages(s3, Bucket=bucket, PaginationConfig={"PageSize": size}) == KEYS


@pytest.mark.parametrize("size", [1, 3])
def test_a_delimiter_shows_each_folder_once(s3: Any, bucket: str, size: int) -> None:
    shown = _pages(s3, Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size})
    assert sorted(shown) == ["a/", "b ç+%'\"/", "b/", "c.csv", "z"]


def test_start_after_and_prefix_narrow_a_listing(s3: Any, bucket: str) -> None:
    assert _pages(s3, Bucket=bucket, StartAfter="b/1.csv") == ["c.csv", "z"]
    assert _pages(s3, Bucket=bucket, Prefix="a/") == KEYS[:2]
    assert _pages(s3, Bucket=bucket, Prefix="b ç+%'") == [KEYS[2]]
    assert _pages(s3, Bucket=bucket, Prefix="nothing") == []


def test_an_object_that_marks_a_folder_does_not_hide_what_is_in_it(s3: Any) -> None:
    s3.create_bucket(Bucket="folders")
    for key in ("a/", "a/1", "a/b/2", "a/c"):
        s3.put_object(Bucket="folders", Key=key, Body=b"")
    shown = _pages(s3, Bucket="folders", Prefix="a/", Delimiter="/", PaginationConfig={"PageSize": 1})
    assert sorted(shown) == ["a/", "a/1", "a/b/", "a/c"]


def test_the_old_listing_pages_by_marker(s3: Any, bucket: str) -> None:
    first = s3.list_objects(Bucket=bucket, MaxKeys=4)
    rest = s3.list_objects(Bucket=bucket, Marker=first["NextMarker"])
    assert [entry["Key"] for entry in first["Contents"] + rest["Contents"]] == KEYS


def test_a_deleted_key_is_gone_and_an_overwritten_one_is_listed_once(s3: Any) -> None:
    s3.create_bucket(Bucket="changing")
    for body in (b"1", b"22"):
        s3.put_object(Bucket="changing", Key="twice", Body=body)
    s3.put_object(Bucket="changing", Key="gone", Body=b"")
    s3.delete_object(Bucket="changing", Key="gone")
    assert [(entry["Key"], entry["Size"]) for entry in s3.list_objects_v2(Bucket="changing")["Contents"]] == [
        ("twice", 2)
    ]


def test_in_a_versioned_bucket_a_delete_marker_hides_the_key(s3: Any) -> None:
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="versions", Key="k", Body=b"1")
    s3.delete_object(Bucket="versions", Key="k")
    assert _pages(s3, Bucket="versions") == []
    assert len(s3.list_object_versions(Bucket="versions")["Versions"]) == 1


def test_of_many_conditional_writes_one_wins(s3: Any, bucket: str) -> None:
    def claim(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="z-claim", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(40))) == 1
    s3.delete_object(Bucket=bucket, Key="z-claim")


def test_a_large_object_has_one_etag_from_the_first_moment_on_whoever_lists_it(client: Any, s3: Any) -> None:
    """It is part of a delivery's identity: a file with two would be judged under an id that nobody waits for."""
    s3.create_bucket(Bucket="large")
    body, over, seen = bytes(range(256)) * 80_000, threading.Event(), set[tuple[str, str]]()

    def look() -> None:
        own = client("s3")
        while not over.is_set():
            seen.update((each["Key"], each["ETag"]) for each in own.list_objects_v2(Bucket="large").get("Contents", ()))

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look) for _ in range(3)]
        for number in range(8):
            s3.put_object(Bucket="large", Key=f"{number}", Body=body)
        over.set()
        for each in looks:
            each.result()
    assert {etag for _, etag in seen} == {f'"{hashlib.md5(body).hexdigest()}"'}


def test_if_match_writes_only_over_the_version_that_was_read(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="z", Body=b"z")["ETag"]
    s3.put_object(Bucket=bucket, Key="z", Body=b"z", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="z", Body=b"2", IfMatch='"another"')


def test_a_copy_keeps_the_user_metadata(s3: Any, bucket: str) -> None:
    s3.create_bucket(Bucket="copies")
    s3.put_object(Bucket="copies", Key="from", Body=b"1", Metadata={"aceite-fault": "row-dropped"})
    s3.copy_object(Bucket="copies", Key="to", CopySource={"Bucket": "copies", "Key": "from"})
    assert s3.head_object(Bucket="copies", Key="to")["Metadata"] == {"aceite-fault": "row-dropped"}
