"""The limits that a Glue job's definition sets: how often Glue retries a failed run, and how many runs work at once."""

from dataclasses import dataclass

from acceptance.errors import StepFailed
from aws.calls import Client, aws_call, is_denied


@dataclass(frozen=True, slots=True)
class JobLimits:
    """`at_once` is None if the job's definition does not say. `unknown` says why Aceite may not read it, if so."""

    retries: int = 0
    at_once: int | None = None
    unknown: str = ""


def job_limits(glue: Client, job: str) -> JobLimits:
    """Read the limits. A role may lack glue:GetJob, as older policies of Aceite do: then they are unknown.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
    """
    try:
        with aws_call(f"read the definition of the Glue job {job}"):
            found = glue.get_job(JobName=job)["Job"]
    except StepFailed as failure:
        if not is_denied(failure):
            raise
        return JobLimits(unknown=f"the credentials need glue:GetJob for the job {job}")
    return JobLimits(found.get("MaxRetries", 0), found.get("ExecutionProperty", {}).get("MaxConcurrentRuns"))
