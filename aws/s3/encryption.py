"""The encryption that writes to a bucket ask for: some buckets and organisations refuse a write that asks for none."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from aws.calls import Client

SSE_S3 = "AES256"
_WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload")


def encryption_of(said: str | None) -> Mapping[str, str]:
    """Return the arguments of a write. `said` is AES256, or the ARN or id of a KMS key, or None for none."""
    if said is None:
        return {}
    if said == SSE_S3:
        return {"ServerSideEncryption": SSE_S3}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": said}


def encrypt_writes(client: Client, bucket: str, said: str | None) -> Client:
    """Make every write of the client to this bucket ask for the encryption. Returns the client; idempotent."""
    for operation in _WRITES if said else ():
        place, unique_id = f"before-parameter-build.s3.{operation}", f"aceite.encryption.{bucket}"
        client.meta.events.unregister(place, unique_id=unique_id)
        client.meta.events.register(place, partial(_add, bucket, encryption_of(said)), unique_id=unique_id)
    return client


def _add(bucket: str, encryption: Mapping[str, str], params: dict[str, Any], **_: Any) -> None:
    if params.get("Bucket") == bucket:
        params.update(encryption)
