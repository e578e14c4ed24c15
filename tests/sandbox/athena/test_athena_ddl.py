from collections.abc import Callable
from typing import Any

import pytest
from sandbox_answers import Answer

Ask = Callable[..., Answer]
CREATE = (
    "CREATE EXTERNAL TABLE{} shop.orders "
    "(`id` bigint COMMENT 'the key', total decimal(10,2), lines array<struct<sku:string,n:int>>) "
    "PARTITIONED BY (day int, region string) STORED AS PARQUET LOCATION 's3://lake/orders' "
    "TBLPROPERTIES ('classification' = 'parquet')"
)


@pytest.fixture
def shop(ask: Ask, lake: str) -> Any:
    for sql in ("CREATE DATABASE IF NOT EXISTS shop", CREATE.format("")):
        assert ask(sql).state == "SUCCEEDED"
    yield "shop"
    ask("DROP TABLE IF EXISTS shop.orders")


def _lines(answer: Answer) -> list[str]:
    assert answer.state == "SUCCEEDED", answer.reason
    return [str(line) for (line,) in answer.rows]


def test_a_table_that_is_created_is_in_the_glue_catalog(shop: str, glue: Any) -> None:
    table = glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert columns == [("id", "bigint"), ("total", "decimal(10,2)"), ("lines", "array<struct<sku:string,n:int>>")]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["day", "region"]
    assert table["Parameters"]["classification"] == "parquet"
    assert table["StorageDescriptor"]["Location"] == "s3://lake/orders"


def test_what_exists_is_refused_or_tolerated_as_asked(ask: Ask, shop: str) -> None:
    assert "AlreadyExistsException" in ask(CREATE.format("")).reason
    assert ask(CREATE.format(" IF NOT EXISTS")).state == "SUCCEEDED"
    assert "AlreadyExistsException" in ask("CREATE DATABASE shop").reason
    assert "Table not found" in ask("DROP TABLE shop.nothing").reason
    assert ask("DROP TABLE IF EXISTS shop.nothing").state == "SUCCEEDED"


def test_partitions_are_added_shown_and_dropped(ask: Ask, shop: str, glue: Any) -> None:
    ask(
        "ALTER TABLE shop.orders ADD IF NOT EXISTS PARTITION (day = '20240131', region = 'São Paulo') "
        "PARTITION (day = 20240201, region = 'x') LOCATION 's3://lake/else/'"
    )
    again = "ALTER TABLE shop.orders ADD{} PARTITION (region = 'x', day = 20240201)"
    assert "Partition already exists" in ask(again.format("")).reason
    assert ask(again.format(" IF NOT EXISTS")).state == "SUCCEEDED"
    assert "does not fit the keys" in ask("ALTER TABLE shop.orders ADD PARTITION (day = 1)").reason
    assert _lines(ask("SHOW PARTITIONS shop.orders")) == ["day=20240131/region=São Paulo", "day=20240201/region=x"]
    found = glue.get_partition(DatabaseName="shop", TableName="orders", PartitionValues=["20240201", "x"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://lake/else/"
    ask("ALTER TABLE shop.orders DROP PARTITION (day = 20240201, region = 'x')")
    assert _lines(ask("SHOW PARTITIONS shop.orders")) == ["day=20240131/region=São Paulo"]
    assert ask("ALTER TABLE shop.orders DROP IF EXISTS PARTITION (day = 1, region = 'x')").state == "SUCCEEDED"


def test_repair_adds_the_partitions_that_lie_below_the_location(ask: Ask, shop: str, s3: Any) -> None:
    for key in ("day=1/region=a/f", "day=1/region=b/f", "day=1/f", "other/f"):
        s3.put_object(Bucket="lake", Key=f"orders/{key}", Body=b"x")
    assert _lines(ask("MSCK REPAIR TABLE shop.orders")) == [
        "Repair: Added partition to metastore orders:day=1/region=a",
        "Repair: Added partition to metastore orders:day=1/region=b",
    ]
    assert _lines(ask("MSCK REPAIR TABLE `shop`.`orders`")) == []


def test_the_catalog_is_described(ask: Ask, shop: str, client: Callable[[str], Any]) -> None:
    assert {"lake", "shop"} <= set(_lines(ask("SHOW DATABASES")))
    assert _lines(ask("SHOW TABLES IN shop")) == ["orders"]
    athena, asked = client("athena"), {"CatalogName": "AwsDataCatalog", "DatabaseName": "shop"}
    metadata = athena.get_table_metadata(**asked, TableName="orders")["TableMetadata"]
    assert [column["Type"] for column in metadata["Columns"]][1:] == [
        "decimal(10,2)",
        "array<struct<sku:string,n:int>>",
    ]
    assert [table["Name"] for table in athena.list_table_metadata(**asked)["TableMetadataList"]] == ["orders"]
    with pytest.raises(athena.exceptions.MetadataException):
        athena.get_table_metadata(**asked, TableName="nothing")


def test_a_statement_that_is_not_known_fails(ask: Ask) -> None:
    for statement in ("ALTER TABLE shop.orders RENAME TO x", "SHOW CREATE TABLE shop.orders"):
        assert ask(statement).reason.startswith("NOT_SUPPORTED")
