"""Find where landed files and table differ: which rows, which columns, the landed value and the table's.

It compares rows as canonical texts, from the same buckets of both sides. A row that both sides hold equally often is no
difference. Of the others, two with the same key are one changed row, and so are two that differ in few columns. Equal
rows are one row with a number, so a million of them cost no more than one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product
from typing import assert_never

from acceptance.contract.contract import Column
from acceptance.messages.message import Message
from acceptance.messages.phrases import listed, with_remark
from acceptance.proof.canonical_text import as_written
from acceptance.text_contrast import AT_MOST, TextContrast, contrast, looks, plainly, quoted

SHOWN_ROWS = 20
HIDDEN = "•••"

Texts = tuple[str | None, ...]
"""A row: the canonical text of each compared column, None for null. Of a sensitive column, the text's md5."""

Rows = Iterable[Texts] | Mapping[Texts, int]
"""Rows one by one, or distinct rows with their counts."""

_PAIRS_AT_MOST = 1_000_000
_PAIRS_OF_A_KEY_AT_MOST = 1_000
_ROWS_AT_MOST = 25_000
_CELLS_OF_A_LINE = 4


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

    def told(self, at_most: int = AT_MOST) -> TextContrast:
        """Return both values about where they begin to differ, and where that is."""
        return contrast(self.landed, self.table, at_most=at_most)


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """A row that differs. `key` is by column, for a changed row the landed one.

    In a dataset without a key, the cells of a changed row that are equal stand for it. `cells` are those that differ;
    of a row that is not changed, all. `landed_times` and `table_times` count the row on each side.
    """

    kind: DifferenceKind
    key: dict[str, str | None]
    cells: tuple[DifferingCell, ...] = ()
    landed_times: int = 1
    table_times: int = 1

    @property
    def rows(self) -> int:
        """The rows that it stands for. A row that both sides hold, but not equally often, is one."""
        return 1 if self.kind is DifferenceKind.REPEATED else max(self.landed_times, self.table_times)

    def __str__(self) -> str:
        match self.kind:
            case DifferenceKind.REPEATED:
                often = {"landed": _frequency(self.landed_times), "table": _frequency(self.table_times)}
                return Message("{row}: landed {landed}, in the table {table}", row=self._row, **often)
            case DifferenceKind.CHANGED:
                return self._change()
            case DifferenceKind.ONLY_LANDED:
                only = Message("{row}: only landed", row=self._row)
            case DifferenceKind.ONLY_TABLE:
                only = Message("{row}: only in the table", row=self._row)
            case _:
                assert_never(self.kind)
        return Message("{text}, {often}", text=only, often=_frequency(self.rows)) if self.rows > 1 else only

    def _change(self) -> str:
        cell, told = self.cells[0], self.cells[0].told()
        both = {"landed": quoted(told.one), "table": quoted(told.other)}
        change = Message(
            "{row}: {column} {landed} landed, {table} in the table", row=self._row, column=cell.column, **both
        )
        text, more = with_remark(change, told.where), len(self.cells) - 1
        if more:
            text = Message("{first} (and {more} more)", first=text, more=more)
        return Message("{text}, in {number} equal rows", text=text, number=self.rows) if self.rows > 1 else text

    @property
    def _row(self) -> str:
        if self.key:
            return _named(self.key)
        return Message("row {values}", values=_named(self._lone)) if self._lone else Message.counted("row", "rows", 1)

    @property
    def _lone(self) -> dict[str, str | None]:
        """The values of a row that is not changed."""
        if self.kind is DifferenceKind.CHANGED:
            return {}
        in_table = self.kind is DifferenceKind.ONLY_TABLE
        return {cell.column: cell.table if in_table else cell.landed for cell in self.cells}


@dataclass(frozen=True, slots=True)
class Differences:
    """The result of a comparison: `buckets` of `of_buckets` differ, and the counts are of `looked_into` of them.

    `columns` counts the changed cells by column. `cut_off`: the sides have more rows than were compared. `rows` are 20
    at most, of as many kinds and columns as possible. Of equal rows that both sides hold, but not equally often, the
    counts have one.
    """

    buckets: int
    of_buckets: int
    looked_into: int
    counts: dict[DifferenceKind, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: tuple[DifferingRow, ...] = ()
    cut_off: bool = False

    @property
    def all_shown(self) -> bool:
        return sum(row.rows for row in self.rows) >= sum(self.counts.values())

    def __str__(self) -> str:
        if not self.rows:
            return Message("where they differ was not found")
        text = listed((_counted(kind, number) for kind, number in self.counts.items()), ", ")
        if self.cut_off:
            text = Message("at least {text}", text=text)
        if self.looked_into != self.buckets:
            looked = {"number": self.looked_into, "all": self.buckets}
            text = Message("{text} in {number} of {all} buckets", text=text, **looked)
        columns = (Message("{column} {number}", column=name, number=number) for name, number in self.columns.items())
        return Message("{text}; {first}", text=with_remark(text, listed(columns, ", ")), first=str(self.rows[0]))


def together(parts: Sequence[Differences]) -> Differences:
    """Return what comparisons of other columns of the same rows found, as one. A row counts in each kind once.

    Rows of different parts are one row if they have the same key; rows without a key are told apart by nothing. Of more
    changed rows than are shown nobody knows which changed in several parts: then the counts are the least.
    """
    if len(parts) == 1:
        return parts[0]
    rows: list[DifferingRow] = []
    for part in parts:
        places = {(row.kind, *row.key.items()): place for place, row in enumerate(rows) if row.key}
        for row in part.rows:
            place = places.get((row.kind, *row.key.items())) if row.key else None
            if place is None:
                rows.append(row)
            else:
                rows[place] = replace(rows[place], cells=tuple(dict.fromkeys((*rows[place].cells, *row.cells))))
    counts = {kind: max(part.counts.get(kind, 0) for part in parts) for kind in DifferenceKind}
    changed = DifferenceKind.CHANGED
    counts[changed] = max(counts[changed], sum(row.rows for row in rows if row.kind is changed))
    with_changes = [part for part in parts if changed in part.counts]
    unknown = len(with_changes) > 1 and not all(part.all_shown for part in with_changes)
    return Differences(
        max(part.buckets for part in parts),
        max(part.of_buckets for part in parts),
        max(part.looked_into for part in parts),
        {kind: number for kind, number in counts.items() if number},
        {column: number for part in parts for column, number in part.columns.items()},
        tuple(rows[:SHOWN_ROWS]),
        unknown or any(part.cut_off for part in parts),
    )


@dataclass(frozen=True, slots=True)
class RowComparison:
    """The comparison of rows with these columns, some of which are the key."""

    columns: tuple[Column, ...]
    key: tuple[Column, ...]

    def differences(
        self, landed: Rows, table: Rows, buckets: int, of_buckets: int, looked_into: int, *, cut_off: bool = False
    ) -> Differences:
        landed, table = Counter(landed), Counter(table)
        cut_off = cut_off or max(len(landed.keys() - table.keys()), len(table.keys() - landed.keys())) > _ROWS_AT_MOST
        rows = self._rows(landed, table)
        counts, columns = Counter[DifferenceKind](), Counter[str]()
        for row in rows:
            counts[row.kind] += row.rows
            if row.kind is DifferenceKind.CHANGED:
                columns.update({cell.column: row.rows for cell in row.cells})
        in_order = {kind: counts[kind] for kind in DifferenceKind if counts[kind]}
        return Differences(
            buckets, of_buckets, looked_into, in_order, dict(columns.most_common()), _varied(rows), cut_off
        )

    def _rows(self, landed: Counter[Texts], table: Counter[Texts]) -> list[DifferingRow]:
        repeated = sorted((row for row in landed if row in table and landed[row] != table[row]), key=_sortable)
        rows = [self._whole(DifferenceKind.REPEATED, row, landed[row], table[row]) for row in repeated]
        pairing = self._paired(_only(landed, table), _only(table, landed))
        rows += [
            self._changed(pairing.landed[one], pairing.table[other], times)
            for (one, other), times in sorted(pairing.pairs.items())
        ]
        left = zip(pairing.landed, pairing.landed_left, strict=True)
        rows += [self._whole(DifferenceKind.ONLY_LANDED, row, times, 0) for row, times in left if times]
        left = zip(pairing.table, pairing.table_left, strict=True)
        return rows + [self._whole(DifferenceKind.ONLY_TABLE, row, 0, times) for row, times in left if times]

    def _paired(self, landed: Mapping[Texts, int], table: Mapping[Texts, int]) -> "_Pairing":
        """Pair rows by key, then by a key that looks the same, then rows of which few cells differ."""
        pairing = _Pairing(tuple(landed), tuple(table), list(landed.values()), list(table.values()))
        for key_of in (self._key_texts, self._key_looks):
            landed_keys = _numbers_by(key_of, pairing.landed, pairing.landed_left)
            table_keys = _numbers_by(key_of, pairing.table, pairing.table_left)
            for key in landed_keys.keys() & table_keys.keys():
                pairing.pair_nearest(landed_keys[key], table_keys[key])
        if len(self.columns) > 1:
            pairing.pair_if_near(max(1, len(self.columns) // 4))
        return pairing

    def _key_texts(self, row: Texts) -> Texts:
        return tuple(row[self.columns.index(column)] for column in self.key)

    def _key_looks(self, row: Texts) -> Texts:
        return tuple(None if text is None else looks(text) for text in self._key_texts(row))

    def _changed(self, landed: Texts, table: Texts, times: int) -> DifferingRow:
        both = list(zip(self.columns, landed, table, strict=True))
        cells = tuple(
            DifferingCell(column.name, _value(column, one), _value(column, other))
            for column, one, other in both
            if one != other
        )
        equal = {column.name: _value(column, one) for column, one, other in both if one == other}
        return DifferingRow(DifferenceKind.CHANGED, self._key(landed) or equal, cells, times, times)

    def _whole(self, kind: DifferenceKind, row: Texts, landed_times: int, table_times: int) -> DifferingRow:
        """Return a row that is not changed; on a side that lacks it, its cells are None."""
        values = [(column.name, _value(column, text)) for column, text in zip(self.columns, row, strict=True)]
        cells = (
            DifferingCell(name, value if landed_times else None, value if table_times else None)
            for name, value in values
        )
        return DifferingRow(kind, self._key(row), tuple(cells), landed_times, table_times)

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


def _only(rows: Mapping[Texts, int], other: Mapping[Texts, int]) -> dict[Texts, int]:
    """Return the rows that the other side lacks, sorted, up to the most that pair in reasonable time."""
    alone = sorted((row for row in rows if row not in other), key=_sortable)
    return {row: rows[row] for row in alone[:_ROWS_AT_MOST]}


def _numbers_by(key_of: Callable[[Texts], Texts], rows: Sequence[Texts], left: Sequence[int]) -> dict[Texts, list[int]]:
    """Return the indexes, by key, of the rows that are left."""
    numbers: dict[Texts, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if left[number]:
            numbers[key_of(row)].append(number)
    return numbers


@dataclass(slots=True)
class _Pairing:
    """Rows that only one side holds, and how often each is not paired yet. `pairs` counts pairs, by two indexes."""

    landed: Sequence[Texts]
    table: Sequence[Texts]
    landed_left: list[int]
    table_left: list[int]
    pairs: dict[tuple[int, int], int] = field(default_factory=dict)

    def pair_nearest(self, of_landed: Sequence[int], of_table: Sequence[int]) -> None:
        """Pair the rows of one key with the nearest; too many to compare each with each, in their order."""
        if len(of_landed) * len(of_table) <= _PAIRS_OF_A_KEY_AT_MOST:
            for one in of_landed:
                for _, other in sorted((_differing_cells(self.landed[one], self.table[n]), n) for n in of_table):
                    self._pair(one, other)
            return
        others = list(reversed(of_table))
        for one in of_landed:
            while others and self.landed_left[one]:
                self._pair(one, others[-1])
                if not self.table_left[others[-1]]:
                    others.pop()

    def pair_if_near(self, few: int) -> None:
        """Pair rows that differ in few cells, the nearest first; none if they are too many to compare."""
        left = [number for number, times in enumerate(self.landed_left) if times]
        right = [number for number, times in enumerate(self.table_left) if times]
        if len(left) * len(right) > _PAIRS_AT_MOST:
            return
        near = (
            (_differing_cells(self.landed[one], self.table[other]), one, other) for one, other in product(left, right)
        )
        for _, one, other in sorted(pair for pair in near if pair[0] <= few):
            self._pair(one, other)

    def _pair(self, one: int, other: int) -> None:
        times = min(self.landed_left[one], self.table_left[other])
        if times:
            self.pairs[one, other] = times
            self.landed_left[one] -= times
            self.table_left[other] -= times


def _differing_cells(one: Texts, other: Texts) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _sortable(row: Texts) -> tuple[tuple[bool, str], ...]:
    return tuple((text is not None, text or "") for text in row)


def _counted(kind: DifferenceKind, number: int) -> Message:
    match kind:
        case DifferenceKind.CHANGED:
            return Message.counted("{count} row changed", "{count} rows changed", number)
        case DifferenceKind.ONLY_LANDED:
            return Message.counted("{count} row only landed", "{count} rows only landed", number)
        case DifferenceKind.ONLY_TABLE:
            return Message.counted("{count} row only in the table", "{count} rows only in the table", number)
        case DifferenceKind.REPEATED:
            return Message.counted("{count} row not as often", "{count} rows not as often", number)
        case _:
            assert_never(kind)


def _frequency(number: int) -> Message:
    match number:
        case 1:
            return Message("once")
        case 2:
            return Message("twice")
        case _:
            return Message("{number} times", number=number)


def _named(values: Mapping[str, str | None]) -> str:
    """Return the first values with their columns, on one line."""
    first = [
        Message("{column} {value}", column=name, value=plainly(value))
        for name, value in list(values.items())[:_CELLS_OF_A_LINE]
    ]
    return listed([*first, *(["…"] if len(values) > _CELLS_OF_A_LINE else [])], ", ")
