from datetime import date

import pytest
from builders import an_object
from contract_texts import ORDERS, orders, watched

from acceptance.contract.contract import Contract
from acceptance.deliveries.routing import route, watched_locations
from acceptance.errors import UnroutableKey


def of(dataset: str, pattern: str, bucket: str = "landing") -> Contract:
    return watched(
        orders(
            ("id: orders", f"id: {dataset}"),
            ("s3://landing/shop/{business_date:%Y%m%d}/{region}/{file}.csv", f"s3://{bucket}/{pattern}"),
        )
    )


ORDERS_CONTRACT = watched(ORDERS)
MOVIES_CONTRACT = of("movies", "imdb/{business_date:%Y%m%d}/movies/{file}.csv")
BOTH = (ORDERS_CONTRACT, MOVIES_CONTRACT)


def the_reason(key: str, *contracts: Contract, bucket: str = "landing") -> str:
    with pytest.raises(UnroutableKey) as raised:
        route(an_object(key, bucket=bucket), contracts)
    return str(raised.value)


def test_a_key_becomes_a_delivery_of_its_dataset() -> None:
    delivery = route(an_object("shop/20250102/br/été 100%.csv"), BOTH)
    assert (delivery.dataset, delivery.business_date) == ("orders", date(2025, 1, 2))
    assert delivery.fields == {"region": "br", "file": "été 100%"}
    assert delivery.members == (an_object("shop/20250102/br/été 100%.csv"),)


def test_the_reason_is_that_of_the_contract_that_came_nearest() -> None:
    reason = the_reason("imdb/2025-01-02/movies/a.csv", *BOTH)
    assert reason == (
        "s3://landing/imdb/2025-01-02/movies/a.csv fits no contract. "
        "movies: segment 2 is '2025-01-02', expected {business_date:%Y%m%d}"
    )


def test_a_date_that_does_not_exist_is_the_reason() -> None:
    assert "orders: the business date 2025-02-30 does not exist" in the_reason("shop/20250230/br/a.csv", *BOTH)


def test_only_a_few_of_many_strangers_are_shown() -> None:
    many = [of(f"d{number}", f"d{number}/{{business_date:%Y%m%d}}/{{file}}.csv") for number in range(6)]
    assert the_reason("elsewhere/a.csv", *many).endswith("; and 3 more")


def test_a_bucket_that_nobody_watches_is_the_reason() -> None:
    assert "no contract has files in the bucket attic" in the_reason("shop/20250102/br/a.csv", *BOTH, bucket="attic")


def test_a_key_that_two_contracts_claim_goes_to_neither() -> None:
    twin = of("twin", "shop/{business_date:%Y%m%d}/{region}/{file}")
    assert the_reason("shop/20250102/br/a.csv", ORDERS_CONTRACT, twin).endswith(
        "fits more than one contract: orders, twin"
    )


def test_no_watched_location_lies_inside_another() -> None:
    contracts = (
        *BOTH,
        of("deep", "shop/archive/{business_date:%Y%m%d}.csv"),
        of("other", "shop/{business_date:%Y%m%d}.json", "attic"),
        of("near", "shopping/{business_date:%Y%m%d}.csv"),
    )
    assert watched_locations(contracts) == (
        ("attic", "shop/"),
        ("landing", "imdb/"),
        ("landing", "shop/"),
        ("landing", "shopping/"),
    )


def test_a_template_without_a_literal_folder_watches_the_whole_bucket() -> None:
    assert watched_locations((*BOTH, of("all", "{business_date:%Y%m%d}.csv"))) == (("landing", ""),)
