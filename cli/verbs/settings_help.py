"""The end of `aceite --help`: every setting with its purpose, its default and its allowed values."""

from collections.abc import Iterator
from typing import Any

import typer.core
from pydantic.fields import FieldInfo

from blocks.settings import Settings, allowed, variable

_DEFAULTS = {"home": "~/.aceite", "workers": "the number of cores"}
"""The words for a default that depends on the machine."""


class WithSettings(typer.core.TyperGroup):
    """The command with the settings at the end of its help, as a list of terms at any terminal width."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Settings, as environment variables or lines of .env in the current folder"):
            formatter.write_dl(list(_settings()), col_max=32)


def _settings() -> Iterator[tuple[str, str]]:
    for name, field in Settings.model_fields.items():
        facts = [f"default: {default_text(name, field)}"]
        if words := allowed(field):
            facts.insert(0, words)
        yield variable(name), f"{field.description} [{'; '.join(facts)}]"


def default_text(name: str, field: FieldInfo) -> str:
    """Return a setting's default as people read it, the same on every machine."""
    return _DEFAULTS.get(name) or ("unset" if field.default is None else str(field.default))
