from typing import Any

import pytest


def test_the_segments_of_a_table_have_each_partition_once(glue: Any, lake: str) -> None:
    keys = [{"Name": "day", "Type": "string"}]
    glue.create_table(DatabaseName=lake, TableInput={"Name": "days", "PartitionKeys": keys})
    for day in ("1", "2", "3", "4"):
        glue.create_partition(DatabaseName=lake, TableName="days", PartitionInput={"Values": [day]})
    told = {"DatabaseName": lake, "TableName": "days", "Expression": "day <> '4'"}
    segments = [
        glue.get_partitions(**told, Segment={"SegmentNumber": number, "TotalSegments": 2})["Partitions"]
        for number in (0, 1)
    ]
    assert sorted(partition["Values"] for segment in segments for partition in segment) == [["1"], ["2"], ["3"]]
    assert len(glue.get_partitions(**told)["Partitions"]) == 3


def test_a_client_that_asks_for_statistics_and_functions_is_told_that_there_are_none(glue: Any, lake: str) -> None:
    glue.create_table(DatabaseName=lake, TableInput={"Name": "bare"})
    asked = {"DatabaseName": lake, "TableName": "bare", "ColumnNames": ["a"]}
    assert glue.get_column_statistics_for_table(**asked)["ColumnStatisticsList"] == []
    assert glue.get_column_statistics_for_partition(**asked, PartitionValues=["1"])["ColumnStatisticsList"] == []
    assert glue.get_user_defined_functions(DatabaseName=lake, Pattern=".*")["UserDefinedFunctions"] == []


def test_a_writer_that_knows_an_older_version_of_a_table_changes_nothing(glue: Any, lake: str) -> None:
    """Writers of Iceberg commit so: who comes second learns of it, and reads the table anew."""
    glue.create_table(DatabaseName=lake, TableInput={"Name": "contended"})
    known = glue.get_table(DatabaseName=lake, Name="contended")["Table"]["VersionId"]
    said = {"DatabaseName": lake, "VersionId": known}
    glue.update_table(**said, TableInput={"Name": "contended", "Description": "first"})
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(**said, TableInput={"Name": "contended", "Description": "second"})
    assert glue.get_table(DatabaseName=lake, Name="contended")["Table"]["Description"] == "first"
