"""Read a file of JSON lines line by line, with a limit on the length of a line."""

import re
from collections.abc import Iterator
from pathlib import Path

from landed.reading.cells import MAX_RECORD_BYTES


class LineTooLong(Exception):
    """A line above the limit; reading stopped there. `line` is its number."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(
            f"the line is longer than {MAX_RECORD_BYTES:,} characters, so Aceite stopped reading there; write one "
            "object per line"
        )


_SURROGATE = re.compile("[\ud800-\udfff]")


def has_half_character(text: str) -> bool:
    r"""Return True if the text has a lone surrogate, which JSON may write as \ud800."""
    return _SURROGATE.search(text) is not None


def json_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank. Raise LineTooLong."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            if len(line) == MAX_RECORD_BYTES and not line.endswith("\n"):
                raise LineTooLong(number)
            if line.strip():
                yield number, line
