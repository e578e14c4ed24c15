"""Tables of Glue that are another account's under a name of their own."""

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.glue.models import FakeTable, glue_backends


class ResourceLink:
    """A link, described as Glue does: the table that it leads to, with the names of the link."""

    def __init__(self, link: FakeTable, table: FakeTable) -> None:
        self._link, self._table = link, table
        self.database_name, self.name, self.catalog_id = link.database_name, link.name, link.catalog_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def as_dict(self, version: str | None = None) -> dict[str, Any]:
        own = self._link.as_dict()
        names = {name: own[name] for name in ("Name", "DatabaseName", "CatalogId", "TargetTable")}
        return {**self._table.as_dict(version), **names}


def followed(table: FakeTable, region: str) -> Any:
    """Return what Glue shows of a table: of a link that leads to one, that one; of any other link, the link alone."""
    target = table.as_dict().get("TargetTable")
    if not target:
        return table
    try:
        found = glue_backends[target["CatalogId"]][region].get_table(target["DatabaseName"], target["Name"])
    except JsonRESTError:
        return table
    return ResourceLink(table, found)
