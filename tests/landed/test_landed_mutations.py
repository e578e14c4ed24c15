"""Ways in which a pipeline corrupts data: each is found, by the check that should find it, with the cell that is wrong.

Two real data sets, the shipped contracts, the sandbox's Athena; at most one query more than a delivery that is right.
"""

# ruff: noqa: E501 - one way a line reads best
from datetime import date
from pathlib import Path

import boto3
import pytest
from proven_delivery import Proof, failed
from repository import CONTRACTS

import sandbox
from acceptance.contract.checks import Metric
from acceptance.judging.judge import Verdict
from acceptance.odcs.reader import read_contract
from acceptance.proof.differences import DifferenceKind
from sandbox.pipeline.provision import provision

DATA = Path(sandbox.__file__).with_name("data")
CELLS, ROWS, KEY = "cells_equal_landed", "rows_equal_landed", "primary_key_unique"
CHANGED, LOST, NEW, REPEATED = (
    DifferenceKind.CHANGED,
    DifferenceKind.ONLY_LANDED,
    DifferenceKind.ONLY_TABLE,
    DifferenceKind.REPEATED,
)


def replaced(column, value, where="true"):
    return f'SELECT * REPLACE (CASE WHEN {where} THEN {value} ELSE "{column}" END AS "{column}") FROM base'


def cell(key, column, landed, table):
    """What the evidence must show: the row's key, the column, and both values."""
    return CHANGED, key, column, landed, table


PULP, AMELIE, GOOD, DOCTOR, CHIHIRO, BRASIL = (f"movieid = {n}" for n in (110912, 211915, 60196, 57012, 245429, 140888))
LIST, METRO = "movieid = 108052", "movieid = 17136"
STRANGE = "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb"

MOVIES = {
    "a cell changed": (replaced("critic_score", "9.6", PULP), CELLS, cell("110912", "critic_score", "9.5", "9.6")),
    "a cell of a double changed": (
        replaced("audience_score", "96.000001", PULP), CELLS, cell("110912", "audience_score", "96", "96.000001")),
    "two titles swapped between rows": (
        "SELECT * REPLACE (CASE movieid WHEN 111161 THEN 'The Godfather' WHEN 68646 THEN 'The Shawshank Redemption' "
        "ELSE movietitle END AS movietitle) FROM base",
        CELLS, cell("68646", "movietitle", "The Godfather", "The Shawshank Redemption")),
    "a row dropped": ("SELECT * FROM base WHERE movieid <> 17136", ROWS, (LOST, "17136", "movietitle", "Metropolis", None)),
    "a row doubled": (f"SELECT * FROM base UNION ALL SELECT * FROM base WHERE {METRO}", KEY, (REPEATED, "17136", 1, 2)),
    "a row dropped and another doubled": (
        f"SELECT * FROM base WHERE NOT {METRO} UNION ALL SELECT * FROM base WHERE {BRASIL}",
        KEY, (LOST, "17136", "movieyear", "1927", None)),
    "a row two times more, which an XOR does not see": (
        f"SELECT * FROM base UNION ALL (SELECT * FROM base WHERE {METRO} UNION ALL SELECT * FROM base WHERE {METRO})",
        ROWS, (REPEATED, "17136", 1, 3)),
    "the first line lost": ("SELECT * FROM base OFFSET 1", ROWS, (LOST, "111161", "movierank", "1", None)),
    "the last line lost": ("SELECT * FROM base LIMIT 11", ROWS, (LOST, "140888", "movierank", "12", None)),
    "the file twice": ("SELECT * FROM base UNION ALL SELECT * FROM base", KEY, (REPEATED, "17136", 1, 2)),
    "half of the rows": ("SELECT * FROM base WHERE movierank % 2 = 0", ROWS, (LOST, "111161", "movierank", "1", None)),
    "no rows": ("SELECT * FROM base WHERE false", "rows", (LOST, "111161", "movierank", "1", None)),
    "header as row": (
        "SELECT * FROM base UNION ALL SELECT NULL, 'movietitle', NULL, 'movieurl', NULL, NULL, NULL",
        "movieid_not_null", (NEW, None, "movietitle", None, "movietitle")),
    "a blank line as row": (
        "SELECT * FROM base UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        "movietitle_not_null", (NEW, None, "movietitle", None, None)),
    "null to zero": (replaced("audience_score", "0", BRASIL), CELLS, cell("140888", "audience_score", None, "0")),
    "null to NaN": (replaced("audience_score", "'NaN'", BRASIL), CELLS, cell("140888", "audience_score", None, "NaN")),
    "null to the mean": (
        replaced("audience_score", "95.5", BRASIL), CELLS, cell("140888", "audience_score", None, "95.5")),
    "value to null": (replaced("critic_score", "NULL", PULP), CELLS, cell("110912", "critic_score", "9.5", None)),
    "text to null": (
        replaced("movietitle", "NULL", PULP), "movietitle_not_null", cell("110912", "movietitle", "Pulp Fiction", None)),
    "text to an empty text": (
        replaced("movietitle", "''", PULP), "movietitle_length", cell("110912", "movietitle", "Pulp Fiction", "")),
    "a column all null": (replaced("critic_score", "NULL"), CELLS, cell("111161", "critic_score", "8.2", None)),
    "a trailing space": (
        replaced("movietitle", "movietitle || ' '", PULP), CELLS,
        cell("110912", "movietitle", "Pulp Fiction", "Pulp Fiction ")),
    "a leading space": (
        replaced("movietitle", "' ' || movietitle", PULP), CELLS,
        cell("110912", "movietitle", "Pulp Fiction", " Pulp Fiction")),
    "a carriage return kept": (
        replaced("movietitle", "movietitle || chr(13)", PULP), CELLS,
        cell("110912", "movietitle", "Pulp Fiction", "Pulp Fiction\r")),
    "a byte order mark kept": (
        replaced("movietitle", "chr(65279) || movietitle", PULP), CELLS,
        cell("110912", "movietitle", "Pulp Fiction", "\ufeffPulp Fiction")),
    "UTF-8 read as Latin-1": (
        replaced("movietitle", "replace(movietitle, 'é', 'Ã©')"), CELLS,
        cell("211915", "movietitle", "Le Fabuleux Destin d'Amélie Poulain", "Le Fabuleux Destin d'AmÃ©lie Poulain")),
    "accents dropped": (
        replaced("movietitle", "strip_accents(movietitle)", AMELIE), CELLS,
        cell("211915", "movietitle", "Le Fabuleux Destin d'Amélie Poulain", "Le Fabuleux Destin d'Amelie Poulain")),
    "letters decomposed": (
        replaced("movietitle", "replace(movietitle, 'é', 'e' || chr(769))"), CELLS,
        cell("211915", "movietitle", "Le Fabuleux Destin d'Amélie Poulain", "Le Fabuleux Destin d'Ame\u0301lie Poulain")),
    "letters to question marks": (
        replaced("movietitle", "'????????'", CHIHIRO), CELLS, cell("245429", "movietitle", "千と千尋の神隠し", "????????")),
    "letters to the replacement sign": (
        replaced("movietitle", "replace(movietitle, 'é', '\ufffd')"), CELLS,
        cell("211915", "movietitle", "Le Fabuleux Destin d'Amélie Poulain", "Le Fabuleux Destin d'Am\ufffdlie Poulain")),
    "upper case": (
        replaced("movietitle", "upper(movietitle)", PULP), CELLS,
        cell("110912", "movietitle", "Pulp Fiction", "PULP FICTION")),
    "a text cut at fifty letters": (
        replaced("movietitle", "movietitle[1:50]"), CELLS, cell("57012", "movietitle", STRANGE, STRANGE[:50])),
    "a text cut at the delimiter": (
        replaced("movietitle", "'The Good'", GOOD), CELLS,
        cell("60196", "movietitle", "The Good, the Bad and the Ugly", "The Good")),
    "quotes kept": (
        replaced("movietitle", "'\"' || movietitle || '\"'", GOOD), CELLS,
        cell("60196", "movietitle", "The Good, the Bad and the Ugly", '"The Good, the Bad and the Ugly"')),
    "an apostrophe escaped": (
        replaced("movietitle", "'Schindler\\''s List'", LIST), CELLS,
        cell("108052", "movietitle", "Schindler's List", "Schindler\\'s List")),
    "an apostrophe as an HTML entity": (
        replaced("movietitle", "'Schindler&#39;s List'", LIST), CELLS,
        cell("108052", "movietitle", "Schindler's List", "Schindler&#39;s List")),
    "decimals cut": (replaced("critic_score", "trunc(critic_score)"), CELLS, cell("111161", "critic_score", "8.2", "8.0")),
    "decimals rounded": (
        replaced("critic_score", "round(critic_score)"), CELLS, cell("111161", "critic_score", "8.2", "8.0")),
    "the decimal sign lost": (
        replaced("critic_score", "critic_score * 10"), "critic_score_range", cell("111161", "critic_score", "8.2", "82.0")),
    "a sign lost": (
        replaced("critic_score", "-critic_score", PULP), "critic_score_range",
        cell("110912", "critic_score", "9.5", "-9.5")),
    "a percentage as a fraction": (
        replaced("audience_score", "audience_score / 100"), CELLS, cell("111161", "audience_score", "98", "0.98")),
    "a double kept as a float on the way": (
        replaced("audience_score", "(audience_score / 3)::FLOAT::DOUBLE * 3"), CELLS, (CHANGED, None, "audience_score")),
    "columns swapped": (
        "SELECT * REPLACE (movierank AS movieyear, movieyear AS movierank) FROM base", "movieyear_range",
        cell("111161", "movieyear", "1994", "1")),
    "columns shifted by one": (
        "SELECT * REPLACE (movietitle AS movieurl, movieurl AS movietitle) FROM base", "movieurl_pattern",
        cell("110912", "movietitle", "Pulp Fiction", "https://www.imdb.com/title/tt0110912/")),
    "a column sorted by itself": (
        "SELECT * REPLACE (13 - movierank AS movierank) FROM base", CELLS, cell("111161", "movierank", "1", "12")),
    "a key changed": (
        replaced("movieid", "110913", PULP), CELLS, cell("110912", "movieid", "110912", "110913")),
    "a key to null": (replaced("movieid", "NULL", PULP), "movieid_not_null", cell("110912", "movieid", "110912", None)),
    "one year more": (replaced("movieyear", "movieyear + 1", PULP), CELLS, cell("110912", "movieyear", "1994", "1995")),
    "a value filled down": (
        replaced("movietitle", "'The Shawshank Redemption'"), CELLS,
        cell("68646", "movietitle", "The Godfather", "The Shawshank Redemption")),
    "a row that never landed": (
        "SELECT * FROM base UNION ALL SELECT 1, 'x', 2000, 'https://www.imdb.com/title/tt0000001/', 13, 1, 1",
        ROWS, (NEW, "1", "movietitle", None, "x")),
}  # fmt: skip

UA = "carrier = 'UA' AND flight = 1453 AND origin = 'EWR'"
UA_KEY = "UA 1453 EWR"
AA = "carrier = 'AA' AND flight = 753 AND origin = 'LGA'"  # cancelled
AA_KEY = "AA 753 LGA"

FLIGHTS = {
    "a cell changed": (replaced("distance", "1401", UA), CELLS, cell(UA_KEY, "distance", "1400", "1401")),
    "two values swapped between rows": (
        f"SELECT * REPLACE (CASE WHEN {UA} THEN 'N493UA' WHEN tailnum = 'N493UA' AND flight = 407 THEN 'N76515' "
        "ELSE tailnum END AS tailnum) FROM base",
        CELLS, cell(UA_KEY, "tailnum", "N76515", "N493UA")),
    "a row dropped": (f"SELECT * FROM base WHERE NOT ({UA})", ROWS, (LOST, UA_KEY, "dep_time", "512", None)),
    "a row doubled": (f"SELECT * FROM base UNION ALL SELECT * FROM base WHERE {UA}", KEY, (REPEATED, UA_KEY, 1, 2)),
    "a row dropped and another doubled": (
        f"SELECT * FROM base WHERE NOT ({AA}) UNION ALL SELECT * FROM base WHERE {UA}",
        KEY, (LOST, AA_KEY, "dest", "DFW", None)),
    "the last line lost": ("SELECT * FROM base LIMIT 942", ROWS, (LOST, "UA 623 EWR", "dest", "ORD", None)),
    "the file twice": ("SELECT * FROM base UNION ALL SELECT * FROM base", KEY, (REPEATED, None, 1, 2)),
    "a page of rows lost": ("SELECT * FROM base LIMIT 500", ROWS, (LOST, None, "year", "2013", None)),
    "rows without a match lost": (
        "SELECT * FROM base WHERE dep_time IS NOT NULL", ROWS, (LOST, AA_KEY, "dest", "DFW", None)),
    "no rows": ("SELECT * FROM base WHERE false", "a_whole_day", (LOST, None, "year", "2013", None)),
    "null to zero": (replaced("dep_delay", "coalesce(dep_delay, 0)"), "delay_of_every_departure",
                     cell(AA_KEY, "dep_delay", None, "0")),
    "null to minus one": (replaced("arr_time", "-1", AA), "arr_time_range", cell(AA_KEY, "arr_time", None, "-1")),
    "null to text": (replaced("tailnum", "coalesce(tailnum, 'null')"), "tailnum_pattern", (CHANGED, None, "tailnum")),
    "null to an empty text": (replaced("tailnum", "coalesce(tailnum, '')"), "tailnum_length", (CHANGED, None, "tailnum")),
    "value to null": (replaced("air_time", "NULL", UA), CELLS, cell(UA_KEY, "air_time", "214", None)),
    "a column all null": (replaced("air_time", "NULL"), CELLS, (CHANGED, None, "air_time")),
    "a trailing space": (replaced("tailnum", "tailnum || ' '", UA), "tailnum_pattern",
                         cell(UA_KEY, "tailnum", "N76515", "N76515 ")),
    "padded to a width": (replaced("carrier", "rpad(carrier, 3, ' ')"), "carrier_values", (CHANGED, None, "carrier")),
    "lower case": (replaced("dest", "lower(dest)", UA), "dest_is_an_airport_code", cell(UA_KEY, "dest", "IAH", "iah")),
    "a code read as a number": (
        replaced("carrier", "'9.0'", "carrier = '9E'"), "carrier_values", (CHANGED, None, "carrier", "9E", "9.0")),
    "a prefix cut": (replaced("tailnum", "tailnum[2:]", UA), "tailnum_pattern", cell(UA_KEY, "tailnum", "N76515", "76515")),
    "a letter O for a zero": (replaced("tailnum", "'N7651S'", UA), CELLS, cell(UA_KEY, "tailnum", "N76515", "N7651S")),
    "the sign of a delay lost": (replaced("dep_delay", "abs(dep_delay)"), CELLS, (CHANGED, None, "dep_delay")),
    "a time shifted by its zone": (
        replaced("time_hour", "time_hour - INTERVAL 3 HOUR"), CELLS,
        (CHANGED, None, "time_hour")),
    "a time shifted by daylight saving": (
        replaced("time_hour", "time_hour + INTERVAL 1 HOUR", UA), CELLS,
        cell(UA_KEY, "time_hour", "2013-01-02 10:00:00", "2013-01-02 11:00:00")),
    "a time cut to its day": (
        replaced("time_hour", "date_trunc('day', time_hour)", UA), CELLS,
        cell(UA_KEY, "time_hour", "2013-01-02 10:00:00", "2013-01-02 00:00:00")),
    "day and month swapped": (
        replaced("time_hour", "TIMESTAMP '2013-02-01 01:00:00'", UA), CELLS,
        cell(UA_KEY, "time_hour", "2013-01-02 10:00:00", "2013-02-01 01:00:00")),
    "a millisecond more": (
        replaced("time_hour", "time_hour + INTERVAL 1 MILLISECOND", UA), CELLS,
        cell(UA_KEY, "time_hour", "2013-01-02 10:00:00", "2013-01-02 10:00:00.001")),
    "hours as minutes": (
        "SELECT * REPLACE (hour AS minute, minute AS hour) FROM base", "hour_range", (CHANGED, None, "hour")),
    "columns swapped": (
        "SELECT * REPLACE (dest AS origin, origin AS dest) FROM base", "origin_values", (CHANGED, None, "dest")),
    "a number capped": (replaced("distance", "least(distance, 1000)"), CELLS, (CHANGED, None, "distance")),
    "a number rounded to tens": (replaced("distance", "distance // 10 * 10"), CELLS, (CHANGED, None, "distance")),
    "miles as kilometres": (replaced("distance", "distance * 1609 // 1000"), CELLS, (CHANGED, None, "distance")),
    "a key changed": (replaced("flight", "1454", UA), CELLS, cell(UA_KEY, "flight", "1453", "1454")),
    "yesterday's day": (replaced("day", "day + 1"), "of_the_day_it_landed_for", (CHANGED, None, "day", "2", "3")),
    "a value filled down": (
        "SELECT * REPLACE (coalesce(air_time, 100) AS air_time) FROM base", CELLS, cell(AA_KEY, "air_time", None, "100")),
    "a column sorted by itself": (
        "SELECT * REPLACE (row_number() OVER (ORDER BY distance, flight) AS distance) FROM base", CELLS,
        (CHANGED, None, "distance")),
    "header as row": (
        "SELECT * FROM base UNION ALL SELECT * REPLACE (NULL AS year, 'carrier' AS carrier, 'origin' AS origin, "
        f"'dest' AS dest) FROM base WHERE {AA}",
        "year_not_null", (NEW, "carrier 753 origin", "dest", None, "dest")),
    "a day more in the partition": (
        "SELECT * FROM base UNION ALL SELECT * REPLACE (day + 1 AS day) FROM base",
        "of_the_day_it_landed_for", (NEW, None, "day", None, "3")),
}  # fmt: skip


@pytest.fixture(scope="module")
def proofs(local_aws, tmp_path_factory):
    files = {"movies": DATA / "movies" / "movies.csv", "flights": DATA / "flights" / "2013-01-02.csv"}
    found = {}
    for name, landed in files.items():
        path = CONTRACTS / f"{name}.odcs.yaml"
        contract = read_contract(path.read_text(encoding="utf-8"), path.name, {})
        provision(boto3.Session("test", "test", region_name="us-east-1"), local_aws.endpoint, [contract])
        found[name] = Proof(local_aws, contract, landed, tmp_path_factory.mktemp(name))
        found[name].load()
    return found


@pytest.mark.parametrize("dataset", ["movies", "flights"])
def test_what_landed_is_accepted_with_one_query(proofs, dataset):
    proof, before = proofs[dataset], proofs[dataset].queries
    judgement, where = proof.judge_only("SELECT * FROM base")
    assert (failed(judgement), where, proof.queries - before) == ({}, None, 1)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("dataset", "way"), [*(("movies", way) for way in MOVIES), *(("flights", way) for way in FLIGHTS)]
)
def test_what_a_pipeline_corrupts_is_found_with_the_cell(proofs, dataset, way):
    select, check, expected = {"movies": MOVIES, "flights": FLIGHTS}[dataset][way]
    proof, before = proofs[dataset], proofs[dataset].queries
    judgement, where = proof.judge_only(select)
    assert judgement.verdict is Verdict.REJECTED
    cells = next(check for check in proof.contract.checks if check.metric is Metric.CELLS_EQUAL_LANDED).id
    assert {cells if check == CELLS else check, cells} <= set(failed(judgement)), failed(judgement)
    assert any(_shows(row, *expected) for row in where.rows), (expected, [str(row) for row in where.rows], str(where))
    assert proof.queries - before == 2


def _shows(row, kind, key, *about):
    if row.kind is not kind or (key is not None and " ".join(str(value) for value in row.key.values()) != key):
        return False
    if kind is REPEATED:
        return (row.landed_times, row.table_times) == about
    column, *values = about
    return any(cell.column == column and (not values or [cell.landed, cell.table] == values) for cell in row.cells)


@pytest.mark.parametrize("dataset", ["movies", "flights"])
def test_rows_in_another_days_partition_are_found_to_be_missing(proofs, dataset):
    judgement, _ = proofs[dataset].judge(proofs[dataset].put("SELECT * FROM base", into=date(2040, 1, 1)))
    assert failed(judgement) == {"partition_exists": 1}
    assert judgement.verdict is Verdict.REJECTED


def test_there_are_more_than_forty_ways():
    assert len(MOVIES.keys() | FLIGHTS.keys()) >= 60
