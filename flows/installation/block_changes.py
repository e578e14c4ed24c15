"""Tells who loaded the blocks that somebody changed them since, on Prefect's page or by `aceite apply`."""

from collections.abc import Iterable

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import BlockDocument

from acceptance.errors import BlocksChanged
from blocks import names

OURS = frozenset({names.CREDENTIALS, names.LANDING, names.EVIDENCE})

Changes = tuple[tuple[str, str], ...]
"""The name of each of our blocks and when it was last changed, in the order of the names."""


def changes_of(documents: Iterable[BlockDocument]) -> Changes:
    return tuple(sorted((str(each.name), str(each.updated)) for each in documents if each.name in OURS))


def last_changes() -> Changes:
    """Ask Prefect's server. Raises httpx.HTTPError if it does not answer."""
    with get_client(sync_client=True) as client:
        return changes_of(client.read_block_documents(include_secrets=False))


def refuse_changed_blocks(loaded: Changes) -> None:
    """Raise BlocksChanged if a block was changed since `loaded`.

    A process caches clients in many places, ours, boto3's and those of prefect-aws, so that it cannot take new keys.
    """
    if last_changes() != loaded:
        raise BlocksChanged("somebody changed a block, and this run works with it as it was")
