"""The Glue job of every pipeline: converts one landed file to Parquet."""

import sys

from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]
from conversion import convert  # type: ignore[import-not-found]
from request import read_request  # type: ignore[import-not-found]

names = [argument[2:] for argument in sys.argv if argument.startswith("--")]
print(convert(read_request(getResolvedOptions(sys.argv, names))))
