"""Chooses the auth string, user:password, that the Prefect server of `aceite up` requires of everybody.

Whoever may ask that server reads the AWS credentials from its blocks, and runs commands as the user who started it. So
where those credentials are real, a server never stands open by default.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.errors import SettingsError
from blocks.private_files import create_private, make_private
from cli.serving.active_settings import ActiveSettings

FILE = "prefect-auth-string"
_SERVER, _CLIENT = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class AuthString:
    """An auth string, and the file of the home that keeps it; None for one that the user has set."""

    value: str = field(repr=False)
    file: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {_SERVER: self.value, _CLIENT: self.value}


def choose_auth_string(home: Path, active: ActiveSettings, *, is_sandbox: bool, no_auth: bool) -> AuthString | None:
    """Return the user's own auth string, else that of the home; None for an open server.

    A server with nothing but the sandbox's credentials is open, unless its home has kept others.

    Raises:
        SettingsError: what the user has set cannot be used, or contradicts `--no-auth`.
    """
    own = _set_by_the_user(active)
    if own is not None and no_auth:
        raise SettingsError(f"--no-auth contradicts {_SERVER}, which is set: omit the option, or unset the variable")
    if own is not None or no_auth:
        return own
    file = home / FILE
    return None if is_sandbox and not file.exists() else AuthString(_kept_in(file), file)


def read_auth_string(file: Path) -> str:
    """Return the content of the file. Raise SettingsError if there is none that can be used."""
    try:
        value = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the password of Prefect's server cannot be read from {file}: {error}; end `aceite up`, delete the file, "
            "and start it again, which makes a new one"
        ) from error
    if not value:
        raise SettingsError(f"{file} is empty: delete it, and start `aceite up` again, which makes a new password")
    return value


def _kept_in(file: Path) -> str:
    with suppress(FileExistsError):
        create_private(file, f"aceite:{secrets.token_urlsafe(_RANDOM_BYTES)}\n".encode())
    make_private(file)
    return read_auth_string(file)


def _set_by_the_user(active: ActiveSettings) -> AuthString | None:
    """Return what the server's setting says. Prefect's server cannot compare others than ASCII."""
    required, given = active.server_auth, active.client_auth
    if not required:
        return None
    if given is not None and given != required:
        raise SettingsError(
            f"{_CLIENT} differs from {_SERVER}, so the server would refuse the flows; set both to the same "
            "user:password, or only the latter"
        )
    if not required.isascii():
        raise SettingsError(
            f"{_SERVER} has characters that are not ASCII, and Prefect's server would fail at every request; use "
            "ASCII only, such as user:password"
        )
    return AuthString(required)
