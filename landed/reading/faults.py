"""Faults of a landed file: a message with the line and, for a cell, the column.

What goes wrong while a landed file is read is told apart by type:

- the file: a `LandedFault`, for which the delivery is rejected; inside of a reader, `Unreadable`;
- our reading of the contract: `ContractError`;
- this machine: `MachineTrouble`, and for S3 `StepFailed`.

`landed.reading.blame` decides for errors of DuckDB and Python.
"""

from dataclasses import dataclass, field, replace

from acceptance.untrusted_text import one_line

KEPT_FAULTS = 20

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class LandedFault:
    """A fault. `column` is the contract's name, None if no single cell is wrong; `file` is set if there are several."""

    line: int
    column: str | None
    message: str
    file: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message))

    def __str__(self) -> str:
        file, column = f"{self.file} " if self.file else "", f", column {self.column}" if self.column else ""
        return f"{file}line {self.line}{column}: {self.message}"


class Unreadable(Exception):
    """The file cannot be read. The reader that raises it knows the place and says what is wrong, for people."""

    def __init__(self, message: str, line: int = 1, column: str | None = None) -> None:
        super().__init__(message)
        self.fault = LandedFault(line, column, message)


@dataclass(slots=True)
class Faults:
    """Counts every fault and keeps the first ones. `lines_before` is added to the line of each one that follows."""

    kept: list[LandedFault] = field(default_factory=list)
    count: int = 0
    lines_before: int = 0

    def add(self, line: int, message: str, column: str | None = None) -> None:
        self.append(LandedFault(line, column, message))

    def replace(self, line: int, message: str) -> None:
        """Replace all faults by the one that explains them."""
        self.kept.clear()
        self.count = 0
        self.add(line, message)

    def append(self, fault: LandedFault) -> None:
        self.count += 1
        if len(self.kept) < KEPT_FAULTS:
            self.kept.append(replace(fault, line=fault.line + self.lines_before))


def shorten(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
