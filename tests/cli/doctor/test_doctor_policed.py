"""With the policies that `aceite policy all` and `doctor` print, the doctor sees everything, and finds it green."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from auth_strings import AUTH_STRING
from policed_installation import CONTRACTS, DEMO, KMS_KEY, Policed, policed, printed_policy
from repository import ROOT
from served_flows import become_served, eventually_green, give_sign_of_life

from acceptance.contract.contract import Contract
from automations.apply import apply
from blocks.settings import read_settings
from cli.doctor.clients import DoctorClients
from cli.doctor.looks import prefect as prefect
from cli.doctor.looks.findings import Finding, LookOutcome
from cli.doctor.plan import of_installation
from cli.doctor.runner import look_at

pytestmark = pytest.mark.proof

DOCTOR = "doctorkey"
WITHIN_S = 60
INSTALLATIONS = (("customers", "orders"), ("items",), ("marked", "listed", "quiet"), (DEMO,))
"""The contracts of each. One policy for all of them would be larger than IAM allows."""

Statement = dict[str, Any]


@dataclass
class Doctor:
    """One who may do what the statements say that `allow` was given last. `every` are those that are printed."""

    contracts: Sequence[Contract]
    every: dict[str, list[Statement]]
    allow: Callable[[Sequence[Statement]], None]

    def sees(self) -> list[Finding]:
        """What there is of AWS."""
        settings = read_settings()
        looks = list(of_installation(settings, self.contracts, DoctorClients(settings)))
        of_prefect = next(number for number, each in enumerate(looks) if each.asked == "Prefect's server")
        return list(look_at(looks[:of_prefect], WITHIN_S))


@pytest.fixture(scope="module")
def aceite(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[Policed]:
    with (
        policed(tmp_path_factory.mktemp("contracts"), prefect_server) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("ACEITE_AWS_ACCESS_KEY_ID", DOCTOR)
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("PREFECT_API_AUTH_STRING", AUTH_STRING)
        patch.chdir(tmp_path_factory.mktemp("nowhere"))
        yield running


@pytest.fixture(scope="module", params=INSTALLATIONS, ids=lambda datasets: datasets[-1])
def doctor(
    aceite: Policed, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doctor]:
    folder = tmp_path_factory.mktemp("of-one-installation")
    for name in request.param:
        (folder / f"{name}.odcs.yaml").write_text(CONTRACTS[name], encoding="utf-8")

    def allow(statements: Sequence[Statement]) -> None:
        aceite.allow(DOCTOR, {"Version": "2012-10-17", "Statement": statements})

    allow([{"Sid": "Print", "Effect": "Allow", "Action": ["glue:*", "athena:*"], "Resource": ["*"]}])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACEITE_CONTRACTS", str(folder))
        every = {duty: printed_policy(duty, "--kms-key", KMS_KEY)["Statement"] for duty in ("all", "doctor")}
        contracts = [each for each in aceite.contracts if each.dataset in request.param]
        yield Doctor(contracts, every, allow)


def test_everything_of_aws_is_green_with_nothing_but_the_policies(doctor):
    doctor.allow(doctor.every["all"] + doctor.every["doctor"])
    findings = doctor.sees()
    unlike = [(each.name, each.outcome) for each in findings if each.outcome is not LookOutcome.GREEN]
    assert unlike == [("account", LookOutcome.YELLOW)], findings
    assert {f"landing of {each.dataset}" for each in doctor.contracts} < {each.name for each in findings}


def test_each_statement_of_the_doctor_s_own_policy_is_needed(doctor):
    for left_out in doctor.every["doctor"]:
        doctor.allow([each for each in doctor.every["all"] + doctor.every["doctor"] if each != left_out])
        told = " ".join(each.found for each in doctor.sees() if each.outcome is not LookOutcome.GREEN)
        assert any(action in told for action in left_out["Action"]), f"nobody needs {left_out['Sid']}: {told}"


def test_without_a_policy_it_is_said_what_must_be_allowed(doctor):
    doctor.allow([])
    red = {each.name: each for each in doctor.sees() if each.outcome is LookOutcome.RED}
    for contract in doctor.contracts:
        seen = red[f"landing of {contract.dataset}"]
        assert "s3:ListBucket" in seen.found
        assert "aceite policy all" in seen.remedy


def test_the_whole_command_is_green_with_nothing_but_the_policies(doctor):
    doctor.allow(doctor.every["all"] + doctor.every["doctor"])
    apply(read_settings(), doctor.contracts)
    become_served()
    give_sign_of_life()
    eventually_green(partial(prefect.watched, lambda: datetime.now(UTC)))
    said = subprocess.run(
        [sys.executable, "-m", "cli.main", "doctor", "--json", "--within", str(WITHIN_S)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    document = json.loads(said.stdout)
    unlike = {each["name"]: each["outcome"] for each in document["findings"] if each["outcome"] != "green"}
    assert unlike == {"account": "yellow", "notification block": "yellow"}
    assert (document["green"], said.returncode) == (True, 0)
