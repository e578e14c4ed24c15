"""Versions of the Glue catalog's tables: by these, writers of Iceberg lose no commit."""

import threading
from collections.abc import Mapping
from typing import Any

from moto.glue.exceptions import GlueClientError
from moto.glue.models import GlueBackend

_UPDATING = threading.Lock()


class ConcurrentModification(GlueClientError):
    """Somebody has updated the table since."""

    def __init__(self) -> None:
        super().__init__("ConcurrentModificationException", "Update table failed due to concurrent modifications.")


def update_table(glue: GlueBackend, database: str, described: Mapping[str, Any], known: str | None) -> None:
    """Update the table, if it is of the version that the caller knows; None: whatever it is.

    Raises:
        ConcurrentModification: it is of another version.
    """
    with _UPDATING:
        name = described["Name"]
        if known and known != glue.get_table(database, name).as_dict()["VersionId"]:
            raise ConcurrentModification
        glue.update_table(database, name, dict(described))
