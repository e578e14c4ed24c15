"""The command's output for people. Nothing else prints: every text goes through a console that makes it visible."""

import json
import sys
from collections.abc import Iterable
from typing import Any

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


def short(text: str) -> str:
    """Return a short text for a cell of a table; the evidence has the whole text."""
    return one_line(text, _CELL_WIDTH)


def print_json(document: object) -> None:
    """Print one JSON document to standard output. Keys and messages in it are exact, with escapes of ASCII only."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_document(text: str) -> None:
    """Print a document that is made for programs, in which what is foreign is escaped already."""
    sys.stdout.write(text)
