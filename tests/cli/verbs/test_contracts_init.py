"""`aceite contracts init` and `aceite contracts check`, from outside."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from repository import CONTRACTS, ROOT

from sandbox.server import LocalAws

FLIGHTS = ROOT / "sandbox" / "data" / "flights" / "2013-01-01.csv"


@pytest.fixture
def aceite(tmp_path: Path):
    """Runs `aceite contracts ...` in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", "contracts", *arguments],
            cwd=tmp_path,
            env={**os.environ, "ACEITE_HOME": str(tmp_path / "home"), "PYTHONUTF8": "1", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


def test_a_contract_made_of_a_file_passes_check(aceite, tmp_path) -> None:
    made = aceite("init", str(FLIGHTS), "--output", "contracts/../flights.odcs.yaml", "--dataset", "my-flights")
    assert made.returncode != 0, "the folder is not there"
    made = aceite("init", str(FLIGHTS), "--output", "flights.odcs.yaml", "--dataset", "my-flights")
    assert made.returncode == 0, made.stderr
    assert "then check it:\n  aceite contracts check flights.odcs.yaml\n" in made.stderr
    text = (tmp_path / "flights.odcs.yaml").read_text(encoding="utf-8")
    assert "name: sched_arr_time, logicalType: integer, physicalType: int}\n" in text
    assert "; all 842 rows had a value: if it is always so, add required: true\n" in text
    assert "# 517 to 2356, 552 values; 4 of 842 rows null" in text
    checked = aceite("check", "flights.odcs.yaml")
    assert checked.returncode == 0, checked.stdout
    assert "my-flights 0.1.0" in checked.stdout
    assert aceite("init", str(FLIGHTS), "--output", "flights.odcs.yaml").returncode == 64


def test_a_contract_made_of_a_landed_object_has_its_key_template(aceite, tmp_path) -> None:
    with LocalAws() as aws:
        s3 = boto3.client("s3", endpoint_url=aws.endpoint, region_name="us-east-1", aws_access_key_id="test",
                          aws_secret_access_key="test")  # fmt: skip
        s3.create_bucket(Bucket="arrivals")
        s3.put_object(Bucket="arrivals", Key="air/flights/2013-01-01/nyc.csv", Body=FLIGHTS.read_bytes())
        keys = {"ACEITE_AWS_ACCESS_KEY_ID": "test", "ACEITE_AWS_SECRET_ACCESS_KEY": "test"}
        made = aceite("init", "s3://arrivals/air/flights/2013-01-01/nyc.csv", ACEITE_AWS_ENDPOINT_URL=aws.endpoint,
                      ACEITE_AWS_REGION="us-east-1", **keys)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert 'location: "s3://arrivals/air/flights/{business_date:%Y-%m-%d}/{file}.csv"' in made.stdout
    (tmp_path / "flights.odcs.yaml").write_text(made.stdout, encoding="utf-8")
    assert "flights 0.1.0" in aceite("check", "flights.odcs.yaml").stdout


def test_contracts_made_of_other_formats_pass_check(aceite, tmp_path) -> None:
    (tmp_path / "orders.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1, "price": 2.5, "lines": [1]}\n'))
    (tmp_path / "plain.csv").write_bytes(b"1;a\n2;b\n")
    pq.write_table(pa.table({"id": [1, 2], "Price EUR": [0.5, None]}), tmp_path / "prices.parquet")
    for file, options, said in (
        ("orders.jsonl.gz", (), '/orders/{business_date:%Y%m%d}/{file}.jsonl.gz"\n    format: json'),
        ("plain.csv", ("--columns", "id, title"), "{property: header, vendor: aceite, value: false}"),
        ("prices.parquet", (), '/prices/{business_date:%Y%m%d}/{file}.parquet"\n    format: parquet\n  - server: sor'),
    ):
        made = aceite("init", file, *options, "--output", f"{file}.odcs.yaml")
        assert made.returncode == 0, made.stderr
        assert said in (tmp_path / f"{file}.odcs.yaml").read_text(encoding="utf-8")
    checked = aceite("check", ".")
    assert checked.stdout.splitlines()[-1] == "3 valid, 0 refused", checked.stdout


def test_what_is_no_sample_is_refused_in_words(aceite, tmp_path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "twice.jsonl").write_bytes(b'{"a": 1, "A": 2}\n')
    for source, code, said, options in (
        ("absent.csv", 64, "does not exist", ()),
        ("s3://b", 64, "s3://bucket/key", ()),
        ("empty.csv", 2, "first line", ()),
        ("empty.csv", 64, "each once", ("--columns", "a,,b")),
        ("twice.jsonl", 2, "the object has the member 'A' twice", ()),
    ):
        result = aceite("init", source, *options)
        assert (result.returncode, said in result.stderr) == (code, True), result.stderr


def test_check_covers_a_folder_and_counts(aceite, tmp_path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    movies = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
    (folder / "movies.odcs.yaml").write_text(movies, encoding="utf-8")
    (folder / "again.odcs.yaml").write_text(movies.replace("id: sor-imdb-movies", "id: films"), encoding="utf-8")
    (folder / "plain.yml").write_text(
        "{apiVersion: v3.2.0, kind: DataContract, id: plain, version: 1.0.0}\n", encoding="utf-8"
    )
    checked = aceite("check", "contracts")
    assert checked.returncode == 1
    assert "overlaps that of" in checked.stdout
    assert "plain.yml: valid ODCS; not watched" in checked.stdout
    assert checked.stdout.splitlines()[-1] == "2 valid, 1 refused"


def test_a_relationship_finds_the_contract_beside_it(aceite, tmp_path) -> None:
    flights = (CONTRACTS / "flights.odcs.yaml").read_text(encoding="utf-8")
    airports = """\
apiVersion: v3.2.0
kind: DataContract
id: airports
version: 1.0.0
servers: [{server: sor, type: athena, schema: database_sor}]
schema: [{name: airports, properties: [{name: faa, logicalType: string}]}]
"""
    refers = flights.replace("description: Airport of arrival.\n", "relationships: [{to: airports.faa}]\n")
    (tmp_path / "flights.odcs.yaml").write_text(refers, encoding="utf-8")
    assert "no table 'airports'" in aceite("check", "flights.odcs.yaml").stdout
    (tmp_path / "airports.odcs.yaml").write_text(airports, encoding="utf-8")
    assert aceite("check", "flights.odcs.yaml").returncode == 0
