"""Deliveries under faults of AWS at three of ten calls: right verdicts, no parameter left, nothing done twice."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import boto3
import pytest
from builders import contract_text
from polling import eventually

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import AceiteError
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import EVIDENCE, evidence_prefix
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from cli.verbs.landing_files import landed_delivery
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.locks.claims import take_claim
from flows.locks.holder import this_holder
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from sandbox.fault_injection.aws_faults import AwsFault, AwsFaultKind
from sandbox.pipeline.provision import provision
from sandbox.server import REGION, LocalAws

SEED = 6
COLUMNS = """
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: quantity, logicalType: integer, physicalType: int, logicalTypeOptions: {minimum: 1}}
      - {name: day, logicalType: string, partitioned: true}
"""
BY_FUNCTIONS = """[
        {invoke: copyfunctions, payload: {key: "{key}"}, asynchronous: true, within: 20s},
        {await_object: "s3://stage/{key}", within: 8s},
        {invoke: ingestfunctions, payload: {key: "{key}"}, within: 20s},
        {await_object: "s3://sor/functions/day={business_date:%Y%m%d}/", within: 8s},
      ]"""
BY_JOB = """[
        {run_glue_job: jobjobs, arguments: {--key: "{key}"}, within: 1m},
      ]"""


def contract(name: str, steps: str, override: bool) -> str:
    properties = {"steps": steps, "partition": '{day: "{business_date:%Y%m%d}"}'}
    if override:
        properties["override"] = f'[{{parameter: /{name}/_test, copy_of: /{name}, set: {{key: "{{key}}"}}}}]'
    return contract_text(name, COLUMNS, database="faults", **properties)


CONTRACTS = {"functions": BY_FUNCTIONS, "jobs": BY_JOB}
GOOD = "id,quantity\n1,10\n2,20\n"
FIRST = date(2026, 1, 1)
EVERYWHERE: dict[str, tuple[dict[str, Any], ...]] = {
    "throttling": ({"kind": AwsFaultKind.THROTTLED},),
    "errors": ({"kind": AwsFaultKind.ERROR}, {"kind": AwsFaultKind.ERROR, "after": True}),
    "resets": ({"kind": AwsFaultKind.RESET}, {"kind": AwsFaultKind.RESET, "after": True}),
    "latency": ({"kind": AwsFaultKind.SLOW, "seconds": 0.3},),
    "denials": ({"kind": AwsFaultKind.DENIED},),
    "time-outs": (
        {"kind": AwsFaultKind.TIMEOUT, "seconds": 2.0},
        {"kind": AwsFaultKind.TIMEOUT, "seconds": 2.0, "after": True},
    ),
}
"""Time-outs are shorter here than the clients' own of 20 s, which are waited for in test_faults_steps.py."""


@dataclass
class Landed:
    """Files in the landing bucket of the sandbox, each of a business date of its own."""

    aws: LocalAws
    _days: Iterator[date] = field(default_factory=lambda: (FIRST + timedelta(days=each) for each in count()))

    def __post_init__(self) -> None:
        session = boto3.Session("other", "other", region_name=REGION)
        self.s3, self.ssm, self.glue = (
            session.client(name, endpoint_url=self.aws.endpoint) for name in ("s3", "ssm", "glue")
        )

    def land(self, dataset: str, fault: str = "") -> Delivery:
        business_date = next(self._days)
        key, metadata = f"{dataset}/{business_date:%Y%m%d}/rows.csv", {"aceite-fault": fault} if fault else {}
        self.s3.put_object(Bucket="landing", Key=key, Body=GOOD.encode(), Metadata=metadata)
        return landed_delivery(self.s3, "landing", key, [contract_of(dataset)])

    def evidence(self, delivery: Delivery) -> Evidence | None:
        key = evidence_prefix(delivery.dataset, delivery.business_date, delivery.id) + EVIDENCE
        if self.s3.list_objects_v2(Bucket="evidence", Prefix=key)["KeyCount"] == 0:
            return None
        return Evidence.model_validate_json(self.s3.get_object(Bucket="evidence", Key=key)["Body"].read())

    def parameters(self) -> set[str]:
        return {each["Name"] for each in self.ssm.describe_parameters()["Parameters"]}

    def start_slowly(self, job: str, arguments: dict[str, str]) -> str:
        """Starts a run of the job that does nothing for some seconds before it does its work."""
        place = self.glue.get_job(JobName=job)["Job"]["Command"]["ScriptLocation"].removeprefix("s3://")
        bucket, _, key = place.partition("/")
        script = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        self.s3.put_object(Bucket=bucket, Key=key, Body=b"import time\ntime.sleep(10)\n" + script)
        run: str = self.glue.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]
        state = lambda: self.glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"]  # noqa: E731
        eventually(lambda: state() == "RUNNING", "the run")
        self.s3.put_object(Bucket=bucket, Key=key, Body=script)
        return run

    def inject(self, faults: tuple[dict[str, Any], ...], **more: Any) -> None:
        made = [AwsFault(**fault, **more, rate=0.3 / len(faults), seed=SEED + n) for n, fault in enumerate(faults)]
        print(f"seeds {[fault.seed for fault in made]}")  # noqa: T201
        self.aws.fault_injection.set(made)

    def judge(self, *deliveries: Delivery) -> dict[str, Evidence]:
        """As the watcher does: what came to no verdict is judged again, by a new run."""
        pointers = [DeliveryPointer.to(each) for each in deliveries]
        for _ in range(4):
            if pointers:
                try:
                    if len(pointers) == 1:
                        validate_delivery(pointers[0], return_state=True)
                    else:
                        validate_deliveries(pointers, return_state=True)
                except AceiteError:
                    continue
            pointers = [DeliveryPointer.to(each) for each in deliveries if self.evidence(each) is None]
        self.aws.fault_injection.set(())
        found = {each.id: self.evidence(each) for each in deliveries}
        assert None not in found.values(), "a delivery is lost"
        return {id_: evidence for id_, evidence in found.items() if evidence}


@pytest.fixture(scope="module")
def _landed(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    home = tmp_path_factory.mktemp("faults")
    (home / "contracts").mkdir()
    for name, steps in CONTRACTS.items():
        (home / "contracts" / f"{name}.odcs.yaml").write_text(contract(name, steps, override=True), encoding="utf-8")
    with LocalAws() as aws, pytest.MonkeyPatch.context() as environment:
        settings = SANDBOX_SETTINGS | {
            "ACEITE_AWS_ENDPOINT_URL": aws.endpoint,
            "ACEITE_CONTRACTS": str(home / "contracts"),
            "ACEITE_HOME": str(home),
        }
        for name, value in settings.items():
            environment.setenv(name, value)
        save_blocks(read_settings())
        for known in (load_clients, installed_contracts):
            known.cache_clear()  # of tests that ran in this process before
        provision(boto3.Session("other", "other", region_name=REGION), aws.endpoint, map(contract_of, CONTRACTS))
        yield Landed(aws)
    for known in (load_clients, installed_contracts):
        known.cache_clear()


@pytest.fixture
def landed(_landed: Landed) -> Iterator[Landed]:
    before = _landed.parameters()
    yield _landed
    _landed.aws.fault_injection.set(())
    assert _landed.parameters() == before, "a parameter is left behind"


@pytest.mark.proof
@pytest.mark.parametrize("what", EVERYWHERE)
def test_under_a_fault_at_three_of_ten_calls_each_delivery_gets_its_verdict_or_the_reason_why_not(
    landed: Landed, what: str
) -> None:
    good, bad = landed.land("functions"), landed.land("functions", fault="row-dropped")
    landed.inject(EVERYWHERE[what])
    judged = landed.judge(good, bad)
    for delivery, right in ((good, "accepted"), (bad, "rejected")):
        found = judged[delivery.id]
        assert found.verdict.value in (right, "inconclusive"), found.reason
        if found.verdict.value == "inconclusive":
            assert what not in ("throttling", "latency"), found.reason  # these never leave open what was done
            assert "invoke" in found.reason or "AccessDenied" in found.reason, found.reason


@pytest.mark.proof
def test_every_other_service_may_fail_as_it_likes_and_each_verdict_is_right(landed: Landed) -> None:
    faults = [
        fault | {"service": service}
        for service in ("s3", "ssm", "glue", "athena")
        for fault in (
            {"kind": AwsFaultKind.THROTTLED},
            {"kind": AwsFaultKind.RESET, "after": True},
            {"kind": AwsFaultKind.ERROR, "after": True},
        )
    ]
    good, bad = landed.land("functions"), landed.land("functions", fault="cell-changed")
    landed.aws.fault_injection.set([AwsFault(**fault, rate=0.1, seed=SEED + n) for n, fault in enumerate(faults)])
    judged = landed.judge(good, bad)
    assert {id_: each.verdict.value for id_, each in judged.items()} == {good.id: "accepted", bad.id: "rejected"}


def test_a_job_is_started_once_for_each_delivery_though_every_answer_is_lost(landed: Landed) -> None:
    delivery = landed.land("jobs")
    landed.aws.fault_injection.set([AwsFault(AwsFaultKind.RESET, "glue", "StartJobRun", after=True, seed=SEED)])
    (found,) = landed.judge(delivery).values()
    assert found.verdict.value == "accepted", found.reason
    keys = [run["Arguments"]["--key"] for run in landed.glue.get_job_runs(JobName="jobjobs")["JobRuns"]]
    assert keys == [delivery.members[0].key]


def test_who_takes_a_delivery_over_starts_no_job_beside_that_of_the_run_that_died(landed: Landed) -> None:
    delivery = landed.land("jobs")
    died, now = this_holder(str(uuid4())).model_copy(update={"place": "another machine"}), datetime.now(UTC)
    assert take_claim(landed.s3, "evidence", delivery, died, now, now + timedelta(hours=1))
    arguments = {"--key": delivery.members[0].key}
    of_the_dead = landed.start_slowly("jobjobs", arguments)
    (found,) = landed.judge(delivery).values()
    assert found.verdict.value == "accepted", found.reason
    runs = landed.glue.get_job_runs(JobName="jobjobs")["JobRuns"]
    first, second = sorted((run for run in runs if arguments.items() <= run["Arguments"].items()), key=_started)
    assert first["Id"] == of_the_dead
    assert first["CompletedOn"] <= second["StartedOn"]
    steps = {step.name: step for step in found.steps}
    assert of_the_dead in steps["await earlier runs of jobjobs"].detail


def _started(run: dict[str, Any]) -> datetime:
    started: datetime = run["StartedOn"]
    return started


def test_a_call_without_an_answer_goes_on_when_its_effect_is_seen_and_the_evidence_tells(landed: Landed) -> None:
    good, bad = landed.land("functions"), landed.land("functions", fault="row-dropped")
    landed.aws.fault_injection.set([AwsFault(AwsFaultKind.RESET, "lambda", "Invoke", after=True, seed=SEED)])
    judged = landed.judge(good, bad)
    assert judged[good.id].verdict.value == "accepted"
    steps = {step.name: step for step in judged[good.id].steps}
    assert "Aceite did not invoke it again" in steps["invoke ingestfunctions"].detail
    # Rows that are missing may be rows that are still to come, when nobody knows whether the function came to its end.
    assert judged[bad.id].verdict.value == "inconclusive"
    assert "Aceite did not invoke it again" in judged[bad.id].reason and "what is there now" in judged[bad.id].reason


def test_a_call_that_never_was_is_inconclusive_with_both_reasons(landed: Landed) -> None:
    delivery = landed.land("functions")
    landed.aws.fault_injection.set([AwsFault(AwsFaultKind.RESET, "lambda", "Invoke", at_most=1, seed=SEED)])
    (found,) = landed.judge(delivery).values()
    assert found.verdict.value == "inconclusive"
    assert "await s3://stage/" in found.reason and "Aceite did not invoke it again" in found.reason


@pytest.mark.proof
def test_a_service_that_is_gone_past_the_deadline_is_inconclusive_with_its_own_words(landed: Landed) -> None:
    delivery = landed.land("functions")
    landed.aws.fault_injection.set([AwsFault(AwsFaultKind.DENIED, "ssm", "PutParameter", seed=SEED)])
    (found,) = landed.judge(delivery).values()
    assert found.verdict.value == "inconclusive"
    assert "AccessDeniedException" in found.reason
    assert json.dumps(found.reason).count("request ") == 1
