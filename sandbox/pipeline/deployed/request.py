"""Reads from an event or a run's arguments which landed objects of which dataset to process.

`sandbox.pipeline.provision` writes the plan (plan.json, beside this module) from the contracts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.exceptions import ClientError
from injected_faults import METADATA_KEY, PipelineFault  # type: ignore[import-not-found]  # these modules are beside this one in the zip file

from acceptance.contract.keys.template import KeyTemplate
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.placeholders import fill
from acceptance.errors import UnroutableKey

PLAN: list[dict[str, Any]] = json.loads(__spec__.loader.get_data(str(Path(__file__).with_name("plan.json"))))  # type: ignore


class RequestError(Exception):
    """The event or the arguments name no landed object, or a parameter that does not exist."""


@dataclass(frozen=True)
class Request:
    """One landed object to process.

    `dataset` is an entry of the plan. `settings` has the values of the event and of the SSM parameter, by name.
    `fields` has the object's own fields. The delivery has all objects of its business date that the event names.
    `key_or_prefix` has the event's key or prefix, by that name.
    """

    dataset: Mapping[str, Any]
    delivery: Delivery
    landed: LandingObject
    fields: Mapping[str, str]
    fault: PipelineFault | None
    settings: Mapping[str, Any]
    key_or_prefix: Mapping[str, str]

    @property
    def source(self) -> tuple[str, str]:
        """Return bucket and key of the object to convert: the staged copy, or else the landed object."""
        if not self.dataset["staged"]:
            return self.landed.bucket, self.landed.key
        bucket, key = self.place(self.dataset["staged"])
        return self.settings.get("stage_bucket", bucket), key

    @property
    def partition(self) -> dict[str, str]:
        filled = {column: self._filled(text) for column, text in self.dataset["partition"].items()}
        return {column: str(self.settings.get(column, text)) for column, text in filled.items()}

    @property
    def names_of_file(self) -> dict[str, str]:
        """Return the column with the name of a row's file, and that name; empty without such a column."""
        return {column: self._filled(text) for column, text in self.dataset["names_of_file"].items()}

    def place(self, uri: str) -> tuple[str, str]:
        """Return bucket and key of an s3:// URI with placeholders; a prefix gets the landed file's name appended."""
        bucket, _, key = self._filled(uri).removeprefix("s3://").partition("/")
        return bucket, key + self.delivery.name_of(self.landed) if not key or key.endswith("/") else key

    def _filled(self, text: str) -> str:
        return str(fill(text, self.delivery, self.landed, self.fields))


def read_requests(values: Mapping[str, Any], runner: str) -> tuple[Request, ...]:
    """Return one request for the first value that is the key or the URI of a landed object of the plan.

    If no value is, return a request for each landed object below the first value that ends in "/". If the objects could
    be of several datasets, they are of the one whose pipeline has `runner`, a function or a job, as a part.

    Raises:
        RequestError: no value names a landed object, or the SSM parameter that the values name does not exist.
    """
    settings = {**_parameter(values.get("parameter")), **values}
    texts = [text for text in [settings.get("key"), settings.get("prefix"), *_texts(settings)] if text]
    for text in texts:
        for dataset, template, bucket in _datasets(settings):
            key = text.removeprefix(f"s3://{bucket}/")
            if _fits(template, key):
                return _requests(dataset, template, [(bucket, key)], settings, {"key": key})
    for text in texts:
        for dataset, template, bucket in _datasets(settings, runner):
            prefix = text.removeprefix(f"s3://{bucket}/")
            keys = [key for key in _keys_below(bucket, prefix) if _fits(template, key)]
            if keys:
                return _requests(dataset, template, [(bucket, key) for key in keys], settings, {"prefix": prefix})
    known = ", ".join(dataset["location"] for dataset in PLAN)
    raise RequestError(
        f"no value in {json.dumps(values)} is the key of a landed object or a folder of landed objects, "
        f"which ends in /; this pipeline serves {known}"
    )


def _datasets(settings: Mapping[str, Any], runner: str = "") -> Iterator[tuple[Mapping[str, Any], KeyTemplate, str]]:
    """Yield entries of the plan (with a runner, those that it is part of), their key template, and the bucket."""
    named = [dataset for dataset in PLAN if runner and dataset["dataset"] == settings.get("dataset")]
    for dataset in named or PLAN:
        if not runner or runner in {*dataset["actions"], *dataset["jobs"]}:
            template = KeyTemplate.parse(dataset["location"])
            yield dataset, template, settings.get("source_bucket") or settings.get("bucket") or template.bucket


def _fits(template: KeyTemplate, key: str) -> bool:
    try:
        template.read(key)
    except UnroutableKey:
        return False
    return True


def _keys_below(bucket: str, prefix: str) -> list[str]:
    """Return the keys below a prefix; none for a text that is not a prefix."""
    if not prefix.endswith("/") or prefix.startswith(("s3://", "/")):
        return []
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def _requests(
    dataset: Mapping[str, Any],
    template: KeyTemplate,
    places: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
    key_or_prefix: Mapping[str, str],
) -> tuple[Request, ...]:
    objects = [(*_landed(bucket, key), *template.read(key)) for bucket, key in places]
    days: dict[date, list[LandingObject]] = {}
    for landed, _, business_date, _ in objects:
        days.setdefault(business_date, []).append(landed)
    deliveries = {day: Delivery(dataset["dataset"], day, tuple(landed)) for day, landed in days.items()}
    return tuple(
        Request(dataset, deliveries[day], landed, fields, fault, settings, key_or_prefix)
        for landed, fault, day, fields in objects
    )


@cache
def client(service: str) -> Any:
    return cast(Any, boto3).client(service)


def _landed(bucket: str, key: str) -> tuple[LandingObject, PipelineFault | None]:
    try:
        head = client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise RequestError(f"s3://{bucket}/{key} cannot be read: {error}") from error
    landed = LandingObject(bucket, key, head["ETag"].strip('"'), head["ContentLength"], head["LastModified"])
    name = head["Metadata"].get(METADATA_KEY)
    return landed, PipelineFault(name) if name else None


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
