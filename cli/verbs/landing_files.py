"""Puts a file where its contract says, and knows which delivery that makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.routing import route
from acceptance.errors import UnroutableKey, did_you_mean
from aws.calls import aws_call
from aws.s3.objects import list_objects
from blocks.build import aws_credentials
from blocks.settings import Settings
from cli.options import UsageProblem
from flows.installation.contracts import contracts_of

FAULT_METADATA = "aceite-fault"
"""User metadata that asks the sandbox's pipeline for a fault; see `sandbox/pipeline/deployed/injected_faults.py`."""


def contract_named(settings: Settings, dataset: str) -> Contract:
    contracts = {contract.dataset: contract for contract in contracts_of(settings)}
    if dataset not in contracts:
        raise UsageProblem(
            f"no contract of dataset {dataset!r} in {settings.contracts}; there are: {', '.join(contracts)}"
        )
    return contracts[dataset]


def read_fields(texts: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise UsageProblem(f"--field {wrong[0]!r}: write NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


def land(
    settings: Settings, file: Path, dataset: str, day: date, fields: Mapping[str, str], fault: str | None = None
) -> Delivery:
    """Uploads the file and answers the delivery that the watcher will see.

    Raises:
        UsageProblem: the key template has a field that was not given, or the file's name does not fit it.
        StepFailed: S3 does not take it.
    """
    contract = contract_named(settings, dataset)
    key = _key(contract, file, day, fields)
    s3: Any = aws_credentials(settings).get_client("s3")
    metadata = {FAULT_METADATA: fault} if fault else {}
    with file.open("rb") as body, aws_call(f"put s3://{contract.template.bucket}/{key}"):
        s3.put_object(Bucket=contract.template.bucket, Key=key, Body=body, Metadata=metadata)
    return landed_delivery(s3, contract.template.bucket, key, (contract,))


def landed_delivery(s3: Any, bucket: str, key: str, contracts: Sequence[Contract]) -> Delivery:
    """The delivery of one landed object, as the listing shows it now.

    Raises:
        UsageProblem: there is no such object, or it fits no contract.
    """
    landed = next((item for item in list_objects(s3, bucket, key) if item.key == key), None)
    if landed is None:
        raise UsageProblem(f"there is no object s3://{bucket}/{key}")
    try:
        return route(landed, contracts)
    except UnroutableKey as error:
        raise UsageProblem(str(error)) from error


def _key(contract: Contract, file: Path, day: date, fields: Mapping[str, str]) -> str:
    """Where the file lands. `{file}.csv` takes a.csv by its stem, `{file}` alone by its whole name."""
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
            f"{problems[0]}. Give the fields that are missing with --field NAME=VALUE"
        )
    return next((key for key in keys if key.endswith(f"/{file.name}")), keys[0])
