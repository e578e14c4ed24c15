"""docs/contract.md says what the reader of contracts knows: every name and no other, true defaults, true examples."""

import copy
import re
from dataclasses import replace

import pytest
import yaml
from markdown_pages import DOCS, README, code, code_blocks, section, tables

from acceptance.contract.checks import Metric
from acceptance.contract.hive_types import NESTED, HiveKind
from acceptance.errors import ContractError
from acceptance.odcs.reader import read_contract

PAGE = (DOCS / "contract.md").read_text(encoding="utf-8")
ENVIRONMENT = {"LANDING_BUCKET": "landing"}
STRANGE = "qqqq"
"""A word that is near to nothing that the reader knows, so that it lists all that it allows."""


THE_READMES = code_blocks(README.read_text(encoding="utf-8"), "yaml")[0]


def the_readmes_contract():
    return yaml.safe_load(THE_READMES)


def rows(heading, index=0):
    return tables(section(PAGE, heading))[index]


def names(heading, index=0):
    """The names in the first column of a table."""
    return [name for row in rows(heading, index) for name in code(next(iter(row.values())))]


def pipeline_of(document):
    return next(each for each in document["customProperties"] if each["property"] == "pipeline")["value"]


def read(document):
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return read_contract(text, "orders.odcs.yaml", ENVIRONMENT)


def problems(document):
    try:
        read(document)
    except ContractError as error:
        return [problem.message for problem in error.problems]
    return []


def allowed(document):
    """What the reader says is allowed where the strange word stands."""
    told = [message for message in problems(document) if "allowed: " in message]
    assert len(told) == 1, problems(document)
    listed = re.search(r"allowed: (.*?)(?:;|\. |$)", told[0])[1].split(", ")
    return {name for name in listed if not name.startswith("or ")}


# Where a part of a contract stands: each takes the README's contract and puts an example of the page into it.


def to_contract(document, given):
    document["customProperties"].append({"vendor": "aceite", "value": {}, **given})


def to_pipeline(document, given):
    if "override" in given:
        pipeline_of(document).pop("override", None)
    pipeline_of(document).update(given)


def to_override(document, given):
    pipeline_of(document)["override"] = [given]


def to_steps(document, given):
    before = [{"invoke": "start", "asynchronous": True}]
    if machine := given.get("await_execution"):
        before.append({"start_execution": machine})
    pipeline_of(document)["steps"] = [*before, given]


def to_delivery(document, given):
    text_column = {"name": "source_file", "logicalType": "string", "customProperties": column_of_the_pipeline()}
    document["schema"][0]["properties"].insert(0, text_column)
    document["customProperties"].append({"property": "delivery", "vendor": "aceite", "value": given})


def column_of_the_pipeline():
    return [{"property": "landed", "value": False}]


def to_partition_holds(document, given):
    to_delivery(document, given if "partition_holds" in given else {"partition_holds": given})


def to_landing_server(document, given):
    given = given if isinstance(given, list) else [given]
    document["servers"][0].setdefault("customProperties", []).extend(given)
    if {"property": "certainEncoding", "value": True} in given:
        document["servers"][0]["encoding"] = "cp1252"


def as_fixed_width(document):
    """Make the files of a contract such that a column of them has positions."""
    document["servers"][0]["format"] = "fixed-width"
    for place, column in enumerate(each for each in document["schema"][0]["properties"] if "partitioned" not in each):
        column["customProperties"] = [{"property": "positions", "value": f"{11 + place}"}]


def to_column(document, given, type_="double"):
    type_ = "boolean" if given["property"] in ("trueText", "falseText") else type_
    if given["property"] == "positions":
        as_fixed_width(document)
    logical = {"double": "number"}.get(type_, type_)
    column = {"name": "price", "logicalType": logical, "physicalType": type_, "customProperties": [given]}
    document["schema"][0]["properties"].insert(0, column)


def to_service_level(document, given):
    level = {"property": "latency", "value": 2, "unit": "h", "customProperties": [given]}
    document["slaProperties"] = [level]


def to_service_levels(document, given):
    document["slaProperties"] = [given]


def to_properties(document, given):
    document["schema"][0]["properties"].insert(0, given)


def to_rules(document, given):
    """A rule of the column `status`, a text; one of the whole table if it counts rows."""
    table = document["schema"][0]
    place = table if given.get("metric") == "rowCount" else named_property(document, "status")
    place.setdefault("quality", []).append(given)


def named_property(document, name):
    return next(each for each in document["schema"][0]["properties"] if each["name"] == name)


def with_(put, given):
    document = the_readmes_contract()
    put(document, copy.deepcopy(given))
    return document


NAMES = {
    "Custom properties of the contract": (0, to_contract, {"property": STRANGE}),
    "Pipeline": (0, to_pipeline, {STRANGE: 1}),
    "Pipeline, an override": (1, to_override, {"parameter": "/a", "set": {"a": "b"}, STRANGE: 1}),
    "Delivery, partition_holds": (1, to_partition_holds, {"column": "source_file", STRANGE: 1}),
    "Custom properties of the landing server": (
        0,
        to_landing_server,
        {"property": STRANGE, "vendor": "aceite", "value": 1},
    ),
    "Custom properties of a column": (0, to_column, {"property": STRANGE, "vendor": "aceite", "value": 1}),
    "Severity of what has none": (0, to_service_level, {"property": STRANGE, "vendor": "aceite", "value": 1}),
    "Quality rules": (0, to_rules, {"metric": STRANGE, "mustBe": 0}),
}


@pytest.mark.parametrize("heading", NAMES)
def test_the_page_names_what_the_reader_allows_there(heading):
    index, put, given = NAMES[heading]
    assert allowed(with_(put, given)) == set(names(heading.partition(",")[0], index))


def test_the_page_names_the_keys_of_a_delivery():
    shared = set(names("Delivery"))
    kinds = {code(row["complete"])[0]: set(code(row["keys of its own"])) for row in rows("Delivery", 2)}
    for kind, own in kinds.items():
        known = allowed(with_(to_delivery, {**example_of_completion(kind), STRANGE: 1}))
        assert known == shared | own, kind
    assert allowed(with_(to_delivery, {"complete": STRANGE})) == set(kinds)


def example_of_completion(kind):
    return next(yaml.safe_load(code(row["example"])[0]) for row in rows("Delivery", 2) if kind in code(row["complete"]))


def test_the_page_names_the_steps_and_their_keys():
    assert allowed(with_(to_steps, {STRANGE: 1})) == set(names("Steps"))
    for row in rows("Steps"):
        example = yaml.safe_load(code(row["example"])[0])
        assert allowed(with_(to_steps, {**example, STRANGE: 1})) == set(code(row["keys"])), row["step"]


def test_the_page_names_the_placeholders():
    document = with_(to_steps, {"await_object": f"s3://stage/{{{STRANGE}}}"})
    named = {name.strip("{}") for name in names("Key template and placeholders")}
    assert allowed(document) == named


def test_the_page_names_the_variables():
    document = the_readmes_contract()
    document["name"] = "${SECRET}"
    told = next(message for message in problems(document) if "SECRET" in message)
    for variable in names("Variables"):
        assert variable in told
    listed = re.search(r"allowed: (.*), and names that begin with (\w+),", told)
    assert [*listed[1].split(", "), listed[2]] == names("Variables")


def test_the_page_names_the_metrics():
    assert sorted(names("Metrics")) == sorted(Metric)


def test_the_page_names_the_types_and_their_options():
    named = {code(row["logicalType"])[0]: row for row in rows("Columns")}
    known = allowed(with_(to_properties, {"name": "price", "logicalType": "vector"}))
    assert known == set(named)
    for logical, row in named.items():
        hive, options = (code(cell) for cell in list(row.values())[1:])
        column = {"name": "price", "logicalType": logical}
        if logical in ("array", "map", "object"):
            assert HiveKind(hive[0].partition("<")[0]) in NESTED
            continue
        assert allowed(with_(to_properties, {**column, "physicalType": STRANGE})) == set(hive), logical
        default = read(with_(to_properties, column)).columns[0].type
        assert default == hive[0], logical
        for option in options:
            assert not [
                each
                for each in problems(with_(to_properties, {**column, "logicalTypeOptions": {option: None}}))
                if "unknown" in each
            ], (logical, option)


def test_the_page_names_the_formats_of_texts():
    column = {"name": "mail", "logicalType": "string", "logicalTypeOptions": {"format": STRANGE}}
    line = next(line for line in section(PAGE, "Columns").split("\n- ") if line.startswith("`format` of a string"))
    named = code(line.partition(". ")[0])[1:]
    assert allowed(with_(to_properties, column)) == set(named)


def test_the_page_names_the_landing_formats():
    document = the_readmes_contract()
    document["servers"][0]["format"] = STRANGE
    row = next(row for row in rows("Where files land, where the table is") if row["field"].startswith("`format`"))
    assert allowed(document) == set(code(row["values"]))


def test_the_page_names_the_checks_that_are_always_made():
    document = the_readmes_contract()
    document["schema"][0]["properties"] = [{"name": "price", "logicalType": "number"}]
    del pipeline_of(document)["partition"]
    made = [(check.id, check.metric.value) for check in read(document).checks]
    assert made == [(code(row["check"])[0], code(row["metric"])[0]) for row in rows("Checks that are always made")]


@pytest.mark.parametrize("row", rows("Checks of columns"), ids=lambda row: code(row["check"])[0])
def test_the_page_names_the_checks_of_columns(row):
    without, made = (
        {check.id for check in read(document).checks}
        for document in (the_readmes_contract(), with_(to_properties, yaml.safe_load(code(row["example"])[0])))
    )
    assert code(row["check"])[0] in made
    if code(row["check"])[0] != "primary_key_unique":
        assert code(row["check"])[0] not in without


CHOICES = [
    *[("Delivery", row, to_delivery) for row in rows("Delivery")],
    *[
        ("Custom properties of the landing server", row, to_landing_server)
        for row in rows("Custom properties of the landing server")
    ],
    *[("Severity of what has none", row, to_service_level) for row in rows("Severity of what has none")],
]


@pytest.mark.parametrize(
    ("row", "put"),
    [
        pytest.param(row, put, id=code(next(iter(row.values())))[0])
        for _, row, put in CHOICES
        if row["values"].startswith("one of")
    ],
)
def test_the_page_names_the_values(row, put):
    name = code(next(iter(row.values())))[0]
    given = {name: STRANGE} if put is to_delivery else {"property": name, "value": STRANGE}
    assert allowed(with_(put, given)) == set(code(row["values"].partition(", or")[0]))


@pytest.mark.parametrize(
    ("word", "given"),
    [("Operator", {}), ("Unit", {"unit": STRANGE, "mustBe": 0}), ("Severity", {"severity": STRANGE, "mustBe": 0})],
)
def test_the_page_names_the_words_of_a_rule(word, given):
    line = next(line for line in section(PAGE, "Quality rules").split("\n- ") if line.startswith(f"**{word}**"))
    known = allowed(with_(to_rules, {"metric": "nullValues", **given}))
    assert known == set(code(line.partition(". ")[0]))


EXAMPLES = {
    ("Pipeline", 0): to_pipeline,
    ("Pipeline", 1): to_override,
    ("Steps", 0): to_steps,
    ("Delivery", 0): to_delivery,
    ("Delivery", 1): to_delivery,
    ("Delivery", 2): to_delivery,
    ("Custom properties of the landing server", 0): to_landing_server,
    ("Custom properties of a column", 0): to_column,
    ("Severity of what has none", 0): to_service_level,
    ("Service levels", 0): to_service_levels,
    ("Checks of columns", 0): to_properties,
    ("Quality rules", 0): to_rules,
}


@pytest.mark.parametrize(
    ("put", "example"),
    [
        pytest.param(put, code(row["example"])[0], id=f"{place[0]}: {code(next(iter(row.values())))[0]}")
        for place, put in EXAMPLES.items()
        for row in rows(*place)
    ],
)
def test_an_example_of_the_page_is_accepted(put, example):
    assert problems(with_(put, yaml.safe_load(example))) == []


@pytest.mark.parametrize("block", [block for block in code_blocks(PAGE, "yaml") if block.startswith("quality")])
def test_a_rule_of_the_page_is_accepted(block):
    def to_table(document, given):
        document["schema"][0].update(given)

    assert problems(with_(to_table, yaml.safe_load(block))) == []


DEFAULTS = {
    ("Pipeline", 0): to_pipeline,
    ("Delivery", 0): to_delivery,
    ("Custom properties of the landing server", 0): to_landing_server,
    ("Custom properties of a column", 0): to_column,
}


def with_default(put, name, default):
    """The contract in which a default is written out, and the same where it is left out."""
    value = yaml.safe_load(default)
    if put is to_column:
        return with_(put, {"property": name, "value": value}), with_(
            put, {"property": "other", "vendor": "x", "value": 1}
        )
    if put is to_landing_server:
        return with_(put, {"property": name, "value": value}), the_readmes_contract()
    base = {"steps": []} if put is to_pipeline else {}
    return with_(put, {**base, name: value}), with_(put, base)


def same(written, left_out):
    written, left_out = read(written), read(left_out)
    return replace(written, sha256="", custom_properties=()) == replace(left_out, sha256="", custom_properties=())


@pytest.mark.parametrize(
    ("put", "name", "default"),
    [
        pytest.param(
            put, code(next(iter(row.values())))[0], code(row["default"])[0], id=code(next(iter(row.values())))[0]
        )
        for place, put in DEFAULTS.items()
        for row in rows(*place)
        if row["default"].startswith("`") and "if" not in row["default"]
    ],
)
def test_a_default_of_the_page_is_the_readers(put, name, default):
    assert same(*with_default(put, name, default))


@pytest.mark.parametrize("row", rows("Steps"), ids=lambda row: code(row["step"])[0])
def test_a_default_of_a_step_is_the_readers(row):
    example, defaults = (yaml.safe_load(code(row[name])[0]) for name in ("example", "default"))
    bare = {key: value for key, value in example.items() if key not in defaults}
    written = {**bare, **defaults}
    assert same(with_(to_steps, written), with_(to_steps, bare))
    assert set(written) == set(code(row["keys"]))


@pytest.mark.parametrize(
    "row", [row for row in rows("Delivery", 2) if row["default"]], ids=lambda row: code(row["complete"])[0]
)
def test_a_default_of_a_completion_is_the_readers(row):
    example, defaults = (yaml.safe_load(code(row[name])[0]) for name in ("example", "default"))
    bare = {key: value for key, value in example.items() if key not in defaults}
    assert same(with_(to_delivery, {**bare, **defaults}), with_(to_delivery, bare))


def test_the_default_of_the_servers_is_the_readers():
    table = {code(row["field"])[0]: code(row["default"]) for row in rows("Where files land, where the table is")}
    contract = read(the_readmes_contract())
    assert [contract.table.catalog] == table["catalog"]
    assert [contract.table.workgroup] == table["workgroup"]
    assert [contract.landing.encoding] == table["encoding"]


def test_other_service_levels_are_documentation():
    kept = names("Service levels")
    for name in [*kept, "retention"]:
        given = next(
            (
                yaml.safe_load(code(row["example"])[0])
                for row in rows("Service levels")
                if name in code(row["slaProperties"])
            ),
            {"property": name, "value": 1, "unit": "y"},
        )
        document = with_(to_service_levels, given)
        document["slaProperties"].append({"property": "frequency", "value": 1, "unit": "d"})
        assert bool(read(document).notes) is (name not in kept), name
