"""Whoever loaded the blocks learns that somebody changed one."""

import pytest

from acceptance.errors import BlocksChanged
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from flows.installation.block_changes import last_changes, refuse_changed_blocks
from flows.installation.clients import load_clients
from flows.installation.installed import read_installed
from sandbox.server import LocalAws


def save(key: str) -> None:
    keys = {"aws_access_key_id": key, "aws_secret_access_key": "secret"}
    save_blocks(read_settings(**keys, aws_region="us-east-1"))


def test_blocks_that_are_applied_again_as_they_were_are_not_changed(prefect_server):
    save("AKIA1")
    loaded = last_changes()
    save("AKIA1")
    refuse_changed_blocks(loaded)
    assert len(loaded) == 3


def test_new_keys_in_a_block_end_who_loaded_the_old_ones(prefect_server):
    save("AKIA1")
    loaded = last_changes()
    save("AKIA2")
    with pytest.raises(BlocksChanged):
        refuse_changed_blocks(loaded)


def test_whoever_read_the_contracts_first_learns_of_a_block_that_changed_since(prefect_server, monkeypatch):
    with LocalAws() as aws:
        for name, value in (SANDBOX_SETTINGS | {"ACEITE_AWS_ENDPOINT_URL": aws.endpoint}).items():
            monkeypatch.setenv(name, value)
        save("AKIA1")
        load_clients.cache_clear()  # of tests that ran in this process before
        try:
            read_installed()  # which loads the blocks
            save("AKIA2")
            with pytest.raises(BlocksChanged):
                refuse_changed_blocks(load_clients().blocks)
        finally:
            load_clients.cache_clear()
