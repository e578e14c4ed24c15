import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest
from builders import contract_text
from repository import ROOT

from sandbox.server import LocalAws


def _start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip


def test_it_says_where_it_is_once_it_is_ready_and_ends_with_its_parent() -> None:
    process = _start("--port", "0", "--until-stdin-closes")
    assert process.stdout and process.stdin
    word, endpoint = process.stdout.readline().split()
    assert word == "ready"
    with urllib.request.urlopen(f"{endpoint}/", timeout=10) as answer:
        assert answer.status == 200
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_port_that_is_taken_is_a_usage_error(aws: LocalAws) -> None:
    port = aws.endpoint.rsplit(":", 1)[1]
    process = _start("--port", port)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (64, "")
    assert errors.startswith(f"Port {port} on 127.0.0.1 is in use.")


def test_the_contracts_are_provisioned_before_it_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    monkeypatch.setenv("ACEITE_EVIDENCE_BUCKET", "proofs")
    process = _start("--port", "0", "--until-stdin-closes", "--contracts", str(tmp_path))
    assert process.stdout and process.stderr
    line = process.stdout.readline()
    assert line.startswith("ready "), process.stderr.read()
    client = boto3.client(
        "s3", endpoint_url=line.split()[1], region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    assert {"incoming", "proofs"} <= {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    process.communicate(timeout=20)


def test_contracts_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.odcs.yaml").write_text("a: [", encoding="utf-8")
    process = _start("--port", "0", "--contracts", str(tmp_path))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and "a.odcs.yaml" in errors


HOLDING_ON = """
import socket, time
def handler(event, context):
    held = socket.create_connection(("127.0.0.1", event["port"]))
    held.sendall(b"here")
    time.sleep(300)
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "kill"])
def test_a_running_function_ends_with_the_sandbox_and_a_signal_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how != "kill" and sys.platform == "win32":
        pytest.skip("Windows has no signals to send")
    if how == "SIGHUP" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        pytest.skip("nohup runs these tests, so a hang-up is ignored")
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    process = _start("--port", "0")
    assert process.stdout
    session = boto3.Session("x", "x", region_name="us-east-1")
    endpoint = process.stdout.readline().split()[1]
    role = session.client("iam", endpoint_url=endpoint).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("holding.py", HOLDING_ON)
    functions = session.client("lambda", endpoint_url=endpoint)
    code = {"ZipFile": package.getvalue()}
    functions.create_function(
        FunctionName="f", Runtime="python3.12", Role=role["Arn"], Handler="holding.handler", Code=code, Timeout=300
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        event = json.dumps({"port": listening.getsockname()[1]})
        functions.invoke(FunctionName="f", InvocationType="Event", Payload=event)
        held, _ = listening.accept()
        with held:
            held.settimeout(20)
            assert held.recv(4) == b"here"
            assert list(tmp_path.iterdir()) != []
            process.kill() if how == "kill" else process.send_signal(getattr(signal, how))
            process.communicate(timeout=20)
            with contextlib.suppress(ConnectionResetError):  # as Windows says it
                assert held.recv(1) == b""
    assert how == "kill" or list(tmp_path.iterdir()) == []


TWICE = """
import boto3
from sandbox.server import LocalAws
session = boto3.Session("x", "x", region_name="us-east-1")
for _ in range(2):
    with LocalAws() as aws:
        s3 = session.client("s3", endpoint_url=aws.endpoint)
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["athena-results"]
        s3.create_bucket(Bucket="left")
        glue = session.client("glue", endpoint_url=aws.endpoint)
        assert glue.get_databases()["DatabaseList"] == []
        glue.create_database(DatabaseInput={"Name": "left"})
print("nothing leaked")
"""


def test_a_second_sandbox_in_a_process_is_a_new_one() -> None:
    ran = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert ran.stdout.strip() == "nothing leaked", ran.stderr


EC2_WHEN_USED = """
import sys
from pathlib import Path
import boto3
from blocks.settings import read_settings
from flows.installation.contracts import contracts_of
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

session = boto3.Session("any", "thing", region_name="us-east-1")
with LocalAws() as aws:
    provision(session, aws.endpoint, contracts_of(read_settings(contracts=Path("contracts"))), "evidence")
    session.client("ssm", endpoint_url=aws.endpoint).put_parameter(Name="/a", Value="b", Type="String")
    print("moto.ec2.models" in sys.modules)
    machine = session.client("ec2", endpoint_url=aws.endpoint).run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "of", "Value": "us"}]}],
    )["Instances"][0]["InstanceId"]
    sent = session.client("ssm", endpoint_url=aws.endpoint).send_command(
        DocumentName="AWS-RunShellScript", Targets=[{"Key": "tag:of", "Values": ["us"]}],
        Parameters={"commands": ["ls"]},
    )["Command"]
    print(sent["InstanceIds"] == [machine])
"""


def test_ec2_is_imported_when_somebody_uses_it_and_not_before() -> None:
    """It takes 115 MB, and no contract has a machine of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", EC2_WHEN_USED], capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert ran.stdout.split() == ["False", "True"], ran.stderr


def test_the_names_of_the_faults_need_no_moto() -> None:
    code = (
        "import sys; from sandbox.pipeline.deployed.injected_faults import FAULTS\n"
        "assert 'moto' not in sys.modules; print(len(FAULTS))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=30, check=True)
    assert ran.stdout.strip() == "9"


CONTRACT = contract_text(
    "a",
    "- {name: id, logicalType: integer, physicalType: bigint, required: true}",
    day="day",
    location="s3://incoming/a/{business_date:%Y%m%d}/{file}.csv",
    database="sor_a",
    steps='[{invoke: take, payload: {key: "{key}"}, within: 1m}]',
)


@pytest.fixture(autouse=True)
def _run_where_the_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
