"""The contract of a dataset as values. `odcs.reader.read_contract` makes one from an ODCS document."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta, timezone
from enum import StrEnum
from typing import Any

from acceptance.contract.checks import Check
from acceptance.contract.hive_types import HiveKind, HiveType
from acceptance.contract.keys.signal_file import FILE
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import Engine, LandingFormat, NamedByColumn, PartitionHolds
from acceptance.contract.positions import positions_in
from acceptance.contract.steps import Step
from acceptance.errors import Problem
from acceptance.messages.languages import Language


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table, partition columns included.

    `type` is the Hive type that the Glue catalog must show, in lower case without spaces ("bigint", "decimal(4,1)").
    `landed` is the column's name in the landed file. `landed_format` is a strptime pattern for dates and timestamps;
    None means ISO text. `primary_key_position` orders the columns of the key; ties stay in the order of the columns.

    `in_file`: whether the landed file has it. `compared`: whether landed and table must agree in it. `digits` after the
    point are compared of a float or double, None for every bit. `rounded`: a timestamp may land with more than the
    three digits that Athena reads of Hive. `micros`: it has six, which a table of Iceberg keeps. `line` is that of the
    contract. `positions` are the first and the last character of the cell in a record of fixed width, from 1; None in
    other formats. `written_format` is `landed_format` in the contract's letters. `true_texts` and `false_texts` are
    those of a boolean, if they are others than those of the landing format.
    """

    name: str
    type: str
    landed: str
    required: bool = False
    primary_key: bool = False
    partition: bool = False
    sensitive: bool = False
    landed_format: str | None = None
    primary_key_position: int = 0
    in_file: bool = True
    compared: bool = True
    digits: int | None = 6
    rounded: bool = False
    line: int = field(default=0, compare=False)
    positions: tuple[int, int] | None = None
    written_format: str | None = field(default=None, compare=False)
    true_texts: tuple[str, ...] = ()
    false_texts: tuple[str, ...] = ()
    micros: bool = False

    @property
    def shown_format(self) -> str | None:
        """The format for people: in the contract's own letters."""
        return self.written_format or self.landed_format

    @property
    def hive_type(self) -> HiveType:
        """Raises ValueError for a type whose cells cannot be compared; no contract that was read has one."""
        try:
            return HiveType.parse(self.type)
        except ValueError as error:
            raise ValueError(f"column {self.name}: {error}") from None

    @property
    def kind(self) -> HiveKind:
        """Raises ValueError as `hive_type`."""
        return self.hive_type.kind

    def truth(self, landing: LandingFormat) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the texts of true and of false: those of the column, or else of the landing format."""
        return self.true_texts or landing.true_texts, self.false_texts or landing.false_texts


NEVER_WRITTEN = 0
"""The snapshot of an Iceberg table into which nobody had written: it has no rows, whoever writes meanwhile."""


@dataclass(frozen=True, slots=True)
class Table:
    """The Athena table that has the delivered rows. `output_location` is an s3:// prefix for query results.

    The catalog says which kind of table it is. `view` and `properties`, those of Athena's TBLPROPERTIES, are for the
    sandbox, which makes it. `snapshot` is the one of an Iceberg table that queries read, once it is known, or
    NEVER_WRITTEN.
    """

    catalog: str
    database: str
    name: str
    workgroup: str
    region: str | None = None
    output_location: str | None = None
    query_within: timedelta = timedelta(minutes=30)
    """How long a query may run, and before that wait in Athena's queue. Athena itself ends it after 30 minutes."""
    view: bool = False
    properties: tuple[tuple[str, str], ...] = ()
    snapshot: int | None = None

    def is_that_of(self, other: "Table") -> bool:
        """Return True if both are one table of the Glue catalog. A region that is not said may be any."""
        names, others = ((each.catalog, each.database, each.name) for each in (self, other))
        one_region = self.region == other.region or None in (self.region, other.region)
        return one_region and [*map(str.lower, names)] == [*map(str.lower, others)]


@dataclass(frozen=True, slots=True)
class Override:
    """A temporary SSM parameter: the JSON object in `copy_of`, with the keys in `set` replaced; always restored.

    The values of `set` hold placeholders. Without `copy_of` the value is `set` alone.
    """

    parameter: str
    copy_of: str | None
    set: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Single:
    """Each file is a delivery, complete when it is there."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Complete when a file is there that says so. All deadlines `within` count from the first file of the delivery."""

    signal: KeyTemplate
    within: timedelta


@dataclass(frozen=True, slots=True)
class Manifest:
    """Complete when each file that the manifest lists is there, as the manifest says."""

    signal: KeyTemplate
    within: timedelta


@dataclass(frozen=True, slots=True)
class Count:
    """Complete with so many files. A text names the field of the key that holds their number."""

    files: int | str
    within: timedelta


@dataclass(frozen=True, slots=True)
class Quiet:
    """Complete when nothing has changed for a while, and no upload is in progress."""

    quiet_for: timedelta
    at_least: int
    within: timedelta


Completion = Single | Marker | Manifest | Count | Quiet
"""The rule by which files of one business date, and of the same named fields but `{file}`, become a delivery."""


class Resent(StrEnum):
    """The answer to a file that a sender puts again with the same bytes."""

    REPORT = "report"  # it is an amended delivery
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The choice of objects to announce among those that exist when the watcher first sees the dataset.

    Those of the business date `since` and later; without one, none.
    """

    since: date | None = date.min

    def announces(self, business_date: date) -> bool:
        return self.since is not None and business_date >= self.since


@dataclass(frozen=True, slots=True)
class CustomProperty:
    """A custom property of another vendor, or of none, kept as it stands."""

    property: str
    value: Any
    vendor: str | None


@dataclass(frozen=True, slots=True)
class Contract:
    """One watched dataset. `dataset` is the ODCS id; `path` is where the document came from, for messages.

    `template` ties landed keys to the dataset. `partition` maps partition columns to texts with placeholders.
    `landed_table` is database.table, over the landing location, for the engine that is Athena.
    `sha256` is of the document's bytes; `checks` are in the order in which they are reported. `update_every` is the
    longest time between two deliveries, if the contract promises one, `available_at` the time of day, with its offset,
    by which they come. `notes` tell what of it is not checked.
    """

    dataset: str
    name: str
    version: str
    path: str
    sha256: str
    template: KeyTemplate
    landing: LandingFormat
    table: Table
    columns: tuple[Column, ...]
    checks: tuple[Check, ...]
    override: tuple[Override, ...] = ()
    steps: tuple[Step, ...] = ()
    partition: Mapping[str, str] = field(default_factory=dict)
    completion: Completion = Single()
    resent: Resent = Resent.REPORT
    baseline: Baseline = Baseline()
    update_every: timedelta | None = None
    available_at: time | None = None
    custom_properties: tuple[CustomProperty, ...] = ()
    partition_holds: PartitionHolds | NamedByColumn = PartitionHolds.THIS_DELIVERY
    engine: Engine = Engine.LOCAL
    landed_table: str = ""
    notes: tuple[Problem, ...] = ()
    language: Language | None = None
    """The language of the team that owns the dataset; None for that of the installation."""

    @property
    def signal(self) -> KeyTemplate | None:
        """The keys of the file that completes a delivery, if the contract asks for one."""
        return signal_of(self.completion)

    @property
    def group_fields(self) -> tuple[str, ...]:
        """The named fields that all files of one delivery have in common."""
        return shared_fields(self.completion, self.template)

    @property
    def classified(self) -> tuple[str, ...]:
        """The names of the columns that are not public."""
        return tuple(column.name for column in self.columns if column.sensitive)

    @property
    def landed_columns(self) -> tuple[Column, ...]:
        """The columns that the landed file holds."""
        return tuple(column for column in self.columns if column.name not in self.partition and column.in_file)

    @property
    def time_zone(self) -> str:
        """The zone of the dataset's people, as far as it is told: that of its times, or the offset of its deadline."""
        offset = self.available_at.utcoffset() if self.available_at is not None else None
        return str(timezone(offset)) if offset and self.landing.zone == "UTC" else self.landing.zone

    @property
    def record_length(self) -> int:
        """The characters of a record of fixed width; 0 in other formats."""
        left_out = (positions_in(text) for text in self.landing.ignored if self.landing.format.is_positioned)
        return max((last for _, last in filter(None, [*left_out, *(c.positions for c in self.columns)])), default=0)

    @property
    def compared_columns(self) -> tuple[Column, ...]:
        """The columns in which landed and table must agree."""
        return tuple(column for column in self.landed_columns if column.compared)

    @property
    def compared_key(self) -> tuple[Column, ...]:
        """The columns that identify a compared row: the primary key, or every compared column if none is in the key."""
        compared = {column.name: column for column in self.compared_columns}
        key = tuple(compared[name] for name in self.primary_key if name in compared)
        return key or tuple(compared.values())

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the key, in the order of the key."""
        return primary_key(self.columns)

    def as_of(self, snapshot: int | None) -> "Contract":
        """Return the contract whose queries read this snapshot of its table."""
        return replace(self, table=replace(self.table, snapshot=snapshot))


def signal_of(completion: Completion) -> KeyTemplate | None:
    return completion.signal if isinstance(completion, Marker | Manifest) else None


def shared_fields(completion: Completion, template: KeyTemplate) -> tuple[str, ...]:
    """The named fields that all files of one delivery have in common."""
    signal = signal_of(completion)
    of_one_file = isinstance(completion, Single) or (signal is not None and FILE in signal.fields)
    return tuple(name for name in template.fields if of_one_file or name != FILE)


def primary_key(columns: Iterable[Column]) -> tuple[str, ...]:
    keys = sorted((column for column in columns if column.primary_key), key=lambda column: column.primary_key_position)
    return tuple(column.name for column in keys)
