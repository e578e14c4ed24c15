"""What an event or a run's arguments ask for: the dataset and the landed object that they speak of.

The plan (plan.json, beside this module) is what `sandbox.provision` read from the contracts.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from faults import METADATA_KEY

from acceptance.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey
from acceptance.key_template import KeyTemplate
from acceptance.placeholders import fill

PLAN = json.loads(__spec__.loader.get_data(str(Path(__file__).with_name("plan.json"))))


class RequestError(Exception):
    pass


@dataclass(frozen=True)
class Request:
    """`dataset` is an entry of the plan; `settings` is what the event and its SSM parameter say, by name."""

    dataset: dict
    delivery: Delivery
    fault: str | None
    settings: dict

    @property
    def source(self):
        """Bucket and key of what is to be converted: the staged copy, or the landed object if nothing is staged."""
        landed = self.delivery.first
        if not self.dataset["staged"]:
            return landed.bucket, landed.key
        bucket, key = self.place(self.dataset["staged"])
        return self.settings.get("stage_bucket", bucket), key

    @property
    def partition(self):
        filled = {column: fill(text, self.delivery) for column, text in self.dataset["partition"].items()}
        return {column: str(self.settings.get(column, text)) for column, text in filled.items()}

    def place(self, uri):
        """Bucket and key of an s3:// text with placeholders; the landed file's name goes below a prefix."""
        bucket, _, key = fill(uri, self.delivery).removeprefix("s3://").partition("/")
        return bucket, key + self.delivery.first.file if not key or key.endswith("/") else key


def read_request(values):
    """The request in a mapping of names to values.

    Raises:
        RequestError: no value is the key of a landed object that the plan knows, or the parameter is not there.
    """
    settings = {**_parameter(values.get("parameter")), **values}
    keys = [settings.get("key"), *_texts(settings)]
    for key in [key for key in keys if key]:
        for dataset in PLAN:
            template = KeyTemplate.parse(dataset["location"])
            bucket = settings.get("source_bucket") or settings.get("bucket") or template.bucket
            key = key.removeprefix(f"s3://{bucket}/")
            try:
                business_date, fields = template.read(key)
            except UnroutableKey:
                continue
            landed, fault = _landed(bucket, key)
            return Request(dataset, Delivery(dataset["dataset"], business_date, (landed,), fields), fault, settings)
    known = ", ".join(dataset["location"] for dataset in PLAN)
    raise RequestError(f"no value in {json.dumps(values)} is the key of a landed object; this pipeline knows {known}")


def _landed(bucket, key):
    try:
        found = boto3.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise RequestError(f"s3://{bucket}/{key} cannot be read: {error}") from error
    landed = LandingObject(bucket, key, found["ETag"].strip('"'), found["ContentLength"], found["LastModified"])
    return landed, found["Metadata"].get(METADATA_KEY)


def _parameter(name):
    if not name:
        return {}
    ssm = boto3.client("ssm")
    try:
        return json.loads(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        raise RequestError(f"the SSM parameter {name}, which the event names, does not exist") from None


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
