"""Help in one style, and usage errors that say what was probably meant.

Values are named in capitals (FILE), the values of a choice as they are written (warm|process).
"""

import re
from collections.abc import Iterator
from typing import Any

import typer.core

from acceptance.errors import nearest

_CHOICES = re.compile(r"(?:Value error, )?'(?P<found>.*)' is not one of (?P<known>'.*')\.", re.DOTALL)


class InOneStyle(typer.core.TyperCommand):
    """A verb whose help names arguments as it names the values of options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            rows = [row for param in self.get_params(ctx) if param.param_type_name == kind for row in _row(param, ctx)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first paragraph, which the list of verbs breaks into lines; typer would cut it at the limit."""
        return " ".join((self.help or "").partition("\n\n")[0].split())

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [re.sub(r"^\{(.*)\}|^\[([a-z_]+)\]", _in_usage, piece) for piece in super().collect_usage_pieces(ctx)]


def _in_usage(piece: re.Match[str]) -> str:
    return piece[1] or f"[{piece[2].upper()}]"


def _row(param: Any, ctx: Any) -> Iterator[tuple[str, str]]:
    record = param.get_help_record(ctx)
    if record is not None:
        name, told = record
        if param.param_type_name == "argument":
            name = param.metavar or param.name.upper()
        yield name, re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", re.sub(r"x>=(\d+)", r"at least \1", told))


def reworded(error: Any) -> Any:
    """Return the usage error. Of a choice that there is not, it says which was probably meant."""
    if (choices := _CHOICES.fullmatch(str(error.message))) is not None:
        known = re.findall(r"'([^']*)'", choices["known"])
        near = nearest(choices["found"], known)
        meant = f"; did you mean {near!r}?" if near is not None else ""
        error.message = f"{choices['found']!r} is not known{meant}; allowed: {', '.join(known)}".replace("?;", "?")
    return error
