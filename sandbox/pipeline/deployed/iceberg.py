"""Makes tables of Iceberg, and writes a delivery into one, by pyiceberg: the extra `iceberg` of Aceite."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import boto3

from sandbox.athena.open_formats.iceberg_schema import fitted, schema_and_partitions

Facts = Mapping[str, Any]
"""A column, as the plan has it: name and type."""


def is_iceberg(table: Facts) -> bool:
    """Return True for a table that Glue describes as one of Iceberg."""
    return str((table.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"


def create(
    session: boto3.Session,
    endpoint: str,
    name: tuple[str, str],
    columns: Facts,
    keys: Sequence[str],
    location: str,
    catalog_id: str = "",
) -> None:
    """Create the table. `name` is database and table, columns are name -> Hive type, keys those of its partitions.

    `catalog_id` is Glue's id of another catalog than the account's own.

    Raises:
        ModuleNotFoundError: pyiceberg is not installed.
        TypeError: Iceberg has no such type.
    """
    schema, partitions = schema_and_partitions(columns, keys)
    catalog(session, endpoint, catalog_id).create_table(name, schema, location.rstrip("/"), partitions)


def write(name: tuple[str, str], rows: Any, partition: Mapping[str, Any], alone: bool, catalog_id: str = "") -> str:
    """Write rows, a table of Arrow, and return the new snapshot. `alone`: they replace those of the partition.

    Raises:
        ValueError: pyiceberg would write a null within a column otherwise.
    """
    import pyarrow as pa
    from pyiceberg.expressions import AlwaysTrue, And, EqualTo

    session = boto3.Session()
    table = catalog(session, str(session.client("glue").meta.endpoint_url), catalog_id).load_table(name)
    for column, value in partition.items():
        rows = rows.append_column(column, pa.array([value] * rows.num_rows))
    rows = fitted(rows, table.schema())
    if alone:
        table.overwrite(rows, reduce(And, (EqualTo(*pair) for pair in partition.items()), AlwaysTrue()))
    else:
        table.append(rows)
    return str(table.refresh().metadata.current_snapshot_id)


def catalog(session: boto3.Session, endpoint: str, catalog_id: str = "") -> Any:
    """Return a Glue catalog of this AWS, by default that of the account."""
    from pyiceberg.catalog.glue import GlueCatalog

    credentials = session.get_credentials()
    assert credentials is not None
    told = {
        "endpoint": endpoint,
        "region": session.region_name,
        "access-key-id": credentials.access_key,
        "secret-access-key": credentials.secret_key,
    }
    settings = {f"{of}.{key}": text for of in ("glue", "s3") for key, text in told.items()}
    return GlueCatalog("glue", **settings, **({"glue.id": catalog_id} if catalog_id else {}))
