"""Runs on the Glue catalog the DDL statements that a pipeline uses."""

import re
from collections.abc import Callable, Mapping, Sequence

from moto.glue.exceptions import PartitionAlreadyExistsException
from sqlglot import exp

from sandbox.athena.catalog import Catalog, split_uri
from sandbox.athena.open_formats import iceberg_writing
from sandbox.athena.open_formats.iceberg_writing import CODECS, GlueCalls
from sandbox.athena.readers import CatalogTable
from sandbox.athena.sql.dialect import parse
from sandbox.athena.values import AthenaError, hive_text
from sandbox.policies.caller import require_glue

_HADOOP, _HIVE = "org.apache.hadoop", "org.apache.hadoop.hive"
_TEXT = (f"{_HADOOP}.mapred.TextInputFormat", f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat")
FORMATS = {
    "PARQUET": (
        f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat",
        f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat",
        f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "TEXTFILE": (*_TEXT, f"{_HIVE}.serde2.lazy.LazySimpleSerDe"),
    "JSON": (*_TEXT, "org.openx.data.jsonserde.JsonSerDe"),
    "CSV": (*_TEXT, f"{_HIVE}.serde2.OpenCSVSerde"),
}
"""By name: input format, output format and serde of a table in the Glue catalog."""
Answer = tuple[str, Sequence[str]]
"""The name of the column that a statement answers, and the lines of the answer."""
_NAME = r"([\w.$`\"-]+)"


def run(catalog: Catalog, database: str, sql: str) -> Answer:
    """Run one statement. Raise AthenaError if the sandbox does not know it."""
    for pattern, statement in _STATEMENTS:
        if match := re.match(pattern + r"\s*$", sql, re.I | re.S):
            return statement(catalog, database, match)
    raise AthenaError(f"NOT_SUPPORTED: line 1:1: The sandbox does not know this statement: {sql.split(None, 1)[0]} ...")


def qualified(name: str, database: str) -> tuple[str, str]:
    """Return ('db', 't') for `db`.`t`, "db"."t" or t."""
    *before, table = re.sub(r'[`"]', "", name).lower().split(".")
    return (before[-1] if before else database), table


def create_table(
    catalog: Catalog,
    database: str,
    name: str,
    columns: list[dict[str, str]],
    keys: Sequence[str],
    location: str,
    kind: str,
    serde: str = "",
    serde_parameters: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
) -> None:
    """Create a table; `keys` are the names of those columns that are partition keys."""
    formats = FORMATS.get(kind, FORMATS["TEXTFILE"])
    storage = {
        "Columns": [column for column in columns if column["Name"] not in keys],
        "Location": location,
        "InputFormat": formats[0],
        "OutputFormat": formats[1],
        "SerdeInfo": {"SerializationLibrary": serde or formats[2], "Parameters": serde_parameters or {}},
    }
    require_glue("CreateTable", database, name)
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    partition_keys = [column for column in columns if column["Name"] in keys]
    parameters = {"EXTERNAL": "TRUE", **(parameters or {})}
    catalog.glue.create_table(database, name, {**table, "PartitionKeys": partition_keys, "Parameters": parameters})


def repair(catalog: Catalog, table: CatalogTable) -> list[str]:
    """Add the partitions that are below the table's location; return one line for each new partition."""
    _, prefix = split_uri(table.location)
    added = []
    require_glue("BatchCreatePartition", table.glue_table.database_name, table.glue_table.name)
    for key, _ in catalog.objects(table.location):
        folders = [folder.partition("=") for folder in key[len(prefix) :].strip("/").split("/")[: len(table.keys)]]
        if [name.lower() for name, _, _ in folders] == [name for name, _ in table.keys]:
            values = tuple(value for _, _, value in folders)
            if _add(table, values):
                added.append(
                    f"Repair: Added partition to metastore {table.glue_table.name}:{table.partition_name(values)}"
                )
    return added


def _create_database(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    name = match[2].lower()
    require_glue("CreateDatabase", name)
    if not (match[1] and name in catalog.glue.databases):
        catalog.glue.create_database(name, {"Name": name})
    return "result", ()


def _drop_database(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    name = match[2].lower()
    require_glue("DeleteDatabase", name)
    if name in catalog.glue.databases or not match[1]:
        catalog.glue.delete_database(name)
    return "result", ()


def _drop_table(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    database, name = qualified(match[2], database)
    require_glue("DeleteTable", database, name)
    if database in catalog.glue.databases and name in catalog.glue.databases[database].tables:
        table = catalog.glue.databases[database].tables[name].as_dict()
        if (table.get("Parameters") or {}).get("table_type", "").upper() == "ICEBERG":
            catalog.delete_objects(table["StorageDescriptor"]["Location"])  # they are the table's own
        catalog.glue.delete_table(database, name)
    elif not match[1]:
        raise AthenaError(f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name}")
    return "result", ()


def _create_external_table(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    tree = parse(match[0], exp.Create)
    database, name = (tree.this.this.db or database).lower(), tree.this.this.name.lower()
    columns, keys, location, kind, serde = _hive_columns(tree.this.expressions), list[str](), "", "TEXTFILE", ""
    serde_parameters, parameters = dict[str, str](), dict[str, str]()
    for item in tree.args["properties"].expressions:
        match item:
            case exp.PartitionedByProperty():
                added = _hive_columns(item.this.expressions)
                columns, keys = [*columns, *added], [column["Name"] for column in added]
            case exp.LocationProperty():
                location = item.this.name
            case exp.FileFormatProperty():
                kind = "PARQUET" if "parquet" in item.sql().lower() else "TEXTFILE"
            case exp.RowFormatSerdeProperty():
                serde = item.this.name
                properties = item.args.get("serde_properties")
                serde_parameters |= (
                    {pair.this.name: pair.args["value"].name for pair in properties.expressions} if properties else {}
                )
            case exp.RowFormatDelimitedProperty():
                serde_parameters["field.delim"] = item.args["fields"].name if item.args.get("fields") else "\x01"
            case exp.Property() if item.args.get("value"):
                parameters[item.name] = item.args["value"].name
    if not location:
        raise AthenaError("FAILED: ParseException: An external table needs a LOCATION")
    split_uri(location)
    if not (tree.args.get("exists") and name in catalog.glue.get_database(database).tables):
        create_table(catalog, database, name, columns, keys, location, kind, serde, serde_parameters, parameters)
    return "result", ()


def _create_iceberg_table(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    tree = parse(match[0], exp.Create)
    if not isinstance(tree.this, exp.Schema):
        raise AthenaError("FAILED: ParseException: a table of Iceberg needs columns")
    database, name = (tree.this.this.db or database).lower(), tree.this.this.name.lower()
    for column in tree.this.expressions:
        constraints = [each.kind for each in column.args.get("constraints") or ()]
        if not column.args.get("kind") or not all(
            isinstance(each, exp.CommentColumnConstraint) for each in constraints
        ):
            raise AthenaError(f"FAILED: ParseException: a column has a type, and a COMMENT: {column.sql('athena')}")
    listed = _hive_columns(tree.this.expressions)
    columns = {column["Name"]: column["Type"] for column in listed}
    if len(columns) != len(listed):
        raise AthenaError(f"FAILED: ParseException: a column of {name} is named twice")
    keys, location, properties = list[str](), "", dict[str, str]()
    for item in tree.args["properties"].expressions if tree.args.get("properties") else ():
        match item:
            case exp.PartitionedByProperty():
                keys = [_partition_column(key, columns) for key in item.this.expressions]
            case exp.LocationProperty():
                location = item.this.name.rstrip("/")
            case exp.Property() if item.args.get("value"):
                properties[item.name.lower()] = item.args["value"].name
            case _:
                raise AthenaError(f"FAILED: ParseException: a table of Iceberg has no {item.sql('athena')}")
    codec = _codec(properties)
    if not location:
        raise AthenaError("FAILED: a table of Iceberg needs a LOCATION")
    split_uri(location)
    if not (tree.args.get("exists") and name in catalog.glue.get_database(database).tables):
        catalog.require_writing(location)
        iceberg_writing.create(GlueCalls(catalog.glue, catalog.id), (database, name), columns, keys, location, codec)
    return "result", ()


def _partition_column(key: exp.Expression, columns: Mapping[str, str]) -> str:
    name = key.name.lower()
    if not isinstance(key, (exp.Identifier, exp.Column)):
        raise AthenaError(f"NOT_SUPPORTED: the sandbox partitions Iceberg by columns, not by {key.sql('athena')}")
    if name not in columns:
        raise AthenaError(f"FAILED: the partition column is no column of the table: {name}")
    return name


def _codec(properties: dict[str, str]) -> str:
    """Return how a new table of Iceberg packs its files. Raise AthenaError for what the sandbox would not do."""
    if properties.pop("table_type", "").upper() != "ICEBERG":
        raise AthenaError("FAILED: CREATE TABLE without EXTERNAL needs TBLPROPERTIES ('table_type'='ICEBERG')")
    form, codec = properties.pop("format", "parquet"), properties.pop("write_compression", CODECS[0]).lower()
    if form.lower() != "parquet" or codec not in CODECS:
        raise AthenaError(f"NOT_SUPPORTED: the sandbox writes Iceberg in parquet, packed by one of {', '.join(CODECS)}")
    # What OPTIMIZE and VACUUM are told means nothing here, where neither is run.
    if others := [each for each in properties if not each.startswith(("optimize_", "vacuum_"))]:
        raise AthenaError(f"NOT_SUPPORTED: the sandbox knows no property of Iceberg of this name: {', '.join(others)}")
    return codec


def _hive_columns(definitions: Sequence[exp.Expression]) -> list[dict[str, str]]:
    return [{"Name": column.name.lower(), "Type": hive_text(column.args["kind"])} for column in definitions]


def _alter_partitions(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    table = catalog.table(*qualified(match[1], database), match[0])
    action = "BatchCreatePartition" if match[2].upper() == "ADD" else "BatchDeletePartition"
    require_glue(action, *qualified(match[1], database))
    for specification, location in re.findall(r"PARTITION\s*\(([^)]*)\)(?:\s*LOCATION\s*'([^']*)')?", match[4], re.I):
        pairs = re.findall(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'([^']*)'|([\w.-]+))", specification)
        specified = {name.lower(): text or bare for name, text, bare in pairs}
        if set(specified) != {name for name, _ in table.keys}:
            raise AthenaError(
                f"FAILED: SemanticException: Partition spec {specified} does not fit the keys of the table"
            )
        values = tuple(specified[name] for name, _ in table.keys)
        if match[2].upper() == "ADD":
            _add(table, values, location, tolerant=bool(match[3]))
        elif str(list(values)) in table.glue_table.partitions or not match[3]:
            table.glue_table.delete_partition(list(values))
    return "result", ()


def _add(table: CatalogTable, values: tuple[str, ...], location: str = "", tolerant: bool = True) -> bool:
    """Add a partition; return False if it exists already and `tolerant` allows that."""
    storage = {**table.glue_table.as_dict()["StorageDescriptor"]}
    storage["Location"] = location or f"{table.location}/{table.partition_name(values)}"
    try:
        table.glue_table.create_partition({"Values": list(values), "StorageDescriptor": storage, "Parameters": {}})
    except PartitionAlreadyExistsException:
        if tolerant:
            return False
        name = table.partition_name(values)
        raise AthenaError(f"FAILED: SemanticException [Error 10006]: Partition already exists: {name}") from None
    return True


def _msck(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    return "result", repair(catalog, catalog.table(*qualified(match[1], database), match[0]))


def _show_partitions(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    table = catalog.table(*qualified(match[1], database), match[0])
    require_glue("GetPartitions", *qualified(match[1], database))
    if not table.keys:
        raise AthenaError(f"FAILED: Execution Error: Table {table.glue_table.name} is not a partitioned table")
    return "partition", [table.partition_name(values) for values, _ in table.partitions()]


def _show_databases(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    require_glue("GetDatabases")
    return "database_name", sorted(catalog.glue.databases)


def _show_tables(catalog: Catalog, database: str, match: re.Match[str]) -> Answer:
    name = re.sub(r'[`"]', "", match[1] or database).lower()
    require_glue("GetTables", name)
    return "tab_name", sorted(catalog.glue.get_database(name).tables)


_STATEMENTS: tuple[tuple[str, Callable[[Catalog, str, re.Match[str]], Answer]], ...] = (
    (r"CREATE\s+(?:DATABASE|SCHEMA)\s+(IF\s+NOT\s+EXISTS\s+)?[`\"]?([\w-]+)[`\"]?.*", _create_database),
    (r"DROP\s+(?:DATABASE|SCHEMA)\s+(IF\s+EXISTS\s+)?[`\"]?([\w-]+)[`\"]?(?:\s+CASCADE|\s+RESTRICT)?", _drop_database),
    (r"DROP\s+TABLE\s+(IF\s+EXISTS\s+)?" + _NAME, _drop_table),
    (r"CREATE\s+EXTERNAL\s+TABLE\s.*", _create_external_table),
    (r"CREATE\s+TABLE\s.*", _create_iceberg_table),
    (rf"ALTER\s+TABLE\s+{_NAME}\s+(ADD|DROP)\s+(IF\s+(?:NOT\s+)?EXISTS\s+)?(PARTITION.*)", _alter_partitions),
    (r"MSCK\s+REPAIR\s+TABLE\s+" + _NAME, _msck),
    (r"SHOW\s+PARTITIONS\s+" + _NAME, _show_partitions),
    (r"SHOW\s+(?:DATABASES|SCHEMAS).*", _show_databases),
    (rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+{_NAME})?(?:\s+.*)?", _show_tables),
)
