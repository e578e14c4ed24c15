"""Where landed and table differ: which rows, which columns, the landed value beside the table's.

Compared are rows as canonical texts, of the same buckets on both sides. A row that is there on both sides equally often
is no difference; of the others, those with the same key are one changed row, then those that differ in few columns.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, product

from acceptance.contract.contract import Column
from acceptance.proof.canonical_text import as_written

SHOWN_ROWS = 20
HIDDEN = "•••"

Texts = tuple[str | None, ...]
"""A row: the canonical text of each compared column, None for null. Of a sensitive column, the text's md5."""

Rows = Iterable[Texts] | Mapping[Texts, int]
"""Rows one by one, or each with how often it is there."""

_PAIRS_AT_MOST = 1_000_000
_PAIRS_OF_A_KEY_AT_MOST = 1_000
_ROWS_AT_MOST = 25_000
_CHARACTERS = 60


class Kind(StrEnum):
    CHANGED = "changed"
    ONLY_LANDED = "only landed"
    ONLY_TABLE = "only in the table"
    REPEATED = "not as often"


@dataclass(frozen=True, slots=True)
class DifferingCell:
    """Values as people write them, None for null. The value of a missing row is None."""

    column: str
    landed: str | None
    table: str | None


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """`key` is by column; of a changed row, the landed one. `cells` are those that differ, or all of a lone row.

    `landed_times` and `table_times` say how often the row is there.
    """

    kind: Kind
    key: dict[str, str | None]
    cells: tuple[DifferingCell, ...] = ()
    landed_times: int = 1
    table_times: int = 1

    def __str__(self) -> str:
        key = ", ".join(f"{name} {_cut(value)}" for name, value in self.key.items()) or "row"
        if self.kind is Kind.REPEATED:
            return f"{key}: {_times(self.landed_times)} landed, {_times(self.table_times)} in the table"
        if self.kind is not Kind.CHANGED:
            return f"{key}: {self.kind.value}"
        cell = self.cells[0]
        more = f" (and {len(self.cells) - 1} more)" if len(self.cells) > 1 else ""
        return f"{key}: {cell.column} {_shown(cell.landed)} landed, {_shown(cell.table)} in the table{more}"


@dataclass(frozen=True, slots=True)
class Differences:
    """`buckets` of `of_buckets` differ, and `looked_into` of them were read: the counts are of these.

    `columns` counts the changed cells by column; `cut_off`: there are more rows than were compared. At most 20 rows are
    kept; each kind and column has its turn.
    """

    buckets: int
    of_buckets: int
    looked_into: int
    counts: dict[Kind, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: tuple[DifferingRow, ...] = ()
    cut_off: bool = False

    def __str__(self) -> str:
        if not self.rows:
            return "where they differ was not found"
        found = [_counted(kind, number) for kind, number in self.counts.items()]
        columns = ", ".join(f"{name} {number}" for name, number in self.columns.items())
        within = "" if self.looked_into == self.buckets else f" in {self.looked_into} of {self.buckets} buckets"
        least = "at least " if self.cut_off else ""
        return f"{least}{', '.join(found)}{within}" + (f" ({columns})" if columns else "") + f"; {self.rows[0]}"


@dataclass(frozen=True, slots=True)
class Compared:
    """The columns of the compared rows, and which of them are the key."""

    columns: tuple[Column, ...]
    key: tuple[Column, ...]

    def differences(
        self, landed: Rows, table: Rows, buckets: int, of_buckets: int, looked_into: int, *, cut_off: bool = False
    ) -> Differences:
        landed, table = Counter(landed), Counter(table)
        cut_off = cut_off or max((landed - table).total(), (table - landed).total()) > _ROWS_AT_MOST
        found = self._rows(landed, table)
        counts = Counter(row.kind for row in found)
        columns = Counter(cell.column for row in found if row.kind is Kind.CHANGED for cell in row.cells)
        in_order = {kind: counts[kind] for kind in Kind if counts[kind]}
        return Differences(
            buckets, of_buckets, looked_into, in_order, dict(columns.most_common()), _varied(found), cut_off
        )

    def _rows(self, landed: Counter[Texts], table: Counter[Texts]) -> list[DifferingRow]:
        repeated = {row for row in landed if row in table and landed[row] != table[row]}
        rows = [
            DifferingRow(Kind.REPEATED, self._key(row), landed_times=landed[row], table_times=table[row])
            for row in sorted(repeated, key=_sortable)
        ]
        lost, new = (_in_order(side, repeated) for side in (landed - table, table - landed))
        pairs = self._pairs(lost, new)
        rows += [self._changed(lost[left], new[right]) for left, right in sorted(pairs.items())]
        lone = [row for number, row in enumerate(lost) if number not in pairs]
        rows += [self._lone(Kind.ONLY_LANDED, row) for row in lone]
        paired = set(pairs.values())
        return rows + [self._lone(Kind.ONLY_TABLE, row) for number, row in enumerate(new) if number not in paired]

    def _pairs(self, lost: Sequence[Texts], new: Sequence[Texts]) -> dict[int, int]:
        """The number of the table's row for that of the landed one. A key pairs; so does all but a few cells."""
        ours, theirs = self._by_key(lost), self._by_key(new)
        pairs: dict[int, int] = {}
        for key in ours.keys() & theirs.keys():
            pairs |= _nearest(lost, new, ours[key], theirs[key])
        taken = set(pairs.values())
        left = [number for number in range(len(lost)) if number not in pairs]
        right = [number for number in range(len(new)) if number not in taken]
        few = max(1, len(self.columns) // 4)
        if len(self.columns) > 1 and len(left) * len(right) <= _PAIRS_AT_MOST:
            near = ((_apart(lost[a], new[b]), a, b) for a, b in product(left, right))
            for _, a, b in sorted(pair for pair in near if pair[0] <= few):
                if a not in pairs and b not in taken:
                    pairs[a] = b
                    taken.add(b)
        return pairs

    def _by_key(self, rows: Sequence[Texts]) -> dict[Texts, list[int]]:
        places = [self.columns.index(column) for column in self.key]
        numbers: dict[Texts, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            numbers[tuple(row[place] for place in places)].append(number)
        return numbers

    def _changed(self, landed: Texts, table: Texts) -> DifferingRow:
        cells = tuple(
            DifferingCell(column.name, _value(column, ours), _value(column, theirs))
            for column, ours, theirs in zip(self.columns, landed, table, strict=True)
            if ours != theirs
        )
        return DifferingRow(Kind.CHANGED, self._key(landed), cells)

    def _lone(self, kind: Kind, row: Texts) -> DifferingRow:
        landed = kind is Kind.ONLY_LANDED
        values = [(column.name, _value(column, text)) for column, text in zip(self.columns, row, strict=True)]
        cells = [DifferingCell(name, value if landed else None, None if landed else value) for name, value in values]
        return DifferingRow(kind, self._key(row), tuple(cells), int(landed), int(not landed))

    def _key(self, row: Texts) -> dict[str, str | None]:
        """Return the key of a row; empty for a dataset without a key, where all columns would be the key."""
        if self.key == self.columns and len(self.columns) > 1:
            return {}
        return {column.name: _value(column, row[self.columns.index(column)]) for column in self.key}


def _value(column: Column, text: str | None) -> str | None:
    if text is None:
        return None
    return HIDDEN if column.sensitive else as_written(column, text)


def _varied(rows: Sequence[DifferingRow]) -> tuple[DifferingRow, ...]:
    """Order the rows: first each that shows a new kind or a new changed column, then the others."""
    seen: set[object] = set()
    first: list[DifferingRow] = []
    others: list[DifferingRow] = []
    for row in rows:
        told = {cell.column for cell in row.cells} if row.kind is Kind.CHANGED else {row.kind}
        (others if told <= seen else first).append(row)
        seen |= told
    return tuple((first + others)[:SHOWN_ROWS])


def _in_order(rows: Counter[Texts], without: Collection[Texts]) -> list[Texts]:
    """Each as often as it is there; of more than can be told apart in reasonable time, the first."""
    return list(
        islice(
            (row for row in sorted(rows, key=_sortable) if row not in without for _ in range(rows[row])), _ROWS_AT_MOST
        )
    )


def _nearest(lost: Sequence[Texts], new: Sequence[Texts], ours: Sequence[int], theirs: Sequence[int]) -> dict[int, int]:
    """Pair rows of one key, the nearest first; if there are too many to compare all, in their order."""
    if len(ours) * len(theirs) > _PAIRS_OF_A_KEY_AT_MOST:
        return dict(zip(ours, theirs, strict=False))
    left, pairs = list(theirs), dict[int, int]()
    for number in ours[: len(theirs)]:
        pairs[number] = min(left, key=lambda other: (_apart(lost[number], new[other]), other))
        left.remove(pairs[number])
    return pairs


def _apart(one: Texts, other: Texts) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _sortable(row: Texts) -> tuple[tuple[bool, str], ...]:
    return tuple((text is not None, text or "") for text in row)


def _counted(kind: Kind, number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'} {kind.value}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _cut(text: str | None) -> str:
    if text is None:
        return "null"
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def _shown(text: str | None) -> str:
    return "null" if text is None else repr(_cut(text))
