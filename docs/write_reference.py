"""Writes the parts of the documentation that come from the code.

These are the settings, the commands, the faults of the sandbox's pipeline, the room map and the import rules.

    python docs/write_reference.py            # rewrites what is out of date
    python docs/write_reference.py --check    # changes nothing; exit code 1 if a page is out of date

Each part stands in its page between the comments `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

import argparse
import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from blocks.settings import Settings, allowed, variable
from cli.main import app, default_text

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PACKAGES = ("cli", "automations", "sandbox", "flows", "landed", "aws", "blocks", "acceptance")
"""In the order of their layers, the highest first."""

_PART = re.compile(r"(<!-- begin: ([a-z ]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
_COLUMNS = 110


def settings_table() -> str:
    """Return a row for each setting, in the order of `blocks.settings`."""
    rows = ["| variable | what it is | allowed | default |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = default_text(name, field)
        shown = default if default in ("unset", "the number of cores") else f"`{default}`"
        cells = (f"`{variable(name)}`", field.description or "", allowed(field) or "", shown)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def command_summary() -> str:
    """Return a row for each verb: its name and the first paragraph of its help."""
    rows = ["| command | what it does |", "| --- | --- |"]
    for verb, command in verbs():
        sentence = " ".join((inspect.getdoc(command) or "").partition("\n\n")[0].split())
        name = f"aceite {' '.join(verb)}"
        rows.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {sentence} |")
    return "\n".join(rows)


def command_help() -> str:
    """Return the help of each verb under a heading of its own."""
    return "\n\n".join(f"## aceite {' '.join(verb)}\n\n```text\n{help_of(*verb)}\n```" for verb, _ in verbs())


def verbs() -> Iterator[tuple[tuple[str, ...], Callable[..., Any]]]:
    """Yield the words after `aceite` of each verb, and its function, in the order of `aceite --help`."""
    groups = [(str(group.name), group.typer_instance) for group in app.registered_groups]
    for name, group in [("", app), *groups]:
        assert group is not None
        for command in group.registered_commands:
            assert command.callback is not None
            words = (name, command.name or command.callback.__name__)
            yield tuple(word for word in words if word), command.callback


def help_of(*verb: str) -> str:
    """Return what `aceite VERB --help` prints on a terminal of 110 columns."""
    return output_of(*verb, "--help")


def output_of(*words: str) -> str:
    """Return what the command prints. It must succeed."""
    result = CliRunner().invoke(app, words, prog_name="aceite", terminal_width=_COLUMNS)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def pipeline_faults() -> str:
    """Return a row for each fault that `aceite drop --fault list` names."""
    faults = output_of("drop", "FILE", "--dataset", "ID", "--fault", "list").splitlines()
    rows = (f"| `{name}` | {what} |" for name, what in (line.split(": ", 1) for line in faults))
    return "\n".join(("| fault | what happens |", "| --- | --- |", *rows))


def room_map() -> str:
    """Return a row for each package and room: the first paragraph of its `__init__`."""
    rows = ["| room | what is in it |", "| --- | --- |"]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("__init__.py"), key=lambda path: path.parent.parts):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            sentence = " ".join(text.partition("\n\n")[0].split())
            name = path.parent.relative_to(ROOT).as_posix()
            shown = f"**`{name}`**" if name == package else f"`{name}`"
            rows.append(f"| {shown} | {sentence} |")
    return "\n".join(rows)


def import_rules() -> str:
    """Return the import rules of pyproject.toml, each with its layers or with what it forbids."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return "\n".join(rule for contract in settings["contracts"] for rule in _rule(contract))


def _rule(contract: dict[str, list[str]]) -> Iterator[str]:
    yield f"- **{contract['name']}.**"
    if "layers" in contract:
        yield f"  `{' > '.join(contract['layers'])}`"
    if "forbidden_modules" in contract:
        sources, forbidden = (", ".join(f"`{each}`" for each in contract[key]) for key in _FORBIDDEN)
        yield f"  Not imported by {sources}: {forbidden}."


_FORBIDDEN = ("source_modules", "forbidden_modules")

PARTS = {
    "settings": settings_table,
    "commands": command_summary,
    "help": command_help,
    "pipeline faults": pipeline_faults,
    "rooms": room_map,
    "import rules": import_rules,
}


def written(text: str) -> str:
    """Return a page with each of its parts as the code has it now."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if a page is out of date")
    only_check = parser.parse_args().check
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if written(text) != text:
            stale.append(page.name)
            if not only_check:
                page.write_text(written(text), encoding="utf-8", newline="\n")
    if only_check and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run `python docs/write_reference.py`")


if __name__ == "__main__":
    main()
