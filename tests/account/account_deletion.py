"""What was made is deleted in the opposite order, all of it, whatever one deletion fails with."""

from collections.abc import Callable
from typing import Any

from account_aws import Account
from botocore.exceptions import ClientError
from polling import eventually

GONE = ("NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException", "EntityNotFoundException", "ParameterNotFound")
LIVE = ("STARTING", "RUNNING", "STOPPING", "WAITING")
ENDED_WITHIN_S, EMPTIED_WITHIN_S = 180, 60


class LeftBehind(Exception):
    """Not everything was deleted; what is left is named, with why."""


class Undo:
    """Each deletion is noted before its thing is made: an answer that got lost leaves nothing behind."""

    def __init__(self) -> None:
        self._noted: list[tuple[str, Callable[[], object]]] = []

    def note(self, what: str, delete: Callable[[], object]) -> None:
        self._noted.append((what, delete))

    def run(self) -> None:
        """Raises LeftBehind."""
        left = []
        while self._noted:
            what, delete = self._noted.pop()
            try:
                delete()
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are deleted
                if not _is_gone(error):
                    left.append(f"{what}: {type(error).__name__}: {error}")
        if left:
            raise LeftBehind("left in the account, delete them by hand:\n" + "\n".join(left))


def _is_gone(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in GONE or (code == "InvalidRequestException" and "not found" in said)  # Athena's way


def delete_bucket(account: Account, name: str) -> None:
    """With every version, delete marker and unfinished upload. What is just being written is looked for again."""
    bucket: Any = account.resource("s3").Bucket(name)

    def deleted() -> bool:
        for upload in bucket.multipart_uploads.all():
            upload.abort()
        for answer in bucket.object_versions.delete():
            assert not answer.get("Errors"), f"not deleted: {answer['Errors'][:3]}"
        try:
            bucket.delete()
        except ClientError as error:
            if error.response["Error"]["Code"] == "BucketNotEmpty":
                return False
            raise
        return True

    eventually(deleted, f"the end of {name}", EMPTIED_WITHIN_S, every_s=2)


def forget_job_runs(account: Account, job: str) -> None:
    """Ends those that go on, and deletes their logs, which are in groups of all jobs of the account."""
    glue, logs = account.client("glue"), account.client("logs")

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = glue.get_job_runs(JobName=job)["JobRuns"]
        return found

    if live := [run["Id"] for run in runs() if run["JobRunState"] in LIVE]:
        glue.batch_stop_job_run(JobName=job, JobRunIds=live)
        over = f"the end of the runs {live}"
        eventually(lambda: not any(run["JobRunState"] in LIVE for run in runs()), over, ENDED_WITHIN_S, every_s=2)
    for run in runs():
        for kind in ("output", "error"):
            group = f"{run.get('LogGroupName', '/aws-glue/python-jobs')}/{kind}"
            try:
                logs.delete_log_stream(logGroupName=group, logStreamName=run["Id"])
            except logs.exceptions.ResourceNotFoundException:
                continue
