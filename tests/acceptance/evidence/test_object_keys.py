"""Where a delivery's evidence goes is not for its key to say."""

import re
from datetime import date

import pytest
from builders import a_delivery

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.object_keys import claim_key, evidence_prefix

DAY = date(2026, 1, 2)
PLACE = re.compile("deliveries/orders/2026-01-02/[0-9a-f]{20}/")


def delivery(key: str) -> Delivery:
    return a_delivery(key, day=DAY, file=key)


@pytest.mark.parametrize(
    "key", ["../../manifests/orders/1.json", "%2e%2e%2fx", "a\x00b", "..\\..\\x", "x" * 1024, "é/‮gpj", "-", "a//b"]
)
def test_whatever_the_key_the_evidence_is_below_its_dataset_and_date(key: str) -> None:
    prefix = evidence_prefix("orders", DAY, delivery(key).id)
    assert PLACE.fullmatch(prefix)
    assert claim_key(delivery(key)).startswith(prefix)


def test_keys_that_look_alike_have_places_of_their_own() -> None:
    alike = ["a.csv", "A.csv", "a.csv ", "a%2ecsv", "./a.csv", "a.csv\u200b", "é.csv", "e\u0301.csv"]
    assert len({delivery(key).id for key in alike}) == len(alike)
