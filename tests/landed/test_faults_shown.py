"""A message about a landed file shows what is wrong: nothing raw, what looks alike named, in the contract's letters."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import contract_text
from contract_texts import watched
from landed_contract import column, contract

from acceptance.judging.findings import CatalogFacts, Findings, judge_findings
from acceptance.proof.comparison_options import comparison_options
from landed.file import read_landed

NFC, NFD = "t\u00edtulo", "ti\u0301tulo"
TOLD = (
    f"it looks like the contract's '{NFC}', but character 2 is U+0069 LATIN SMALL LETTER I with U+0301 COMBINING ACUTE "
    "ACCENT here, U+00ED LATIN SMALL LETTER I WITH ACUTE in the contract's; normal form NFD here, NFC in the contract's"
)


@pytest.fixture
def faults(tmp_path):
    def faults(content, of):
        path = tmp_path / "landed"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [str(fault) for fault in read_landed(path, of, tmp_path).faults]

    return faults


def parquet(tmp_path, **columns):
    pq.write_table(pa.table(columns), tmp_path / "parquet")
    return (tmp_path / "parquet").read_bytes()


@pytest.mark.parametrize("format_", ["csv", "json", "parquet"])
def test_a_name_that_only_looks_like_the_contracts_is_told_apart_from_it(faults, tmp_path, format_):
    of = contract(column("id", "bigint"), column(NFC, "string"), format=format_)
    content = {
        "csv": f"id,{NFD}\n1,a\n",
        "json": json.dumps({"id": 1, NFD: "a"}, ensure_ascii=False),
        "parquet": parquet(tmp_path, id=[1], **{NFD: ["a"]}),
    }[format_]
    assert f"'{NFD}' " in faults(content, of)[0]
    assert f"({TOLD})" in faults(content, of)[0]


def test_a_column_of_the_table_that_only_looks_like_the_contracts_is_told_apart_from_it():
    of = watched(contract_text("orders", f"- {{name: {NFC}, logicalType: string}}", day="dt"))
    catalog = CatalogFacts({NFD: "string", "dt": "int"}, partition_found=True, has_objects=True, location="s3://sor/x/")
    results = {result.check.id: result.observed for result in judge_findings(of, Findings(catalog=catalog)).results}
    assert results["columns_match"] == f"{NFC} is missing; {NFD} string is not in the contract ({TOLD})"


def test_no_control_character_of_a_file_stands_raw_in_a_message(faults):
    of = contract(column("id", "bigint"), column("t", "string"))
    assert faults("id,t\n1,a,\x1b[31mred\x1b[0m\u202e\n", of) == [
        "line 2: 3 cells found, 2 expected: 1,a,\u241b[31mred\u241b[0m\u27e8U+202E\u27e9"
    ]


def test_signs_that_look_like_digits_and_minus_are_named(faults):
    found = faults("x\n\u22125\n\u0661\n1\xa0000\n", contract(column("x", "int")))
    assert [fault.partition(" is not int")[0] for fault in found] == [
        "line 2, column x: '\u22125' (character 1 is U+2212 MINUS SIGN)",
        "line 3, column x: '\u0661' (character 1 is U+0661 ARABIC-INDIC DIGIT ONE)",
        "line 4, column x: '1\\xa0000' (character 2 is U+00A0 NO-BREAK SPACE)",
    ]


@pytest.mark.parametrize(
    ("logical", "format_", "cell", "allowed"),
    [
        ("date", "dd/MM/yyyy", "2024-12-31", "a date written as dd/MM/yyyy"),
        ("timestamp", "dd/MM/yyyy 'at' HH:mm", "2024-12-31", "a timestamp written as dd/MM/yyyy 'at' HH:mm"),
    ],
)
def test_a_format_is_told_in_the_contracts_letters(faults, logical, format_, cell, allowed):
    columns = f'- {{name: d, logicalType: {logical}, logicalTypeOptions: {{format: "{format_}"}}}}'
    of = watched(contract_text("orders", columns, day="dt"))
    assert faults(f"d\n{cell}\n", of) == [f"line 2, column d: '{cell}' is not {logical}; allowed: {allowed}"]
    assert comparison_options(of)["formats of dates and times"] == f"d {format_}"


@pytest.mark.parametrize(("contracts", "files"), [(",", ";"), (";", ","), (",", "\t"), ("|", ","), ("\t", " ")])
def test_another_delimiter_is_recognised(faults, contracts, files):
    of = contract(column("id", "bigint"), column("t", "string"), delimiter=contracts)
    assert faults(f"ID{files}t{files}more\n1{files}a{files}\n", of)[0] == (
        f"line 1: the header is separated by {files!r}, and the contract's delimiter is {contracts!r}; say `delimiter: "
        f"{files!r}` in the contract's landing server, or separate the cells by {contracts!r}"
    )


def test_a_missing_header_is_recognised_and_classified_cells_stay_hidden(faults):
    of = contract(column("id", "bigint"), column("cpf", "string", sensitive=True))
    found = faults("1,123.456\n2,789.012\n", of)
    assert found[0] == (
        "line 1: the first line has none of the contract's names; if the file has no header, say `header: false` in "
        "the contract's landing server"
    )
    assert "123" not in "".join(found)


@pytest.mark.parametrize("header", ["id,x", "x", "a,b,c", "i d,t"])
def test_a_header_that_is_only_wrong_is_no_other_delimiter(faults, header):
    found = faults(f"{header}\n1,a\n", contract(column("id", "bigint"), column("t", "string")))
    assert not any("separated by" in fault or "has none of" in fault for fault in found), found
