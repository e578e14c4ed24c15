"""A Glue whose job runs run the job's Python script in a process."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time_millis, utcnow
from moto.glue import urls
from moto.glue.exceptions import ConcurrentRunsExceededException
from moto.glue.models import FakeJob, FakeJobRun, GlueBackend, glue_backends
from moto.glue.responses import GlueResponse
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

from blocks.temporary_folders import temporary_folder
from sandbox.services.lake_formation import is_registered
from sandbox.services.moto_crawlers import PartitionCrawler
from sandbox.services.moto_workflows import RunningWorkflow
from sandbox.services.resource_links import followed
from sandbox.services.runtime_process import RUNTIME, environment, start_python
from sandbox.services.table_versions import update_table

LIVE = ("STARTING", "RUNNING", "STOPPING")


class ScriptJobRun(FakeJobRun):
    """A run whose state follows its process."""

    status = "STARTING"
    error: str | None = None
    process: "subprocess.Popen[str] | None" = None
    attempt = 0

    def advance(self) -> None:
        """Do nothing; moto would change the state at each request."""

    def as_dict(self) -> dict[str, Any]:
        described = super().as_dict()
        ended = self.status not in LIVE
        described["ExecutionTime"] = int(((self.completed_on if ended else utcnow()) - self.started_on).total_seconds())
        described["Attempt"] = self.attempt
        described["LogGroupName"] = "/aws-glue/jobs"
        if not ended:
            del described["CompletedOn"]
        return {**described, "ErrorMessage": self.error} if self.error else described


class RunningGlue(GlueBackend):
    endpoint: ClassVar[str] = ""
    minute_s: ClassVar[float] = 60
    """Seconds that a minute of a timeout takes."""
    retry_delay_s: ClassVar[float] = 0.2
    """Seconds after which a failed run is retried, if the job has retries (`MaxRetries`)."""
    _starting: ClassVar[threading.Lock] = threading.Lock()

    def start_job_run(self, name: str, arguments: dict[str, str] | None, *settings: Any) -> str:
        job = self.get_job(name)
        allocated_capacity, max_capacity, timeout, worker_type, security, workers, notification, previous = settings
        run = ScriptJobRun(
            name,
            previous,
            {**job.default_arguments, **(arguments or {}), **(job.non_overridable_arguments or {})},
            allocated_capacity or job.allocated_capacity,
            max_capacity or job.max_capacity,
            timeout or job.timeout or 2880,
            worker_type or job.worker_type,
            notification or job.notification_property,
            security or job.security_configuration,
            workers or job.number_of_workers,
        )
        with self._starting:
            live = sum(run.status in LIVE for run in job.job_runs)
            if live >= job.execution_property.get("MaxConcurrentRuns", 1):
                raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {name}")
            job.job_runs.insert(0, run)  # Glue lists the newest first
        threading.Thread(target=self._run, args=(job, run), daemon=True).start()
        return str(run.job_run_id)

    def get_table(self, database_name: str, table_name: str) -> Any:
        return followed(super().get_table(database_name, table_name), self.region_name)

    def create_crawler(self, name: str, *described: Any, **more: Any) -> None:
        super().create_crawler(name, *described, **more)
        # moto fixes the class where it makes the crawler; this is the same object with another `start_crawler`.
        self.crawlers[name].__class__ = PartitionCrawler

    def create_workflow(self, name: str, *described: Any, **more: Any) -> str:
        super().create_workflow(name, *described, **more)
        workflow: Any = self.workflows[name]
        workflow.__class__, workflow.backend = RunningWorkflow, self  # as with crawlers
        return name

    def stop_job_run(self, name: str, run_id: str) -> bool:
        """Stop a run; return False if it does not exist or is not running."""
        run = next((run for run in self.get_job(name).job_runs if run.job_run_id == run_id), None)
        if run is None or run.status not in ("STARTING", "RUNNING"):
            return False
        run.status = "STOPPING"
        if run.process:
            run.process.kill()
        return True

    def reset(self) -> None:
        for job in self.jobs.values():
            for run in job.job_runs:
                self.stop_job_run(job.name, run.job_run_id)
        super().reset()

    def _run(self, job: FakeJob, run: ScriptJobRun) -> None:
        try:
            with temporary_folder() as folder:
                state, run.error = self._execute(job, run, Path(folder))
        except Exception as error:  # noqa: BLE001 - any error before the script runs becomes the run's error
            state, run.error = "FAILED", f"{type(error).__name__}: {error}"
        if run.status == "STOPPING":
            state, run.error = "STOPPED", None
        run.completed_on = run.modified_on = utcnow()
        run.status = state
        if state == "FAILED" and run.attempt < int(job.max_retries or 0):
            time.sleep(self.retry_delay_s)
            self._retry(job, run)

    def _retry(self, job: FakeJob, failed: ScriptJobRun) -> None:
        """Begin the run again as a new one, which names the one before it."""
        run = ScriptJobRun(
            job.name,
            failed.job_run_id,
            failed.arguments,
            failed.allocated_capacity,
            failed.max_capacity,
            failed.timeout,
            failed.worker_type,
            failed.notification_property,
            failed.security_configuration,
            failed.number_of_workers,
        )
        run.attempt = failed.attempt + 1
        with self._starting:
            job.job_runs.insert(0, run)
        self._run(job, run)

    def _execute(self, job: FakeJob, run: ScriptJobRun, folder: Path) -> tuple[str, str | None]:
        """Run the script to its end; return the final state and the error message."""
        script = self._download(job.command["ScriptLocation"], folder)
        extra = [self._download(uri, folder) for uri in run.arguments.get("--extra-py-files", "").split(",") if uri]
        paths = [str(RUNTIME), *map(str, extra), os.environ.get("PYTHONPATH", "")]
        arguments = ["--JOB_NAME", job.name, "--JOB_RUN_ID", run.job_run_id]
        arguments += [str(text) for pair in run.arguments.items() for text in pair]
        variables = {**environment(self.endpoint, self.region_name), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        if run.status == "STOPPING":
            return "STOPPED", None
        message, output, errors = (folder / name for name in ("message.txt", "output.txt", "errors.txt"))
        with output.open("wb") as standard_output, errors.open("wb") as standard_error:
            command = [str(script), str(message), *arguments]
            run.process = start_python("glue_runner.py", command, folder, variables, standard_output, standard_error)
        run.status = "RUNNING" if run.status == "STARTING" else run.status
        if run.status == "STOPPING":
            run.process.kill()
        timed_out = threading.Event()
        timer = threading.Timer(run.timeout * self.minute_s, self._time_out, (run, timed_out))
        timer.daemon = True
        timer.start()
        status = run.process.wait()
        timer.cancel()
        self._log(run, output, errors)
        if timed_out.is_set():
            return "TIMEOUT", f"Job run exceeded its timeout of {run.timeout} minutes"
        if status == 0:
            return "SUCCEEDED", None
        error = message.read_text(encoding="utf-8") if message.exists() else f"Command failed with exit code {status}"
        return "FAILED", error

    @staticmethod
    def _time_out(run: ScriptJobRun, timed_out: threading.Event) -> None:
        assert run.process
        timed_out.set()
        run.process.kill()

    def _download(self, uri: str, folder: Path) -> Path:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        item = s3_backends[self.account_id][self.partition].get_object(bucket, key)
        if item is None:
            raise FileNotFoundError(f"An error occurred while calling GetObject: {uri} does not exist")
        path = folder / key.rsplit("/", 1)[-1]
        path.write_bytes(item.value)
        return path

    def _log(self, run: ScriptJobRun, output: Path, errors: Path) -> None:
        logs = logs_backends[self.account_id][self.region_name]
        for group, file in (("/aws-glue/jobs/output", output), ("/aws-glue/jobs/error", errors)):
            logs.ensure_log_group(group)
            logs.create_log_stream(group, run.job_run_id)
            written = file.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines := [{"timestamp": unix_time_millis(), "message": line} for line in written if line]:
                logs.put_log_events(group, run.job_run_id, lines)

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=urls.url_bases, url_paths={"{0}/$": StoppingResponse.dispatch})


class StoppingResponse(GlueResponse):
    """Adds what moto lacks, and what GetTable says of Lake Formation. Nobody has column statistics or functions.

    Each catalog is the Glue of an account; one below that of an account has the account's number before its name.
    """

    @property
    def glue_backend(self) -> GlueBackend:
        catalog_id = json.loads(self.body or "{}").get("CatalogId")
        return glue_backends[catalog_id or self.current_account][self.region]

    def get_table(self) -> ActionResult:
        names = (self._get_param("DatabaseName"), self._get_param("Name"))
        described = self.glue_backend.get_table(*names).as_dict()
        location = (described.get("StorageDescriptor") or {}).get("Location", "")
        return ActionResult({"Table": {**described, "IsRegisteredWithLakeFormation": is_registered(location)}})

    def update_table(self) -> ActionResult:
        database, described, known = (self._get_param(name) for name in ("DatabaseName", "TableInput", "VersionId"))
        update_table(self.glue_backend, database, described, known)
        return EmptyResult()

    def get_partitions(self) -> ActionResult:
        """Answer the segment that is asked for: clients ask for all of them at once, and put them together."""
        names = (self._get_param(name) for name in ("DatabaseName", "TableName", "Expression"))
        found = self.glue_backend.get_partitions(*names)
        segment = self._get_param("Segment") or {"SegmentNumber": 0, "TotalSegments": 1}
        of_segment = found[segment["SegmentNumber"] :: segment["TotalSegments"]]
        return ActionResult({"Partitions": [partition.as_dict() for partition in of_segment]})

    def get_column_statistics_for_table(self) -> ActionResult:
        return ActionResult({"ColumnStatisticsList": [], "Errors": []})

    def get_column_statistics_for_partition(self) -> ActionResult:
        return ActionResult({"ColumnStatisticsList": [], "Errors": []})

    def get_user_defined_functions(self) -> ActionResult:
        return ActionResult({"UserDefinedFunctions": []})

    def batch_stop_job_run(self) -> ActionResult:
        job, stopped, errors = self._get_param("JobName"), list[dict[str, Any]](), list[dict[str, Any]]()
        for run_id in self._get_param("JobRunIds"):
            run = {"JobName": job, "JobRunId": run_id}
            if self.glue_backend.stop_job_run(job, run_id):
                stopped.append(run)
            else:
                detail = {"ErrorCode": "InvalidInputException", "ErrorMessage": "Job run is not running"}
                errors.append({**run, "ErrorDetail": detail})
        return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})
