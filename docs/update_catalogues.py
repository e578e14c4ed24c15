"""Brings the catalogues of messages up to date with the code.

    python docs/update_catalogues.py            # rewrites acceptance/messages/catalogues/*.po
    python docs/update_catalogues.py --check    # changes nothing; exit code 1 if a catalogue is out of date

New messages are added without a translation: write it there. Nothing is guessed from similar messages. A message that
the code lost is removed. A test fails as long as a translation is missing.
"""

import argparse
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from acceptance.messages.languages import ENGLISH, LANGUAGES, Language

ROOT = Path(__file__).parent.parent
PACKAGES = ("acceptance", "aws", "landed", "blocks", "flows", "automations", "sandbox", "cli")
KEYWORDS = {"Message": None, "counted": (1, 2), "_": None}
"""The calls that make a message, and which of their arguments are templates."""
_JINJA = {"silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
_COLUMNS = 120


def sources() -> Iterator[Path]:
    """Yield every module that may make messages, in the order of the packages."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def pages() -> Iterator[Path]:
    """Yield every template of a page."""
    yield from sorted((ROOT / "acceptance" / "evidence" / "reports" / "templates").glob("*.jinja"))


def templates() -> Catalog:
    """Return the messages that the code can make."""
    catalogue = Catalog(project="Aceite", charset="utf-8")
    for path in sources():
        for _, template, _, _ in extract_from_file("python", path, keywords=KEYWORDS):
            catalogue.add(template)
    for path in pages():
        for _, template, _, _ in extract_from_file(babel_extract, path, keywords=KEYWORDS, options=_JINJA):
            catalogue.add(template)
    return catalogue


def catalogue_file(language: Language) -> Path:
    return ROOT / "acceptance" / "messages" / "catalogues" / f"{language.replace('-', '_')}.po"


def read_catalogue(language: Language) -> Catalog:
    return read_po(BytesIO(catalogue_file(language).read_bytes()), locale=language.replace("-", "_"))


def updated(language: Language) -> bytes:
    """Return the catalogue's file with the messages of the code."""
    catalogue = read_catalogue(language)
    catalogue.update(templates(), no_fuzzy_matching=True, update_header_comment=False)
    for message in catalogue:
        message.flags.discard("python-brace-format")  # Babel takes every brace for a format of Python
    written = BytesIO()
    write_po(written, catalogue, width=_COLUMNS, ignore_obsolete=True, sort_output=True)
    lines = written.getvalue().decode().splitlines()
    # Babel writes who and when, which would be another text each time.
    kept = [line for line in lines if not line.startswith(_LEFT_OUT)]
    return ("\n".join(kept).rstrip("\n") + "\n").encode()


_LEFT_OUT = tuple(
    f'"{name}'
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if one is out of date")
    check = parser.parse_args().check
    stale = [
        (path, content)
        for language in LANGUAGES
        if language != ENGLISH
        for path, content in [(catalogue_file(language), updated(language))]
        if path.read_bytes().replace(b"\r\n", b"\n") != content
    ]
    for path, content in () if check else stale:
        path.write_bytes(content)
    for path, _ in stale:
        sys.stdout.write(f"{path.relative_to(ROOT).as_posix()} {'is out of date' if check else 'rewritten'}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
