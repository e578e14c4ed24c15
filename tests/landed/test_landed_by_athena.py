"""Files too big to fetch: Athena reads the landed side too, as strictly, with the same fingerprint."""

import uuid
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import READABLE, UNREADABLE, column, contract
from proven_delivery import ask

from acceptance.contract.contract import Table
from acceptance.contract.landing_format import Negative
from acceptance.queries.landed_query import both_sides_query, landed_query, read_both_sides, read_landed_answer
from landed.file import read_landed

TYPES = [type_ for type_ in READABLE if type_ != "string"]


@pytest.fixture
def landed(local_aws, bucket, tmp_path):
    """Puts files below a landing location, with a table over it; answers what Athena and DuckDB read of the first."""
    database = f"database_{uuid.uuid4().hex}"
    local_aws.client("glue").create_database(DatabaseInput={"Name": database})

    def landed(of, *files):
        of = replace(of, landed_table=f"{database}.landed")
        for number, text in enumerate(files):
            local_aws.client("s3").put_object(Bucket=bucket, Key=f"in/{number}.csv", Body=text.encode())
        columns = ", ".join(f"`{each.landed}` string" for each in of.landed_columns)
        landing = of.landing
        ask(
            local_aws,
            f"CREATE EXTERNAL TABLE landed ({columns}) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
            f"WITH SERDEPROPERTIES ('separatorChar' = '{landing.delimiter}') LOCATION 's3://{bucket}/in/' "
            "TBLPROPERTIES ('skip.header.line.count' = '1')",
            database,
        )
        uris = [f"s3://{bucket}/in/0.csv"]
        answer = ask(local_aws, landed_query(of, uris), database)
        (tmp_path / "0.csv").write_text(files[0], encoding="utf-8", newline="")
        by_duckdb = read_landed(tmp_path / "0.csv", of, tmp_path)
        return read_landed_answer(of, answer.rows[0], answer.query_id), by_duckdb, of, database, uris

    return landed


@pytest.mark.parametrize("type_", TYPES)
def test_athena_reads_the_same_cells_as_duckdb_and_counts_the_same_unreadable_ones(landed, type_):
    of = contract(column("id", "bigint"), column("x", type_))
    good = "id,x\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(READABLE[type_]))
    by_athena, by_duckdb, *_ = landed(of, good)
    assert by_duckdb.faults == ()
    assert (by_athena.rows, by_athena.fingerprint, by_athena.fault_count) == (by_duckdb.rows, by_duckdb.fingerprint, 0)


@pytest.mark.parametrize("type_", UNREADABLE)
def test_athena_counts_as_unreadable_what_duckdb_does(landed, type_):
    of = contract(column("id", "bigint"), column("x", type_))
    bad = "id,x\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(UNREADABLE[type_]))
    by_athena, by_duckdb, *_ = landed(of, bad)
    assert by_athena.fault_count == by_duckdb.fault_count == len(UNREADABLE[type_])
    assert by_athena.fingerprint is None
    assert by_athena.first_fault.startswith(f"column x, {len(UNREADABLE[type_])} cells: ")
    assert f" is not {type_}; allowed: " in by_athena.first_fault


def test_only_the_files_of_the_delivery_are_read_with_the_options_of_the_contract(landed):
    of = contract(
        column("id", "bigint"), column("x", "decimal(4,1)"), column("at", "timestamp", landed_format="%d/%m/%Y %Hh%M"),
        delimiter=";", trim=True, decimal_comma=True, null_text="-",
    )  # fmt: skip
    first = "id;x;at\n 1 ; 1,5;31/01/2013 05h15\n2;-;-\n"
    by_athena, by_duckdb, *_ = landed(of, first, first)
    assert by_duckdb.faults == ()
    assert (by_athena.rows, by_athena.fingerprint) == (2, by_duckdb.fingerprint)


def test_athena_reads_numbers_and_booleans_as_offices_write_them(landed):
    of = contract(
        column("id", "bigint"), column("x", "decimal(9,2)"), column("y", "double"), column("ok", "boolean"),
        delimiter=";", decimal_comma=True, group_separator=".", negative=Negative.BRACKETS,
        true_texts=("S", "Sim"), false_texts=("N", "Não"),
    )  # fmt: skip
    good = "id;x;y;ok\n1.000;(1.234,50);1.234,5;s\n2;1.234.567,8;(2);NÃO\n3;1,5E+2;-1e-3;sim\n"
    by_athena, by_duckdb, *_ = landed(of, good)
    assert by_duckdb.faults == ()
    assert (by_athena.rows, by_athena.fingerprint) == (3, by_duckdb.fingerprint)


def test_athena_says_what_an_unreadable_cell_looks_like(landed):
    of = contract(column("id", "bigint"), column("x", "decimal(9,2)"))
    by_athena, *_ = landed(of, "id,x\n1,(5.00)\n")
    assert by_athena.first_fault.endswith(
        "after it; it looks like a negative number in brackets; if so, write `negative: brackets`"
    )


def test_where_the_sides_differ_is_found_by_one_query_over_both(local_aws, bucket, landed, tmp_path):
    of = contract(column("id", "bigint", primary_key=True), column("title", "string"), column("score", "decimal(4,1)"))
    text = "id,title,score\n1,a,1.5\n2,b,2.5\n3,c,\n4,d,4\n"
    _, _, of, database, uris = landed(of, text)
    scores = pa.array(["1.5", "2.6", None, "9.0", "9.0"]).cast(pa.decimal128(4, 1))
    pq.write_table(pa.table({"id": [1, 2, 3, 5, 5], "title": list("abcxx"), "score": scores}), tmp_path / "t")
    local_aws.client("s3").upload_file(str(tmp_path / "t"), bucket, "table/part.parquet")
    create = "CREATE EXTERNAL TABLE movies (id bigint, title string, score decimal(4,1)) STORED AS PARQUET LOCATION "
    ask(local_aws, f"{create} 's3://{bucket}/table/'", database)
    of = replace(of, table=Table("awsdatacatalog", database, "movies", "primary"))
    answer = ask(local_aws, both_sides_query(of, {}, {"id", "title", "score"}, (), uris), database)
    found = read_both_sides(of, answer.rows)
    assert sorted(map(str, found.rows)) == [
        "id 2: score '2.5' landed, '2.6' in the table",
        "id 4: only landed",
        "id 5: only in the table, twice",
    ]


def test_columns_may_have_the_names_that_the_query_gives(landed):
    names = ("digest", "cell 0", "cell 1", "cells", "landed", "digested", "c0", "c1", "landed_times", "filename")
    of = contract(*(column(name, "string") for name in names))
    text = f"{','.join(names)}\n{','.join(f'text {number}' for number in range(len(names)))}\n"
    by_athena, by_duckdb, *_ = landed(of, text)
    assert (by_athena.rows, by_athena.fingerprint, by_athena.fault_count) == (1, by_duckdb.fingerprint, 0)
