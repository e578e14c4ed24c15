"""The index and the page of each dataset as HTML for people: no network, no script, and links to evidence.

The pages are no evidence, and say so: they are made from the watcher's ledger, and nothing seals them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from acceptance.evidence.object_keys import REPORTS, beside, page_name, page_url
from acceptance.evidence.reports.templating import template
from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import (
    ATTENTION,
    DatasetOverview,
    Health,
    Tally,
    minute_text,
    pass_rate,
    summed,
    worst_first,
)
from acceptance.untrusted_text import one_line

INDEX = "index.html"
STRIP = 30
"""Verdicts of a dataset that the index shows as bars."""
_LONGEST_REASON = 240
"""Characters of a reason on the index; the dataset's page has all of it."""
_BAR, _STRIP_HEIGHT = 6, 20
_TOPS = {Verdict.ACCEPTED: 10, Verdict.REJECTED: 0, Verdict.INCONCLUSIVE: 5}
"""Where a bar of the strip begins, from above: verdicts differ by height too, not only by colour."""

WORDS = {
    Health.BROKEN: "Broken",
    Health.LATE: "Late",
    Health.PAUSED: "Paused",
    Health.NEW: "New",
    Health.WELL: "Well",
    Health.REMOVED: "Removed",
}
MEANING = {
    Health.BROKEN: "The last verdict is not accepted.",
    Health.LATE: "Something is overdue.",
    Health.PAUSED: "Nothing is judged: a person must switch on its automation in Prefect, or mend its contract.",
    Health.NEW: "Nothing of it was judged yet.",
    Health.WELL: "The last verdict is accepted, and nothing is overdue.",
    Health.REMOVED: "It has no contract any more: nobody watches it.",
}


@dataclass(frozen=True, slots=True)
class Links:
    """Where evidence opens. `endpoint` is the sandbox, without one it is the AWS console.

    `beside` is the evidence bucket if the pages are published in it: then evidence there is reached from the page.
    """

    endpoint: str | None = None
    region: str | None = None
    beside: str | None = None

    def evidence(self, uri: str) -> str:
        """Return the address of the evidence page below this s3:// prefix."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket == self.beside:
            return beside(REPORTS, f"{key}evidence.html")
        return page_url(f"{uri}evidence.html", self.endpoint, self.region)


@dataclass(frozen=True, slots=True)
class Strip:
    """Verdicts as bars, the oldest on the left: for each verdict the path of its bars. `label` says it in words."""

    width: int
    paths: tuple[tuple[Verdict, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class DayBar:
    """The verdicts of a day as rectangles above one another: verdict, top and height in percent. `title` says them."""

    left: float
    width: float
    parts: tuple[tuple[Verdict, float, float], ...]
    title: str


def index_html(datasets: Sequence[DatasetOverview], links: Links, made: datetime, kept: str) -> str:
    """Return the index. `made` is its own time; `kept` says what keeps it current."""
    listed = worst_first(datasets)
    counts = [(health, sum(health in each.health for each in listed)) for health in Health]
    tally = summed([each.tally for each in listed])
    return template("overview_index.html.jinja").render(
        **_common(links, made, kept),
        headline=_headline(listed),
        worst=_worst(listed),
        counts=[(health, number) for health, number in counts if number or health in (*ATTENTION, Health.WELL)],
        datasets=listed,
        attention=[each for each in listed if each.health[0] in ATTENTION],
        tally=tally,
        bars=day_bars(
            [(day, summed([each.days[at][1] for each in listed])) for at, (day, _) in enumerate(_days(listed))]
        ),
    )


def dataset_html(dataset: DatasetOverview, links: Links, made: datetime, kept: str) -> str:
    """Return the dataset's page."""
    return template("overview_dataset.html.jinja").render(
        **_common(links, made, kept),
        each=dataset,
        bars=day_bars(dataset.days),
    )


def strip(dataset: DatasetOverview) -> Strip:
    """Return the last verdicts of a dataset as bars."""
    shown = [past.verdict for past in reversed(dataset.verdicts[:STRIP])]
    step, first = _BAR + 2, (STRIP - len(shown)) * (_BAR + 2) + _BAR // 2
    paths = {
        verdict: "".join(
            f"M{first + step * at} {_TOPS[verdict]}V{_STRIP_HEIGHT}" for at, one in enumerate(shown) if one is verdict
        )
        for verdict in Verdict
    }
    counted = ", ".join(f"{shown.count(verdict)} {verdict}" for verdict in Verdict if verdict in shown)
    noun = "verdict" if len(shown) == 1 else f"{len(shown)} verdicts"
    drawn = tuple((verdict, path) for verdict, path in paths.items() if path)
    return Strip(STRIP * step, drawn, f"the last {noun}: {counted}" if shown else "no verdict yet")


def day_bars(days: Sequence[tuple[date, Tally]]) -> tuple[DayBar, ...]:
    """Return a bar for each day, as high as its number of verdicts; nothing if there are none."""
    highest = max((sum(number for _, number in tally) for _, tally in days), default=0)
    if not highest:
        return ()
    step = 100 / len(days)
    return tuple(
        DayBar(round(step * at, 3), round(0.74 * step, 3), tuple(_stacked(tally, highest)), _day_title(day, tally))
        for at, (day, tally) in enumerate(days)
    )


def _stacked(tally: Tally, highest: int) -> Sequence[tuple[Verdict, float, float]]:
    """Accepted ones stand at the bottom. What is little can be seen: it has 3 percent at least."""
    parts, top = [], 100.0
    for verdict, number in tally:
        if number:
            height = max(100 * number / highest, 3.0)
            top = max(top - height, 0.0)
            parts.append((verdict, round(top, 2), round(height, 2)))
    return parts


def _day_title(day: date, tally: Tally) -> str:
    told = ", ".join(f"{number} {verdict}" for verdict, number in tally if number)
    return f"{day}: {told or 'no verdict'}"


def _days(datasets: Sequence[DatasetOverview]) -> Sequence[tuple[date, Tally]]:
    return datasets[0].days if datasets else ()


def _common(links: Links, made: datetime, kept: str) -> dict[str, object]:
    return {
        "links": links,
        "made": made,
        "kept": kept,
        "strip": strip,
        "rate": pass_rate,
        "minute": minute_text,
        "brief": lambda text: one_line(text, _LONGEST_REASON),
        "page": lambda dataset: quote(page_name(dataset)),
        "words": WORDS,
        "meaning": MEANING,
        "Health": Health,
    }


def _headline(datasets: Sequence[DatasetOverview]) -> str:
    watched = [each for each in datasets if each.health[0] is not Health.REMOVED]
    troubled = [each for each in watched if each.health[0] in ATTENTION]
    if not watched:
        return "No dataset is watched"
    if all(each.health[0] is Health.NEW for each in watched):
        return "Nothing was judged yet"
    if not troubled:
        return _well(len(watched), sum(each.health[0] is Health.NEW for each in watched))
    if len(watched) == 1:
        return "The dataset needs attention"
    verb = "needs" if len(troubled) == 1 else "need"
    return f"{len(troubled)} of {len(watched)} datasets {verb} attention"


def _well(watched: int, new: int) -> str:
    if well := new and watched - new:
        return f"{well} of {watched} datasets {'is' if well == 1 else 'are'} well, {new} not judged yet"
    return "The dataset is well" if watched == 1 else f"All {watched} datasets are well"


def _worst(datasets: Sequence[DatasetOverview]) -> Health:
    return datasets[0].health[0] if datasets else Health.NEW
