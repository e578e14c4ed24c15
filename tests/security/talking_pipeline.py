"""A function and a Glue job that say what they should not: in their logs, their answers and their errors."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3
from builders import contract_text

SAID = {
    "a cell that a function logs": "PlantedCellLogged",
    "a cell that a function answers": "PlantedCellAnswered",
    "a cell that a function raises": "PlantedCellRaised",
    "a cell that a job raises": "PlantedCellOfAJob",
    "a password that a function logs": "PlantedPasswordLogged",
    "a password that a function raises": "PlantedPasswordRaised",
    "the signature of an address that a function answers": "PlantedSignatureAnswered",
    "a token that a job raises": "PlantedTokenOfAJob",
}

_CELLS = ("row 1,PlantedCellLogged@x", "PlantedCellAnswered@x", "PlantedCellRaised@x", "PlantedCellOfAJob@x")
_FUNCTION = """
def handler(event, context):
    print("connecting with postgres://app:PlantedPasswordLogged@db/prod")
    print("event", event, {logged!r})
    if "raises" in event["key"]:
        raise RuntimeError("login failed for user app with password PlantedPasswordRaised, " + {raised!r})
    return {{"upload": "https://x.s3/y?X-Amz-Signature=PlantedSignatureAnswered", "row": {answered!r}}}
"""
_JOB = "raise ValueError({job!r} + ' is no number; Authorization: Bearer PlantedTokenOfAJob')\n"


def talking_contract(dataset: str, classification: str) -> str:
    """Return a contract with an invoked function and a job of its own, and one column of that classification."""
    return contract_text(
        dataset,
        f"""
          - {{name: id, logicalType: integer, required: true, primaryKey: true}}
          - {{name: email, logicalType: string, classification: {classification}}}
          - {{name: dia, logicalType: string, partitioned: true}}
        """,
        database=f"database_{dataset}",
        steps=f'[{{invoke: fn{dataset}, payload: {{key: "{{key}}"}}, within: 1m}}, '
        f'{{run_glue_job: job{dataset}, arguments: {{--key: "{{key}}"}}, within: 5m}}]',
        partition='{dia: "{business_date:%Y%m%d}"}',
    )


def make_talk(endpoint: str, dataset: str, *, of_cells: bool) -> None:
    """Give the contract's function and job code that talks."""
    session: Any = boto3.Session("any", "thing", region_name="us-east-1")
    lambda_, glue, s3 = (session.client(each, endpoint_url=endpoint) for each in ("lambda", "glue", "s3"))
    words = _words(of_cells)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("talks.py", _FUNCTION.format(**words))
    lambda_.update_function_code(FunctionName=f"fn{dataset}", ZipFile=package.getvalue())
    lambda_.update_function_configuration(FunctionName=f"fn{dataset}", Handler="talks.handler")
    job = glue.get_job(JobName=f"job{dataset}")["Job"]
    bucket = job["Command"]["ScriptLocation"].removeprefix("s3://").split("/")[0]
    s3.put_object(Bucket=bucket, Key=f"{dataset}/talks.py", Body=_JOB.format(**words).encode())
    command = {**job["Command"], "ScriptLocation": f"s3://{bucket}/{dataset}/talks.py"}
    glue.delete_job(JobName=f"job{dataset}")
    glue.create_job(Name=f"job{dataset}", Role=job["Role"], Command=command, GlueVersion="4.0")


def _words(of_cells: bool) -> Mapping[str, str]:
    logged, answered, raised, job = _CELLS if of_cells else ("a row",) * 4
    return {"logged": logged, "answered": answered, "raised": raised, "job": job}
