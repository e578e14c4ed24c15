"""The Glue job of every pipeline: converts one landed file to Parquet."""

import sys

from awsglue.utils import getResolvedOptions
from conversion import convert
from request import read_request

names = [argument[2:] for argument in sys.argv if argument.startswith("--")]
print(convert(read_request(getResolvedOptions(sys.argv, names))))
