"""What a pipeline asks for, file by file. The record stands in for Prefect and AWS: it notes what is performed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import a_contract, a_delivery

from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, RunGlueJob, Step
from acceptance.deliveries.delivery import LandingObject
from acceptance.errors import NoFreeRun
from flows.judging.pipeline import Pipeline
from flows.steps.timeline import StepStopped, Timeline

MINUTE = timedelta(minutes=1)
NOON = datetime(2025, 1, 2, 12, tzinfo=UTC)


@dataclass
class Recorded(Timeline):
    """`answers` give a task's value, by the beginning of its name and its arguments."""

    answers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    performed: list[tuple[Any, ...]] = field(default_factory=list)

    def perform(self, name: str, task: Any, *arguments: Any, **_: Any) -> Any:
        self.performed.append((name, *arguments))
        answer = next((answer for begins, answer in self.answers.items() if name.startswith(begins)), None)
        return answer(*arguments) if answer else None

    def look_up(self, name: str, task: Any, *arguments: Any, **keywords: Any) -> Any:
        return self.perform(name, task, *arguments, **keywords)

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.performed]

    def of(self, begins: str) -> list[tuple[Any, ...]]:
        return [tuple(arguments) for name, *arguments in self.performed if name.startswith(begins)]


def pipeline(*steps: Step, files: tuple[str, ...] = ("a.csv", "b.csv"), **answers: Callable[..., Any]) -> Pipeline:
    delivery = a_delivery(*(f"movies/20250102/{file}" for file in files), dataset="movies", day=date(2025, 1, 2))
    return Pipeline(a_contract("movies", steps=steps), delivery, Recorded(answers=answers))


def record_of(run: Pipeline) -> Recorded:
    assert isinstance(run.timeline, Recorded)
    return run.timeline


def seen(key: str, etag: str = "e") -> frozenset[LandingObject]:
    return frozenset({LandingObject("stage", key, etag, 1, NOON)})


BY_KEY = (
    Invoke("copy", {"key": "{key}"}, MINUTE),
    AwaitObject("s3://stage/{key}", MINUTE),
    Invoke("start", {"file": "{file}"}, MINUTE, asynchronous=True),
    AwaitGlueJob("job", MINUTE),
    AwaitObject("s3://sor/movies/day={business_date:%Y%m%d}/", MINUTE),
)


def test_a_contract_may_have_no_steps_as_where_what_lands_is_the_table() -> None:
    run = pipeline()
    run.run()
    assert record_of(run).performed == []


def test_the_steps_run_for_one_file_after_the_other_and_each_task_names_its_file() -> None:
    run = pipeline(*BY_KEY, note=lambda uris: dict.fromkeys(uris, frozenset()))
    run.run()
    of_a = [name for name in record_of(run).names if name.endswith("(a.csv)")]
    assert of_a == [
        "note what is there (a.csv)",
        "invoke copy (a.csv)",
        "await s3://stage/movies/20250102/a.csv (a.csv)",
        "list the runs of job (a.csv)",
        "invoke start (a.csv)",
        "await Glue job job (a.csv)",
        "await s3://sor/movies/day=20250102/ (a.csv)",
    ]
    of_b = [name.replace("a.csv", "b.csv") for name in of_a]
    assert record_of(run).names == [*of_a, *of_b]
    assert record_of(run).of("invoke start") == [("start", {"file": f}, True, MINUTE) for f in ("a", "b")]


def test_with_one_file_the_tasks_keep_their_names() -> None:
    run = pipeline(*BY_KEY, files=("a.csv",), note=lambda uris: dict.fromkeys(uris, frozenset()))
    run.run()
    assert record_of(run).names[:3] == ["note what is there", "invoke copy", "await s3://stage/movies/20250102/a.csv"]


def test_each_file_awaits_the_job_run_that_was_started_for_it() -> None:
    runs = iter([frozenset({"old"}), frozenset({"old", "run of a"})])
    run = pipeline(*BY_KEY, note=lambda uris: dict.fromkeys(uris, frozenset()), list=lambda *_: next(runs))
    run.run()
    assert record_of(run).of("await Glue job") == [
        ("job", frozenset({"old"}), "movies/20250102/a.csv", MINUTE),
        ("job", frozenset({"old", "run of a"}), "movies/20250102/b.csv", MINUTE),
    ]


def test_what_was_made_for_one_file_is_not_what_the_next_one_awaits() -> None:
    """Both await the same object: the second waits for another version than the first one's."""
    versions = iter([seen("done", "of yesterday"), seen("done", "of a")])
    steps = (Invoke("f", "{key}", MINUTE), AwaitObject("s3://stage/done", MINUTE))
    run = pipeline(*steps, note=lambda uris: {uri: next(versions) for uri in uris})
    run.run()
    assert [known for _, known, _ in record_of(run).of("await")] == [seen("done", "of yesterday"), seen("done", "of a")]


def test_in_a_folder_each_file_waits_for_something_new() -> None:
    there = iter([seen("out/yesterday"), seen("out/a")])
    steps = (Invoke("f", "{key}", MINUTE), AwaitObject("s3://stage/out/", MINUTE))
    run = pipeline(*steps, note=lambda uris: {uri: next(there) for uri in uris})
    run.run()
    assert [known for _, known, _ in record_of(run).of("await")] == [seen("out/yesterday"), seen("out/a")]


def test_a_pipeline_that_is_told_of_the_folder_runs_once() -> None:
    steps = (Invoke("f", {"prefix": "{prefix}"}, MINUTE), AwaitGlueJob("job", MINUTE))
    run = pipeline(*steps, list=lambda *_: frozenset())
    run.run()
    assert record_of(run).names == ["list the runs of job", "invoke f", "await Glue job job"]
    assert record_of(run).of("invoke") == [("f", {"prefix": "movies/20250102/"}, False, MINUTE)]
    assert record_of(run).of("await") == [("job", frozenset(), "movies/20250102/", MINUTE)]


def test_a_function_that_glue_refused_another_run_is_called_again_in_its_turn() -> None:
    """Another process took the place between the look and the call."""
    refusals = [StepStopped("invoke f: f failed, ConcurrentRunsExceededException")]
    refusals[0].__cause__ = NoFreeRun()

    def invoke(*_: Any) -> None:
        if refusals:
            raise refusals.pop()

    steps = (Invoke("f", {"prefix": "{prefix}"}, MINUTE), AwaitGlueJob("job", MINUTE))
    run = pipeline(*steps, list=lambda *_: frozenset(), invoke=invoke)
    run.run()
    assert record_of(run).names == [*["list the runs of job", "invoke f"] * 2, "await Glue job job"]


def test_after_a_file_that_fails_no_other_is_begun() -> None:
    def fail(*_: Any) -> None:
        raise StepStopped("run Glue job job (a.csv): FAILED")

    run = pipeline(RunGlueJob("job", {"--key": "{key}"}, MINUTE), run=fail)
    with pytest.raises(StepStopped, match=r"\(a\.csv\): FAILED"):
        run.run()
    assert record_of(run).names == ["run Glue job job (a.csv)"]


def test_steps_that_are_not_run_are_on_record_for_each_file() -> None:
    run = pipeline(BY_KEY[0])
    run.skip("the landed file breaks the contract")
    assert [step.name for step in run.timeline.steps] == ["invoke copy (a.csv)", "invoke copy (b.csv)"]
