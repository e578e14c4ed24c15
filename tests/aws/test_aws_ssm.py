import json
import uuid

import pytest

from acceptance.errors import StepFailed
from aws.ssm import (
    Overridden,
    override_parameter,
    override_value,
    parameter_override,
    read_parameter,
    recall_overridden,
    restore_parameter,
)


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
    assert "s3cret" not in repr(parameter) + repr(Overridden(name, parameter))


def test_an_override_of_nothing_is_deleted_again(ssm, name):
    with parameter_override(ssm, name, "{}") as overridden:
        assert read_parameter(ssm, name).value == "{}"
    assert overridden.earlier is None
    assert read_parameter(ssm, name) is None


def test_an_override_of_something_is_put_back(ssm, name):
    put(ssm, name, "before")
    with parameter_override(ssm, name, "during"):
        assert read_parameter(ssm, name).value == "during"
    assert read_parameter(ssm, name).value == "before"


@pytest.mark.parametrize("accident", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_override_is_undone_however_the_block_ends(ssm, name, accident):
    put(ssm, name, "before")
    with pytest.raises(accident), parameter_override(ssm, name, "during"):
        raise accident
    assert read_parameter(ssm, name).value == "before"


def test_what_the_pipeline_did_to_the_parameter_is_undone_too(ssm, name):
    put(ssm, name, "before")
    with parameter_override(ssm, name, "during"):
        ssm.delete_parameter(Name=name)
    assert read_parameter(ssm, name).value == "before"


def test_restoring_again_changes_nothing(ssm, name):
    put(ssm, name, "before")
    overridden = override_parameter(ssm, name, "during")
    restore_parameter(ssm, overridden)
    version = read_parameter(ssm, name).version
    restore_parameter(ssm, overridden)
    assert read_parameter(ssm, name).version == version


def test_deleting_again_changes_nothing(ssm, name):
    overridden = override_parameter(ssm, name, "during")
    restore_parameter(ssm, overridden)
    restore_parameter(ssm, overridden)
    assert read_parameter(ssm, name) is None


def test_another_process_restores_from_the_version_number_alone(ssm, name):
    put(ssm, name, "before")
    put(ssm, name, "long before")
    put(ssm, name, "before")
    noted = override_parameter(ssm, name, "during").earlier.version
    restore_parameter(ssm, recall_overridden(ssm, name, noted))
    assert (noted, read_parameter(ssm, name).value) == (3, "before")


def test_another_process_deletes_what_was_not_there(ssm, name):
    override_parameter(ssm, name, "during")
    restore_parameter(ssm, recall_overridden(ssm, name, None))
    assert read_parameter(ssm, name) is None


def test_a_version_that_ssm_has_forgotten_is_said(ssm, name):
    put(ssm, name, "now")
    with pytest.raises(StepFailed, match=rf"restore {name}: SSM no longer has its version 99"):
        recall_overridden(ssm, name, 99)


def test_a_secret_is_put_back_as_a_secret_under_its_own_key(ssm, name):
    put(ssm, name, "before", "SecureString", KeyId="alias/ours")
    with parameter_override(ssm, name, "during", "SecureString"):
        pass
    restored = read_parameter(ssm, name)
    assert (restored.value, restored.type, restored.key_id) == ("before", "SecureString", "alias/ours")


def test_an_override_with_another_type_is_refused_before_anything_is_changed(ssm, name):
    put(ssm, name, "before", "SecureString")
    with pytest.raises(StepFailed, match="it exists as SecureString and String is needed"):
        override_parameter(ssm, name, "during", "String")
    assert read_parameter(ssm, name).value == "before"


def test_a_value_of_more_than_four_kilobytes_is_put(ssm, name):
    with parameter_override(ssm, name, "é" * 2100):
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
