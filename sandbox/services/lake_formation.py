"""Lake Formation: the locations that somebody registered, whose files it gives out instead of S3."""

from moto.core import DEFAULT_ACCOUNT_ID
from moto.lakeformation.models import lakeformation_backends

from sandbox.aws_requests import REGION


def is_registered(location: str) -> bool:
    """Return True if the s3:// location, or a folder above it, is registered."""
    arn = f"arn:aws:s3:::{location.removeprefix('s3://').rstrip('/')}/"
    registered = lakeformation_backends[DEFAULT_ACCOUNT_ID][REGION].resources
    return any(arn.startswith(f"{each.rstrip('/')}/") for each in registered)
