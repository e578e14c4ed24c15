"""`aceite contracts init`: a first contract from a landed sample."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.options import UsageProblem

if TYPE_CHECKING:
    from acceptance.odcs.draft import Profile


def draft(source: str, dataset: str | None) -> str:
    """The text of a contract that `contracts check` accepts.

    Raises:
        UsageProblem: there is no such file or object.
        StepFailed: it cannot be read as CSV.
    """
    from acceptance.odcs.draft import LOCATION, dataset_of, draft_contract, template_of
    from acceptance.odcs.reader import read_contract

    if source.startswith("s3://"):
        bucket, _, key = source.removeprefix("s3://").partition("/")
        if not (bucket and key):
            raise UsageProblem(f"{source!r} is not the address of an S3 object; write s3://bucket/key")
        profile = _profile_of_object(bucket, key)
        parts = key.split("/")
        name, pattern = _telling(parts, parts[-2] if len(parts) > 1 else Path(key).stem), template_of(key)
        location = f"s3://{bucket}/{pattern}" if pattern else ""
    else:
        path = Path(source)
        if not path.is_file():
            raise UsageProblem(f"there is no file {source}")
        profile, name, location = _profile_of_file(path), _telling(path.absolute().parts, path.stem), ""
    id_ = dataset or dataset_of(name)
    text = draft_contract(profile, id_, location or LOCATION + id_ + "/{business_date:%Y%m%d}/{file}.csv")
    read_contract(text, "the first contract", {})  # a contract that `check` would refuse is not given
    return text


def _telling(parts: Sequence[str], stem: str) -> str:
    """The name of a file without its ending, or of its folder: the first that is more than a date."""
    named = [part for part in (stem, *reversed(parts[:-1])) if part.strip("0123456789-_=.")]
    return named[0] if named else stem


def _profile_of_file(path: Path) -> Profile:
    from aws.profile import profile_file

    return profile_file(path)


def _profile_of_object(bucket: str, key: str) -> Profile:
    from aws.s3 import download, list_objects
    from blocks.build import aws_credentials
    from cli.connection import refuse_another_account, share_settings

    settings = share_settings()
    refuse_another_account(settings)
    s3 = aws_credentials(settings).get_client("s3")
    landed = next((item for item in list_objects(s3, bucket, key) if item.key == key), None)
    if landed is None:
        raise UsageProblem(f"there is no object s3://{bucket}/{key}")
    with tempfile.TemporaryDirectory(prefix="aceite-") as folder:
        copy = download(s3, landed, Path(folder) / Path(key).name)
        return _profile_of_file(copy.path)
