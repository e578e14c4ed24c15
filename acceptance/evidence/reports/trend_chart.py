"""The last deliveries of a dataset as bars, one for each: rows, duration, failed checks. Places are percent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.reports.formatting import count_text, seconds_text
from acceptance.judging.judge import Verdict

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


def trend(deliveries: Sequence[PastDelivery]) -> tuple[Sparkline, ...]:
    """Return the chart of deliveries, the oldest first; nothing for fewer than two: one value is no trend."""
    if len(deliveries) < 2:
        return ()
    return (
        _sparkline("Rows landed", deliveries, lambda past: past.rows, lambda value: count_text(round(value))),
        _sparkline("Duration of the run", deliveries, lambda past: past.duration_s, seconds_text),
        _sparkline(
            "Failed checks", deliveries, lambda past: past.failed_checks, lambda value: count_text(round(value))
        ),
    )


def _sparkline(
    name: str,
    deliveries: Sequence[PastDelivery],
    value_of: Callable[[PastDelivery], float | None],
    text_of: Callable[[float], str],
) -> Sparkline:
    values = [value_of(past) for past in deliveries]
    known = [value for value in values if value is not None]
    highest, step = max(known, default=0), 100 / max(len(values), _FEW)
    bars = tuple(
        Bar(
            left=round(100 - step * (len(values) - number), 3),
            width=round(0.72 * step, 3),
            height=_height(value, highest),
            verdict=past.verdict,
            title=f"{past.business_date}, revision {past.revision}: {_text(value, text_of)}, {past.verdict}",
            newest=number == len(values) - 1,
        )
        for number, (past, value) in enumerate(zip(deliveries, values, strict=True))
    )
    usual = f"usually {text_of(median(known))}, at most {text_of(highest)}" if known else "never known"
    return Sparkline(name, _text(values[-1], text_of), usual, bars)


def _height(value: float | None, highest: float) -> float | None:
    if value is None:
        return None
    return round(max(100 * value / highest, _LOWEST), 3) if value > 0 else 0.0


def _text(value: float | None, text_of: Callable[[float], str]) -> str:
    return "unknown" if value is None else text_of(value)
