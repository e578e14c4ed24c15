"""The first contract of a dataset, written from a sample of what lands: facts as rules, guesses as comments."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from acceptance.contract.hive_types import HiveType
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import Compression, LandingFormat
from acceptance.odcs.columns.columns import LOGICAL_TYPES
from acceptance.odcs.document.node import free_name
from acceptance.untrusted_text import is_visible

LOCATION = "s3://${LANDING_BUCKET:-landing}/"


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A landed column as the sample shows it. `type` is Hive's, `landed_format` Java's; `note` is for people.

    `rounded`: a timestamp has more than the three digits that Athena reads.
    """

    landed: str
    type: str
    nulls: int
    distinct: int
    note: str
    landed_format: str | None = None
    rounded: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A landed file. `key` are the landed names of columns that together are never twice the same; empty if unknown.

    `remarks` are guesses about the file, for people.
    """

    rows: int
    landing: LandingFormat
    columns: tuple[ColumnProfile, ...]
    key: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def draft_contract(profile: Profile, dataset: str, location: str) -> str:
    """Write an ODCS document that Aceite can watch. `location` is a key template with its bucket, see `template_of`."""
    names = _column_names([column.landed for column in profile.columns])
    usual = [name for name in ("anomesdia", "business_date") if name not in names.values()]
    partition = usual[0] if usual else free_name("landed_on", names.values())
    properties = "\n".join(_property(column, names, profile) for column in profile.columns)
    return _DOCUMENT.format(
        dataset=_quoted(dataset),
        location=_quoted(location),
        format=_format(profile, location),
        table=_quoted(re.sub(r"\W+", "_", dataset, flags=re.ASCII).lower()),
        rows=profile.rows,
        granularity=_granularity(profile, names),
        properties=properties,
        partition=partition,
        business_date="{business_date:%Y%m%d}",
    )


def dataset_of(name: str) -> str:
    """Make a dataset's id of the name of a file or folder."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower() or "dataset"


def template_of(key: str) -> str | None:
    """Suggest a key template for a landed key: its date becomes the business date, its name a field.

    Return None for a key without a date, or from which no template can be made.
    """
    found = next((match for match in _DATE.finditer(key) if _is_date(match)), None)
    if found is None:
        return None
    separator = found["separator"]
    written = "{business_date:" + separator.join(("%Y", "%m", "%d")) + "}"
    before, after = (_braced(text) for text in (key[: found.start()], key[found.end() :]))
    folder, slash, name = after.rpartition("/")
    stem, dot, suffix = name.partition(".")
    pattern = f"{before}{written}{folder}{slash}" + (f"{{file}}{dot}{suffix}" if slash and stem else name)
    try:
        KeyTemplate.parse(f"s3://bucket/{pattern}")
    except ValueError:
        return None
    return pattern


_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?P<separator>[-_/.]?)\d\d(?P=separator)\d\d(?!\d)", re.ASCII)


def _is_date(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match[0])
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _column_names(landed: Sequence[str]) -> dict[str, str]:
    """Name the table's column of each landed column, in small letters, digits and underscores."""
    names: dict[str, str] = {}
    for name in landed:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"\W+", "_", plain).strip("_") or "column"
        stem = f"c_{stem}" if stem[0].isdigit() else stem
        names[name] = free_name(stem, names.values())
    return names


LOGICAL_TYPE_OF = {kind: logical for logical, kinds in LOGICAL_TYPES.items() if logical != "time" for kind in kinds}
"""The logical type that a draft says for each Hive type."""


def _property(column: ColumnProfile, names: dict[str, str], profile: Profile) -> str:
    logical = LOGICAL_TYPE_OF[HiveType.parse(column.type).kind]
    type_ = f'"{column.type}"' if "," in column.type else column.type
    parts = [f"name: {_word(names[column.landed])}", f"logicalType: {logical}", f"physicalType: {type_}"]
    if column.landed in profile.key:
        parts += ["primaryKey: true", f"primaryKeyPosition: {profile.key.index(column.landed) + 1}"]
    if column.landed_format:
        parts.append(f"logicalTypeOptions: {{format: {_quoted(column.landed_format)}}}")
    custom = {"landed": _as_it_stands(column.landed)} if names[column.landed] != column.landed.lower() else {}
    custom |= {"digits": "3"} if column.rounded else {}
    if custom:
        parts.append(f"customProperties: [{', '.join(_property_text(name, value) for name, value in custom.items())}]")
    return f"      - {{{', '.join(parts)}}}\n        # {column.note}{_nulls(column, profile)}"


def _nulls(column: ColumnProfile, profile: Profile) -> str:
    """Say how many values are null. One day without nulls is no promise, so nothing is required because of it."""
    if column.nulls:
        return f"; {column.nulls} of {_rows(profile.rows)} null"
    if not profile.rows or column.landed in profile.key:
        return ""
    had = "the only row had" if profile.rows == 1 else f"all {_rows(profile.rows)} had"
    return f"; {had} a value: if it is always so, add required: true"


def _rows(number: int) -> str:
    return f"{number} row" + ("" if number == 1 else "s")


def _format(profile: Profile, location: str) -> str:
    """Write the lines about the files that differ from the defaults of ODCS and Aceite."""
    landing = profile.landing
    lines = [f"format: {landing.format}"]
    lines += [f"encoding: {_quoted(landing.encoding)}"] if landing.format.is_text else []
    custom = {}
    if landing.format.is_delimited:
        custom = {"delimiter": _quoted(landing.delimiter), "quote": _quoted(landing.quote)}
        custom |= {} if landing.header else {"header": "false"}
    if landing.format.is_text and landing.compression is not Compression.by_ending(location):
        custom["compression"] = landing.compression
    if landing.decimal_comma:
        custom["decimalComma"] = "true"
    if landing.trailer_records:
        custom["trailerRecords"] = f"[{', '.join(map(_as_it_stands, landing.trailer_records))}]"
        custom |= {"trailerCount": str(landing.trailer_count)} if landing.trailer_count else {}
    if landing.ignored:
        custom["ignoredColumns"] = f"[{', '.join(map(_as_it_stands, landing.ignored))}]"
    lines += ["customProperties:"] if custom else []
    lines += [f"  - {_property_text(name, value)}" for name, value in custom.items()]
    return "\n    ".join((*lines, *(f"# {remark}" for remark in profile.remarks)))


def _property_text(name: str, value: str) -> str:
    return f"{{property: {name}, vendor: aceite, value: {value}}}"


def _granularity(profile: Profile, names: Mapping[str, str]) -> str:
    if not profile.key:
        return "# no column, and no two or three, tell the rows of the sample apart: say which are the primary key"
    columns = " and ".join(names[landed] for landed in profile.key)
    together = "" if len(profile.key) == 1 else "together "
    return (
        f"# primaryKey is a guess: {columns} {together}differed in all {_rows(profile.rows)} of the sample, and had a "
        "value in each.\n    # Is it always so? If not, remove it: a delivery that breaks it is rejected."
    )


def _word(name: str) -> str:
    """Write a name, without quotes unless YAML would read it as another type than text."""
    return _quoted(name) if name in ("true", "false", "null") else name


def _as_it_stands(text: str) -> str:
    """Write a name from the sample. Its `${X}` stays: the sign becomes the default of a variable that nobody sets."""
    return _quoted(text.replace("${", "${CONTRACT_SIGN:-$}{"))


def _quoted(text: str) -> str:
    """Quote a text as YAML and JSON do. Characters that YAML refuses, or that nobody sees, become their numbers."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if is_visible(char) else f"\\U{ord(char):08x}" for char in quoted)


_DOCUMENT = """\
# yaml-language-server: $schema=https://raw.githubusercontent.com/bitol-io/open-data-contract-standard/main/schema/odcs-json-schema-v3.2.0.json
#
# A first contract, from a sample of {rows} rows. What the sample shows is a rule or a comment; look at both: a rule may
# be a coincidence, and a comment the rule that you want, such as logicalTypeOptions: {{minimum: 0, maximum: 10}}.
apiVersion: v3.2.0
kind: DataContract
id: {dataset}
name: {dataset}
version: 0.1.0
status: draft

servers:
  - server: landing
    type: s3
    location: {location}
    {format}
  - server: sor
    type: athena
    catalog: awsdatacatalog
    schema: ${{ATHENA_DATABASE:-database_sor}}      # the table's database in the Glue catalog
    workgroup: ${{ATHENA_WORKGROUP:-primary}}

schema:
  - name: {table}      # the table; physicalType of each column is the catalog's type
    physicalType: table
    {granularity}
    properties:
{properties}
      - {{name: {partition}, logicalType: integer, physicalType: int, required: true, partitioned: true, partitionKeyPosition: 1}}
    quality:
      - {{id: enough_rows, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness}}      # the sample has {rows}

customProperties:
  - property: pipeline
    vendor: aceite
    value:
      steps: []      # what runs between landing and table, such as {{invoke: FUNCTION, payload: {{key: "{{key}}"}}, within: 5m}}
      partition: {{{partition}: "{business_date}"}}
"""  # noqa: E501 - one property a line reads best
