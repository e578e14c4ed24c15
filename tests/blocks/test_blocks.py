"""Blocks are made from settings, once."""

from contextlib import suppress

import pytest
from prefect_aws import AwsCredentials, S3Bucket

from acceptance.errors import SettingsError
from blocks import names
from blocks.build import aws_credentials, give_session_token, save_blocks
from blocks.settings import Settings, read_settings


@pytest.fixture
def no_blocks(prefect_server) -> None:
    for kind, name in ((S3Bucket, names.LANDING), (S3Bucket, names.EVIDENCE), (AwsCredentials, names.CREDENTIALS)):
        with suppress(ValueError):
            kind.delete(name)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Settings:
    monkeypatch.chdir(tmp_path)
    return some_settings()


def some_settings(**changed: object) -> Settings:
    values = {
        "aws_access_key_id": "AKIAEXAMPLE",
        "aws_secret_access_key": "s3cr3t",
        "aws_region": "sa-east-1",
        "aws_endpoint_url": "http://127.0.0.1:9",
    }
    return read_settings(**{**values, **changed})


def test_blocks_are_created_once_and_updated_only_when_a_setting_changed(no_blocks, settings):
    assert set(save_blocks(settings).values()) == {"created"}
    assert set(save_blocks(settings).values()) == {"unchanged"}

    other = some_settings(evidence_bucket="another-bucket")
    assert save_blocks(other, dry_run=True)[names.EVIDENCE] == "updated"
    assert S3Bucket.load(names.EVIDENCE).bucket_name == "evidence"
    assert save_blocks(other) == {names.CREDENTIALS: "unchanged", names.LANDING: "unchanged", names.EVIDENCE: "updated"}
    assert S3Bucket.load(names.EVIDENCE).bucket_name == "another-bucket"


def test_a_new_secret_reaches_the_buckets_because_they_refer_to_one_credentials_block(prefect_server, settings):
    save_blocks(settings)
    save_blocks(some_settings(aws_secret_access_key="rotated"))
    assert AwsCredentials.load(names.CREDENTIALS).aws_secret_access_key.get_secret_value() == "rotated"
    assert S3Bucket.load(names.LANDING).credentials.aws_secret_access_key.get_secret_value() == "rotated"


def test_a_session_token_is_in_no_block_and_is_given_to_the_loaded_ones(prefect_server, no_blocks):
    settings = some_settings(aws_session_token="temporary")
    save_blocks(settings)
    loaded = AwsCredentials.load(names.CREDENTIALS)
    assert loaded.aws_session_token is None
    give_session_token(loaded, settings)
    assert loaded.aws_session_token == "temporary"
    assert loaded.get_boto3_session().get_credentials().token == "temporary"
    assert save_blocks(settings)[names.CREDENTIALS] == "unchanged"


def test_a_profile_or_a_role_needs_no_keys(settings):
    block = aws_credentials(read_settings(aws_profile="squad-sor", aws_role_arn="arn:aws:iam::111122223333:role/sor"))
    assert (block.profile_name, block.assume_role_arn) == ("squad-sor", "arn:aws:iam::111122223333:role/sor")


def test_settings_come_from_the_environment_and_from_a_dotenv_file(settings, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ACEITE_LANDING_BUCKET=chegada\nACEITE_POLL_S=3\n", encoding="utf-8")
    monkeypatch.setenv("ACEITE_POLL_S", "7")
    assert (read_settings().landing_bucket, read_settings().poll_s) == ("chegada", 7)


def test_an_empty_variable_is_unset_and_overrules_the_dotenv_file(settings, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ACEITE_AWS_PROFILE=work\nACEITE_POLL_S=3\n", encoding="utf-8")
    monkeypatch.setenv("ACEITE_AWS_PROFILE", "")
    monkeypatch.setenv("ACEITE_POLL_S", "")
    assert (read_settings().aws_profile, read_settings().poll_s) == (None, 10)


def test_a_dotenv_file_may_begin_with_the_mark_of_utf8(settings, tmp_path):
    (tmp_path / ".env").write_text("ACEITE_LANDING_BUCKET=chegada\n", encoding="utf-8-sig")
    assert read_settings().landing_bucket == "chegada"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ACEITE_ACCOUNT_ID", "did you mean ACEITE_AWS_ACCOUNT_ID?"),
        ("aceite_pol_s", "did you mean ACEITE_POLL_S?"),
        ("ACEITE_ZZZ", "ACEITE_ZZZ, in the file .*[.]env, is not a setting; correct or remove it"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_for_it_may_be_a_mistyped_guard(settings, tmp_path, name, said):
    (tmp_path / ".env").write_text(f"{name}=very-secret\nOTHERS=1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        read_settings()
    assert "very-secret" not in str(caught.value)


def test_a_variable_of_the_environment_is_refused_where_it_is_nearly_a_setting(settings, monkeypatch):
    monkeypatch.setenv("ACEITE_AWS_ACOUNT_ID", "very-secret")
    with pytest.raises(SettingsError, match="did you mean ACEITE_AWS_ACCOUNT_ID") as caught:
        read_settings()
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["ACEITE_PORT", "ACEITE_SANDBOX_PORT_5000_TCP_ADDR", "ACEITE_VERSION"])
def test_variables_of_others_that_begin_like_ours_are_left_alone(settings, monkeypatch, name):
    """Kubernetes tells each container of its services by such, and images have a version."""
    monkeypatch.setenv(name, "tcp://10.0.0.1:5000")
    read_settings()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": None}, "ACEITE_AWS_SECRET_ACCESS_KEY"),
        ({"poll_s": "often"}, "ACEITE_POLL_S"),
        ({"aws_account_id": "12"}, "ACEITE_AWS_ACCOUNT_ID"),
        ({"notification_block": "slack"}, "ACEITE_NOTIFICATION_BLOCK"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(settings, values, named):
    with pytest.raises(SettingsError, match=named) as caught:
        read_settings(**values)
    assert "AKIAEXAMPLE" not in str(caught.value)


def test_a_role_may_demand_an_external_id_and_its_keys_may_be_valid_for_longer(settings):
    role = {"aws_role_arn": "arn:aws-cn:iam::111122223333:role/aceite"}
    made = aws_credentials(some_settings(**role, aws_role_external_id="squad-sor/7", aws_role_session_s=7200))
    assert made.assume_role_kwargs.get_params_override() == {"ExternalId": "squad-sor/7", "DurationSeconds": 7200}
    assert aws_credentials(some_settings(**role)).assume_role_kwargs.get_params_override() == {}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"aws_role_external_id": "squad-sor"}, "ACEITE_AWS_ROLE_EXTERNAL_ID is about a role: set ACEITE_AWS_ROLE_ARN"),
        ({"aws_role_session_s": 7200}, "ACEITE_AWS_ROLE_SESSION_S is about a role: set ACEITE_AWS_ROLE_ARN"),
        ({"aws_role_session_s": 60}, "a whole number from 900 to 43200"),
        ({"aws_role_external_id": "a b"}, "2 to 1224 letters, digits"),
        ({"evidence_encryption": "alias/mine"}, "AES256, or the ARN or id of a KMS key, not an alias"),
    ],
)
def test_settings_of_roles_and_encryption_that_cannot_work_are_refused(settings, said, words):
    with pytest.raises(SettingsError, match=words):
        some_settings(**said)
