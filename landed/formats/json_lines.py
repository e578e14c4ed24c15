"""The lines of a file of JSON lines, none of them longer than fits into memory."""

import re
from collections.abc import Iterator
from pathlib import Path

from landed.reading.cells import MAX_RECORD_BYTES


class LineTooLong(Exception):
    """Nothing behind it was read. `line` is its number."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(
            f"the line is longer than {MAX_RECORD_BYTES:,} characters, and nothing behind that was read; write one "
            "object a line"
        )


_SURROGATE = re.compile("[\ud800-\udfff]")


def has_half_character(text: str) -> bool:
    r"""JSON may write one, as \ud800."""
    return _SURROGATE.search(text) is not None


def json_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank. Raises LineTooLong."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            if len(line) == MAX_RECORD_BYTES and not line.endswith("\n"):
                raise LineTooLong(number)
            if line.strip():
                yield number, line
