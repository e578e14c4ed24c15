"""The file `.env` of the current folder: variables for an installation, below those of the process."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from acceptance.errors import SettingsError

FILE = ".env"
ENCODING = "utf-8-sig"
"""Editors on Windows may begin a file in UTF-8 with a mark of that."""


def dotenv() -> Mapping[str, str]:
    """Its variables; none if there is no such file.

    Raises:
        SettingsError: it is not UTF-8. No content is repeated: some is secret.
    """
    path = Path(FILE)
    if not path.is_file():
        return {}
    content = path.read_bytes()
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise SettingsError(_not_utf8(path, "it is UTF-16"))
    try:
        text = content.decode(ENCODING)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(_not_utf8(path, f"line {line} has a byte that is not UTF-8")) from None
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


def _not_utf8(path: Path, found: str) -> str:
    return (
        f"the file {path.absolute()} cannot be read: {found}; save it as UTF-8 (Notepad: Save as, Encoding; "
        "PowerShell: Set-Content -Encoding utf8)"
    )
