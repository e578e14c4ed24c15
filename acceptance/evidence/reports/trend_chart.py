"""The last deliveries of a dataset as bars, one for each: rows, duration, failed checks. Places are percent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.reports.formatting import count_text, seconds_text
from acceptance.judging.judge import Verdict
from acceptance.judging.names import verdict_name
from acceptance.messages.languages import ENGLISH, Language, date_text
from acceptance.messages.message import Message

_LOWEST = 4.0
"""Percent of the height that a value above zero has at least, so that it can be seen."""
_FEW = 12
"""With fewer deliveries bars keep the width that they have with so many."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One delivery. `height` is None where the value is not known. `title` is what a pointer shows."""

    left: float
    width: float
    height: float | None
    verdict: Verdict
    title: str
    newest: bool


@dataclass(frozen=True, slots=True)
class Sparkline:
    name: str
    newest: str
    usual: str
    bars: tuple[Bar, ...]


def trend(deliveries: Sequence[PastDelivery], language: Language = ENGLISH) -> tuple[Sparkline, ...]:
    """Return the chart of deliveries, the oldest first; nothing for fewer than two: one value is no trend."""
    if len(deliveries) < 2:
        return ()

    def count(value: float) -> str:
        return count_text(round(value), language)

    seconds = partial(seconds_text, language=language)
    lines = (
        _Line(Message("Rows landed"), lambda past: past.rows, count),
        _Line(Message("Duration of the run"), lambda past: past.duration_s, seconds),
        _Line(Message("Failed checks"), lambda past: past.failed_checks, count),
    )
    return tuple(_sparkline(line, deliveries, language) for line in lines)


@dataclass(frozen=True, slots=True)
class _Line:
    """A number of each delivery, and its text."""

    name: str
    value_of: Callable[[PastDelivery], float | None]
    text_of: Callable[[float], str]

    def text(self, value: float | None) -> str:
        return Message("unknown") if value is None else self.text_of(value)


def _sparkline(line: _Line, deliveries: Sequence[PastDelivery], language: Language) -> Sparkline:
    values = [line.value_of(past) for past in deliveries]
    known = [value for value in values if value is not None]
    highest, step = max(known, default=0), 100 / max(len(values), _FEW)
    bars = tuple(
        Bar(
            left=round(100 - step * (len(values) - number), 3),
            width=round(0.72 * step, 3),
            height=_height(value, highest),
            verdict=past.verdict,
            title=Message(
                "{date}, revision {number}: {value}, {verdict}",
                date=date_text(past.business_date, language),
                number=past.revision,
                value=line.text(value),
                verdict=verdict_name(past.verdict),
            ),
            newest=number == len(values) - 1,
        )
        for number, (past, value) in enumerate(zip(deliveries, values, strict=True))
    )
    usual = Message("never known")
    if known:
        most = line.text_of(highest)
        usual = Message("usually {value}, at most {most}", value=line.text_of(median(known)), most=most)
    return Sparkline(line.name, line.text(values[-1]), usual, bars)


def _height(value: float | None, highest: float) -> float | None:
    if value is None:
        return None
    return round(max(100 * value / highest, _LOWEST), 3) if value > 0 else 0.0
