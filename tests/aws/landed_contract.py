"""A small contract for the tests that read landed files."""

from typing import Any

from acceptance.contract.contract import Column, Contract, LandingFormat, Table
from acceptance.contract.keys.template import KeyTemplate

MOVIES = {"id": "bigint", "title": "string", "score": "decimal(4,1)"}


def column(name: str, type_: str, **facts: Any) -> Column:
    return Column(**{"name": name, "type": type_, "landed": name, **facts})


def contract(*columns: Column, **landing: Any) -> Contract:
    return Contract(
        dataset="movies",
        name="Movies",
        version="1.0.0",
        path="contracts/movies.yaml",
        sha256="0" * 64,
        template=KeyTemplate.parse("s3://landing/movies/{business_date:%Y%m%d}/{file}.csv"),
        landing=LandingFormat(**landing),
        table=Table("awsdatacatalog", "database_sor", "movies", "primary"),
        columns=columns or tuple(column(name, type_) for name, type_ in MOVIES.items()),
        checks=(),
    )
