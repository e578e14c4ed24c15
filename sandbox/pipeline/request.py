"""What an event or a run's arguments ask for: the dataset and the landed object that they speak of.

The plan (plan.json, beside this module) is what `sandbox.provision` read from the contracts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.exceptions import ClientError
from faults import METADATA_KEY, Fault  # type: ignore[import-not-found]  # beside this module, where it runs

from acceptance.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey
from acceptance.keys.placeholders import fill
from acceptance.keys.template import KeyTemplate

PLAN: list[dict[str, Any]] = json.loads(__spec__.loader.get_data(str(Path(__file__).with_name("plan.json"))))  # type: ignore


class RequestError(Exception):
    """The event or the arguments cannot be followed."""


@dataclass(frozen=True)
class Request:
    """`dataset` is an entry of the plan; `settings` is what the event and its SSM parameter say, by name."""

    dataset: Mapping[str, Any]
    delivery: Delivery
    fault: Fault | None
    settings: Mapping[str, Any]

    @property
    def source(self) -> tuple[str, str]:
        """Bucket and key of what is to be converted: the staged copy, or the landed object if nothing is staged."""
        landed = self.delivery.first
        if not self.dataset["staged"]:
            return landed.bucket, landed.key
        bucket, key = self.place(self.dataset["staged"])
        return self.settings.get("stage_bucket", bucket), key

    @property
    def partition(self) -> dict[str, str]:
        filled = {column: fill(text, self.delivery) for column, text in self.dataset["partition"].items()}
        return {column: str(self.settings.get(column, text)) for column, text in filled.items()}

    def place(self, uri: str) -> tuple[str, str]:
        """Bucket and key of an s3:// text with placeholders; the landed file's name goes below a prefix."""
        bucket, _, key = fill(uri, self.delivery).removeprefix("s3://").partition("/")
        return bucket, key + self.delivery.first.file if not key or key.endswith("/") else key


def read_request(values: Mapping[str, Any]) -> Request:
    """Finds the first value that is the key or the URI of a landed object of the plan.

    Raises:
        RequestError: there is none, or the SSM parameter that the values name does not exist.
    """
    settings = {**_parameter(values.get("parameter")), **values}
    for text in filter(None, [settings.get("key"), *_texts(settings)]):
        for dataset in PLAN:
            template = KeyTemplate.parse(dataset["location"])
            bucket = settings.get("source_bucket") or settings.get("bucket") or template.bucket
            key = text.removeprefix(f"s3://{bucket}/")
            try:
                business_date, fields = template.read(key)
            except UnroutableKey:
                continue
            landed, fault = _landed(bucket, key)
            return Request(dataset, Delivery(dataset["dataset"], business_date, (landed,), fields), fault, settings)
    known = ", ".join(dataset["location"] for dataset in PLAN)
    raise RequestError(f"no value in {json.dumps(values)} is the key of a landed object; this pipeline knows {known}")


@cache
def client(service: str) -> Any:
    return cast(Any, boto3).client(service)


def _landed(bucket: str, key: str) -> tuple[LandingObject, Fault | None]:
    try:
        found = client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise RequestError(f"s3://{bucket}/{key} cannot be read: {error}") from error
    landed = LandingObject(bucket, key, found["ETag"].strip('"'), found["ContentLength"], found["LastModified"])
    name = found["Metadata"].get(METADATA_KEY)
    return landed, Fault(name) if name else None


def _parameter(name: str | None) -> dict[str, Any]:
    if not name:
        return {}
    ssm = client("ssm")
    try:
        return dict(json.loads(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]))
    except ssm.exceptions.ParameterNotFound:
        raise RequestError(f"the SSM parameter {name}, which the event names, does not exist") from None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
