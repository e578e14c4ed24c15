import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from builders import a_delivery
from contract_texts import ORDERS, orders, watched
from hypothesis import given
from hypothesis import strategies as st

from acceptance.contract.contract import Contract
from acceptance.contract.keys.template import KeyTemplate
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.placeholders import (
    fill,
    known_placeholders,
    partition_values,
    refuse_invalid_partition_values,
    unknown_placeholders,
)
from acceptance.errors import UnroutableKey


def of_a_shop(*keys: str, **fields: str) -> Delivery:
    return replace(a_delivery(*(keys or ("shop/20250102/br/orders.csv",)), day=date(2025, 1, 2)), fields=fields)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{bucket}", "landing"),
        ("{key}", "shop/20250102/br/orders.csv"),
        ("{file}", "orders"),
        ("{region}", "br"),
        ("{delivery_id}", of_a_shop().id),
        ("s3://stage/{prefix}", "s3://stage/shop/20250102/br/"),
        ("{business_date}", "2025-01-02"),
        ("{business_date:%Y%m%d}", "20250102"),
        ("{business_date:%d/%m/%Y}", "02/01/2025"),
        ("s3://stage/{key}", "s3://stage/shop/20250102/br/orders.csv"),
        ("{{key}} is {file}", "{key} is orders"),
        ("no placeholder", "no placeholder"),
        ("", ""),
    ],
)
def test_a_placeholder_is_filled(text: str, filled: str) -> None:
    assert fill(text, of_a_shop(file="orders", region="br")) == filled


def test_every_text_of_a_payload_is_filled_and_nothing_else() -> None:
    payload = {"{key}": "{file}", "list": ["{region}", 7, None, True], "deep": {"er": ["{bucket}"]}}
    filled = fill(payload, of_a_shop(file="orders", region="br"))
    assert filled == {"{key}": "orders", "list": ["br", 7, None, True], "deep": {"er": ["landing"]}}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{{"file": "{file}", "mode": "append"}}', lambda text: json.loads(text)["file"]),
        ('["{file}", "append"]', lambda text: json.loads(text)[0]),
        ('"{file}"', json.loads),
        ('{{"{file}": "append"}}', lambda text: next(iter(json.loads(text)))),
        ('--conf x={{"file": "{file}"}} --mode append', lambda text: json.loads(text[9:-14])["file"]),
        ('{{"body": "{{\\"file\\": \\"{file}\\"}}"}}', lambda text: json.loads(json.loads(text)["body"])["file"]),
        ('{{"file": "{file}", "file": "x"}}', lambda text: json.loads(text, object_pairs_hook=list)[0][1]),
        ("{file}, not in JSON: {{'file': '{file}'}}", lambda text: text.partition(", not")[0]),
    ],
)
@pytest.mark.parametrize("name", ['a", "mode": "overwrite', "a\\", "a\n\t", '\\"', "preço-é", '{"x": "{key}"}'])
def test_in_json_a_value_stays_one_string_whatever_is_in_it(text: str, read: Any, name: str) -> None:
    assert read(fill(text, of_a_shop(file=name))) == name


@pytest.mark.parametrize(
    "text", ['{{"n": {file}}}', '{{"n": [{file}]}}', '{{"b": "{{\\"n\\": {file}}}"}}', '["a", {file}]']
)
def test_a_field_in_json_must_be_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="in JSON without quotes"):
        fill(text, of_a_shop(file="1"))


def test_a_date_in_json_needs_no_quotes_and_what_is_no_json_stays_as_it_is() -> None:
    assert fill('{{"day": {business_date:%Y%m%d}}}', of_a_shop()) == '{"day": 20250102}'
    assert fill('[{file}] "{file}"', of_a_shop(file='"')) == '["] """'


def test_without_a_field_of_that_name_the_file_is_the_last_segment() -> None:
    assert fill("{file}", of_a_shop()) == "orders.csv"


@given(st.text(min_size=1))
def test_a_value_is_never_interpreted_again(value: str) -> None:
    assert fill("<{region}>", of_a_shop(region=value)) == f"<{value}>"


@pytest.mark.parametrize("key", ["{bucket}", "{{x}}", "{", "a b+%é'\"; DROP TABLE t;--", "{region.__class__}"])
def test_a_key_full_of_braces_stays_what_it_is(key: str) -> None:
    assert fill("{key}", of_a_shop(key)) == key


@pytest.mark.parametrize("text", ["{region.__class__}", "{region!r}", "{region[0]}", "{0}", "{}", "{", "}", "{a:b}"])
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a placeholder|stands alone"):
        fill(text, of_a_shop(region="br"))


def test_an_unknown_placeholder_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown placeholder \{region\}"):
        fill("{region}", of_a_shop())


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{key} {fil}", ("fil",)),
        ({"a": ["{x}", {"b": "{y} {x}"}], "c": "{key}"}, ("x", "y")),
        ("{{x}}", ()),
        (7, ()),
    ],
)
def test_unknown_placeholders_are_listed_once(template: Any, names: tuple[str, ...]) -> None:
    assert unknown_placeholders(template, ("key", "file")) == names


def test_a_contract_knows_the_general_placeholders_and_those_of_its_template() -> None:
    known = known_placeholders(watched(ORDERS).template)
    assert known == ("bucket", "key", "prefix", "delivery_id", "file", "business_date", "region")


def test_keys_that_lie_in_no_folder_have_no_prefix() -> None:
    template = KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}-{file}.csv")
    assert "prefix" not in known_placeholders(template)


def test_partition_values_are_texts_in_the_order_of_the_partition_keys() -> None:
    text = orders(
        (
            "        partitioned: true\n",
            "        partitioned: true\n        partitionKeyPosition: 2\n"
            "      - {name: place, logicalType: string, partitioned: true, partitionKeyPosition: 1}\n",
        ),
        ('{day: "{business_date:%Y%m%d}"}', '{day: "{business_date:%Y%m%d}", place: "{region}"}'),
    )
    delivery = of_a_shop(file="orders", region="br")
    assert list(partition_values(watched(text), delivery).items()) == [("place", "br"), ("day", "20250102")]


@pytest.mark.parametrize(
    ("keys", "prefix"),
    [
        (("d/1/a.csv", "d/1/b.csv"), "d/1/"),
        (("d/1/part-1.csv", "d/1/part-10.csv"), "d/1/"),
        (("d/1/br/a.csv", "d/1/pt/a.csv"), "d/1/"),
        (("d/1/br/a.csv", "d/1/br.csv"), "d/1/"),
        (("a.csv", "b.csv"), ""),
    ],
)
def test_the_prefix_of_several_files_is_the_folder_that_all_lie_in(keys: tuple[str, ...], prefix: str) -> None:
    assert fill("{prefix}", of_a_shop(*keys)) == prefix


def test_files_that_belong_to_different_partitions_are_no_delivery_that_can_be_measured() -> None:
    contract = watched(ORDERS)
    several = of_a_shop("shop/20250102/br/a.csv", "shop/20250102/pt/b.csv")
    assert partition_values(contract, several) == {"day": "20250102"}
    by_region = replace(contract, partition={"day": "{region}"})
    with pytest.raises(UnroutableKey, match=r"br/a\.csv into 'br' and pt/b\.csv into 'pt'"):
        partition_values(by_region, several)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "br"),
        ("bigint", ""),
        ("int", "1.0"),
        ("tinyint", "\u0663"),
        ("smallint", "20260131"),
        ("tinyint", "-129"),
        ("date", "20260131"),
        ("date", "2026-02-30"),
    ],
)
def test_a_value_that_its_partition_column_cannot_have_is_told_with_the_key_it_comes_from(kind, value) -> None:
    contract = with_partition_of(kind)
    needed = "a date such as 2026-01-31" if kind == "date" else "a whole number from -"
    expected = (
        f"column day is {kind}, and '{{region}}' makes {value!r} of shop/20250102/br/orders.csv; it must be {needed}"
    )
    with pytest.raises(UnroutableKey, match=re.escape(expected)):
        refuse_invalid_partition_values(contract, of_a_shop(region=value), {"day": value})


@pytest.mark.parametrize(("kind", "value"), [("int", "01"), ("bigint", "-7"), ("string", "br"), ("date", "2026-01-31")])
def test_a_value_that_its_partition_column_can_have_is_fine(kind, value) -> None:
    refuse_invalid_partition_values(with_partition_of(kind), of_a_shop(region=value), {"day": value})


def with_partition_of(kind: str) -> Contract:
    contract = watched(ORDERS)
    columns = [replace(each, type=kind) if each.name == "day" else each for each in contract.columns]
    return replace(contract, columns=tuple(columns), partition={"day": "{region}"})
