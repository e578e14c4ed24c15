"""Which password the Prefect server of `aceite up` asks for, and which file keeps it."""

import os
from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_SERVER_API_AUTH_STRING, temporary_settings

from acceptance.errors import SettingsError
from cli.serving.active_settings import read_here
from cli.serving.auth_string import FILE, choose_auth_string, read_auth_string


@pytest.fixture(autouse=True)
def _no_password_of_another_server() -> Iterator[None]:
    """A server that earlier tests of this process share may have one."""
    with temporary_settings(restore_defaults={PREFECT_API_AUTH_STRING, PREFECT_SERVER_API_AUTH_STRING}):
        yield


def test_where_the_credentials_are_real_a_password_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    made = choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=False)
    assert len(made.value) > 40
    assert made.value not in repr(made)
    assert read_auth_string(made.file) == made.value
    if os.name != "nt":
        assert made.file.stat().st_mode & 0o777 == 0o600
    assert choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=False) == made
    other = tmp_path / "other"
    other.mkdir()
    assert choose_auth_string(other, read_here(), is_sandbox=False, no_auth=False).value != made.value


def test_the_sandbox_s_server_is_open_unless_its_home_has_kept_other_credentials(tmp_path):
    assert choose_auth_string(tmp_path, read_here(), is_sandbox=True, no_auth=False) is None
    made = choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=False)
    assert choose_auth_string(tmp_path, read_here(), is_sandbox=True, no_auth=False) == made


def test_a_server_is_open_only_if_somebody_insists_and_not_if_they_also_set_a_password(tmp_path):
    assert choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=True) is None
    assert not (tmp_path / FILE).exists()
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: "somebody:password"}):
        own = choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=False)
        assert (own.value, own.file) == ("somebody:password", None)
        with pytest.raises(SettingsError, match="--no-auth contradicts PREFECT_SERVER_API_AUTH_STRING"):
            choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=True)


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "cannot be read")])
def test_a_file_without_a_password_opens_no_server(tmp_path, content, said):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SettingsError, match=f"{said}.*makes a new"):
        choose_auth_string(tmp_path, read_here(), is_sandbox=False, no_auth=False)
