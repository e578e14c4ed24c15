from dataclasses import replace
from datetime import date

import pytest
from builders import a_delivery
from contract_texts import orders, watched

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.passes import passes
from acceptance.errors import UnroutableKey

STEP = '        - {invoke: start-task, payload: {key: "{key}"}, within: 5m}\n'


def contract(*steps: str, override: str = "[]") -> Contract:
    text = "".join(f"        - {step}\n" for step in steps)
    return watched(orders((STEP, text), ("      override: []\n", f"      override: {override}\n")))


def delivery(*files: str) -> Delivery:
    return a_delivery(*(f"shop/20250102/{file}" for file in files), day=date(2025, 1, 2), region="br", file="a")


TWO = delivery("br/b.csv", "br/a.csv")


@pytest.mark.parametrize(
    "step",
    [
        '{invoke: f, payload: {deep: ["{key}"]}}',
        '{invoke: f, payload: "{file}"}',
        '{run_glue_job: j, arguments: {--key: "{key}"}}',
        '{await_object: "s3://stage/{file}"}',
    ],
)
def test_a_pipeline_that_is_told_of_one_file_runs_for_each_in_the_order_of_the_keys(step: str) -> None:
    found = passes(contract(step), TWO)
    assert [this_pass.fill("{key} {file} {prefix}") for this_pass in found] == [
        "shop/20250102/br/a.csv a shop/20250102/br/",
        "shop/20250102/br/b.csv b shop/20250102/br/",
    ]
    assert [this_pass.task("invoke f") for this_pass in found] == ["invoke f (a.csv)", "invoke f (b.csv)"]


def test_an_override_that_names_a_file_makes_a_turn_for_each() -> None:
    override = '[{parameter: /x, set: {key: "{key}"}}]'
    assert len(passes(contract("{invoke: f, payload: {}}", override=override), TWO)) == 2


@pytest.mark.parametrize(
    "step", ['{invoke: f, payload: {prefix: "{prefix}", region: "{region}", id: "{delivery_id}"}}', "{invoke: f}"]
)
def test_a_pipeline_that_is_told_of_the_delivery_runs_once_and_its_tasks_keep_their_names(step: str) -> None:
    (this_pass,) = passes(contract(step), TWO)
    assert (this_pass.fill("{prefix}"), this_pass.task("invoke f")) == ("shop/20250102/br/", "invoke f")


def test_a_field_in_which_the_files_differ_makes_a_turn_for_each() -> None:
    apart = delivery("pt/a.csv", "br/a.csv")
    found = passes(contract('{invoke: f, payload: "{region}"}'), apart)
    assert [(this_pass.fill("{region}"), this_pass.task("f")) for this_pass in found] == [
        ("br", "f (br/a.csv)"),
        ("pt", "f (pt/a.csv)"),
    ]


def test_a_delivery_of_one_file_has_one_turn_and_its_own_fields() -> None:
    (this_pass,) = passes(contract('{invoke: f, payload: "{key}"}'), delivery("br/a.csv"))
    assert (this_pass.fill("{key} {file}"), this_pass.task("f")) == ("shop/20250102/br/a.csv a", "f")


def test_a_job_run_is_known_by_what_the_pipeline_was_told() -> None:
    by_key, by_prefix = contract('{invoke: f, payload: "{key} {prefix}"}'), contract('{invoke: f, payload: "{prefix}"}')
    assert [this_pass.mentioned for this_pass in passes(by_key, TWO)] == [
        "shop/20250102/br/a.csv",
        "shop/20250102/br/b.csv",
    ]
    assert [this_pass.mentioned for this_pass in passes(by_prefix, TWO)] == ["shop/20250102/br/"]
    assert [this_pass.mentioned for this_pass in passes(contract("{invoke: f}"), TWO)] == ["shop/20250102/br/a.csv"]


def test_a_member_that_is_not_of_the_template_is_refused() -> None:
    stranger = replace(TWO, members=(*TWO.members, replace(TWO.first, key="shop/20250102/br/_SUCCESS")))
    with pytest.raises(UnroutableKey, match="_SUCCESS"):
        passes(contract('{invoke: f, payload: "{key}"}'), stranger)


def test_a_run_of_several_files_says_how_many() -> None:
    assert delivery("br/a.csv").title == "orders 2025-01-02 a.csv"
    assert delivery("br/c.csv", "br/a.csv", "br/b.csv").title == "orders 2025-01-02 a.csv and 2 more"
