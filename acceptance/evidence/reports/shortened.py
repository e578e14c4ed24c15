"""How much of evidence a page shows: it is for reading, and evidence.json has the whole.

Nothing is left out in silence: each cut says how much it left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from markupsafe import escape

from acceptance.evidence.evidence import CheckRecord, LandedFaultRecord, QueryRecord, Sample
from acceptance.judging.judge import Outcome
from acceptance.proof.differences import DifferenceKind, DifferingRow

Item = TypeVar("Item")

CELL = 120
"""Characters of a cell that are shown."""
REASON = 500
"""Characters of the run's reason."""
SENTENCE = 300
"""Characters of an expectation, an observation, a description or a fault."""
DETAIL = 2_000
"""Characters of a step's detail."""
SQL = 6_000
"""Characters of a query's text."""
COLUMNS = 12
"""Columns of a row that breaks a check, and cells of a row that one side lacks."""
CHANGED = 4
"""Cells of a changed row."""
NAMES = 60
"""Names of columns in a list."""
FILES = 40
"""Landed files of a delivery."""

_ONE_MESSAGE = (Outcome.SKIPPED, Outcome.ERRORED)
"""The outcomes whose observation is a reason, and no measurement of the check."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a text, and how many characters of it are left out."""

    text: str
    left_out: int


def excerpt(text: str, at_most: int) -> Excerpt:
    """Return the text if it is short enough, else its beginning."""
    return Excerpt(text, 0) if len(text) <= at_most else Excerpt(text[:at_most], len(text) - at_most)


@dataclass(frozen=True, slots=True)
class Portions(Generic[Item]):
    """Items of a long list: those that are seen at once, those that are folded, and how many are left out."""

    seen: tuple[Item, ...]
    folded: tuple[Item, ...]
    left_out: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """How many items there is room for, and for how many bytes of their texts, as HTML."""

    items: int
    size_bytes: int


def portions(
    items: Iterable[Item], seen: Room, folded: Room, size_bytes: Callable[[Item], int] = lambda _: 0
) -> Portions[Item]:
    """Return the first items as seen, the next ones as folded, and the others as left out.

    Short ones are seen more than long ones. If there is room to see any, the first one is seen, however long it is.
    """
    every = tuple(items)
    first = max(_fitting(every, seen, size_bytes), min(len(every), seen.items, 1))
    more = _fitting(every[first:], folded, size_bytes)
    return Portions(every[:first], every[first : first + more], every[first + more :])


def _fitting(items: Sequence[Item], room: Room, size_bytes: Callable[[Item], int]) -> int:
    totals = accumulate(map(size_bytes, items[: room.items]))
    return sum(total <= room.size_bytes for total in totals)


NO_ROOM = Room(0, 0)


def html_bytes(text: str | None, at_most: int) -> int:
    """Return the bytes of the text in HTML if it is cut there."""
    return len(escape((text or "")[:at_most]).encode())


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check, or all checks to which one message applies."""

    checks: tuple[CheckRecord, ...]

    @property
    def first(self) -> CheckRecord:
        return self.checks[0]


def check_rows(checks: Sequence[CheckRecord]) -> Iterator[CheckRow]:
    """Yield the checks in their order. Those that were not measured for the same reason are one row."""
    alike: dict[tuple[Outcome, str], list[CheckRecord]] = {}
    for check in checks:
        alike.setdefault((check.outcome, check.observed), []).append(check)
    for check in checks:
        if check.outcome not in _ONE_MESSAGE:
            yield CheckRow((check,))
        elif found := alike.pop((check.outcome, check.observed), None):
            yield CheckRow(tuple(found))


def check_bytes(row: CheckRow) -> int:
    check = row.first
    return sum(html_bytes(text, SENTENCE) for text in (check.id, check.description, check.expected, check.observed))


def remarkable(rows: Iterable[CheckRow]) -> Portions[CheckRow]:
    """Return the rows of checks that did not pass. What many checks share is seen at once, wherever it stands."""
    every = tuple(rows)
    single = portions((row for row in every if len(row.checks) == 1), Room(20, 2_500), Room(80, 60_000), check_bytes)
    shared = portions((row for row in every if len(row.checks) > 1), Room(8, 2_500), NO_ROOM, check_bytes)
    left_out = (CheckRow((check,)) for row in shared.left_out for check in row.checks)
    return Portions(
        tuple(row for row in every if row in (*single.seen, *shared.seen)),
        single.folded,
        (*single.left_out, *left_out),
    )


def passed(rows: Iterable[CheckRow]) -> Portions[CheckRow]:
    """Return the rows of checks that passed. The page decides whether it shows them; of those left out it has names."""
    return portions(rows, NO_ROOM, Room(200, 100_000), check_bytes)


def queries_shown(queries: Iterable[QueryRecord]) -> Portions[QueryRecord]:
    return portions(queries, Room(3, 3 * SQL), Room(9, 40_000), lambda query: html_bytes(query.sql, SQL))


def faults_shown(faults: Iterable[LandedFaultRecord]) -> Portions[LandedFaultRecord]:
    def size(fault: LandedFaultRecord) -> int:
        return html_bytes(fault.column, CELL) + html_bytes(fault.message, SENTENCE)

    return portions(faults, Room(10, 900), Room(100, 100_000), size)


def differing_rows(rows: Iterable[DifferingRow]) -> Portions[DifferingRow]:
    def size(row: DifferingRow) -> int:
        is_changed = row.kind is DifferenceKind.CHANGED
        cells = row.cells[: CHANGED if is_changed else COLUMNS]
        texts = (text for cell in cells for text in (cell.landed, cell.table))
        return sum(html_bytes(text, CELL) for text in (*row.key.values(), *texts))

    return portions(rows, Room(8, 2_000), Room(20, 80_000), size)


@dataclass(frozen=True, slots=True)
class NarrowSample:
    """Rows with as many columns as can be read beside each other. `left_out` columns are in evidence.json."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    left_out: int


def narrowed(sample: Sample, first_of_all: Sequence[str]) -> NarrowSample:
    """Return the rows with the columns that matter, then the others, as they come."""
    matters = [at for at, name in enumerate(sample.columns) if name in first_of_all]
    others = [at for at, name in enumerate(sample.columns) if name not in first_of_all]
    shown = [*matters, *others][:COLUMNS]
    return NarrowSample(
        tuple(sample.columns[at] for at in shown),
        tuple(tuple(row[at] for at in shown) for row in sample.rows),
        len(sample.columns) - len(shown),
    )


@dataclass(frozen=True, slots=True)
class BrokenRows:
    """Rows that break a check."""

    check: CheckRecord
    sample: NarrowSample


def broken_rows(checks: Iterable[CheckRecord], samples: Mapping[str, Sample]) -> Portions[BrokenRows]:
    """Return the rows that break each check; those of a few checks are seen at once."""

    def size(broken: BrokenRows) -> int:
        return sum(html_bytes(cell, CELL) for row in broken.sample.rows for cell in row)

    found = [check for check in checks if check.id in samples]
    each = (BrokenRows(check, narrowed(samples[check.id], check.columns)) for check in found)
    return portions(each, Room(5, 3_000), Room(15, 80_000), size)
