"""The fingerprint of blocks, contracts and settings. A warm process keeps its clients while it stays the same.

When it changes, processes are replaced. That is simpler than clearing each cache in them: ours, boto3's and those of
prefect-aws.
"""

import hashlib
from pathlib import Path

from prefect.client.orchestration import PrefectClient

from blocks.settings import read_settings
from flows.installation.block_changes import changes_of


async def look(client: PrefectClient) -> str:
    """Return a digest of the blocks' last changes, the contracts and the settings file."""
    documents = await client.read_block_documents(include_secrets=False)
    return hashlib.sha256(repr((changes_of(documents), [*files()])).encode()).hexdigest()


def files() -> tuple[tuple[str, int, int], ...]:
    """Return name, time of the last change and size of the contracts and the settings file."""
    found = [path for path in read_settings().contracts.rglob("*") if path.suffix.lower() in (".yaml", ".yml")]
    stats = [(path, path.stat()) for path in (*sorted(found), Path(".env")) if path.is_file()]
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)
