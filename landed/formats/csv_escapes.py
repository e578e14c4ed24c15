"""Cells of a CSV in which a sign, mostly a backslash, takes its meaning from the sign that follows.

Hive, MySQL, PostgreSQL, Spark and Snowflake write such files. All of them agree on a sign that is no letter: it stands
for itself, a line end too. They do not agree on letters: in a file without quotes, `\\n` is a line end to MySQL and
PostgreSQL; inside of quotes Spark means the two characters. So there a letter is a fault.
"""

import re

from acceptance.contract.landing_format import LandingFormat

_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


class MeaningUnknown(Exception):
    """An escape whose meaning depends on who wrote it."""


class Escapes:
    """Reads the text of a cell without quotes, or between its quotes."""

    def __init__(self, landing: LandingFormat) -> None:
        self._escape, self._quote, self._null_text = landing.escape, landing.quote, landing.null_text
        self._letters = {} if landing.quote else _LETTERS
        doubled = f"{re.escape(landing.quote) * 2}|" if landing.quote else ""
        self._quoted = re.compile(f"{doubled}{re.escape(self._escape)}(.)", re.DOTALL)
        self._plain = re.compile(f"{re.escape(self._escape)}(.)", re.DOTALL)

    def plain(self, text: str) -> str:
        """Return the text of a cell without quotes. The null text is itself: MySQL and PostgreSQL write it escaped."""
        return text if text == self._null_text else self._of_other_than_null(self._plain.sub(self._meant, text))

    def quoted(self, text: str) -> str:
        return self._of_other_than_null(self._quoted.sub(self._meant, text))

    def _meant(self, escaped: re.Match[str]) -> str:
        sign = escaped[1]
        if sign is None:
            return self._quote
        if sign in self._letters:
            return self._letters[sign]
        if sign.isalnum():
            raise MeaningUnknown(
                f"the escape '{self._escape}' before a letter or digit has no meaning that all writers agree on; write "
                f"'{self._escape * 2}' for '{self._escape}' itself"
            )
        return sign

    def _of_other_than_null(self, text: str) -> str:
        if text == self._null_text and text:
            raise MeaningUnknown(
                f"the cell is the text '{text}', escaped; without the escape it means null, and the two cannot be told "
                "apart; choose another `nullText`"
            )
        return text
