"""Each write into the evidence bucket asks for the encryption of the settings, and no other write does."""

from typing import Any

import pytest

from aws.s3.encryption import encrypt_writes, encryption_of
from aws.s3.objects import etag_of
from aws.s3.writes import copy_version, put, put_once, replace_if

HEADER, KEY_HEADER = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1234"


@pytest.fixture
def sent(local_aws: Any) -> Any:
    """A client, and the headers that it sent with each write: the encryption and the key."""
    client, headers = local_aws.client("s3"), []

    def note(request: Any, **_: Any) -> None:
        if request.method in ("PUT", "POST"):
            headers.append(tuple(map(_text, (request.headers.get(HEADER), request.headers.get(KEY_HEADER)))))

    client.meta.events.register("before-send.s3", note)
    return client, headers


def _text(header: Any) -> str | None:
    return header.decode() if isinstance(header, bytes) else header


@pytest.mark.parametrize(("said", "header"), [("AES256", ("AES256", None)), (KEY, ("aws:kms", KEY))])
def test_every_kind_of_write_asks_for_the_encryption(sent: Any, bucket: str, said: str, header: Any) -> None:
    client, headers = sent
    for _ in range(2):  # a second time changes nothing
        encrypt_writes(client, bucket, said)
    assert put_once(client, bucket, "a", b"1")
    assert replace_if(client, bucket, "a", b"2", etag_of(client, bucket, "a"))
    assert copy_version(client, bucket, "a", etag_of(client, bucket, "a"), "b")
    put(client, bucket, "d", b"3", "text/plain", 60)
    client.create_multipart_upload(Bucket=bucket, Key="c")
    assert headers == [header] * 5


def test_writes_to_other_buckets_and_without_the_setting_ask_for_nothing(sent: Any, bucket: str) -> None:
    client, headers = sent
    encrypt_writes(client, "evidence", "AES256")
    encrypt_writes(client, bucket, None)
    assert put_once(client, bucket, "a", b"1")
    assert headers == [(None, None)]
    assert encryption_of(None) == {}
