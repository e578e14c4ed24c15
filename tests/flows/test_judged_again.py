"""A person has a delivery judged again: a new verdict with evidence of its own, and the earlier evidence stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from begun_runs import Run
from builders import a_delivery, an_object, contract_text
from contract_texts import watched
from evidence_builder import accepted
from judged_formats import DAY, Dataset, Installation, column, installed
from prefect.client.orchestration import get_client
from prefect.logging import disable_run_logger
from prefect.states import Completed, Crashed

from acceptance.announcing.delivery_events import arrived
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.file_groups import Group, group_key
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.audit import audit
from acceptance.evidence.evidence import DeliveryRecord, Evidence, Member, StepStatus
from acceptance.evidence.manifest import sha256_of
from acceptance.evidence.object_keys import delivery_prefix
from acceptance.judging.judge import Verdict
from cli.verbs.landing_files import landed_delivery
from flows.evidence.audit import read_stored
from flows.evidence.files import put_evidence
from flows.evidence.verdicts import StandingVerdicts, read_verdict
from flows.installation.seal_keys import seal_keys
from flows.ledger import open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject, verdict_columns
from flows.locks.claims import take_claim
from flows.locks.holder import this_holder
from flows.prefect_api.runs import AGAIN
from flows.validate_delivery import validate_delivery
from flows.watching.verdicts.judged_again import JudgedAgain

NAME = "repeated"
REPEATED = Dataset(NAME, (column("id", "bigint", key=True),), by_job=False)
FILES = count()


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("repeated"), [REPEATED], prefect_server) as found:
        yield found


@pytest.fixture
def delivery(installation: Installation) -> Delivery:
    """A delivery that landed and was accepted."""
    key = installation.contracts[0].template.write(DAY + timedelta(days=next(FILES)), {"file": "f"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=b"id\n1\n2\n")
    landed = landed_delivery(installation.s3, "landing", key, installation.contracts)
    assert Run(validate_delivery, delivery=pointer(landed)).begin().name == "Accepted"
    return landed


def pointer(delivery: Delivery) -> dict[str, Any]:
    return DeliveryPointer.to(delivery).model_dump(mode="json")


def again(delivery: Delivery, **more: Any) -> Run:
    return Run(validate_delivery, delivery=pointer(delivery), again=True, **more)


def files(installation: Installation, delivery: Delivery) -> dict[str, bytes]:
    prefix = delivery_prefix(delivery)
    found = installation.s3.list_objects_v2(Bucket="evidence", Prefix=prefix).get("Contents", ())
    bodies = {each["Key"]: installation.s3.get_object(Bucket="evidence", Key=each["Key"])["Body"] for each in found}
    return {key.removeprefix(prefix): body.read() for key, body in bodies.items()}


def evidence(installation: Installation, delivery: Delivery) -> Evidence:
    return Evidence.model_validate_json(files(installation, delivery)["evidence.json"])


def empty_the_partition(installation: Installation, delivery: Delivery) -> None:
    prefix = f"{NAME}/day={delivery.business_date:%Y%m%d}/"
    for each in installation.s3.list_objects_v2(Bucket="sor", Prefix=prefix)["Contents"]:
        installation.s3.delete_object(Bucket="sor", Key=each["Key"])


def test_the_next_revision_has_evidence_of_its_own_and_the_earlier_one_stays(installation, delivery):
    before = files(installation, delivery)
    state = again(delivery).begin()
    first, second = evidence(installation, delivery), evidence(installation, delivery.judged_again())
    assert files(installation, delivery) == before
    assert (state.name, state.message) == ("Accepted", second.reason)
    assert (first.delivery.revision, second.delivery.revision, second.delivery.repetition) == (1, 2, 1)
    assert [step.status for step in second.steps if step.name.startswith("invoke")] == [StepStatus.SUCCEEDED]


def test_both_pieces_of_evidence_point_at_each_other(installation, delivery):
    again(delivery).begin()
    first, second = evidence(installation, delivery).delivery, evidence(installation, delivery.judged_again()).delivery
    assert first.judged_before is None
    assert first.judged_again == delivery_prefix(delivery.judged_again())
    assert second.judged_before is not None
    assert second.judged_before.prefix == delivery_prefix(delivery)
    assert second.judged_before.manifest_sha256 == sha256_of(files(installation, delivery)["manifest.json"])
    pages = [files(installation, each)["evidence.html"].decode() for each in (delivery, delivery.judged_again())]
    assert f'href="../{second.id}/evidence.html"' in pages[0]
    assert f'href="../{first.id}/evidence.html"' in pages[1]
    assert "revision 2, judged again" in pages[1]


def test_both_are_sealed_by_manifests_of_one_chain(installation, delivery):
    again(delivery).begin()
    stored = read_stored(installation.s3, "evidence", NAME, seal_keys().trusted)
    done = audit(stored, seal_keys().trusted, None)
    assert [str(flaw) for flaw in done.flaws] == []
    sealed = [manifest.prefix for manifest in done.signed.values()]
    assert sealed[-2:] == [delivery_prefix(delivery), delivery_prefix(delivery.judged_again())]


def test_the_verdict_of_the_run_is_the_new_one_and_a_mended_table_is_accepted(installation, delivery):
    empty_the_partition(installation, delivery)
    as_it_is = again(delivery, without_pipeline=True).begin()
    assert (as_it_is.name, as_it_is.is_failed()) == ("Rejected", True)
    second = evidence(installation, delivery.judged_again())
    assert {step.status for step in second.steps if step.name.startswith("invoke")} == {StepStatus.SKIPPED}
    assert again(delivery).begin().name == "Accepted", "the pipeline fills the partition again"
    third = evidence(installation, delivery.judged_again().judged_again()).delivery
    assert (third.revision, third.judged_before and third.judged_before.verdict) == (3, "rejected")


def test_a_run_that_is_retried_makes_no_third_judgement(installation, delivery):
    run = again(delivery)
    first, retried = run.begin(), run.retry()
    assert (retried.type, retried.name, retried.message) == (first.type, first.name, first.message)
    assert again(delivery).begin().name == "Accepted"
    assert run.retry().name == "Accepted"
    assert files(installation, delivery.judged_again().judged_again()) != {}
    assert files(installation, delivery.judged_again().judged_again().judged_again()) == {}


def test_two_who_ask_at_the_same_time_get_one_judgement(installation, delivery):
    other, now = again(delivery), datetime.now(UTC)
    holder = this_holder(str(other.id)).model_copy(update={"place": "another machine"})
    next_one, until = delivery.judged_again(), now + timedelta(hours=2)
    assert take_claim(installation.s3, "evidence", next_one, holder, now, until)
    state = again(delivery).begin()
    assert (state.name, "evidence.json" in files(installation, next_one)) == ("Duplicate", False)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(other.id, Crashed(), force=True)
    assert again(delivery).begin().name == "Accepted", "the run that died is taken over"
    assert evidence(installation, next_one).delivery.revision == 2
    assert files(installation, next_one.judged_again()) == {}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"again": "yes"}, "again is 'yes'; allowed are true and false"),
        ({"again": False, "without_pipeline": True}, "set again to true as well"),
    ],
)
def test_other_values_are_refused(delivery, parameters, said):
    state = Run(validate_delivery, delivery=pointer(delivery), **parameters).begin()
    assert state.name == "Refused"
    assert said in state.message


def test_a_delivery_without_a_verdict_is_not_judged_again(installation):
    key = installation.contracts[0].template.write(DAY, {"file": "never"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=b"id\n1\n")
    landed = landed_delivery(installation.s3, "landing", key, installation.contracts)
    state = again(landed).begin()
    assert (state.name, files(installation, landed)) == ("Refused", {})
    assert "has no verdict yet" in state.message


def test_a_file_that_is_gone_is_not_judged_again_and_the_verdict_stands(installation, delivery):
    installation.s3.delete_object(Bucket="landing", Key=delivery.first.key)
    state = again(delivery).begin()
    assert state.name == "Refused"
    assert files(installation, delivery.judged_again()) == {}


def test_the_watcher_counts_the_newest_revision(installation, delivery, tmp_path):
    now = datetime.now(UTC)
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger, disable_run_logger():
        new = NewObject(delivery.first, delivery, arrived(delivery))
        ledger.listing.commit(Certified("landing", "", None, (KeyRange(certified_at=now),), (new,)), now)
        judged = read_verdict(installation.s3, "evidence", delivery)
        ledger.announcements.record({delivery.id: verdict_columns(judged)}, now)
        look = JudgedAgain(ledger, {NAME: installation.contracts[0]}, installation.s3, "evidence")
        look.look(now)
        assert [(each.revision, each.verdict) for each in ledger.status.deliveries()] == [(1, "accepted")]
        empty_the_partition(installation, delivery)
        run = again(delivery, without_pipeline=True)
        run.begin()
        assert AGAIN in run.known().tags
        look.look(datetime.now(UTC))
        (counted,) = ledger.status.deliveries()
        assert (counted.revision, counted.verdict) == (2, "rejected")
        assert counted.evidence == f"s3://evidence/{delivery_prefix(delivery.judged_again())}"
        assert ledger.listing.revisions(NAME, [[delivery.first.key]]) == {(delivery.first.key,): 2}


def test_a_ledger_that_is_rebuilt_has_the_newest_revision(installation, delivery):
    again(delivery).begin()
    empty_the_partition(installation, delivery)
    again(delivery, without_pipeline=True).begin()
    standing = StandingVerdicts(installation.s3, "evidence")([delivery])[delivery.id]
    assert (standing.revision, standing.verdict) == (3, "rejected")


def test_what_a_stranger_puts_where_the_next_judgement_would_be_hides_no_verdict_and_keeps_none_back(
    installation, delivery
):
    """Evidence names that place before anybody asks, so everyone who may write there knows it."""
    place = delivery_prefix(delivery.judged_again())
    for name in ("manifest.json", "evidence.json"):
        installation.s3.put_object(Bucket="evidence", Key=place + name, Body=files(installation, delivery)[name])
    standing = StandingVerdicts(installation.s3, "evidence")([delivery])
    assert (standing[delivery.id].verdict, standing[delivery.id].revision) == (Verdict.ACCEPTED, 1)
    empty_the_partition(installation, delivery)
    assert again(delivery, without_pipeline=True).begin().name == "Rejected"
    standing = StandingVerdicts(installation.s3, "evidence")([delivery])
    assert (standing[delivery.id].verdict, standing[delivery.id].revision) == (Verdict.REJECTED, 2)


def test_the_next_delivery_of_a_group_of_files_has_a_revision_of_its_own(installation, tmp_path):
    contract = watched(contract_text("parts", delivery="{complete: count, files: 2, within: 1h}"))
    members = [an_object(f"parts/20260102/{name}.csv") for name in "ab"]
    landed, now = a_delivery(*members, dataset="parts", file="a"), datetime.now(UTC)
    key = group_key(contract, landed.business_date, landed.fields)
    for each in (landed, landed.judged_again()):
        record = DeliveryRecord(
            id=each.id,
            dataset="parts",
            business_date=each.business_date,
            revision=each.revision,
            members=tuple(map(Member.of, each.members)),
            repetition=each.repetition,
        )
        put_evidence(installation.s3, "evidence", each, accepted().model_copy(update={"delivery": record}))
    with get_client(sync_client=True) as client:
        client.create_flow_run(
            validate_delivery, parameters={"delivery": pointer(landed)}, tags=[AGAIN], state=Completed()
        )
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger, disable_run_logger():
        first = read_verdict(installation.s3, "evidence", landed)
        new = NewObject(landed.first, landed, judged=first)
        group = Group(key, {each.key: each for each in members}, revision=1, delivered=landed.members)
        ledger.groups.commit(group, now, new_object=new)
        JudgedAgain(ledger, {"parts": contract}, installation.s3, "evidence").look(now)
        assert [each.revision for each in ledger.status.deliveries()] == [2]
        assert ledger.groups.load([key])[key].revision == 2
