"""Writes the first contract of `aceite contracts init` from a sample file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.temporary_folders import temporary_folder
from cli.options import UsageProblem

if TYPE_CHECKING:
    from acceptance.contract.contract import Contract


def draft(source: str, dataset: str | None, columns: str | None = None) -> str:
    """Return the text of a contract that `contracts check` accepts and that the sample fulfils.

    Raises:
        UsageProblem: the file or object does not exist, or the names of the columns are wrong.
        StepFailed: no contract can be made from the sample.
    """
    from acceptance.odcs.draft import dataset_of, draft_contract
    from acceptance.odcs.reader import read_contract
    from landed.sampling.profile import profile_file

    names = _names(columns)
    with _sample(source) as path:
        profile = profile_file(path, names)
        id_ = dataset or dataset_of(_descriptive_name(source, path))
        text = draft_contract(profile, id_, _location(source, id_, path, profile.landing.format))
        contract = read_contract(text, "the first contract", {})
        assert contract is not None
        _refuse_faulty(path, contract)
    return text


def _names(columns: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in columns.split(",")) if columns is not None else ()
    if not all(names) or len({name.casefold() for name in names}) < len(names):
        raise UsageProblem(f"--columns {columns!r}: write the name of each column, each once: --columns id,title,price")
    return names


def _descriptive_name(source: str, path: Path) -> str:
    """Return the name of the object's folder, or of the file without its suffix; of a folder above if it is a date."""
    parts: Sequence[str] = path.absolute().parts
    name = _unpacked(path).stem
    if source.startswith("s3://"):
        parts = source.removeprefix("s3://").split("/")[1:]
        name = parts[-2] if len(parts) > 1 else name
    named = [part for part in (name, *reversed(parts[:-1])) if part.strip("0123456789-_=.")]
    return named[0] if named else name


def _location(source: str, id_: str, path: Path, format_: str) -> str:
    """Return a key template: that of the object's key if it has a date, else a new one with the sample's suffix."""
    from acceptance.odcs.draft import LOCATION, template_of

    bucket, _, key = source.removeprefix("s3://").partition("/")
    pattern = template_of(key) if source.startswith("s3://") else None
    if pattern:
        return f"s3://{bucket}/{pattern}"
    plain = _unpacked(path)
    suffix = (plain.suffix or f".{format_}") + ("" if plain == path else path.suffix)
    return f"{LOCATION}{id_}/{{business_date:%Y%m%d}}/{{file}}{suffix}"


def _unpacked(path: Path) -> Path:
    """Return the path without the ending of a packing."""
    from acceptance.contract.landing_format import Compression

    return path if Compression.by_ending(path.name) is Compression.NONE else path.with_suffix("")


def _refuse_faulty(path: Path, contract: Contract) -> None:
    """Raise StepFailed if the sample has faults by its own contract, because its delivery would be rejected."""
    from acceptance.errors import StepFailed
    from landed.file import read_landed

    with temporary_folder() as folder:
        faults = read_landed(path, contract, Path(folder)).faults
    if faults:
        raise StepFailed(f"{path.name} could not be delivered under any contract: {faults[0]}")


@contextmanager
def _sample(source: str) -> Iterator[Path]:
    """Provide the sample as a file on this machine; the copy of an object is deleted afterwards."""
    if not source.startswith("s3://"):
        if Path(source).is_dir():
            raise UsageProblem(f"{source} is a folder: name a file in it")
        if not Path(source).is_file():
            raise UsageProblem(f"the file {source} does not exist")
        yield Path(source)
        return
    bucket, _, key = source.removeprefix("s3://").partition("/")
    if not (bucket and key):
        raise UsageProblem(f"{source!r} is not the URI of an S3 object; write s3://bucket/key")
    with temporary_folder() as folder:
        yield _download(bucket, key, Path(folder))


def _download(bucket: str, key: str, folder: Path) -> Path:
    from aws.s3.objects import download, list_objects
    from blocks.build import aws_credentials
    from cli.serving.connection import refuse_another_account, share_settings

    settings = share_settings()
    refuse_another_account(settings)
    s3 = aws_credentials(settings).get_client("s3")
    landed = next((item for item in list_objects(s3, bucket, key) if item.key == key), None)
    if landed is None:
        raise UsageProblem(f"the object s3://{bucket}/{key} does not exist")
    return download(s3, landed, folder / file_name(key)).path


def file_name(key: str) -> str:
    """Return the end of an S3 key as a file name that is valid on every system; a key may be any text."""
    kept = re.sub(r"[^\w.()+=@ -]", "_", key.rpartition("/")[2])[-100:].rstrip(". ").lstrip(" ")
    return f"_{kept}" if not kept.strip(".") or _DEVICE.match(kept) else kept


_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.I)
"""Names that Windows reserves for devices, with any suffix, and with blanks before it."""
