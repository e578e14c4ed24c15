"""The attempts of a Glue job's run: Glue itself begins a run again that failed, if the job has retries."""

from dataclasses import dataclass, field, replace

from aws.calls import Client, aws_call
from aws.glue.job_limits import job_limits
from aws.glue.job_runs import RETRIED, JobRun, job_run_of, newest_runs


@dataclass
class Attempts:
    """A run and those by which Glue retries it. `run_id` is the last one that is known."""

    glue: Client
    job: str
    run_id: str
    unknown: str = ""
    _ids: set[str] = field(default_factory=set)

    def last(self) -> JobRun:
        """Return the last attempt. While Glue has not begun a retry that is due, its state says so."""
        with aws_call(f"ask for run {self.run_id} of the Glue job {self.job}"):
            run = job_run_of(self.glue.get_job_run(JobName=self.job, RunId=self.run_id)["JobRun"])
        if run.state not in RETRIED:
            return run
        limits = job_limits(self.glue, self.job)
        self.unknown = limits.unknown
        if run.attempt >= limits.retries:
            return run
        self._ids.add(run.id)  # Glue does not say if a second retry names the first one or the run itself
        retries = [other for other in newest_runs(self.glue, self.job) if other.previous in self._ids]
        last = max(retries, key=lambda other: other.attempt, default=run)
        if last.attempt <= run.attempt:
            return replace(run, state=f"{run.state}, and Glue has not begun retry {run.attempt + 1}")
        self.run_id = last.id
        return self.last()

    def told(self, run: JobRun) -> str:
        """Return how a message about the last attempt goes on."""
        if run.attempt:
            return f", after {run.attempt} earlier attempt{'s' if run.attempt > 1 else ''}"
        return f"; Aceite does not know if Glue retries it: {self.unknown}" if self.unknown else ""
