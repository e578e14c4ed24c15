"""Aceite: one tick of the watcher in which every key is looked at, its ledger on SQLite, without Prefect around it."""

from datetime import UTC, datetime, timedelta

import boto3
from polling import BUCKET, KEY, STATE, serve

from acceptance.contract.contract import Contract, LandingFormat, Table
from acceptance.contract.keys.template import KeyTemplate
from blocks.loaded_objects import exempt_from_collection
from flows.ledger import open_ledger, sqlite_url
from flows.watching.listing import Landing, Pace

EVERYTHING = Pace(every=timedelta(seconds=10), at_least=10**6)
ORDERS = Contract(
    dataset="orders",
    name="Orders",
    version="1.0.0",
    path="orders.odcs.yaml",
    sha256="",
    template=KeyTemplate.parse(f"s3://{BUCKET}/{KEY}"),
    landing=LandingFormat(),
    table=Table("awsdatacatalog", "database_sor", "orders", "primary"),
    columns=(),
    checks=(),
)


def main() -> None:
    with open_ledger(sqlite_url(STATE / "ledger.db")) as ledger:
        landing = Landing(ledger, boto3.client("s3"), [ORDERS], EVERYTHING)
        exempt_from_collection()  # as the watcher does

        def poll() -> int:
            """How many objects the ledger held before."""
            before = seen()
            landing.look(datetime.now(UTC))
            return before

        def seen() -> int:
            return sum(location.objects for location in ledger.status.locations())

        serve(poll, lambda before: seen() - before, ("aceite", "boto3", "sqlalchemy"))


if __name__ == "__main__":
    main()
