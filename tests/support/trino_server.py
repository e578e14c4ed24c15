"""The sandbox's Trino alone, over files in a folder: it reads them as Athena reads objects below a location.

The connector is the one that Athena has too (Hive). Decision 0031 says which parts of Trino could be had.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.athena.trino.program import fetched, missing
from sandbox.athena.trino.server import TrinoRefused, TrinoServer
from sandbox.athena.values import trino_type

__all__ = ["Answered", "Refused", "Trino", "missing", "running_trino", "trino_type"]

Refused = TrinoRefused
CATALOG = "awsdatacatalog"


@dataclass(frozen=True)
class Answered:
    """The rows of an answer, and the types of its columns. Decimals and times are texts."""

    types: tuple[str, ...]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Trino:
    """A running server. `files` is the folder that its tables' files are in."""

    server: TrinoServer
    files: Path

    def ask(self, sql: str) -> Answered:
        """Return the answer to one statement. Raise Refused if Trino does not answer it."""
        types: tuple[str, ...] = ()
        rows: list[list[Any]] = []
        for page in self.server.pages(sql, CATALOG, "lake", {"Client-Capabilities": "PARAMETRIC_DATETIME"}):
            types = types or tuple(column["type"] for column in page.get("columns", ()))
            rows += page.get("data", [])
        return Answered(types, rows)

    def external_table(self, name: str, columns: dict[str, str]) -> Path:
        """Make a table of Parquet files with columns of these Hive types, and return the folder for the files."""
        folder = self.files / name
        folder.mkdir()
        typed = ", ".join(f'"{column}" {trino_type(type_)}' for column, type_ in columns.items())
        self.ask(f"CREATE TABLE {name} ({typed}) WITH (format = 'PARQUET', external_location = 'local:///{name}')")
        return folder


@contextmanager
def running_trino(folder: Path) -> Iterator[Trino]:
    """Start Trino with its files in `folder`, and a metastore that is a folder beside them; stop it at the end."""
    files = folder / "files"
    (files / "metastore").mkdir(parents=True)
    properties = {
        "connector.name": "hive",
        "hive.metastore": "file",
        "hive.metastore.catalog.dir": "local:///metastore",
        "fs.native-local.enabled": "true",
        "local.location": files.as_posix(),
        "hive.security": "allow-all",
    }
    with TrinoServer(fetched(), {CATALOG: properties}) as server:
        trino = Trino(server, files)
        trino.ask("CREATE SCHEMA lake")
        yield trino
