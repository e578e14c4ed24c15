"""Two parts of an installation never listen on the same port."""

import pytest

from acceptance.errors import SettingsError
from cli.serving.installation import Ports


def test_a_free_port_is_given_out_once_although_nobody_listens_on_it_yet():
    ports = Ports()
    chosen = [ports.choose(0, 5000, "--aws-port") for _ in range(500)]
    assert len(set(chosen)) == len(chosen)


def test_a_port_that_another_part_was_given_is_taken():
    ports = Ports()
    port = ports.choose(0, 5000, "--aws-port")
    with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 is taken; give --prefect-port another one"):
        ports.choose(port, 4200, "--prefect-port")
    assert ports.choose(None, port, "--prefect-port") != port, "a taken default gives way to a free port"
