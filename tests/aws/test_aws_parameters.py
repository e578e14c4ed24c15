import ast
import json
import uuid
from types import SimpleNamespace

import pytest

from acceptance.errors import StepFailed
from aws.parameters.overrides import (
    Overridden,
    UndoResult,
    override_parameter,
    override_value,
    restore_parameter,
    undo_override,
)
from aws.parameters.versions import read_parameter


@pytest.fixture
def ssm(local_aws):
    return local_aws.client("ssm")


@pytest.fixture
def name():
    return f"/stage/imdb/{uuid.uuid4().hex}"


def put(ssm, name, value, type_="String", **options):
    ssm.put_parameter(Name=name, Value=value, Type=type_, Overwrite=True, **options)


def test_a_parameter_that_is_not_there_is_none(ssm, name):
    assert read_parameter(ssm, name) is None


def test_a_secret_parameter_is_decrypted_and_never_shown(ssm, name):
    put(ssm, name, "s3cret", "SecureString")
    parameter = read_parameter(ssm, name)
    assert (parameter.value, parameter.type, parameter.version) == ("s3cret", "SecureString", 1)
    assert "s3cret" not in repr(parameter) + repr(Overridden(name, parameter, "run 1"))


def test_an_override_of_nothing_is_deleted_again(ssm, name):
    overridden = override_parameter(ssm, name, "{}", "run 1")
    assert read_parameter(ssm, name).value == "{}"
    restore_parameter(ssm, overridden)
    assert overridden.earlier is None
    assert read_parameter(ssm, name) is None


def test_an_override_of_something_is_put_back(ssm, name):
    put(ssm, name, "before")
    overridden = override_parameter(ssm, name, "during", "run 1")
    assert read_parameter(ssm, name).value == "during"
    restore_parameter(ssm, overridden)
    assert read_parameter(ssm, name).value == "before"


@pytest.mark.parametrize(
    "theirs",
    [
        lambda ssm, name: put(ssm, name, "somebody's"),
        lambda ssm, name: ssm.delete_parameter(Name=name),
        lambda ssm, name: (ssm.delete_parameter(Name=name), put(ssm, name, "somebody's", "SecureString")),
        lambda ssm, name: put(ssm, name, "during", Description="mine"),
    ],
    ids=["changed", "deleted", "made anew as a secret", "taken as theirs"],
)
def test_what_somebody_did_to_the_parameter_while_the_run_worked_stays(ssm, name, theirs):
    put(ssm, name, "before")
    overridden = override_parameter(ssm, name, "during", "run 1")
    theirs(ssm, name)
    since = read_parameter(ssm, name)
    for _ in range(2):
        assert restore_parameter(ssm, overridden) is UndoResult.CHANGED_SINCE
        assert read_parameter(ssm, name) == since


def test_what_did_not_exist_and_somebody_deleted_is_as_before(ssm, name):
    overridden = override_parameter(ssm, name, "during", "run 1")
    ssm.delete_parameter(Name=name)
    assert restore_parameter(ssm, overridden) is UndoResult.WAS_AS_BEFORE


def test_a_label_that_would_keep_ssm_from_restoring_stops_the_override_before_anything_is_changed(ssm, name):
    for number in range(96):
        put(ssm, name, f"{number}")
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["prod"])
    assert restore_parameter(ssm, override_parameter(ssm, name, "during", "run 1")) is UndoResult.RESTORED
    before = read_parameter(ssm, name)
    with pytest.raises(StepFailed, match=f"nothing was changed.*label-parameter-version --name {name} --labels prod"):
        override_parameter(ssm, name, "during", "run 2")
    assert read_parameter(ssm, name) == before
    ssm.label_parameter_version(Name=name, ParameterVersion=before.version, Labels=["prod"])
    for number in range(10):
        overridden = override_parameter(ssm, name, "during", f"run {number}")
        assert restore_parameter(ssm, overridden) is UndoResult.RESTORED
    assert value_of(ssm, name) == "95"


def test_a_value_that_would_make_a_standard_parameter_advanced_for_ever_is_refused(ssm, name):
    put(ssm, name, "before", Tier="Standard")
    with pytest.raises(StepFailed, match=r"nothing was changed.* 4,097 bytes.*makes none standard again"):
        override_parameter(ssm, name, "x" * 4097, "run 1")
    assert value_of(ssm, name) == "before"


def of_last_version(ssm, name):
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=name).build_full_result()
    return pages["Parameters"][-1]


class AsDocumented:
    """SSM as its documentation has it: without a tier the default one counts, no parameter becomes standard, and the
    text of a policy is JSON.
    """

    def __init__(self, ssm):
        self._ssm = ssm

    def __getattr__(self, operation):
        return getattr(self._ssm, operation)

    def put_parameter(self, **asked):
        is_advanced = of_last_version(self._ssm, asked["Name"]).get("Tier") == "Advanced"
        assert not is_advanced or asked.get("Tier", "Standard") != "Standard", "can't downgrade"
        return self._ssm.put_parameter(**asked)

    def get_paginator(self, operation):
        return SimpleNamespace(paginate=lambda **asked: [self._page(operation, **asked)])

    def _page(self, operation, **asked):
        found = self._ssm.get_paginator(operation).paginate(**asked).build_full_result()
        for entry in found["Parameters"]:
            for policy in entry.get("Policies", ()):
                policy["PolicyText"] = json.dumps(ast.literal_eval(policy["PolicyText"]))
        return found


def test_an_advanced_parameter_is_restored_with_its_tier_its_policies_and_its_pattern(ssm, name):
    policy = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "20", "Unit": "Days"}}
    kept = {"Tier": "Advanced", "Policies": json.dumps([policy]), "AllowedPattern": "[a-z]+"}
    put(ssm, name, "before", **kept)
    before = of_last_version(ssm, name)
    strict = AsDocumented(ssm)
    restore_parameter(strict, override_parameter(strict, name, "{}" + " " * 5000, "run 1"))
    restored = of_last_version(ssm, name)
    assert restored["Version"] == 3
    for kept_of_it in ("Value", "Tier", "Policies", "AllowedPattern", "DataType"):
        assert restored.get(kept_of_it) == before.get(kept_of_it), kept_of_it


def test_an_advanced_parameter_with_a_short_value_is_overridden_and_restored_as_advanced(ssm, name):
    put(ssm, name, "before", Tier="Advanced")
    strict = AsDocumented(ssm)
    assert restore_parameter(strict, override_parameter(strict, name, "during", "run 1")) is UndoResult.RESTORED
    assert (value_of(ssm, name), of_last_version(ssm, name)["Tier"]) == ("before", "Advanced")


def test_a_parameter_whose_values_ssm_checks_is_not_overridden(ssm, name):
    put(ssm, name, "ami-12345678", DataType="aws:ec2:image")
    with pytest.raises(StepFailed, match=r"nothing was changed.*aws:ec2:image"):
        override_parameter(ssm, name, "{}", "run 1")


def test_restoring_again_changes_nothing(ssm, name):
    put(ssm, name, "before")
    overridden = override_parameter(ssm, name, "during", "run 1")
    restore_parameter(ssm, overridden)
    version = read_parameter(ssm, name).version
    restore_parameter(ssm, overridden)
    assert read_parameter(ssm, name).version == version


def test_deleting_again_changes_nothing(ssm, name):
    overridden = override_parameter(ssm, name, "during", "run 1")
    restore_parameter(ssm, overridden)
    restore_parameter(ssm, overridden)
    assert read_parameter(ssm, name) is None


def value_of(ssm, name):
    found = read_parameter(ssm, name)
    return found.value if found else None


def description_of(ssm, name):
    (found,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    return found.get("Description", "")


def test_another_process_restores_by_the_mark_alone_and_again_changes_nothing(ssm, name):
    put(ssm, name, "before", Description="what it is for")
    override_parameter(ssm, name, "during", "run 1")
    assert "run 1" in description_of(ssm, name)
    assert undo_override(ssm, name, "run 1") is UndoResult.RESTORED
    restored = read_parameter(ssm, name)
    assert (restored.value, description_of(ssm, name)) == ("before", "what it is for")
    assert undo_override(ssm, name, "run 1") is UndoResult.WAS_AS_BEFORE
    assert read_parameter(ssm, name) == restored


def test_an_override_that_says_the_same_as_before_leaves_the_description_as_it_was(ssm, name):
    put(ssm, name, "same", Description="what it is for")
    overridden = override_parameter(ssm, name, "same", "run 1")
    assert "run 1" in description_of(ssm, name)
    restore_parameter(ssm, overridden)
    version = read_parameter(ssm, name).version
    restore_parameter(ssm, overridden)
    assert (description_of(ssm, name), read_parameter(ssm, name).version) == ("what it is for", version)
    override_parameter(ssm, name, "same", "run 2")
    assert undo_override(ssm, name, "run 2") is UndoResult.RESTORED
    assert description_of(ssm, name) == "what it is for"


def test_another_process_deletes_what_was_not_there_and_again_changes_nothing(ssm, name):
    override_parameter(ssm, name, "during", "run 1")
    assert undo_override(ssm, name, "run 1") is UndoResult.RESTORED
    assert value_of(ssm, name) is None
    assert undo_override(ssm, name, "run 1") is UndoResult.WAS_AS_BEFORE


def test_an_override_that_was_never_written_leaves_nothing_to_undo(ssm, name):
    assert undo_override(ssm, name, "run 1") is UndoResult.WAS_AS_BEFORE
    put(ssm, name, "before")
    assert undo_override(ssm, name, "run 1") is UndoResult.WAS_AS_BEFORE
    assert value_of(ssm, name) == "before"


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("keeps_description", [True, False], ids=["in the console", "by an API call"])
def test_what_somebody_changed_since_is_left_as_it_is(ssm, name, existed, keeps_description):
    if existed:
        put(ssm, name, "before")
    override_parameter(ssm, name, "during", "run 1")
    put(ssm, name, "somebody's", **({} if keeps_description else {"Description": "mine"}))
    assert undo_override(ssm, name, "run 1") is UndoResult.CHANGED_SINCE
    assert value_of(ssm, name) == "somebody's"


def test_what_was_restored_and_then_changed_by_somebody_or_by_the_next_run_is_theirs(ssm, name):
    put(ssm, name, "before")
    restore_parameter(ssm, override_parameter(ssm, name, "during", "run 1"))
    override_parameter(ssm, name, "of the next", "run 2")
    assert undo_override(ssm, name, "run 1") is UndoResult.WAS_AS_BEFORE
    assert value_of(ssm, name) == "of the next"


def test_what_somebody_wrote_between_reading_and_overriding_is_what_is_put_back(ssm, name):
    put(ssm, name, "before")

    class Interrupted:
        """Somebody writes the parameter at the last moment."""

        def __getattr__(self, operation):
            return getattr(ssm, operation)

        def put_parameter(self, **asked):
            put(ssm, name, "somebody's")
            return ssm.put_parameter(**asked)

    assert override_parameter(Interrupted(), name, "during", "run 1").earlier.value == "somebody's"
    assert undo_override(ssm, name, "run 1") is UndoResult.RESTORED
    assert value_of(ssm, name) == "somebody's"


def test_the_history_is_found_whole_however_long_and_its_limit_is_no_obstacle(ssm, name):
    for number in range(99):
        put(ssm, name, f"{number}")
    for run in ("run 1", "run 2", "run 3"):
        override_parameter(ssm, name, "during", run)
        assert undo_override(ssm, name, run) is UndoResult.RESTORED
    assert value_of(ssm, name) == "98"


def test_a_secret_is_put_back_as_a_secret_under_its_own_key(ssm, name):
    put(ssm, name, "before", "SecureString", KeyId="alias/ours")
    restore_parameter(ssm, override_parameter(ssm, name, "during", "run 1", "SecureString"))
    restored = read_parameter(ssm, name)
    assert (restored.value, restored.type, restored.key_id) == ("before", "SecureString", "alias/ours")


def test_an_override_with_another_type_is_refused_before_anything_is_changed(ssm, name):
    put(ssm, name, "before", "SecureString")
    with pytest.raises(StepFailed, match="is a SecureString, the contract asks for a String"):
        override_parameter(ssm, name, "during", "run 1", "String")
    assert read_parameter(ssm, name).value == "before"


def test_a_value_of_more_than_four_kilobytes_is_put(ssm, name):
    override_parameter(ssm, name, "é" * 2100, "run 1")
    assert len(read_parameter(ssm, name).value) == 2100


def test_the_temporary_value_is_the_copied_object_with_the_set_keys_over_it(ssm, name):
    put(ssm, name, json.dumps({"source_bucket": "landing", "job": "ação"}))
    source = read_parameter(ssm, name)
    value = override_value(f"{name}/_test", name, source, {"source_bucket": "landing-test", "new": 1})
    assert json.loads(value) == {"source_bucket": "landing-test", "job": "ação", "new": 1}


def test_without_a_copy_the_temporary_value_is_the_set_keys_alone(name):
    assert json.loads(override_value(name, None, None, {"a": [1, None]})) == {"a": [1, None]}


def test_a_parameter_to_copy_that_is_not_there_is_named(name):
    with pytest.raises(StepFailed, match="override /t: the parameter /s to copy does not exist"):
        override_value("/t", "/s", None, {})


@pytest.mark.parametrize(("value", "said"), [("s3cret", "does not hold JSON"), ('["s3cret"]', "holds a JSON list")])
def test_a_parameter_to_copy_that_is_no_json_object_is_refused_without_showing_it(ssm, name, value, said):
    put(ssm, name, value)
    with pytest.raises(StepFailed, match=said) as refused:
        override_value("/t", name, read_parameter(ssm, name), {})
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("before", ["original", None])
def test_a_put_that_was_repeated_because_its_answer_was_lost_is_undone_as_one(ssm, name, before):
    if before:
        put(ssm, name, before)
    override_parameter(ssm, name, "changed", "run 1")
    again = override_parameter(ssm, name, "changed", "run 1")
    assert (again.earlier.value if again.earlier else None) == before
    assert undo_override(ssm, name, "run 1") is UndoResult.RESTORED
    now = read_parameter(ssm, name)
    assert (now.value if now else None) == before
