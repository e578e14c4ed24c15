"""Prints a line for each delivery, and below it what a person needs to know of it.

A line fits a terminal of 80 columns. Names and keys are never cut: one that does not fit stands on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rich.cells import cell_len

from acceptance.untrusted_text import one_line
from cli.terminal import Terminal, wrapped

STYLES = {"accepted": "green", "rejected": "red", "inconclusive": "yellow"}
SIGNS = {"accepted": "✔", "rejected": "✘", "inconclusive": "?", "superseded": "-", "deleted": "-"}
_WAITS = "…"
_WORD = max(map(len, SIGNS))
_WIDEST_DATASET = 28
"""A longer name of a dataset moves the file's name of its own line only."""
_INDENT = " " * 4


@dataclass(frozen=True, slots=True)
class Line:
    """A delivery as people see it. `word` is its verdict, or its state without one; `age` is since it arrived.

    `below` are sentences, and `addresses` what a person opens or copies: these are never broken into lines.
    """

    word: str
    dataset: str
    business_date: date | str
    file: str
    age: timedelta | None = None
    below: Sequence[str] = ()
    addresses: Sequence[str] = ()


def print_lines(console: Terminal, lines: Sequence[Line]) -> None:
    """Print the lines in their order, with the names of datasets below one another."""
    widths = [cell_len(one_line(line.dataset)) for line in lines]
    width = max((width for width in widths if width <= _WIDEST_DATASET), default=0)
    for line in lines:
        style = STYLES.get(line.word, "")
        _print_head(console, line, width, style)
        print_below(console, line.below, style)
        for address in line.addresses:
            console.print(_INDENT + address, soft_wrap=True)


def print_below(console: Terminal, sentences: Iterable[str], style: str = "") -> None:
    """Print sentences with an indent, broken between words where the terminal ends."""
    for sentence in sentences:
        for part in _wrapped(console, sentence):
            console.print(_INDENT + part, style=style, soft_wrap=True)


def print_sentence(console: Terminal, sentence: str, style: str = "") -> None:
    """Print a sentence, broken between words where the terminal ends. The lines after the first have an indent."""
    for number, part in enumerate(_wrapped(console, sentence)):
        console.print((_INDENT if number else "") + part, style=style, soft_wrap=True)


def age_text(age: timedelta) -> str:
    """Return an age in its largest whole unit: "12 s", "3 min", "5 h", "9 d"."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length_s, most in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 2 * 86400)):
        if seconds < most:
            return f"{seconds // length_s} {unit}"
    return f"{seconds // 86400} d"


def _wrapped(console: Terminal, sentence: str) -> Iterable[str]:
    """Yield the sentence in lines for which there is room beside the indent."""
    return wrapped(console, sentence, len(_INDENT))


def _print_head(console: Terminal, line: Line, width: int, style: str) -> None:
    age = "" if line.age is None else age_text(line.age)
    dataset, file = one_line(line.dataset), one_line(line.file)
    padded = dataset + " " * max(0, width - cell_len(dataset))
    head = f"{SIGNS.get(line.word, _WAITS)} {line.word:<{_WORD}}  {line.business_date!s:<10}  {age:>6}  {padded}"
    if cell_len(f"{head}  {file}") <= console.width:
        console.print(f"{head}  {file}", style=style, soft_wrap=True)
        return
    console.print(head.rstrip(), style=style, soft_wrap=True)
    console.print(_INDENT + file, style=style, soft_wrap=True)
