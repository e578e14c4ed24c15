"""Clients of one endpoint that answers as AWS."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config


@dataclass
class Aws:
    endpoint: str
    session: boto3.Session = field(default_factory=lambda: boto3.Session("testing", "testing", region_name="us-east-1"))

    def client(self, service: str, **config: Any) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint, config=Config(**config))
