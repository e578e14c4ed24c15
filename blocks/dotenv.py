"""Read the file `.env` of the current folder. Variables of the process take precedence over it."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from acceptance.errors import SettingsError

FILE = ".env"
ENCODING = "utf-8-sig"
"""UTF-8, with or without the byte order mark that editors on Windows write."""


def dotenv() -> Mapping[str, str]:
    """Return the variables of the file; none if there is no such file.

    Raises:
        SettingsError: the file is not UTF-8. The message repeats no content: some is secret.
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


def _not_utf8(path: Path, reason: str) -> str:
    return (
        f"Aceite cannot read the file {path.absolute()}: {reason}; save it as UTF-8 (Notepad: Save as, Encoding; "
        "PowerShell: Set-Content -Encoding utf8)"
    )
