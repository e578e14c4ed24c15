"""The script of every Glue job: converts landed files to Parquet."""

import sys

from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]
from conversion import convert  # type: ignore[import-not-found]
from request import read_requests  # type: ignore[import-not-found]

names = [argument[2:] for argument in sys.argv if argument.startswith("--")]
options = getResolvedOptions(sys.argv, names)
for request in read_requests(options, options["JOB_NAME"]):
    print(convert(request))
