"""What keeps the story from a place that is not meant, and from leaving something there."""

import ast

import pytest
from account_aws import PREFIX, Refused, open_account, refuse_other_addresses
from account_deletion import LeftBehind, Undo
from account_pipeline import CODE, place_of_bucket
from account_roles import is_not_yet
from botocore.exceptions import ClientError


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "ACEITE_AWS_ENDPOINT_URL"])
def test_an_address_in_a_variable_is_refused(name: str) -> None:
    with pytest.raises(Refused, match=f"{name} is set"):
        refuse_other_addresses({name: "http://127.0.0.1:5000"}, {})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "https://amazonaws.com.example.org", "https://notamazonaws.com"]
)
def test_an_address_that_is_not_of_aws_is_refused_wherever_it_is_told(url: str) -> None:
    with pytest.raises(Refused, match="s3 is at"):
        refuse_other_addresses({}, {"sts": "https://sts.sa-east-1.amazonaws.com", "s3": url})


def test_an_address_in_a_configuration_file_is_seen(tmp_path, monkeypatch) -> None:
    file = tmp_path / "config"
    file.write_text("[default]\nregion = sa-east-1\nendpoint_url = http://127.0.0.1:9\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refused, match="is not AWS"):
        open_account({}, real=True)


def test_names_are_those_that_a_bucket_may_have() -> None:
    assert PREFIX.fullmatch("squad-sor-test")
    for prefix in ("Aceite", "a_b", "aws-test", "1", "x" * 31):
        with pytest.raises(Refused, match="ACEITE_TEST_PREFIX"):
            open_account({"ACEITE_TEST_PREFIX": prefix, "AWS_REGION": "sa-east-1"}, real=True)


def test_a_bucket_is_placed_in_its_region_and_the_first_region_is_not_named() -> None:
    assert place_of_bucket("us-east-1") == {}
    assert place_of_bucket("sa-east-1") == {"CreateBucketConfiguration": {"LocationConstraint": "sa-east-1"}}


def test_the_script_of_the_job_is_in_the_python_that_glue_runs() -> None:
    ast.parse((CODE / "job.py").read_text(encoding="utf-8"), feature_version=(3, 9))


def test_everything_is_deleted_in_the_opposite_order_though_one_deletion_fails() -> None:
    deleted, undo = list[str](), Undo()

    def refuse() -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteRole")

    def not_there() -> None:
        raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "none"}}, "DeleteBucket")

    undo.note("bucket", lambda: deleted.append("bucket"))
    undo.note("role", refuse)
    undo.note("never made", not_there)
    undo.note("function", lambda: deleted.append("function"))
    with pytest.raises(LeftBehind, match=r"role: ClientError: .*AccessDenied") as left:
        undo.run()
    assert deleted == ["function", "bucket"]
    assert "never made" not in str(left.value)
    undo.run()  # nothing is deleted twice


def test_a_role_that_is_not_known_yet_is_told_from_other_refusals() -> None:
    assert is_not_yet("The role defined for the function cannot be assumed by Lambda.")
    assert is_not_yet("Service is unable to assume provided role. Please verify role's TrustPolicy")
    assert not is_not_yet("Unzipped size must be smaller than 262144000 bytes")
