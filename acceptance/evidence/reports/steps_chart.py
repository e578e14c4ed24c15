"""When each step ran, as bars on one axis of time. Places are percent of the axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from acceptance.evidence.evidence import StepRecord
from acceptance.evidence.reports.formatting import duration_text, in_utc
from acceptance.evidence.reports.named import named
from acceptance.messages.languages import ENGLISH, Language
from acceptance.messages.message import Message

LABEL_LENGTH = 100
BRIEF_LENGTH = 42
NARROWEST = 0.8
TICKS = 5

_SHORT_STEPS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30)
_LONG_STEPS_S = (60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Bar:
    """One step. `left` and `width` are None when it never started; `open` when it never ended.

    `brief` is the label that fits a narrow page.
    """

    step: StepRecord
    label: str
    brief: str
    duration: str
    left: float | None = None
    width: float | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    start: datetime
    length: timedelta
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def waterfall(
    steps: Sequence[StepRecord], started: datetime, ended: datetime, language: Language = ENGLISH
) -> Waterfall:
    """The axis runs from the run's start to its end, or further where a step's own times say so."""
    moments = [in_utc(moment) for step in steps for moment in (step.started, step.ended) if moment]
    start = min([in_utc(started), *moments])
    length = max(max([in_utc(ended), *moments]) - start, timedelta(milliseconds=1))
    return Waterfall(start, length, tuple(_bar(step, start, length, language) for step in steps), _ticks(length))


def _bar(step: StepRecord, start: datetime, length: timedelta, language: Language) -> Bar:
    label, brief = cut(step.name, LABEL_LENGTH), cut(step.name, BRIEF_LENGTH)
    if step.started is None:
        return Bar(step, label, brief, named(step.status) if step.status == "skipped" else Message("not started"))
    begun = in_utc(step.started)
    if step.ended is None:
        duration, text = start + length - begun, str(Message("did not end"))
    else:
        duration = max(in_utc(step.ended) - begun, timedelta())
        text = duration_text(duration, language)
    width = max(100 * (duration / length), NARROWEST)
    left = min(100 * ((begun - start) / length), 100 - width)
    return Bar(step, label, brief, text, round(left, 3), round(width, 3), step.ended is None)


def _ticks(length: timedelta) -> tuple[Tick, ...]:
    length_s = length.total_seconds()
    step_s = next(
        (step for step in (*_SHORT_STEPS_S, *_LONG_STEPS_S) if length_s / step <= TICKS),
        86400 * ceil(length_s / 86400 / TICKS),
    )
    return tuple(
        Tick(round(100 * number * step_s / length_s, 3), _tick_label(number * step_s, step_s))
        for number in range(int(length_s / step_s) + 1)
    )


def _tick_label(at_s: float, step_s: float) -> str:
    for unit_s, unit in ((3600, "h"), (60, "min"), (1, "s"), (0.001, "ms")):
        if step_s >= unit_s:
            return f"{at_s / unit_s:.0f} {unit}"
    raise AssertionError("no step is shorter than a millisecond")


def cut(name: str, length: int) -> str:
    """A long name loses its middle: the start says what was done, the end to what."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[head + 1 - length :]}"
