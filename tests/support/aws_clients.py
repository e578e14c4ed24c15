"""Clients of one endpoint that answers as AWS."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

KEY, REGION = "testing", "us-east-1"
"""The access key, which is its secret too, and the region of the clients."""


@dataclass
class Aws:
    """`keys_are_paths` of an S3 that keeps each object as a file, so that some keys are none."""

    endpoint: str
    session: boto3.Session = field(default_factory=lambda: boto3.Session(KEY, KEY, region_name=REGION))
    keys_are_paths: bool = False

    def client(self, service: str, **config: Any) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint, config=Config(**config))
