"""Find where landed files and table differ: which rows, which columns, the landed value and the table's.

It compares rows as canonical texts, from the same buckets of both sides. A row that both sides hold equally often is no
difference. Of the others, two with the same key are one changed row, and so are two that differ in few columns.
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
"""Rows one by one, or distinct rows with their counts."""

_PAIRS_AT_MOST = 1_000_000
_PAIRS_OF_A_KEY_AT_MOST = 1_000
_ROWS_AT_MOST = 25_000
_CHARACTERS = 60


class DifferenceKind(StrEnum):
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
    """A row that differs. `key` is by column, for a changed row the landed one.

    `cells` are those that differ, or all cells of a row that only one side holds. `landed_times` and `table_times`
    count the row on each side.
    """

    kind: DifferenceKind
    key: dict[str, str | None]
    cells: tuple[DifferingCell, ...] = ()
    landed_times: int = 1
    table_times: int = 1

    def __str__(self) -> str:
        key = ", ".join(f"{name} {_shortened(value)}" for name, value in self.key.items()) or "row"
        if self.kind is DifferenceKind.REPEATED:
            return f"{key}: {_frequency(self.landed_times)} landed, {_frequency(self.table_times)} in the table"
        if self.kind is not DifferenceKind.CHANGED:
            return f"{key}: {self.kind.value}"
        cell = self.cells[0]
        more = f" (and {len(self.cells) - 1} more)" if len(self.cells) > 1 else ""
        return f"{key}: {cell.column} {_quoted(cell.landed)} landed, {_quoted(cell.table)} in the table{more}"


@dataclass(frozen=True, slots=True)
class Differences:
    """The result of a comparison: `buckets` of `of_buckets` differ, and the counts are of `looked_into` of them.

    `columns` counts the changed cells by column. `cut_off`: the sides have more rows than were compared. `rows` are 20
    at most, of as many kinds and columns as possible.
    """

    buckets: int
    of_buckets: int
    looked_into: int
    counts: dict[DifferenceKind, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: tuple[DifferingRow, ...] = ()
    cut_off: bool = False

    def __str__(self) -> str:
        if not self.rows:
            return "where they differ was not found"
        counts = [f"{number} row{'' if number == 1 else 's'} {kind.value}" for kind, number in self.counts.items()]
        columns = ", ".join(f"{name} {number}" for name, number in self.columns.items())
        within = "" if self.looked_into == self.buckets else f" in {self.looked_into} of {self.buckets} buckets"
        least = "at least " if self.cut_off else ""
        return f"{least}{', '.join(counts)}{within}" + (f" ({columns})" if columns else "") + f"; {self.rows[0]}"


@dataclass(frozen=True, slots=True)
class RowComparison:
    """The comparison of rows with these columns, some of which are the key."""

    columns: tuple[Column, ...]
    key: tuple[Column, ...]

    def differences(
        self, landed: Rows, table: Rows, buckets: int, of_buckets: int, looked_into: int, *, cut_off: bool = False
    ) -> Differences:
        landed, table = Counter(landed), Counter(table)
        cut_off = cut_off or max((landed - table).total(), (table - landed).total()) > _ROWS_AT_MOST
        rows = self._rows(landed, table)
        counts = Counter(row.kind for row in rows)
        columns = Counter(cell.column for row in rows if row.kind is DifferenceKind.CHANGED for cell in row.cells)
        in_order = {kind: counts[kind] for kind in DifferenceKind if counts[kind]}
        return Differences(
            buckets, of_buckets, looked_into, in_order, dict(columns.most_common()), _varied(rows), cut_off
        )

    def _rows(self, landed: Counter[Texts], table: Counter[Texts]) -> list[DifferingRow]:
        repeated = {row for row in landed if row in table and landed[row] != table[row]}
        rows = [
            DifferingRow(DifferenceKind.REPEATED, self._key(row), landed_times=landed[row], table_times=table[row])
            for row in sorted(repeated, key=_sortable)
        ]
        only_landed, only_table = (_in_order(side, repeated) for side in (landed - table, table - landed))
        pairs = self._pairs(only_landed, only_table)
        rows += [self._changed(only_landed[left], only_table[right]) for left, right in sorted(pairs.items())]
        rows += [
            self._unpaired(DifferenceKind.ONLY_LANDED, row)
            for number, row in enumerate(only_landed)
            if number not in pairs
        ]
        paired = set(pairs.values())
        return rows + [
            self._unpaired(DifferenceKind.ONLY_TABLE, row)
            for number, row in enumerate(only_table)
            if number not in paired
        ]

    def _pairs(self, landed: Sequence[Texts], table: Sequence[Texts]) -> dict[int, int]:
        """Return the table row of each paired landed row, by index. Rows pair by key, or if few cells differ."""
        landed_keys, table_keys = self._by_key(landed), self._by_key(table)
        pairs: dict[int, int] = {}
        for key in landed_keys.keys() & table_keys.keys():
            pairs |= _nearest(landed, table, landed_keys[key], table_keys[key])
        taken = set(pairs.values())
        left = [number for number in range(len(landed)) if number not in pairs]
        right = [number for number in range(len(table)) if number not in taken]
        few = max(1, len(self.columns) // 4)
        if len(self.columns) > 1 and len(left) * len(right) <= _PAIRS_AT_MOST:
            near = ((_differing_cells(landed[a], table[b]), a, b) for a, b in product(left, right))
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
            DifferingCell(column.name, _value(column, landed_text), _value(column, table_text))
            for column, landed_text, table_text in zip(self.columns, landed, table, strict=True)
            if landed_text != table_text
        )
        return DifferingRow(DifferenceKind.CHANGED, self._key(landed), cells)

    def _unpaired(self, kind: DifferenceKind, row: Texts) -> DifferingRow:
        landed = kind is DifferenceKind.ONLY_LANDED
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
    """Return the first rows: those that show a new kind or a new changed column, then others."""
    seen: set[object] = set()
    first: list[DifferingRow] = []
    others: list[DifferingRow] = []
    for row in rows:
        aspects = {cell.column for cell in row.cells} if row.kind is DifferenceKind.CHANGED else {row.kind}
        (others if aspects <= seen else first).append(row)
        seen |= aspects
    return tuple((first + others)[:SHOWN_ROWS])


def _in_order(rows: Counter[Texts], without: Collection[Texts]) -> list[Texts]:
    """Return the rows sorted, each as often as counted, up to the most that pair in reasonable time."""
    return list(
        islice(
            (row for row in sorted(rows, key=_sortable) if row not in without for _ in range(rows[row])), _ROWS_AT_MOST
        )
    )


def _nearest(
    landed: Sequence[Texts], table: Sequence[Texts], of_landed: Sequence[int], of_table: Sequence[int]
) -> dict[int, int]:
    """Pair the rows of one key, given by their indexes, with the nearest; too many to compare all, in their order."""
    if len(of_landed) * len(of_table) > _PAIRS_OF_A_KEY_AT_MOST:
        return dict(zip(of_landed, of_table, strict=False))
    left, pairs = list(of_table), dict[int, int]()
    for number in of_landed[: len(of_table)]:
        pairs[number] = min(left, key=lambda other: (_differing_cells(landed[number], table[other]), other))
        left.remove(pairs[number])
    return pairs


def _differing_cells(one: Texts, other: Texts) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _sortable(row: Texts) -> tuple[tuple[bool, str], ...]:
    return tuple((text is not None, text or "") for text in row)


def _frequency(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _shortened(text: str | None) -> str:
    if text is None:
        return "null"
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def _quoted(text: str | None) -> str:
    return "null" if text is None else repr(_shortened(text))
