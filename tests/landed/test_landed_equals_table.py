"""The proof end to end: a landed CSV and the Parquet table made from it have one fingerprint; a change is seen."""

import uuid
from datetime import timedelta

import duckdb
import pytest
from landed_contract import column, contract

from acceptance.proof.fingerprint import Fingerprint, athena_digest, athena_sums
from aws.athena import connect, run_query
from landed.file import read_landed

TYPES = {
    "id": "bigint",
    "title": "string",
    "year": "int",
    "score": "decimal(4,1)",
    "audience": "double",
    "half": "float",
    "seen": "boolean",
    "day": "date",
    "at": "timestamp",
}
OF = contract(*(column(name, type_) for name, type_ in TYPES.items()))
LANDED = "\n".join(
    [
        ",".join(TYPES),
        '1,"O Auto, é 🎬",1999,9.5,93.1,0.1,true,2013-01-31,2013-01-31 05:15:00',
        "2,,,,,,,,",
        "3,x,-1,-0.5,12345678901.25,-2.5,false,1969-12-31,1969-12-31T23:59:59.123Z",
        '4,"two\nlines",0,0,-1e300,1e-3,TRUE,2024-02-29,2024-02-29 00:00:00.5',
        "5, spaces ,7,999.9,NaN,Infinity,False,0999-01-01,2013-01-31",
        "",
    ]
)


@pytest.fixture
def ask(local_aws, bucket):
    """The fingerprint that Athena finds in a Parquet table filled from the landed file by this SELECT."""
    database = f"database_{uuid.uuid4().hex}"
    local_aws.client("glue").create_database(DatabaseInput={"Name": database})
    place = f"s3://{bucket}/results/"
    options = {"region": None, "workgroup": "primary", "database": database, "output_location": place}

    def ask(landed, parquet, select="*"):
        types = "{" + ", ".join(f"'{name}': '{_duck(type_)}'" for name, type_ in TYPES.items()) + "}"
        source = f"read_csv('{landed.as_posix()}', header = true, auto_detect = false, quote = '\"', columns = {types})"
        duckdb.sql(f"COPY (SELECT {select} FROM {source}) TO '{parquet.as_posix()}' (FORMAT parquet)")
        local_aws.client("s3").upload_file(str(parquet), bucket, "movies/part-0.parquet")
        columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
        create = f"CREATE EXTERNAL TABLE movies ({columns}) STORED AS PARQUET LOCATION 's3://{bucket}/movies/'"
        high, low = athena_sums(athena_digest(OF.landed_columns))
        with connect(local_aws.session, endpoint_url=local_aws.endpoint, **options) as connection:
            run_query(connection, create, within=timedelta(minutes=1))
            answer = run_query(connection, f"SELECT count(*), {high}, {low} FROM movies", within=timedelta(minutes=1))
        return Fingerprint.of_sums(*answer.rows[0])

    return ask


def _duck(type_):
    return {"string": "VARCHAR"}.get(type_, type_.upper())


@pytest.fixture
def landed(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text(LANDED, encoding="utf-8", newline="")
    return path


def test_a_table_that_holds_what_landed_has_the_fingerprint_of_the_landed_file(ask, landed, tmp_path):
    found = read_landed(landed, OF, tmp_path)
    assert [str(fault) for fault in found.faults] == []
    assert ask(landed, tmp_path / "table.parquet") == found.fingerprint


@pytest.mark.parametrize(
    "select",
    [
        "* REPLACE (coalesce(title, 'null') AS title)",
        "* REPLACE (trim(title) AS title)",
        "* REPLACE (trunc(score) AS score)",
        "* REPLACE (CAST(audience AS FLOAT) AS audience)",
        '* REPLACE ("at" - INTERVAL 3 HOUR AS "at")',
        "* REPLACE (if(id = 1, 2, if(id = 2, 1, id)) AS id)",
    ],
)
def test_what_a_pipeline_changes_on_the_way_is_seen(ask, landed, tmp_path, select):
    changed = ask(landed, tmp_path / "table.parquet", select)
    assert changed.rows == 5
    assert changed != read_landed(landed, OF, tmp_path).fingerprint
