"""An evidence bucket of its own for each test, and the command on the sandbox's."""

import sys
from pathlib import Path
from typing import Any

import pytest
from aws_clients import KEY, REGION, Aws
from sealed_bucket import Aceite, Bucket, Said

from cli.main import main


@pytest.fixture
def bucket(s3_server: Aws, s3: Any, s3_bucket: str) -> Bucket:
    return Bucket(s3, s3_bucket, s3_server.endpoint)


@pytest.fixture
def aceite(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Aceite:
    """Runs the command in this process, in an empty folder, on the bucket."""

    def run(*arguments: str, evidence_bucket: str = bucket.name) -> Said:
        settings = {
            "AWS_ENDPOINT_URL": bucket.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
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
