"""An evidence bucket of its own for each test, and the command on it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from sealed_bucket import Aceite, Bucket, Said

from cli.main import main
from sandbox.server import REGION, LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture
def bucket(aws: LocalAws, request: pytest.FixtureRequest) -> Bucket:
    s3 = boto3.Session("test", "test", region_name=REGION).client("s3", endpoint_url=aws.endpoint)
    name = f"evidence-{abs(hash(request.node.nodeid))}"
    s3.create_bucket(Bucket=name)
    return Bucket(s3, name, aws.endpoint)


@pytest.fixture
def aceite(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Aceite:
    """Runs the command in this process, in an empty folder, on the bucket."""

    def run(*arguments: str, evidence_bucket: str = bucket.name) -> Said:
        settings = {
            "AWS_ENDPOINT_URL": bucket.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "EVIDENCE_BUCKET": evidence_bucket,
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"ACEITE_{name}", value)
        monkeypatch.setattr(sys, "argv", ["aceite", *arguments])
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run
