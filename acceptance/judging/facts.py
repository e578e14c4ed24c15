"""Facts that a run gathers before it judges: of the landed files, of the catalog, of the table."""

from collections.abc import Mapping
from dataclasses import dataclass

from acceptance.proof.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class LandedFacts:
    """The independent reading of the landed file. `first_fault` is for people: line, column and what is wrong."""

    rows: int
    fingerprint: Fingerprint | None
    fault_count: int = 0
    first_fault: str = ""


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """The answers of the Glue catalog and S3. `columns` are name -> Hive type, partition keys included.

    `partition_found` is about the catalog, `has_objects` about S3; a table without partitions counts as found.
    """

    columns: Mapping[str, str]
    partition_found: bool
    has_objects: bool
    location: str | None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The measuring query's answer about the delivered rows as a whole."""

    rows: int
    fingerprint: Fingerprint | None
