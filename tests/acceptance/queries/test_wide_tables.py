"""A table of a thousand columns: its checks are asked in as few queries as Athena takes, each one once."""

from dataclasses import replace

from wide_contract import wide_contract

from acceptance.queries.difference_query import difference_query, in_parts
from acceptance.queries.landed_query import both_sides_query
from acceptance.queries.measuring_query import MOST_BYTES, compile_checks
from acceptance.queries.sample_query import sample_query


def test_a_thousand_columns_are_asked_in_a_few_queries_none_longer_than_athena_takes():
    contract = wide_contract(1000)
    query = compile_checks(contract, {}, {column.name for column in contract.columns})
    asked = [query, *query.more]
    assert max(len(each.sql.encode()) for each in asked) <= MOST_BYTES
    assert [check for each in asked for check in each.checks] == list(contract.checks[:-1])
    assert [each.fingerprinted for each in asked] == [True, False]


def test_a_hundred_columns_are_asked_in_one_query():
    contract = wide_contract(100)
    query = compile_checks(contract, {}, {column.name for column in contract.columns})
    assert query.more == ()
    assert len(query.checks) == len(contract.checks) - 1


def test_where_a_thousand_columns_differ_is_asked_part_by_part_with_the_key_in_each():
    wide = replace(wide_contract(1000), landed_table="lake.landed")
    key, *others = wide.columns
    wide = replace(wide, columns=(replace(key, primary_key=True), *others))
    usable, parts = {column.name for column in wide.columns}, in_parts(wide)
    first = parts[0]
    asked = difference_query(first, {}, usable, (), {}, 1_000_000)
    assert len(asked.encode()) <= MOST_BYTES
    asked = both_sides_query(first, {}, usable, (), [f"s3://landing/{'x' * 1000}"])
    assert len(asked.encode()) <= MOST_BYTES
    assert all(part.compared_key == wide.compared_key for part in parts)
    compared = [column.name for part in parts for column in part.compared_columns if column.name != key.name]
    assert compared == [column.name for column in others]


def test_a_table_of_a_hundred_columns_is_compared_as_one():
    assert [part.compared_columns for part in in_parts(wide_contract(100))] == [wide_contract(100).columns]


def test_rows_of_the_broken_rules_of_a_thousand_columns_are_asked_in_one_query_that_athena_takes():
    wide = wide_contract(1000)
    sql = sample_query(wide, {}, {column.name for column in wide.columns}, wide.checks)
    assert sql is not None
    assert len(sql.encode()) <= MOST_BYTES
    assert sql.count("THEN 'a_column_with_a_name_") == 100
