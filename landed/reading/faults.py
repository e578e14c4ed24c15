"""Faults of a landed file: a message with the line and, for a cell, the column."""

from dataclasses import dataclass, field

KEPT_FAULTS = 20

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class LandedFault:
    """A fault. `column` is the contract's name, None if no single cell is wrong; `file` is set if there are several."""

    line: int
    column: str | None
    message: str
    file: str = ""

    def __str__(self) -> str:
        file, column = f"{self.file} " if self.file else "", f", column {self.column}" if self.column else ""
        return f"{file}line {self.line}{column}: {self.message}"


@dataclass(slots=True)
class Faults:
    """Counts every fault and keeps the first ones."""

    kept: list[LandedFault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str, column: str | None = None) -> None:
        self.count += 1
        if len(self.kept) < KEPT_FAULTS:
            self.kept.append(LandedFault(line, column, message))


def shorten(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
