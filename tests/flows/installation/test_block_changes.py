"""Whoever loaded the blocks learns that somebody changed one."""

import pytest

from acceptance.errors import BlocksChanged
from blocks.build import save_blocks
from blocks.settings import read_settings
from flows.installation.block_changes import last_changes, refuse_changed_blocks


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
