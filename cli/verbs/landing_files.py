"""Uploads files to the landing location of their contract, and finds the delivery of a landed object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.routing import route
from acceptance.errors import UnroutableKey, did_you_mean
from aws.calls import aws_call
from aws.s3.objects import list_objects
from blocks.build import aws_credentials
from blocks.settings import Settings
from cli.options import UsageProblem
from flows.evidence.repetitions import sealed_evidence
from flows.installation.current_contracts import current_contracts, usable_contracts

FAULT_METADATA = "aceite-fault"
"""User metadata that asks the sandbox's pipeline for a fault; see `sandbox/pipeline/deployed/injected_faults.py`."""


def contract_named(settings: Settings, dataset: str) -> Contract:
    """Return the contract of the dataset. Raise UsageProblem if there is none, or if it cannot be used."""
    contracts = {contract.dataset: contract for contract in usable_contracts(settings)}
    if dataset not in contracts and (why := current_contracts(settings).why_broken.get(dataset)):
        raise UsageProblem(f"the contract of {dataset} cannot be used: {why}")
    if dataset not in contracts:
        raise UsageProblem(
            f"{settings.contracts} has no contract of dataset {dataset!r}"
            f"{did_you_mean(dataset, contracts)} its datasets: {', '.join(contracts)}"
        )
    return contracts[dataset]


def read_fields(texts: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping. Raise UsageProblem for another text."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise UsageProblem(f"--field {wrong[0]!r}: write NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


def land(
    settings: Settings,
    files: Sequence[Path],
    dataset: str,
    day: date,
    fields: Mapping[str, str],
    fault: str | None = None,
) -> list[Delivery]:
    """Upload the files, and return the delivery of each that the watcher will find.

    Raises:
        UsageProblem: a field of the key template is missing, a file's name does not fit the template, or two files
            would have one key. Nothing is uploaded then.
        StepFailed: S3 refuses an upload.
    """
    contract = contract_named(settings, dataset)
    keys = _keys(contract, files, day, fields)
    s3: Any = aws_credentials(settings).get_client("s3")
    bucket, metadata = contract.template.bucket, {FAULT_METADATA: fault} if fault else {}
    deliveries = []
    for key, file in keys.items():
        with file.open("rb") as body, aws_call(f"put s3://{bucket}/{key}"):
            s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
        deliveries.append(landed_delivery(s3, bucket, key, (contract,)))
    return deliveries


def landed_delivery(s3: Any, bucket: str, key: str, contracts: Sequence[Contract]) -> Delivery:
    """Return the delivery of one landed object, as the listing has it now.

    Raises:
        UsageProblem: the object does not exist, or fits no contract.
    """
    landed = next((item for item in list_objects(s3, bucket, key) if item.key == key), None)
    if landed is None:
        raise UsageProblem(f"the object s3://{bucket}/{key} does not exist")
    try:
        return route(landed, contracts)
    except UnroutableKey as error:
        raise UsageProblem(str(error)) from error


def judged_delivery(s3: Any, bucket: str, prefix: str, contracts: Sequence[Contract]) -> Delivery:
    """Return the delivery whose sealed evidence is at this prefix, as its contract makes it of its objects now.

    Raises:
        UsageProblem: no such evidence is sealed here, or no contract makes this delivery any more.
    """
    sealed = sealed_evidence(s3, bucket, prefix)
    if sealed is None:
        raise UsageProblem(f"s3://{bucket}/{prefix} has no sealed evidence; `aceite evidence verify` says more")
    found = sealed.delivery
    contract = next((each for each in contracts if each.dataset == found.dataset), None)
    if contract is None:
        raise UsageProblem(f"{found.dataset} has no contract any more; its datasets: {', '.join(_names(contracts))}")
    members = tuple(
        LandingObject(each.bucket, each.key, each.etag, each.size, each.last_modified) for each in found.members
    )
    try:
        _, fields = contract.template.read(min(members).key)
    except UnroutableKey as error:
        raise UsageProblem(f"{found.dataset} has other keys now: {error}") from error
    return Delivery(found.dataset, found.business_date, members, fields, found.revision)


def _names(contracts: Sequence[Contract]) -> list[str]:
    return [contract.dataset for contract in contracts]


def _keys(contract: Contract, files: Sequence[Path], day: date, fields: Mapping[str, str]) -> dict[str, Path]:
    """Return the files by their keys, in their order."""
    keys: dict[str, Path] = {}
    for file in files:
        key = _key(contract, file, day, fields)
        if key in keys:
            raise UsageProblem(
                f"{keys[key]} and {file} would both land as {key}, and one would replace the other before it is "
                "judged; land them one after the other"
            )
        keys[key] = file
    return keys


def _key(contract: Contract, file: Path, day: date, fields: Mapping[str, str]) -> str:
    """Return the key of the file. In `{file}.csv` the field is the stem of a.csv, in `{file}` alone the whole name."""
    known = contract.template.fields
    for name in fields:
        if name not in known:
            raise UsageProblem(
                f"--field {name}: the key template {contract.template.pattern} of {contract.dataset} has no such field"
                f"{did_you_mean(name, known)} it has {', '.join(known) or 'none'}"
            )
    keys, problems = [], []
    for name in (file.stem, file.name):
        try:
            keys.append(contract.template.write(day, {"file": name, **fields}))
        except UnroutableKey as error:
            problems.append(str(error))
    if not keys:
        raise UsageProblem(
            f"{file.name} does not fit the key template {contract.template.pattern} of {contract.dataset}: "
            f"{problems[0]}. Give missing fields with --field NAME=VALUE"
        )
    return next((key for key in keys if key.endswith(f"/{file.name}")), keys[0])
