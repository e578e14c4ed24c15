"""The command's output for people. Nothing else prints: every text goes through a console that makes it visible."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from acceptance.untrusted_text import one_line, several_lines

_CELL_WIDTH = 110


class Terminal(Console):
    """A console that takes no text for markup, and shows each on one line.

    Keys and the words of AWS can hold escape sequences, which would move the cursor, rename the window or hide what
    stands before them. Two nets catch them: strings before they are measured and laid out, and whatever is left after.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(one_line(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=several_lines(segment.text))

    def print_lines(self, text: str, **options: Any) -> None:
        """Print a text of several lines of our own, without breaking them."""
        for line in several_lines(text).split("\n"):
            self.print(line, soft_wrap=True, **options)


def print_command(console: Console, why: str, *words: str) -> None:
    """Print why, and a command on a line of its own: unbroken, quoted for the shell, so that it can be copied."""
    console.print(why, soft_wrap=True)
    console.print(f"  aceite {' '.join(map(_quoted, words))}", soft_wrap=True)


def _quoted(word: str) -> str:
    return subprocess.list2cmdline([word]) if sys.platform == "win32" else shlex.quote(word)


def wrapped(console: Console, sentence: str, indent: int) -> list[str]:
    """Return the sentence in lines for which there is room beside the indent. A command in backticks is not broken."""
    room = max(20, console.width - indent)
    text = one_line(sentence)
    commands = iter(_COMMAND.findall(text))
    text = _COMMAND.sub(lambda command: _FIRST + _NEXT * (min(cell_len(command[0]), room) - 1), text)
    lines = [line.plain.rstrip() for line in Text(text).wrap(console, room)]
    return [_STANDING.sub(lambda part: next(commands) if part[0][0] == _FIRST else "", line) for line in lines]


_COMMAND = re.compile(r"`[^`]+`")
_FIRST, _NEXT = "\ue000", "\ue001"
"""Characters for private use, which the text has no more of: they stand for a command while lines are made."""
_STANDING = re.compile(f"{_FIRST}{_NEXT}*|{_NEXT}+")


def short(text: str) -> str:
    """Return a short text for a cell of a table; the evidence has the whole text."""
    return one_line(text, _CELL_WIDTH)


def print_json(document: object) -> None:
    """Print one JSON document to standard output. Keys and messages in it are exact, with escapes of ASCII only."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_document(text: str) -> None:
    """Print a document that is made for programs, in which what is foreign is escaped already."""
    sys.stdout.write(text)
