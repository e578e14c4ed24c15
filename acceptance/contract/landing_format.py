"""The landing format, and whose rows a partition holds: the parts of a contract that the proof needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from acceptance.contract.positions import Positions


class FileFormat(StrEnum):
    """How the records of a landed file are written. JSON is an object a line; of fixed width, cells have positions."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    FIXED_WIDTH = "fixed-width"
    AVRO = "avro"
    ORC = "orc"

    @property
    def label(self) -> str:
        """Its name as people write it."""
        return self.upper() if self in (FileFormat.CSV, FileFormat.JSON, FileFormat.ORC) else self.capitalize()

    @property
    def is_text(self) -> bool:
        """Its cells are written as text, in an encoding; otherwise they have types."""
        match self:
            case FileFormat.CSV | FileFormat.JSON | FileFormat.FIXED_WIDTH:
                return True
            case FileFormat.PARQUET | FileFormat.AVRO | FileFormat.ORC:
                return False
            case _:
                assert_never(self)

    @property
    def holds_nested(self) -> bool:
        """A cell may be a list, a map or a struct."""
        match self:
            case FileFormat.JSON | FileFormat.PARQUET:
                return True
            case FileFormat.CSV | FileFormat.FIXED_WIDTH | FileFormat.AVRO | FileFormat.ORC:
                return False
            case _:
                assert_never(self)

    @property
    def is_delimited(self) -> bool:
        """Its cells are told apart by a delimiter and quotes, and named by a header."""
        match self:
            case FileFormat.CSV:
                return True
            case FileFormat.JSON | FileFormat.PARQUET | FileFormat.FIXED_WIDTH | FileFormat.AVRO | FileFormat.ORC:
                return False
            case _:
                assert_never(self)

    @property
    def is_positioned(self) -> bool:
        """Its cells are told apart by their positions in the record, which the columns of the contract have."""
        match self:
            case FileFormat.FIXED_WIDTH:
                return True
            case FileFormat.CSV | FileFormat.JSON | FileFormat.PARQUET | FileFormat.AVRO | FileFormat.ORC:
                return False
            case _:
                assert_never(self)

    @property
    def has_null_text(self) -> bool:
        """A text of its cells may mean null; otherwise it writes null itself."""
        return self.is_delimited or self.is_positioned

    @property
    def is_read_strictly_by_athena(self) -> bool:
        """A cell that is not of its column's type is told, not replaced by null."""
        match self:
            case FileFormat.CSV | FileFormat.PARQUET:
                return True
            case FileFormat.JSON | FileFormat.FIXED_WIDTH | FileFormat.AVRO | FileFormat.ORC:
                return False
            case _:
                assert_never(self)


class QuotedEmpty(StrEnum):
    """The meaning of two quotes with nothing between them, in a column of texts where an empty cell is null."""

    TEXT = "text"
    NULL = "null"


class SkippedTimes(StrEnum):
    """How a local time is read that the zone's clocks skipped when they were put forward."""

    REFUSE = "refuse"
    FORWARD = "forward"


class Compression(StrEnum):
    """How the bytes of a landed file are packed. A ZIP has exactly one member."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZIP = "zip"

    @property
    def ending(self) -> str:
        """How the names of such files end; "" if they may end in anything."""
        match self:
            case Compression.NONE:
                return ""
            case Compression.GZIP:
                return ".gz"
            case Compression.ZSTD:
                return ".zst"
            case Compression.BZIP2:
                return ".bz2"
            case Compression.XZ | Compression.ZIP:
                return f".{self}"
            case _:
                assert_never(self)

    @property
    def is_read_by_athena(self) -> bool:
        """Athena unpacks a file of text whose name ends so."""
        match self:
            case Compression.GZIP | Compression.ZSTD | Compression.BZIP2:
                return True
            case Compression.NONE | Compression.XZ | Compression.ZIP:
                return False
            case _:
                assert_never(self)

    @classmethod
    def by_ending(cls, name: str) -> "Compression | None":
        """Return what the ending of a name says, in capital letters or small ones; None if it says another packing."""
        if name.lower().endswith(_OTHER_PACKINGS):
            return None
        return next((each for each in cls if each.ending and name.lower().endswith(each.ending)), cls.NONE)


_OTHER_PACKINGS = (
    ".7z", ".br", ".deflate", ".lz4", ".lzma", ".lzo", ".rar", ".snappy", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz",
    ".tar.zst", ".tbz2", ".tgz", ".txz", ".z",
)  # fmt: skip


class Negative(StrEnum):
    """How the sign of a negative number is written: before it, by brackets around it, or behind it."""

    MINUS = "minus"
    BRACKETS = "brackets"
    TRAILING = "trailing"


@dataclass(frozen=True, slots=True)
class LandingFormat:
    """How the landed files are written.

    `trim` drops spaces and tabs around each cell. `null_text` is the text that means null; with `empty_as_null`, so
    does a cell without any. `decimal_comma`: 1,5 and not 1.5. `zone` is that of times that land without an offset; the
    table's are in UTC. `ignored` are columns of the file that the table has not. `quoted_empty`: what `""` is, if the
    contract says it. `skipped_times` are those of the zone.

    `trailing_delimiter`: one more delimiter stands behind the last cell. `escape` takes its meaning from the sign that
    follows, `comment` begins a line that is no record; both may be empty. `header_records` and `trailer_records` are
    how the records that are no data begin, an empty text for each one that may begin in any way. `trailer_count` is
    where the first trailer record has the number of rows: the number of a cell, or positions; 0 if it has not.

    `group_separator` stands between groups of three digits. `true_texts` and `false_texts` are those of booleans, in
    upper or lower case. `certain_encoding`: the encoding is the one of the contract even if all bytes are UTF-8.
    """

    format: FileFormat = FileFormat.CSV
    encoding: str = "UTF-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    null_text: str = ""
    compression: Compression = Compression.NONE
    trim: bool = False
    empty_as_null: bool = False
    decimal_comma: bool = False
    zone: str = "UTC"
    ignored: tuple[str, ...] = ()
    quoted_empty: QuotedEmpty | None = None
    skipped_times: SkippedTimes = SkippedTimes.REFUSE
    trailing_delimiter: bool = False
    escape: str = ""
    comment: str = ""
    header_records: tuple[str, ...] = ()
    trailer_records: tuple[str, ...] = ()
    trailer_count: int | Positions = 0
    group_separator: str = ""
    negative: Negative = Negative.MINUS
    true_texts: tuple[str, ...] = ("true",)
    false_texts: tuple[str, ...] = ("false",)
    certain_encoding: bool = False

    @property
    def decimal_sign(self) -> str:
        return "," if self.decimal_comma else "."

    @property
    def nothing_is_null(self) -> bool:
        """A cell in which nothing stands, not even quotes, means null; it is no empty text."""
        return self.empty_as_null or (self.format.has_null_text and not self.null_text)

    @property
    def quoted_empty_is_text(self) -> bool:
        """Two quotes with nothing between them are an empty text, where a column holds texts.

        Spark, PostgreSQL and Athena write an empty text so, and nothing at all for null.
        """
        if not self.format.is_delimited or not self.quote:
            return False
        return not self.empty_as_null if self.quoted_empty is None else self.quoted_empty is QuotedEmpty.TEXT

    @property
    def signs(self) -> Mapping[str, str]:
        """The names in a contract, and the values, of what not every reader of CSV knows."""
        said = {
            "trailingDelimiter": "true" if self.trailing_delimiter else "",
            "escape": self.escape,
            "comment": self.comment,
            "delimiter": self.delimiter if len(self.delimiter) > 1 else "",
        }
        return {name: value for name, value in said.items() if value}


class PartitionHolds(StrEnum):
    """Whose rows a partition has after a delivery; the proof compares just those."""

    THIS_DELIVERY = "this delivery"
    ALL_DELIVERIES = "all deliveries of the date"


@dataclass(frozen=True, slots=True)
class NamedByColumn:
    """The rows of each file have its name in a column of the table. `value` holds placeholders, such as {key}."""

    column: str
    value: str


class Engine(StrEnum):
    """The reader of the landed files: DuckDB, which is independent of Athena, or Athena for files too big to fetch."""

    LOCAL = "local"
    ATHENA = "athena"
