"""Installations in which Aceite may do what `aceite policy` prints for its contracts, and nothing else."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from builders import contract_text
from judged_formats import DAY, column, listed, ours
from repository import ROOT

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_prefix
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.main import app
from cli.serving.installation import SANDBOX_SETTINGS
from cli.verbs.landing_files import landed_delivery
from flows.installation.clients import load_clients
from flows.installation.contracts import contracts_of
from flows.installation.installed import installed_contracts
from flows.validate_delivery import validate_delivery
from sandbox.pipeline.provision import provision
from sandbox.policies.policy_gate import bind_policy
from sandbox.server import REGION, LocalAws

WATCHER, VALIDATOR = "watcherkey", "validatorkey"
KMS_KEY = f"arn:aws:kms:{REGION}:123456789012:key/1234abcd"
Policy = Mapping[str, Any]


def contract(
    id_: str,
    columns: Sequence[Mapping[str, Any]],
    steps: Sequence[Mapping[str, Any]],
    *,
    override: Sequence[Mapping[str, Any]] = (),
    catalog: str = "awsdatacatalog",
    delivery: Mapping[str, Any] | None = None,
    **landing: Any,
) -> str:
    return contract_text(
        id_,
        listed(columns),
        day="day",
        landing=f"format: csv, customProperties: {json.dumps(ours(landing))}",
        catalog=catalog,
        database="policed",
        steps=json.dumps(steps),
        override=json.dumps(override),
        delivery=json.dumps(delivery or {}),
    )


ID = column("id", "bigint", key=True)
CONTRACTS = {
    "customers": contract("customers", [ID], [{"invoke": "ingestcustomers", "payload": {"key": "{key}"}}]),
    "orders": contract(
        "orders",
        [ID, {**column("customer", "bigint"), "relationships": [{"to": "customers.id"}]}],
        [
            {"invoke": "copyorders", "payload": {"parameter": "/orders/_test", "key": "{key}"}},
            {"await_object": "s3://stage/{key}"},
            {"invoke": "startorders", "payload": {"key": "{key}"}, "asynchronous": True},
            {"await_glue_job": "convertorders"},
            {"await_object": "s3://sor/orders/day={business_date:%Y%m%d}/"},
        ],
        override=[{"parameter": "/orders/_test", "copy_of": "/orders", "set": {"source_bucket": "{bucket}"}}],
        delivery={"partition_holds": "all deliveries of the date"},
    ),
    "items": contract(
        "items",
        [ID],
        [{"run_glue_job": "convertitems", "arguments": {"--key": "{key}"}}],
        catalog="another",
        engine="athena",
        landedTable="raw.items",
        quotedEmpty="null",
    ),
    "marked": contract("marked", [ID], [], delivery={"complete": "marker", "marker": "_SUCCESS"}),
    "listed": contract("listed", [ID], [], delivery={"complete": "manifest", "manifest": "manifest.json"}),
    "quiet": contract("quiet", [ID], [], delivery={"complete": "quiet", "quiet_for": "1m"}),
}
DEMO = "sor-imdb-movies"
CONTRACTS[DEMO] = (ROOT / "contracts" / "movies.odcs.yaml").read_text(encoding="utf-8")
CONTENT = {
    "customers": b"id\n1\n",
    "orders": b"id,customer\n7,1\n",
    "items": b"id\n5\n",
    DEMO: (ROOT / "sandbox" / "data" / "movies" / "movies.csv").read_bytes(),
}


@dataclass
class Policed:
    """`printed` are the documents that the command printed. The days of deliveries are numbered."""

    endpoint: str
    contracts: Sequence[Contract]
    printed: Mapping[str, Policy]
    folder: Path
    queue: str
    days: Iterator[int]

    _made: dict[Any, Any] = field(default_factory=dict)

    def session(self, key: str = "sandbox") -> boto3.Session:
        return self._made.setdefault(key, boto3.Session(key, "secret", region_name=REGION))

    def client(self, service: str, key: str = "sandbox", **config: Any) -> Any:
        """Made once: that takes longer than most calls."""
        name = (service, key, *sorted(config))
        if name not in self._made:
            options = {"endpoint_url": self.endpoint, "config": Config(**config)}
            self._made[name] = self.session(key).client(service, **options)
        return self._made[name]

    def allow(self, key: str, document: Policy) -> None:
        bind_policy(self.endpoint, key, json.dumps(document))

    def allow_without(self, key: str, sid: str) -> None:
        statements = self.printed[key]["Statement"]
        kept = [statement for statement in statements if statement["Sid"] != sid]
        assert len(kept) == len(statements) - 1, f"there is no statement {sid}"
        self.allow(key, {**self.printed[key], "Statement": kept})

    def land(self, dataset: str, day: date, file: str = "f") -> Delivery:
        found = next(each for each in self.contracts if each.dataset == dataset)
        name = found.template.write(day, {"file": file})
        s3 = self.client("s3")
        s3.put_object(Bucket="landing", Key=name, Body=CONTENT[dataset])
        return landed_delivery(s3, "landing", name, self.contracts)

    def judge(self, dataset: str) -> str:
        """The verdict with its reason, or what the run failed with, of a delivery of its own day."""
        state = self._judged(self._landed(dataset))
        return f"{state.name}: {state.message}"

    def accepted(self, dataset: str) -> Delivery:
        delivery = self._landed(dataset)
        state = self._judged(delivery)
        assert state.name == "Accepted", f"{state.name}: {state.message}"
        return delivery

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        listed = self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        return (item["Key"] for item in listed["Contents"])

    def _landed(self, dataset: str) -> Delivery:
        return self.land(dataset, DAY + timedelta(days=next(self.days)))

    @staticmethod
    def _judged(delivery: Delivery) -> Any:
        return validate_delivery(DeliveryPointer.to(delivery), return_state=True)

    def evidence(self, delivery: Delivery) -> Evidence:
        place = evidence_prefix(delivery.dataset, delivery.business_date, delivery.id) + "evidence.json"
        return Evidence.model_validate_json(self.client("s3").get_object(Bucket="evidence", Key=place)["Body"].read())


@contextmanager
def policed(folder: Path, prefect_server: str) -> Iterator[Policed]:
    """`prefect_server` is this process's own. The evidence is locked, a parameter is under a key of its own."""
    for name, text in CONTRACTS.items():
        (folder / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, LocalAws() as aws:
        session = boto3.Session("sandbox", "sandbox", region_name=REGION)
        queue = session.client("sqs", endpoint_url=aws.endpoint).create_queue(QueueName="hints")["QueueUrl"]
        kms = session.client("kms", endpoint_url=aws.endpoint)
        seal_key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        settings = {
            **SANDBOX_SETTINGS,
            "ACEITE_SEAL_KMS_KEY": seal_key,
            "ACEITE_CONTRACTS": str(folder),
            "ACEITE_HOME": str(folder),
            "ACEITE_AWS_ENDPOINT_URL": aws.endpoint,
            "ACEITE_EVIDENCE_RETENTION_DAYS": "1",
            "ACEITE_PUBLISH_REPORTS": "true",
            "ACEITE_LANDING_QUEUE_URL": queue,
        }
        for name, value in settings.items():
            patch.setenv(name, value)
        _forget()
        s3, ssm = (session.client(service, endpoint_url=aws.endpoint) for service in ("s3", "ssm"))
        s3.create_bucket(Bucket="evidence", ObjectLockEnabledForBucket=True)
        found = contracts_of(read_settings())
        provision(session, aws.endpoint, found)
        value = ssm.get_parameter(Name="/orders")["Parameter"]["Value"]
        ssm.delete_parameter(Name="/orders")
        ssm.put_parameter(Name="/orders", Value=value, Type="SecureString", KeyId=KMS_KEY)
        judged = [option for dataset in CONTENT for option in ("--dataset", dataset)]
        validator = printed_policy("validator", "--kms-key", KMS_KEY, *judged)
        printed = {WATCHER: printed_policy("watcher"), VALIDATOR: validator}
        installation = Policed(aws.endpoint, found, printed, folder, queue, count())
        for key, document in printed.items():
            installation.allow(key, document)
        patch.setenv("ACEITE_AWS_ACCESS_KEY_ID", VALIDATOR)
        save_blocks(read_settings())
        try:
            yield installation
        finally:
            _forget()


def printed_policy(*arguments: str) -> Policy:
    """What `aceite policy` prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        assert app(["policy", *arguments], standalone_mode=False) == 0
    return json.loads(output.getvalue())


def _forget() -> None:
    """What this process knows of another installation."""
    load_clients.cache_clear()
    installed_contracts.cache_clear()
