"""`aceite contracts init`: a first contract from a landed sample."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.options import UsageProblem

if TYPE_CHECKING:
    from acceptance.contract.contract import Contract


def draft(source: str, dataset: str | None, columns: str | None = None) -> str:
    """The text of a contract that `contracts check` accepts and the sample keeps.

    Raises:
        UsageProblem: there is no such file or object, or the names of the columns are none.
        StepFailed: no such contract can be made of it.
    """
    from acceptance.odcs.draft import dataset_of, draft_contract
    from acceptance.odcs.reader import read_contract
    from landed.sampling.profile import profile_file

    names = _names(columns)
    with _sample(source) as path:
        profile = profile_file(path, names)
        id_ = dataset or dataset_of(_telling(source, path))
        text = draft_contract(profile, id_, _location(source, id_, path, profile.landing.format))
        contract = read_contract(text, "the first contract", {})
        assert contract is not None
        _refuse_unkept(path, contract)
    return text


def _names(columns: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in columns.split(",")) if columns is not None else ()
    if not all(names) or len({name.casefold() for name in names}) < len(names):
        raise UsageProblem(f"--columns {columns!r}: write the name of each column, each once: --columns id,title,price")
    return names


def _telling(source: str, path: Path) -> str:
    """The name of an object's folder, or of a file without its ending; if that is a date, of the folder above."""
    parts: Sequence[str] = path.absolute().parts
    name = Path(path.stem).stem if path.suffix == ".gz" else path.stem
    if source.startswith("s3://"):
        parts = source.removeprefix("s3://").split("/")[1:]
        name = parts[-2] if len(parts) > 1 else name
    named = [part for part in (name, *reversed(parts[:-1])) if part.strip("0123456789-_=.")]
    return named[0] if named else name


def _location(source: str, id_: str, path: Path, format_: str) -> str:
    """A key template: of an object, that of its key if it has a date; else a new one, with the sample's ending."""
    from acceptance.odcs.draft import LOCATION, template_of

    bucket, _, key = source.removeprefix("s3://").partition("/")
    pattern = template_of(key) if source.startswith("s3://") else None
    if pattern:
        return f"s3://{bucket}/{pattern}"
    packed = path.suffix == ".gz"
    ending = (path.with_suffix("") if packed else path).suffix or f".{format_}"
    return f"{LOCATION}{id_}/{{business_date:%Y%m%d}}/{{file}}{ending}{'.gz' if packed else ''}"


def _refuse_unkept(path: Path, contract: Contract) -> None:
    """What a sample shows must hold for the sample: else its first delivery would be rejected."""
    from acceptance.errors import StepFailed
    from landed.file import read_landed

    with tempfile.TemporaryDirectory(prefix="aceite-") as folder:
        faults = read_landed(path, contract, Path(folder)).faults
    if faults:
        raise StepFailed(f"{path.name} could not be delivered under any contract: {faults[0]}")


@contextmanager
def _sample(source: str) -> Iterator[Path]:
    """The file on this machine; an object's copy is gone afterwards."""
    if not source.startswith("s3://"):
        if not Path(source).is_file():
            raise UsageProblem(f"there is no file {source}")
        yield Path(source)
        return
    bucket, _, key = source.removeprefix("s3://").partition("/")
    if not (bucket and key):
        raise UsageProblem(f"{source!r} is not the address of an S3 object; write s3://bucket/key")
    with tempfile.TemporaryDirectory(prefix="aceite-") as folder:
        yield _downloaded(bucket, key, Path(folder))


def _downloaded(bucket: str, key: str, folder: Path) -> Path:
    from aws.s3.objects import download, list_objects
    from blocks.build import aws_credentials
    from cli.serving.connection import refuse_another_account, share_settings

    settings = share_settings()
    refuse_another_account(settings)
    s3 = aws_credentials(settings).get_client("s3")
    landed = next((item for item in list_objects(s3, bucket, key) if item.key == key), None)
    if landed is None:
        raise UsageProblem(f"there is no object s3://{bucket}/{key}")
    return download(s3, landed, folder / file_name(key)).path


def file_name(key: str) -> str:
    """The end of an S3 key as the name of a file that every system takes: a key may be any text."""
    kept = re.sub(r"[^\w.()+=@ -]", "_", key.rpartition("/")[2])[-100:].rstrip(". ").lstrip(" ")
    return f"_{kept}" if not kept.strip(".") or _DEVICE.match(kept) else kept


_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)
"""What Windows takes for a device, whatever suffix it has."""
