"""`aceite policy` prints one document that IAM would take, or says why it cannot and what to do."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from repository import CONTRACTS, ROOT

from aws.iam.statements import MOST_POLICIES
from blocks.settings import read_settings
from cli.main import app
from cli.options import UsageProblem
from cli.serving.installation import SANDBOX_SETTINGS
from flows.installation.contracts import contracts_of
from sandbox.__main__ import main
from sandbox.pipeline.provision import provision
from sandbox.policies.policy import read_policy
from sandbox.server import REGION, LocalAws


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Contracts, and an AWS that does not answer."""
    settings = {**SANDBOX_SETTINGS, "ACEITE_AWS_ENDPOINT_URL": "http://127.0.0.1:9", "ACEITE_HOME": str(tmp_path)}
    for name, value in {**settings, "ACEITE_CONTRACTS": str(CONTRACTS), "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_without_an_answer_from_aws_placeholders_are_said(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["policy", "all", "--json"], standalone_mode=False) == 0
    output, errors = capsys.readouterr()
    read_policy(output)
    assert "arn:aws:glue:us-east-1:ACCOUNT-ID:job/jobstagetosoringestion" in output
    assert "replace ACCOUNT-ID by your account" in errors
    assert "AWS does not say the location of the table database_sor.movies_table" in errors


def test_account_and_region_may_be_given(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--account", "210987654321", "--region", "eu-west-1", "--dataset", "sor-imdb-movies"]
    assert app(["policy", "validator", *options], standalone_mode=False) == 0
    output, errors = capsys.readouterr()
    assert "arn:aws:athena:eu-west-1:210987654321:workgroup/primary" in output
    assert "ACCOUNT-ID" not in output + errors and "flights" not in output


def test_what_aws_knows_is_in_the_policy(nowhere: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with LocalAws() as aws:
        monkeypatch.setenv("ACEITE_AWS_ENDPOINT_URL", aws.endpoint)
        provision(boto3.Session("a", "b", region_name=REGION), aws.endpoint, contracts_of(read_settings()))
        assert app(["policy", "validator"], standalone_mode=False) == 0
    output, errors = capsys.readouterr()
    found = {each["Sid"]: each for each in json.loads(output)["Statement"]}
    assert found["ReadTables"]["Resource"] == ["arn:aws:s3:::sor/flights/*", "arn:aws:s3:::sor/movies_table/*"]
    assert found["KeepResults"]["Resource"] == ["arn:aws:s3:::athena-results/*"]
    assert "UNKNOWN" not in output and "does not say" not in errors


def test_a_policy_that_is_too_large_is_not_printed(nowhere: Path, monkeypatch: Any, capsys: Any) -> None:
    text = (CONTRACTS / "movies.odcs.yaml").read_text("utf-8")
    for number in range(12):
        own = text.replace("sor-imdb-movies", f"movies-{number}").replace("/imdb/", f"/imdb{number}/")
        (nowhere / f"{number}.odcs.yaml").write_text(own, encoding="utf-8")
    monkeypatch.setenv("ACEITE_CONTRACTS", str(nowhere))
    assert app(["policy", "all"], standalone_mode=False) == 1
    output, errors = capsys.readouterr()
    assert output == "" and "IAM allows 6,144; `aceite policy all --compact` prints less" in errors
    commands = [shlex.split(line)[1:] for line in errors.splitlines() if line.strip().startswith("aceite policy all")]
    assert len(commands) > 1
    named = []
    for command in commands:
        assert app(command, standalone_mode=False) == 0
        read_policy(capsys.readouterr().out)
        named += [each for each in command if each.startswith("movies-")]
    assert sorted(named) == sorted(f"movies-{number}" for number in range(12))


def fifty_contracts(folder: Path) -> None:
    """Fifty datasets of a team: they share buckets and a database, and each has its own functions, job and table."""
    text = (CONTRACTS / "movies.odcs.yaml").read_text("utf-8")
    of_its_own = ("lambdastartjob", "lambdastartecstask", "jobstagetosoringestion", "movies_table", "sor-imdb-movies")
    for number in range(50):
        own = text.replace("/imdb/", f"/imdb{number}/")
        for name in of_its_own:
            own = own.replace(name, f"{name}{number}")
        (folder / f"{number}.odcs.yaml").write_text(own, encoding="utf-8")


def test_the_compact_policies_of_fifty_contracts_are_no_more_than_a_role_takes(
    nowhere: Path, monkeypatch: Any, capsys: Any
) -> None:
    fifty_contracts(nowhere)
    monkeypatch.setenv("ACEITE_CONTRACTS", str(nowhere))
    monkeypatch.setenv("ACEITE_AWS_ACCOUNT_ID", "123456789012")
    with LocalAws() as aws:
        monkeypatch.setenv("ACEITE_AWS_ENDPOINT_URL", aws.endpoint)
        provision(boto3.Session("a", "b", region_name=REGION), aws.endpoint, contracts_of(read_settings()))
        assert app(["policy", "all", "--compact"], standalone_mode=False) == 1
        lines = capsys.readouterr().err.splitlines()
        commands = [shlex.split(line)[1:] for line in lines if line.startswith("  aceite policy all --compact")]
        assert 1 < len(commands) <= MOST_POLICIES
        assert app(commands[0], standalone_mode=False) == 0
    output, errors = capsys.readouterr()
    assert "wider: arn:aws:s3:::landing/business/* instead of" in errors
    assert "wider: arn:aws:glue:us-east-1:123456789012:table/database_sor/* instead of" in errors
    read_policy(output)
    assert sum(len(command) - 3 for command in commands) == 2 * 50


def test_an_unknown_dataset_is_a_usage_error(nowhere: Path) -> None:
    with pytest.raises(
        UsageProblem, match="there is no contract of dataset 'none'; datasets: nyc-flights, sor-imdb-movies"
    ):
        app(["policy", "watcher", "--dataset", "none"], standalone_mode=False)


def test_the_sandbox_binds_policies_to_access_keys(nowhere: Path) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::landing"}
    file = nowhere / "policy.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allowed]}), encoding="utf-8")
    with _sandbox("--contracts", str(CONTRACTS), "--policy", f"lister={file}") as process:
        assert process.stdout and process.stdin
        endpoint = process.stdout.readline().split()[1]
        s3 = boto3.Session("lister", "x", region_name=REGION).client("s3", endpoint_url=endpoint)
        assert s3.list_objects_v2(Bucket="landing")["KeyCount"] == 0
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket="evidence")
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("policy.json", "expected ACCESS-KEY-ID=FILE"),
        ("key=FOLDER/absent.json", "cannot be read"),
        ("key=FOLDER/policy.json", "the policy of key cannot be evaluated: the document is not JSON"),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_a_usage_error(
    nowhere: Path, option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "policy.json").write_text("{", encoding="utf-8")
    assert main(["--port", "0", "--policy", option.replace("FOLDER", str(nowhere))]) == 64
    output, errors = capsys.readouterr()
    assert said in errors and "ready" not in output


def _sandbox(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--until-stdin-closes", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, encoding="utf-8", **pipes)  # type: ignore[call-overload, no-any-return]
