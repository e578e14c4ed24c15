"""What keeps a command from its work is told in a sentence, and never ends by the exit code of a verdict."""

import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from sandbox.server import LocalAws

FILE = ("drop", __file__, "--dataset", "nyc-flights", "--date", "2013-01-01")
KEYS = {
    "ACEITE_AWS_ACCESS_KEY_ID": "any",
    "ACEITE_AWS_SECRET_ACCESS_KEY": "very-secret",
    "ACEITE_AWS_REGION": "us-east-1",
}
VERBS = {
    "demo": ("demo", "--exit"),
    "up": ("up",),
    "sandbox": ("sandbox", "--port", "0"),
    "drop": FILE,
    "validate": ("validate", "s3://landing/x"),
    "status": ("status", "--json"),
    "report": ("report", "nyc-flights"),
    "apply": ("apply",),
    "deploy": ("deploy", "--work-pool", "hosts"),
    "policy": ("policy", "all"),
    "contracts check": ("contracts", "check"),
    "contracts init": ("contracts", "init", "s3://landing/x"),
    "evidence verify": ("evidence", "verify", "nyc-flights", "--json"),
}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def told(said, code: int, *words: str) -> None:
    """One message on standard error, nothing where a program reads, and an exit code that is no verdict."""
    assert said.returncode == code, said.stderr
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    assert said.stderr.startswith("aceite: ")
    for word in words:
        assert word in said.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_setting_is_a_usage_error_in_every_verb(alone, verb):
    told(alone(*VERBS[verb], ACEITE_POLL_S="often"), 64, "ACEITE_POLL_S")


WITH_CONTRACTS = [verb for verb in VERBS if verb not in ("status", "report", "contracts init", "evidence verify")]


@pytest.mark.parametrize("verb", [verb for verb in WITH_CONTRACTS if verb not in ("validate", "apply", "deploy")])
def test_a_folder_of_contracts_that_is_not_there_is_a_usage_error(alone, verb, tmp_path):
    with LocalAws() as aws:
        said = alone(
            *VERBS[verb], ACEITE_CONTRACTS=str(tmp_path / "absent"), ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS
        )
    assert said.returncode == 64, said.stderr
    assert "absent: there is no such file or directory" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("verb", ["validate", "apply", "deploy"])
def test_without_prefects_server_nothing_was_judged(alone, verb):
    told(alone(*VERBS[verb]), 2, "http://127.0.0.1:9/api does not answer", "`aceite up`")
    told(alone(*VERBS[verb], PREFECT_API_URL=""), 2, "no Prefect server is chosen", "`aceite up`")


@pytest.mark.parametrize("verb", ["drop", "evidence verify"])
def test_an_aws_that_cannot_be_reached_is_no_verdict(alone, verb):
    told(alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL="http://127.0.0.1:9", **KEYS), 2, "AWS cannot be reached")


@pytest.mark.parametrize("verb", ["drop", "report", "evidence verify"])
def test_a_bucket_that_is_not_there_is_no_verdict(alone, verb):
    with LocalAws() as aws:
        said = alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    bucket = "landing" if verb == "drop" else "evidence"
    told(said, 2, "NoSuchBucket", f"`aws s3 mb s3://{bucket}`")


@pytest.mark.parametrize("verb", ["drop", "up", "contracts init"])
def test_credentials_of_another_account_are_a_usage_error(alone, verb):
    keys = {**KEYS, "ACEITE_AWS_ACCOUNT_ID": "999999999999"}
    with LocalAws() as aws:
        told(alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **keys), 64, "999999999999")


@pytest.mark.parametrize("option", ["--aws-port", "--prefect-port"])
def test_a_port_that_is_taken_is_a_usage_error(alone, option, taken):
    said = alone("demo", "--aws-port", "0", "--prefect-port", "0", option, str(taken))
    assert said.returncode == 64, said.stderr
    assert f"port {taken} on 127.0.0.1 is taken; give {option} another one" in said.stderr


def test_the_sandbox_alone_tells_its_port_in_the_same_way(alone, taken):
    told(alone("sandbox", "--port", str(taken)), 64, str(taken))


def test_a_ledger_that_cannot_be_is_a_usage_error_and_one_that_cannot_be_opened_is_not(alone, tmp_path):
    told(alone("status", "--json", ACEITE_LEDGER_URL="mysql://there/it"), 64, "ACEITE_LEDGER_URL")
    (tmp_path / "ledger.db").write_bytes(b"no database, although it is a file" * 10)
    told(alone("status", "--json", ACEITE_LEDGER_URL="sqlite:///ledger.db"), 2, "file is not a database")


def test_what_nobody_foresaw_keeps_its_traceback_and_is_no_verdict():
    from cli.accidents import exit_code, sentence

    surprise = KeyError("nobody foresaw this")
    assert exit_code(surprise) == 2
    assert "nothing was judged" in sentence(surprise)


def test_a_delivery_that_is_dropped_twice_in_a_sandbox_is_no_accident(alone):
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        boto3.client("s3", endpoint_url=aws.endpoint, **keys).create_bucket(Bucket="landing")
        said = alone(*FILE, ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    assert said.returncode == 0, said.stderr
    assert Path(__file__).name.replace(".py", "") in said.stderr
