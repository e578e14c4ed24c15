from typing import Any


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
