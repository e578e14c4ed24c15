"""The fingerprint of blocks, contracts and settings. A warm process keeps its clients while it stays the same.

When it changes, processes are replaced. That is simpler than clearing each cache in them: ours, boto3's and those of
prefect-aws.
"""

import hashlib

from prefect.client.orchestration import PrefectClient

from blocks.settings import read_settings
from flows.installation.block_changes import changes_of
from flows.installation.current_contracts import Fingerprint, fingerprint


async def look(client: PrefectClient) -> str:
    """Return a digest of the blocks' last changes, the contracts and the settings file."""
    documents = await client.read_block_documents(include_secrets=False)
    return hashlib.sha256(repr((changes_of(documents), [*files()])).encode()).hexdigest()


def files() -> Fingerprint:
    """Return the fingerprint of the contracts and the settings file."""
    return fingerprint(read_settings().contracts)
