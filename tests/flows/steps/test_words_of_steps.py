"""What a step's function, job or query says is in the record of the step, and nowhere else, through one door."""

from typing import Any

import pytest
from prefect import task

from acceptance.errors import QueryFailed, StepFailed
from acceptance.foreign_words import ForeignWords, Redaction
from flows.steps.timeline import StepResult, StepStopped, Timeline, words_apart

WORDS = ForeignWords("no number: Ana Silva\n  line 2 of the log", "the log group of load")
CLASSIFIED = Redaction(("name",))


@task
def load() -> StepResult:
    return StepResult()


def stopped(answer: object, redaction: Redaction) -> tuple[str, str]:
    """The reason, and the detail of the step, after a task that answered so."""
    timeline = Timeline(lambda *_: answer, redaction=redaction)
    with pytest.raises(StepStopped) as raised:
        timeline.perform("load", load)
    return str(raised.value), timeline.steps[0].detail


@pytest.mark.parametrize(
    "error", [StepFailed("load failed", WORDS), QueryFailed("load failed", "q", WORDS)], ids=lambda e: type(e).__name__
)
def test_the_words_follow_the_message_of_which_the_reason_has_the_first_line(error: Exception) -> None:
    reason, detail = stopped(error, Redaction())
    assert reason == "load: load failed: no number: Ana Silva"
    assert detail == "load failed: no number: Ana Silva\n  line 2 of the log"
    assert "Ana" not in str(error)


def test_a_reason_names_its_step_once_though_the_error_names_it_too() -> None:
    assert stopped(StepFailed("load: it is locked"), Redaction()) == ("load: it is locked", "load: it is locked")


@pytest.mark.parametrize(
    "error", [StepFailed("load failed", WORDS), QueryFailed("load failed", "q", WORDS), ValueError(WORDS.text)],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_of_a_dataset_with_classified_columns_no_word_follows(error: Exception) -> None:
    reason, detail = stopped(error, CLASSIFIED)
    assert "40 characters are withheld: they may hold cells of the column name" in reason
    assert "Ana" not in reason + detail


def test_so_do_the_words_of_a_step_that_succeeds() -> None:
    details = []
    for redaction in (Redaction(), CLASSIFIED):
        timeline = Timeline(lambda *_: StepResult(7, detail="answered", words=WORDS), redaction=redaction)
        assert timeline.perform("load", load) == 7
        details.append(timeline.steps[0].detail)
    assert details[0] == "answered no number: Ana Silva\n  line 2 of the log"
    assert details[1].startswith("answered (40 characters are withheld")


def test_prefect_sees_of_an_unexpected_error_its_type_alone_and_every_error_that_decides_on_a_retry() -> None:
    def raising(error: Exception) -> Any:
        raise error

    with pytest.raises(StepFailed) as apart:
        words_apart(raising)(ValueError("Ana Silva"))
    assert (str(apart.value), apart.value.words) == ("ValueError", ForeignWords("Ana Silva"))
    assert apart.value.__suppress_context__
    ours = StepFailed("busy")
    with pytest.raises(StepFailed) as same:
        words_apart(raising)(ours)
    assert same.value is ours
