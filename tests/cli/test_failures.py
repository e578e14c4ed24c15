"""A command that fails prints one sentence, and its exit code is never that of a verdict."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from cli.serving.home import take_home
from flows.ledger import open_ledger, sqlite_url
from sandbox.server import LocalAws

FILE = ("drop", __file__, "--dataset", "nyc-flights", "--date", "2013-01-01")
NOBODY = "http://127.0.0.1:9"
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


def refused(said, code: int, *words: str) -> None:
    """One message on standard error, nothing where a program reads, and an exit code that is no verdict."""
    assert said.returncode == code, said.stderr
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    assert said.stderr.startswith("aceite: ")
    for word in words:
        assert word in said.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_setting_is_a_usage_error_in_every_verb(alone, verb):
    refused(alone(*VERBS[verb], ACEITE_POLL_S="often"), 64, "ACEITE_POLL_S")


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
    refused(alone(*VERBS[verb]), 2, "http://127.0.0.1:9/api does not answer", "`aceite up`")
    refused(alone(*VERBS[verb], PREFECT_API_URL=""), 2, "no Prefect server is chosen", "`aceite up`")


@pytest.mark.parametrize("verb", ["drop", "evidence verify"])
def test_an_aws_that_cannot_be_reached_is_no_verdict(alone, verb):
    refused(alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL="http://127.0.0.1:9", **KEYS), 2, "AWS cannot be reached")


@pytest.mark.parametrize("verb", ["drop", "report", "evidence verify"])
def test_a_bucket_that_is_not_there_is_no_verdict(alone, verb):
    with LocalAws() as aws:
        said = alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    bucket = "landing" if verb == "drop" else "evidence"
    refused(said, 2, "NoSuchBucket", f"`aws s3 mb s3://{bucket}`")


@pytest.mark.parametrize("verb", ["drop", "up", "contracts init"])
def test_credentials_of_another_account_are_a_usage_error(alone, verb):
    keys = {**KEYS, "ACEITE_AWS_ACCOUNT_ID": "999999999999"}
    with LocalAws() as aws:
        refused(alone(*VERBS[verb], ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **keys), 64, "999999999999")


@pytest.mark.parametrize("option", ["--aws-port", "--prefect-port"])
def test_a_port_that_is_taken_is_a_usage_error(alone, option, taken):
    said = alone("demo", "--aws-port", "0", "--prefect-port", "0", option, str(taken))
    assert said.returncode == 64, said.stderr
    assert f"port {taken} on 127.0.0.1 is taken; give {option} another one" in said.stderr


def test_the_sandbox_alone_tells_its_port_in_the_same_way(alone, taken):
    refused(alone("sandbox", "--port", str(taken)), 64, str(taken))


def test_a_ledger_that_cannot_be_is_a_usage_error_and_one_that_cannot_be_opened_is_not(alone, tmp_path):
    refused(alone("status", "--json", ACEITE_LEDGER_URL="mysql://there/it"), 64, "ACEITE_LEDGER_URL")
    (tmp_path / "ledger.db").write_bytes(b"no database, although it is a file" * 10)
    refused(alone("status", "--json", ACEITE_LEDGER_URL="sqlite:///ledger.db"), 2, "file is not a database")


def test_an_unexpected_error_is_no_verdict():
    from cli.failures import describe, exit_code

    surprise = KeyError("nobody foresaw this")
    assert exit_code(surprise) == 2
    assert "this command judged nothing" in describe(surprise)


def test_a_delivery_that_is_dropped_twice_in_a_sandbox_is_no_failure(alone):
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        boto3.client("s3", endpoint_url=aws.endpoint, **keys).create_bucket(Bucket="landing")
        said = alone(*FILE, ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    assert said.returncode == 0, said.stderr
    assert Path(__file__).name.replace(".py", "") in said.stderr


@pytest.mark.parametrize("verb", ["drop", "report", "evidence verify", "contracts init"])
def test_without_credentials_it_is_said_how_to_give_them_and_whose_aws_may_be_meant(alone, verb, tmp_path):
    said = alone(*VERBS[verb], ACEITE_AWS_REGION="us-east-1")
    refused(said, 64, "there are no credentials for AWS", "set ACEITE_AWS_PROFILE", "--home")
    assert f"No `aceite up` runs on the home {tmp_path / 'home'}: to use its AWS, give its home" in said.stderr


def test_up_without_credentials_names_the_sandbox(alone):
    said = alone("up", ACEITE_AWS_REGION="us-east-1")
    refused(said, 64, "there are no credentials for AWS", "`aceite up --sandbox` needs none")


def test_a_folder_to_drop_is_told_with_the_files_in_it(alone, tmp_path):
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / "day" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "day" / name).write_text("a\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    drop = ("drop", "--dataset", "nyc-flights")
    files = f"name the files in it; it has {Path('day', 'a.csv')}, {Path('day', 'b.csv')}, and others"
    refused(alone(*drop, "day", **KEYS, ACEITE_AWS_ENDPOINT_URL=NOBODY), 64, "day is a folder", files)
    refused(alone(*drop, "empty", **KEYS, ACEITE_AWS_ENDPOINT_URL=NOBODY), 64, "empty is a folder", "it holds no file")


def test_a_file_that_is_not_there_is_told_with_the_one_beside_that_was_meant(alone, tmp_path):
    (tmp_path / "flights.csv").write_text("a\n", encoding="utf-8")
    said = alone("drop", "flihgts.csv", "--dataset", "nyc-flights", ACEITE_AWS_ENDPOINT_URL=NOBODY, **KEYS)
    refused(said, 64, "these files do not exist: flihgts.csv; did you mean flights.csv?")


@pytest.mark.parametrize("second", ["a.csv", "again/a.csv"])
def test_files_that_would_replace_each_other_are_told_before_any_of_them_lands(alone, tmp_path, second):
    (tmp_path / "again").mkdir()
    for file in (tmp_path / "a.csv", tmp_path / second):
        file.write_text("a\n", encoding="utf-8")
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        s3 = boto3.client("s3", endpoint_url=aws.endpoint, **keys)
        s3.create_bucket(Bucket="landing")
        drop = ("drop", "a.csv", second, "--dataset", "nyc-flights", "--wait", "--timeout", "5")
        said = alone(*drop, ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
        assert "Contents" not in s3.list_objects_v2(Bucket="landing")
    refused(said, 64, f"a.csv and {Path(second)} would both land as business/nycflights13/", "one after the other")


def test_a_dataset_and_a_fault_that_are_misspelt_are_told_with_what_was_meant(alone):
    reached = {"ACEITE_AWS_ENDPOINT_URL": NOBODY, **KEYS}
    refused(
        alone("drop", __file__, "--dataset", "nyc-flihgts", **reached), 64, "'nyc-flihgts'; did you mean nyc-flights?"
    )
    refused(
        alone(*FILE, "--fault", "row-droped", **reached), 64, "of the sandbox; did you mean row-dropped? its faults are"
    )


def test_evidence_of_a_misspelt_dataset_is_told_with_the_one_that_was_meant(alone):
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        s3 = boto3.client("s3", endpoint_url=aws.endpoint, **keys)
        s3.create_bucket(Bucket="evidence")
        s3.put_object(Bucket="evidence", Key="manifests/nyc-flights/00000001.json", Body=b"{}")
        said = alone("evidence", "verify", "nyc-flihgts", ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    refused(said, 64, "no evidence of 'nyc-flihgts'; did you mean nyc-flights? datasets with evidence: nyc-flights")


def test_a_file_that_lands_under_another_suffix_is_told_so(alone, tmp_path):
    (tmp_path / "FLIGHTS.TXT").write_text("a\n", encoding="utf-8")
    (tmp_path / "flights.csv").write_text("a\n", encoding="utf-8")
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        boto3.client("s3", endpoint_url=aws.endpoint, **keys).create_bucket(Bucket="landing")
        said = alone("drop", "FLIGHTS.TXT", "flights.csv", *FILE[2:], ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    assert said.returncode == 0, said.stderr
    renamed, kept = said.stderr.splitlines()
    assert renamed.endswith("; FLIGHTS.TXT is FLIGHTS.csv there, as the key template says, with the same bytes")
    assert "as the key template" not in kept


@pytest.mark.parametrize("verb", ["drop", "report", "up"])
def test_a_profile_that_is_not_there_is_named_with_how_to_make_it(alone, verb):
    refused(alone(*VERBS[verb], ACEITE_AWS_PROFILE="squad"), 64, "squad", "`aws configure --profile squad` creates it")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ACEITE_AWS_ENDPOINT_URL", "foo", "http:// or https:// with a host, such as http://127.0.0.1:5000"),
        ("ACEITE_AWS_ACCOUNT_ID", "12", "twelve digits, such as 111122223333"),
        ("ACEITE_NOTIFICATION_BLOCK", "slack", "its type and name, such as slack-webhook/squad-sor"),
        ("ACEITE_POL_S", "5", "in the environment, is not a setting; did you mean ACEITE_POLL_S?"),
    ],
)
def test_of_a_wrong_setting_it_is_said_what_is_allowed(alone, name, value, allowed):
    refused(alone("evidence", "verify", "nyc-flights", **{name: value}), 64, name, allowed)


UNREADABLE = {
    "UTF-16": ("ACEITE_LANDING_BUCKET=chegada\n".encode("utf-16"), "it is UTF-16"),
    "cp1252": ("# açaí\nACEITE_LANDING_BUCKET=chegada\n".encode("cp1252"), "line 1 has a byte that is not UTF-8"),
}


@pytest.mark.parametrize("encoding", UNREADABLE)
def test_a_dotenv_file_that_is_not_utf8_is_named_with_how_to_save_it(alone, encoding, tmp_path):
    content, found = UNREADABLE[encoding]
    (tmp_path / ".env").write_bytes(content)
    refused(alone("status", "--json"), 64, str(tmp_path / ".env"), found, "save it as UTF-8")
    examined = alone("doctor", "--json")
    (finding,) = json.loads(examined.stdout)["findings"]
    assert (examined.returncode, finding["name"], finding["outcome"]) == (1, "settings", "red")
    assert found in finding["found"]


def test_a_home_that_cannot_be_made_is_named_with_the_option_that_moves_it(alone, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for verb in (("up", "--sandbox"), ("demo", "--exit")):
        refused(alone(*verb, "--home", str(tmp_path / "file" / "home")), 64, "cannot be made", "--home")


def test_status_of_a_home_that_is_not_there_says_so_and_makes_nothing(alone, tmp_path):
    refused(alone("status", "--json", "--home", str(tmp_path / "absent")), 64, f"{tmp_path / 'absent'} does not exist")
    assert not (tmp_path / "absent").exists()


def test_status_of_a_home_without_a_ledger_says_so_and_makes_none(alone, tmp_path):
    take_home(tmp_path / "home")
    said = alone("status", "--json")
    assert (said.returncode, json.loads(said.stdout)["deliveries"]) == (0, [])
    assert f"the folder {tmp_path / 'home'} has no ledger yet" in said.stderr
    assert not list((tmp_path / "home").glob("*.db"))


def test_a_file_that_the_system_refuses_is_named_without_the_number_of_the_error(alone, tmp_path):
    with open_ledger(sqlite_url(take_home(tmp_path / "home") / "ledger.db")):
        pass
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    said = alone("report", "--output", str(Path("file") / "site"))
    refused(said, 2, "file", "check that it exists and that this user may read and write it")
    assert "Errno" not in said.stderr and "WinError" not in said.stderr


def test_a_folder_is_no_sample(alone, tmp_path):
    refused(alone("contracts", "init", str(tmp_path), "--dataset", "x"), 64, "is a folder: name a file in it")


def test_the_faults_of_the_sandbox_are_listed_without_a_file_and_a_dataset(alone):
    said = alone("drop", "--fault", "list")
    assert (said.returncode, said.stderr) == (0, "")
    assert "cell-changed" in said.stdout


def test_a_field_that_the_key_template_has_not_is_refused_with_those_that_it_has(alone):
    with LocalAws() as aws:
        said = alone(*FILE, "--field", "fil=x", ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    refused(said, 64, "--field fil", "did you mean file? it has file")


def test_who_waits_is_told_at_once_that_nobody_serves(alone, tmp_path):
    with LocalAws() as aws:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        s3 = boto3.client("s3", endpoint_url=aws.endpoint, **keys)
        for bucket in ("landing", "evidence"):
            s3.create_bucket(Bucket=bucket)
        said = alone(*FILE, "--wait", "--timeout", "0", ACEITE_AWS_ENDPOINT_URL=aws.endpoint, **KEYS)
    assert said.returncode == 2, said.stderr
    assert f"no `aceite up` runs on the home {tmp_path / 'home'}" in said.stderr


def test_a_table_of_data_is_no_contract(alone, tmp_path):
    (tmp_path / "a.csv").write_text("id,title\n1,a\n", encoding="utf-8")
    said = alone("contracts", "check", "a.csv")
    assert said.returncode == 1
    assert "is no ODCS document" in said.stdout
