"""Contracts, deliveries and objects, of which a test says only what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime
from textwrap import dedent, indent
from typing import Any

from acceptance.contract.contract import Column, Contract, Table
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import LandingFormat
from acceptance.deliveries.delivery import Delivery, LandingObject

DAY = date(2026, 1, 2)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

_TEXT = """\
apiVersion: v3.2.0
kind: DataContract
id: {dataset}
version: 1.0.0
status: active
servers:
  - {{server: landing, type: s3, location: "{location}", {landing}}}
  - {{server: sor, type: athena, catalog: {catalog}, schema: {database}, workgroup: primary}}
schema:
  - name: {dataset}
    properties:
{columns}
"""


def an_object(
    key: str = "orders/20260102/a.csv",
    etag: str = "e1",
    *,
    size: int = 10,
    at: datetime = NOON,
    bucket: str = "landing",
) -> LandingObject:
    return LandingObject(bucket, key, etag, size, at)


def a_delivery(
    *landed: LandingObject | str, dataset: str = "orders", day: date = DAY, revision: int = 1, **fields: str
) -> Delivery:
    """Return a delivery of these objects or keys, `<dataset>/<day>/a.csv` by default."""
    members = [each if isinstance(each, LandingObject) else an_object(each) for each in landed]
    members = members or [an_object(f"{dataset}/{day:%Y%m%d}/a.csv")]
    named = fields or {"file": members[0].file.rpartition(".")[0] or members[0].file}
    return Delivery(dataset, day, tuple(members), named, revision)


def a_contract(dataset: str = "orders", **changes: Any) -> Contract:
    """Return a contract with one column, no check and no step."""
    plain = Contract(
        dataset=dataset,
        name=dataset.title(),
        version="1.0.0",
        path=f"contracts/{dataset}.odcs.yaml",
        sha256="0" * 64,
        template=KeyTemplate.parse(f"s3://landing/{dataset}/{{business_date:%Y%m%d}}/{{file}}.csv"),
        landing=LandingFormat(),
        table=Table("awsdatacatalog", "database_sor", dataset, "primary"),
        columns=(Column("id", "bigint", "id"),),
        checks=(),
    )
    return replace(plain, **changes)


def contract_text(
    dataset: str = "orders",
    columns: str = "- {name: id, logicalType: integer}",
    *,
    day: str = "",
    relationships: str = "",
    quality: str = "",
    location: str = "",
    landing: str = "format: csv",
    catalog: str = "awsdatacatalog",
    database: str = "shop",
    table: str = "",
    more: str = "",
    **properties: str,
) -> str:
    """Return the text of a contract, in which all values are YAML.

    `columns`, `relationships` and `quality` are the items of lists. `day` names one more column, which partitions the
    table by business date. `landing` are keys of the landing server, `table` lines of the schema object, `more` further
    sections of the document. The properties are Aceite's; `override`, `steps` and `partition` are of its pipeline.
    """
    partitioned = f"\n- {{name: {day}, logicalType: integer, physicalType: int, partitioned: true}}" if day else ""
    text = _TEXT.format(
        dataset=dataset,
        location=location or f"s3://landing/{dataset}/{{business_date:%Y%m%d}}/{{file}}.csv",
        landing=landing,
        catalog=catalog,
        database=database,
        columns=_listed(dedent(columns).strip("\n") + partitioned),
    )
    if table:
        text += indent(dedent(table).strip("\n"), " " * 4) + "\n"
    for name, items in (("relationships", relationships), ("quality", quality)):
        if items:
            text += f"    {name}:\n{_listed(items)}\n"
    if day:
        properties["partition"] = f'{{{day}: "{{business_date:%Y%m%d}}"}}'
    pipeline = {name: properties.pop(name) for name in ("override", "steps", "partition") if name in properties}
    if pipeline:
        pipeline.setdefault("steps", "[{await_table: agrees, within: 1s}]")
        properties["pipeline"] = "{" + ", ".join(f"{name}: {value}" for name, value in pipeline.items()) + "}"
    if properties:
        text += "customProperties:\n"
    for name, value in properties.items():
        text += f"  - {{property: {name}, vendor: aceite, value: {value}}}\n"
    return text + more


def _listed(items: str) -> str:
    return indent(dedent(items).strip("\n"), " " * 6)
