"""The log records of every process of Aceite: each message is one line in which nothing is invisible.

Messages name keys and files, which anybody may write who can land one. A line feed in a key must not make a second line
in a log that looks like one of ours.
"""

import logging
import textwrap
import traceback
from typing import Any

from acceptance.untrusted_text import LONGEST_TEXT, one_line, several_lines

_LONGEST_TRACEBACK = 5 * LONGEST_TEXT


class VisibleLogRecord(logging.LogRecord):
    """A record whose text is safe for each handler: Prefect's API, a console, a file."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self.exc_info and self.exc_info[1] is not None:
            lines = "".join(traceback.format_exception(self.exc_info[1])).rstrip()
            # Handlers take this text as it is. Indented, no line of it begins as a record does.
            self.exc_text = textwrap.indent(several_lines(lines, _LONGEST_TRACEBACK), "  ")

    def getMessage(self) -> str:  # noqa: N802 - the name is of logging
        return one_line(super().getMessage(), LONGEST_TEXT)


def show_untrusted_texts() -> None:
    """Make every record that this process logs from now on a visible one, whichever library logs it."""
    logging.setLogRecordFactory(VisibleLogRecord)
