"""What a process may keep from one run to the next: clients and contracts, while what they are made of is the same.

A process that was started in another world is replaced, which is simpler than to tell each cache in it, ours and those
of boto3 and prefect-aws, what to forget.
"""

import hashlib
from pathlib import Path

from prefect.client.orchestration import PrefectClient

from blocks import names
from blocks.settings import read_settings

_BLOCKS = frozenset({names.CREDENTIALS, names.LANDING, names.EVIDENCE})


async def look(client: PrefectClient) -> str:
    """A digest of when the blocks were saved last, and of the contracts and the settings file."""
    documents = await client.read_block_documents(include_secrets=False)
    blocks = sorted((str(document.name), str(document.updated)) for document in documents if document.name in _BLOCKS)
    return hashlib.sha256(repr((blocks, [*files()])).encode()).hexdigest()


def files() -> tuple[tuple[str, int, int], ...]:
    """The contracts and the settings file: name, when it was changed, size."""
    found = [path for path in read_settings().contracts.rglob("*") if path.suffix.lower() in (".yaml", ".yml")]
    stats = [(path, path.stat()) for path in (*sorted(found), Path(".env")) if path.is_file()]
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)
