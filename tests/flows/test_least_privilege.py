"""With the policies that `aceite policy` prints all works, each statement is needed, and nothing else is allowed."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from policed_installation import CONTENT, VALIDATOR, WATCHER, Policed, policed, printed_policy

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import AceiteError, QueryFailed
from acceptance.evidence.object_keys import parameter_locks_prefix
from acceptance.evidence.signatures import PublicKey
from acceptance.judging.judge import Verdict
from acceptance.overview.pages import Links
from aws import athena
from aws import lambda_functions as functions
from aws.calls import no_retry_config
from aws.glue import catalog as glue
from aws.glue import jobs as glue_jobs
from aws.kms import public_key, sign
from aws.parameters.overrides import override_parameter, restore_parameter
from aws.parameters.versions import read_parameter
from aws.s3.notifications import receive_notifications
from aws.s3.objects import download, list_objects, object_exists
from aws.s3.writes import locking, put_once
from flows.evidence.chain import link_numbers
from flows.evidence.verdicts import StandingVerdicts
from flows.ledger import open_ledger, sqlite_url
from flows.locks.claims import read_claim
from flows.overview.publishing import Publisher
from flows.watching.listing import Landing, Pace
from sandbox.policies.policy import RequiredPermission, read_policy

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
BODY = b"id\n1\n"
SHA256 = hashlib.sha256(BODY).hexdigest()
PARTS = 4
"""Processes that wait beside each other."""
Do = Callable[[], object]


@pytest.fixture(scope="module")
def aceite(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[Policed]:
    with policed(tmp_path_factory.mktemp("contracts"), prefect_server) as running:
        yield running


@pytest.fixture(scope="module")
def accepted(aceite: Policed) -> Mapping[str, Delivery]:
    """Deliveries that were judged with the validator's policy, by dataset. Orders refer to customers."""
    return {dataset: aceite.accepted(dataset) for dataset in CONTENT}


@pytest.fixture(autouse=True)
def whole_policies(aceite: Policed) -> None:
    """A test that takes a statement away leaves the policy so."""
    for key, document in aceite.printed.items():
        aceite.allow(key, document)


def sids(aceite: Policed, key: str) -> list[str]:
    return [statement["Sid"] for statement in aceite.printed[key]["Statement"]]


def test_deliveries_are_accepted_with_nothing_but_the_policy(aceite: Policed, accepted: Mapping[str, Delivery]) -> None:
    evidence = aceite.evidence(accepted["orders"])
    assert (evidence.verdict, evidence.parameters[0].restored) == (Verdict.ACCEPTED, True)
    assert {query.purpose for query in aceite.evidence(accepted["items"]).queries} == {"landed", "checks"}
    place = f"deliveries/orders/{evidence.delivery.business_date}/{evidence.delivery.id}/evidence.json"
    assert aceite.client("s3").head_object(Bucket="evidence", Key=place)["ObjectLockMode"] == "GOVERNANCE"


def noted(aceite: Policed) -> str:
    client = aceite.client("sts")
    return parameter_locks_prefix(client.get_caller_identity()["Account"], client.meta.region_name)


def watching(aceite: Policed, home: Path, judged: Delivery) -> dict[str, Do]:
    """What the watcher does, by the statements that it needs for it."""
    s3 = aceite.client("s3", WATCHER)

    def look(dataset: str, files: Mapping[str, bytes]) -> None:
        """Asserts that the delivery of these files is announced, once a watcher has looked twice."""
        for name, body in files.items():
            aceite.client("s3").put_object(Bucket="landing", Key=f"{dataset}/20260102/{name}", Body=body)
        contracts = [each for each in aceite.contracts if each.dataset == dataset]
        with open_ledger(sqlite_url(home / f"{uuid4()}.db")) as ledger:
            looking = Landing(ledger, s3, contracts, Pace(MINUTE))
            for now in (NOON, NOON + 2 * MINUTE):
                looking.look(now)
                looking.complete(now)
            names = [item.draft.name for item in ledger.announcements.due(100)]
        assert "delivery.arrived" in names, names

    def learn() -> None:
        assert StandingVerdicts(s3, "evidence")([judged])
        assert read_claim(s3, "evidence", judged) is not None

    def restore() -> None:
        client = aceite.client("ssm", WATCHER)
        restore_parameter(client, override_parameter(client, "/orders/_test", "{}", "a run"))

    def note() -> None:
        assert put_once(s3, "evidence", f"{noted(aceite)}{uuid4()}.json", b"{}")

    def keep(**locked: Any) -> None:
        """Of a run that was cancelled before it began."""
        learn()
        for place in ("deliveries/orders", "manifests/orders"):
            assert put_once(s3, "evidence", f"{place}/{uuid4()}", b"{}", **locked)

    def lock() -> None:
        assert locking(s3, "evidence", "GOVERNANCE", timedelta(days=1), datetime.now(UTC))

    def publish() -> None:
        assert Publisher(s3, "evidence", Links(beside="evidence")).publish([], datetime.now(UTC)) == 1

    manifest = json.dumps([{"key": "a.csv", "sha256": SHA256}]).encode()
    return {
        "ListLanding": lambda: look("marked", {"a.csv": BODY, "_SUCCESS": b""}),
        "VerifyManifests": lambda: look("listed", {"a.csv": BODY, "manifest.json": manifest}),
        "ListUploads": lambda: look("quiet", {"a.csv": BODY}),
        "KeepEvidence": keep,
        "ReadObjectLock": lock,
        "PublishReports": publish,
        "SignEvidence": lambda: seals(aceite, WATCHER),
        "LockEvidence": lambda: keep(locking={"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": TOMORROW}),
        "ListEvidence": learn,
        "OverrideParameters": restore,
        "NoteOverrides": note,
        "ReceiveHints": lambda: receive_notifications(aceite.client("sqs", WATCHER), aceite.queue, 0),
    }


def judging(aceite: Policed, delivery: Delivery) -> dict[str, Do]:
    """What a validation does, by the statements that it needs for it; all of it can be done again."""

    def of(service: str, **config: Any) -> Any:
        return aceite.client(service, VALIDATOR, **config)

    def put(**lock: Any) -> None:
        assert put_once(of("s3"), "evidence", f"deliveries/orders/{uuid4()}", b"{}", **lock)

    def lock() -> Mapping[str, Any]:
        return locking(of("s3"), "evidence", "GOVERNANCE", timedelta(days=1), datetime.now(UTC))

    def query(table: str, catalog: str = "awsdatacatalog") -> None:
        with athena.connect(
            aceite.session(VALIDATOR), endpoint_url=aceite.endpoint, region=None, workgroup="primary",
            database="policed", catalog=catalog,
        ) as connection:  # fmt: skip
            assert athena.run_query(connection, f"SELECT id FROM {table}", within=MINUTE).rows

    def override() -> None:
        restore_parameter(of("ssm"), override_parameter(of("ssm"), "/orders/_test", "{}", "a run"))

    def note() -> None:
        assert put_once(of("s3"), "evidence", f"{noted(aceite)}{uuid4()}.json", b"{}")

    def staged(name: str) -> bool:
        return object_exists(of("s3"), f"s3://stage/orders/20260101/{name}.csv")

    def query_orders() -> None:
        query("orders")

    def read_original() -> None:
        read_parameter(of("ssm"), "/orders")

    landed, own = delivery.first, no_retry_config(MINUTE)
    day = f"{delivery.business_date:%Y%m%d}"
    return {
        "ListEvidence": lambda: link_numbers(of("s3"), "evidence", "orders"),
        "KeepEvidence": put,
        "ReadObjectLock": lock,
        "SignEvidence": lambda: seals(aceite, VALIDATOR),
        "LockEvidence": lambda: put(locking={"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": TOMORROW}),
        "ReadLanded": lambda: download(of("s3"), landed, aceite.folder / "landed"),
        "ListLanding": lambda: list(list_objects(of("s3"), "landing", f"orders/{day}/")),
        "OverrideParameters": override,
        "CopyParameters": read_original,
        "NoteOverrides": note,
        "UseKeys": read_original,
        "InvokeFunctions": lambda: functions.invoke(
            of("lambda", **own), "copyorders", {"key": landed.key}, within=MINUTE
        ),
        "ListAwaited": lambda: staged("absent"),
        "AwaitObjects": lambda: object_exists(of("s3"), f"s3://stage/{landed.key}"),
        "AwaitJobs": lambda: glue_jobs.job_run_ids(of("glue"), "convertorders"),
        "RunJobs": lambda: glue_jobs.start_job_run(
            of("glue", **own), "convertitems", {"--key": landed.key}, within=MINUTE
        ),
        "ReadCatalog": lambda: glue.read_partition(of("glue"), "policed", "orders", [day]),
        "ReadDefaultDatabase": query_orders,
        "RunQueries": query_orders,
        "UseCatalog": lambda: query("items", "another"),
        "FindResults": query_orders,
        "KeepResults": query_orders,
        "ListTables": query_orders,
        "ReadTables": query_orders,
    }


def seals(aceite: Policed, key: str) -> None:
    """Sign and verify by KMS, whose public part is read again."""
    kms, name = aceite.client("kms", key), os.environ["ACEITE_SEAL_KMS_KEY"]
    assert PublicKey.of(public_key(kms, name)).verifies(sign(kms, name, b"a text"), b"a text")


def refused(do: Do) -> bool:
    try:
        do()
    except AceiteError:
        return True
    return False


def test_the_watcher_needs_each_statement_of_its_policy(
    aceite: Policed, accepted: Mapping[str, Delivery], tmp_path: Path
) -> None:
    done = watching(aceite, tmp_path, accepted["orders"])
    assert sorted(done) == sorted(sids(aceite, WATCHER))
    assert [do for do in dict.fromkeys(done.values()) if refused(do)] == []
    for sid, do in done.items():
        aceite.allow_without(WATCHER, sid)
        assert refused(do), f"nobody needs {sid}"


def test_a_validation_needs_each_statement_of_its_policy(aceite: Policed, accepted: Mapping[str, Delivery]) -> None:
    done = judging(aceite, accepted["orders"])
    assert sorted(done) == sorted(sids(aceite, VALIDATOR))
    assert [do for do in dict.fromkeys(done.values()) if refused(do)] == []
    for sid, do in done.items():
        aceite.allow_without(VALIDATOR, sid)
        assert refused(do), f"nobody needs {sid}"


@pytest.mark.proof  # what is denied is asked again for a while, by each step of each run
@pytest.mark.parametrize("part", range(PARTS), ids="apart {}".format)
def test_no_delivery_is_accepted_when_a_statement_is_missing(
    aceite: Policed, accepted: Mapping[str, Delivery], part: int
) -> None:
    of_items = ("RunJobs", "UseCatalog")
    for sid in sids(aceite, VALIDATOR)[part::PARTS]:
        aceite.allow_without(VALIDATOR, sid)
        said = aceite.judge("items" if sid in of_items else "orders")
        assert said.startswith(("Inconclusive", "Failed")), f"without {sid}: {said}"


def test_one_policy_for_both_has_the_rights_of_either_and_no_statement_for_nothing(aceite: Policed) -> None:
    judged = [option for dataset in CONTENT for option in ("--dataset", dataset)]
    wanted = {
        need
        for duty in ("watcher", "validator")
        for statement in printed_policy(duty, *judged)["Statement"]
        for need in examples(statement)
    }
    both = printed_policy("all", *judged)
    assert refusals(both, wanted) == []
    for sid in [statement["Sid"] for statement in both["Statement"]]:
        kept = [statement for statement in both["Statement"] if statement["Sid"] != sid]
        assert refusals({**both, "Statement": kept}, wanted), f"nobody needs {sid}"


def examples(statement: Mapping[str, Any]) -> Iterator[RequiredPermission]:
    """A request of each kind that the statement allows."""

    def example(pattern: str) -> str:
        return pattern if pattern == "*" else pattern.replace("*", "any/x").replace("?", "1")

    condition = statement.get("Condition", {}).get("StringLike", {})
    prefixes = [(("s3:prefix", example(prefix)),) for prefix in condition.get("s3:prefix", ())]
    for action in statement["Action"]:
        for resource in statement["Resource"]:
            yield from (RequiredPermission(action, example(resource), known) for known in prefixes or [()])


def refusals(document: Mapping[str, Any], needs: Iterable[RequiredPermission]) -> list[RequiredPermission]:
    policy = read_policy(json.dumps(document))
    return [need for need in needs if policy.refusal(need)]


def test_what_nobody_needs_is_denied(aceite: Policed, accepted: Mapping[str, Delivery]) -> None:
    landed = {"Bucket": "landing", "Key": accepted["orders"].first.key}
    kept = {"Bucket": "evidence", "Key": next(aceite.keys("evidence", "deliveries/orders/"))}
    for key in (WATCHER, VALIDATOR):
        s3, glue_, ssm_, lambda_ = (aceite.client(service, key) for service in ("s3", "glue", "ssm", "lambda"))
        denied(s3.delete_object, **landed)
        denied(s3.put_object, **landed, Body=b"")
        denied(s3.delete_object, **kept)
        sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": TOMORROW}
        denied(s3.put_object_retention, **kept, Retention=sooner, BypassGovernanceRetention=True)
        for place in (
            "other.json",
            "deliveries/others/x.json",
            "deliveries/ordersX/x.json",
            "manifests/x.json",
            "reports.html",
        ):
            denied(s3.put_object, Bucket="evidence", Key=place, Body=b"")
        denied(s3.get_object, Bucket="landing", Key="others/20260102/f.csv")
        denied(s3.get_object, Bucket="pipeline-code", Key="job.py")
        denied(s3.list_objects_v2, Bucket="landing")
        denied(s3.list_objects_v2, Bucket="landing", Prefix="others/")
        denied(s3.list_buckets)
        denied(s3.put_bucket_policy, Bucket="evidence", Policy="{}")
        denied(ssm_.get_parameter, Name="/other")
        denied(ssm_.put_parameter, Name="/orders", Value="{}", Type="String", Overwrite=True)
        denied(ssm_.delete_parameter, Name="/orders")
        denied(lambda_.invoke, FunctionName="another")
        denied(lambda_.get_function, FunctionName="copyorders")
        denied(glue_.start_job_run, JobName="convertorders")
        denied(glue_.delete_table, DatabaseName="policed", Name="orders")
        denied(glue_.get_tables, DatabaseName="policed")
        denied(aceite.client("athena", key).start_query_execution, QueryString="SELECT 1", WorkGroup="another")
        denied(aceite.client("sqs", key).send_message, QueueUrl=aceite.queue, MessageBody="{}")
        denied(aceite.client("iam", key).list_users)
    with (
        pytest.raises(QueryFailed) as refused,
        athena.connect(
            aceite.session(VALIDATOR),
            endpoint_url=aceite.endpoint,
            region=None,
            workgroup="primary",
            database="policed",
        ) as connection,
    ):
        athena.run_query(connection, "DROP TABLE policed.orders", within=MINUTE)
    assert refused.value.words is not None
    assert "glue:DeleteTable" in refused.value.words.text


def denied(do: Callable[..., Any], **told: Any) -> None:
    with pytest.raises(ClientError) as caught:
        do(**told)
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), caught.value
