"""Dagster: what a sensor does at each tick, by the last modified time of the newest object that it has seen."""

from datetime import datetime
from typing import Any

import boto3
from dagster_aws.s3.sensor import get_objects
from polling import BUCKET, PREFIX, STATE, serve

CURSOR = STATE / "cursor.txt"
"""Dagster's daemon keeps it in Dagster's database."""


def main() -> None:
    s3 = boto3.client("s3")

    def poll() -> list[Any]:
        since = datetime.fromisoformat(CURSOR.read_text(encoding="utf-8")) if CURSOR.exists() else None
        found: list[Any] = get_objects(BUCKET, PREFIX, since_last_modified=since, client=s3)
        if found:
            CURSOR.write_text(found[-1]["LastModified"].isoformat(), encoding="utf-8")
        return found

    serve(poll, len, ("dagster", "dagster-aws", "boto3"))


if __name__ == "__main__":
    main()
