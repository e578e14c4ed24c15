"""Takes one file through the pipeline by hand, before Aceite looks.

What is inconclusive later is then no right that is new, and no mistake of the pipeline's.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from account_deletion import LIVE, Undo
from account_pipeline import BOOKS, Pipeline, put_parameter, told_of_loans
from account_roles import is_not_yet
from botocore.exceptions import ClientError
from polling import eventually

DAY = "20000101"
WORKS_WITHIN_S = 600


class NotWorking(Exception):
    """What the pipeline, or AWS in its place, said."""


def prove_pipeline(pipeline: Pipeline, content: bytes, within_s: float = WORKS_WITHIN_S) -> None:
    """Leaves, in two tables, a partition of a day that nothing lands of. The landed file is taken away again."""
    account, key, undo = pipeline.account, f"{BOOKS}/{DAY}/probe.csv", Undo()
    s3, landing, probed = account.client("s3"), pipeline.bucket("landing"), f"{pipeline.parameter}/_probe"
    facts = json.loads(pipeline.values()[pipeline.parameter]) | {"source_bucket": landing}
    event = {"parameter": probed, "key": key}
    try:
        undo.note(f"s3://{landing}/{key}", lambda: s3.delete_object(Bucket=landing, Key=key))
        s3.put_object(Bucket=landing, Key=key, Body=content)
        put_parameter(pipeline, undo, probed, json.dumps(facts))
        _until_it_works(lambda: _invoke(pipeline, "stage", event), within_s)
        _until_it_works(lambda: _fill(pipeline, event), within_s)
        told = {"bucket": landing, "key": key, **told_of_loans(pipeline)}
        _until_it_works(lambda: _invoke(pipeline, "insert", told), within_s)
    finally:
        undo.run()


def _until_it_works(do: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            do()
        except (NotWorking, ClientError) as error:
            if not is_not_yet(str(error)) or time.monotonic() > deadline:
                raise
            time.sleep(5)  # before IAM is asked again
        else:
            return


def _invoke(pipeline: Pipeline, name: str, event: Mapping[str, str]) -> dict[str, Any]:
    function = pipeline.function(name)
    answer = pipeline.account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise NotWorking(f"{function}: {said}")
    assert isinstance(said, dict)
    return said


def _fill(pipeline: Pipeline, event: Mapping[str, str]) -> None:
    glue, started = pipeline.account.client("glue"), _invoke(pipeline, "start", event)["run"]

    def ended() -> dict[str, Any] | None:
        run: dict[str, Any] = glue.get_job_run(JobName=pipeline.job, RunId=started)["JobRun"]
        return None if run["JobRunState"] in LIVE else run

    run = eventually(ended, f"the end of the run {started} of {pipeline.job}", WORKS_WITHIN_S)
    if run["JobRunState"] != "SUCCEEDED":
        raise NotWorking(f"{pipeline.job}, run {started}: {run['JobRunState']}, {run.get('ErrorMessage')}")
