"""The script of every Glue job: converts landed files to Parquet."""

import sys

from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]
from conversion import convert  # type: ignore[import-not-found]
from request import client, read_requests  # type: ignore[import-not-found]

names = [argument[2:] for argument in sys.argv if argument.startswith("--")]
options = getResolvedOptions(sys.argv, names)
if "WORKFLOW_RUN_ID" in options:
    run = {"Name": options["WORKFLOW_NAME"], "RunId": options["WORKFLOW_RUN_ID"]}
    options = client("glue").get_workflow_run_properties(**run)["RunProperties"] | options
for request in read_requests(options, options["JOB_NAME"]):
    print(convert(request))
