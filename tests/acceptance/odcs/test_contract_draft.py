"""What a landed key and a name suggest for a first contract."""

import pytest

from acceptance.odcs.draft import dataset_of, template_of


@pytest.mark.parametrize(
    ("key", "template"),
    [
        ("business/imdb/20260102/movies/a.csv", "business/imdb/{business_date:%Y%m%d}/movies/{file}.csv"),
        ("orders/dt=2026-01-02/part-0001.csv.gz", "orders/dt={business_date:%Y-%m-%d}/{file}.csv.gz"),
        ("orders/dt=2026-01-02/part-0001.csv", "orders/dt={business_date:%Y-%m-%d}/{file}.csv"),
        ("orders/2026/01/02/x", "orders/{business_date:%Y/%m/%d}/{file}"),
        ("in/sales_20260102.csv", "in/sales_{business_date:%Y%m%d}.csv"),
        ("in/{a}/20260102/x.csv", "in/{{a}}/{business_date:%Y%m%d}/{file}.csv"),
        ("in/20261399/20260102/x.csv", "in/20261399/{business_date:%Y%m%d}/{file}.csv"),
        ("in/123420260102/x.csv", None),
        ("in/x.csv", None),
    ],
)
def test_the_date_of_a_key_becomes_the_business_date_and_the_name_a_field(key: str, template: str | None) -> None:
    assert template_of(key) == template


@pytest.mark.parametrize(
    ("name", "dataset"), [("Preços Médios", "precos-medios"), ("a__b.c", "a-b-c"), ("東京", "dataset")]
)
def test_a_name_becomes_an_id(name: str, dataset: str) -> None:
    assert dataset_of(name) == dataset
