"""Keys of any characters: each is listed, found, fetched and copied."""

import hashlib
from datetime import UTC, datetime

import pytest
from aws_clients import Aws
from listing_server import ListingServer

from aws.s3 import objects, writes
from aws.s3.listing import keep_pages_unparsed, list_page, uploads_in_progress

KEYS = [
    "imdb/a file.csv",
    "imdb/ação é.csv",
    "imdb/a+b.csv",
    "imdb/100%25.csv",
    "imdb/%zz.csv",
    'imdb/it\'s "quoted" `so`.csv',
    "imdb/'; DROP TABLE movies; --.csv",
    "imdb/<b>&amp;.csv",
    "imdb/e\u0301 decomposed.csv",
    "imdb/电影 🎬.csv",
    "imdb/a?b#c;d=e,f:g@h.csv",
    "imdb/ leading and trailing .csv ",
    "imdb/..hidden.csv",
    "imdb/a!b*c(d)e~f$g|h^i[j]k{l}m.csv",
    "imdb/&#10;&#x1;.csv",
    "imdb/\u00a0\u2028\ufffd.csv",
    "imdb/\ud7ff\ue000\U0010fffd.csv",
    "imdb/a-b/c.csv",
    "imdb/a/b.csv",
    "imdb/a0.csv",
    "imdb/a/",
    "imdb/" + "é" * 400 + ".csv",
    "imdb//two slashes.csv",
    "/imdb/leading slash.csv",
    "imdb/\x85.csv",
    "imdb/back\\slash.csv",
]

NOT_IN_XML = ["imdb/\x01\x1f\x7f.csv", "imdb/\t\r\n.csv", "imdb/\ufffe\uffff.csv"]
"""Keys that XML cannot write, so that moto fails; the tests' own server lists them as S3 does."""

NO_PATHS = {
    "imdb/a/": "a folder holds no bytes",
    "imdb/" + "é" * 400 + ".csv": "the name of a file has at most 255 bytes",
    "imdb//two slashes.csv": "no folder has an empty name",
    "/imdb/leading slash.csv": "no folder has an empty name",
}
"""The keys that a server cannot hold whose objects are files, and why: there they are refused, or become other keys."""


@pytest.fixture
def held(s3_server: Aws) -> list[str]:
    """The keys that the server can hold."""
    return [key for key in KEYS if not (s3_server.keys_are_paths and key in NO_PATHS)]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_any_characters_is_listed_found_fetched_and_copied(s3, s3_bucket, held, tmp_path, key):
    if key not in held:
        pytest.skip(f"an object of this server is a file: {NO_PATHS[key]}")
    assert writes.put_once(s3, s3_bucket, key, key.encode())
    (found,) = objects.list_objects(s3, s3_bucket, key[:5])
    assert found.key == key
    assert objects.listed_object(s3, s3_bucket, key) == found
    assert objects.download(s3, found, tmp_path / "copy").sha256 == hashlib.sha256(key.encode()).hexdigest()
    if not key.endswith("/"):
        assert objects.object_exists(s3, f"s3://{s3_bucket}/{key}")
    assert not writes.put_once(s3, s3_bucket, key, b"")
    assert writes.copy_version(s3, s3_bucket, key, found.etag, f"{key}.aside")
    assert objects.read_bytes(s3, s3_bucket, f"{key}.aside") == key.encode()
    assert not writes.copy_version(s3, s3_bucket, key, "0" * 32, f"{key}.other")


def test_pages_of_a_listing_have_each_key_once_in_the_order_of_utf_8(s3, s3_bucket, held):
    below = [key for key in held if key.startswith("imdb/")]
    assert pages_of(s3, s3_bucket, held) == sorted(below)


def pages_of(s3, bucket, keys):
    """Put the keys, and return them from pages of three, each asked for behind the last key of the one before."""
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    keep_pages_unparsed(s3)
    found, more = [], True
    while more and len(found) <= len(keys):
        page = list_page(s3, bucket, "imdb/", found[-1] if found else "", 3)
        found += [landed.key for landed in page.objects]
        more = page.truncated
    return found


def test_uploads_in_parts_are_in_progress_until_they_are_complete(s3, s3_bucket, held):
    uploads = {key: s3.create_multipart_upload(Bucket=s3_bucket, Key=key)["UploadId"] for key in held}
    assert uploads_in_progress(s3, s3_bucket, "") == set(held)
    assert list(objects.list_objects(s3, s3_bucket, "")) == []
    for key, upload in uploads.items():
        named = {"Bucket": s3_bucket, "Key": key, "UploadId": upload}
        part = s3.upload_part(**named, PartNumber=1, Body=b"x")
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    assert uploads_in_progress(s3, s3_bucket, "") == frozenset()
    found = list(objects.list_objects(s3, s3_bucket, ""))
    assert [(landed.key, landed.etag[-2:]) for landed in found] == [(key, "-1") for key in sorted(held)]
    assert objects.read_at_most(s3, found[0], 10) == b"x"


def test_keys_that_xml_cannot_write_are_listed_fetched_and_in_progress(tmp_path):
    keys = [*KEYS, *NOT_IN_XML]
    with ListingServer() as server:
        s3 = keep_pages_unparsed(server.client())
        for key in keys:
            server.put(key, key.encode())
            server.start_upload(f"{key}.part", datetime(2026, 1, 2, tzinfo=UTC))
        listed = list(objects.list_objects(s3, server.name, ""))
        assert [landed.key for landed in listed] == sorted(keys)
        assert list_page(s3, server.name, "", "", 1000).objects == tuple(listed)
        assert [objects.read_at_most(s3, landed, 2000) for landed in listed] == [key.encode() for key in sorted(keys)]
        assert uploads_in_progress(s3, server.name, "") == {f"{key}.part" for key in keys}


def test_uploads_in_progress_are_told_from_all_pages():
    keys = [f"in/{number:04d}\x01 +%2B.csv" for number in range(1001)]
    with ListingServer() as server:
        for key in keys:
            server.start_upload(key, datetime(2026, 1, 2, tzinfo=UTC))
        assert uploads_in_progress(server.client(), server.name, "in/") == set(keys)
        assert server.requests["ListMultipartUploads"] == 2
