"""dlt: the filesystem source, incremental by modification date, up to where its rows are ready to load."""

import os

import dlt
from dlt.common.configuration.specs import AwsCredentials
from dlt.common.pipeline import ExtractInfo
from dlt.sources.filesystem import filesystem
from polling import BUCKET, PREFIX, STATE, serve


def main() -> None:
    pipeline = dlt.pipeline("landing", pipelines_dir=str(STATE))
    credentials = AwsCredentials(
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region_name=os.environ["AWS_DEFAULT_REGION"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    )

    def poll() -> ExtractInfo:
        newest = dlt.sources.incremental("modification_date")
        return pipeline.extract(
            filesystem(f"s3://{BUCKET}/{PREFIX}", credentials, file_glob="**/*.csv", incremental=newest)
        )

    serve(poll, rows, ("dlt", "s3fs", "aiobotocore"))


def rows(extracted: ExtractInfo) -> int:
    steps = [step for load in extracted.metrics.values() for step in load]
    tables = [step["table_metrics"].get("filesystem") for step in steps]
    return sum(table.items_count for table in tables if table)


if __name__ == "__main__":
    main()
