"""What a sample says of its columns, and that the contract made of it holds for the sample."""

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acceptance.contract import Contract
from acceptance.errors import StepFailed
from acceptance.odcs.draft import Profile, draft_contract
from acceptance.odcs.reader import read_contract
from aws.landed import read_landed
from aws.profile import profile_file

LOCATION = "s3://landing/sample/{business_date:%Y%m%d}/{file}.csv"


def profiled(folder: Path, content: bytes | str) -> Profile:
    path = folder / "sample.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return profile_file(path)


def drafted(profile: Profile) -> Contract:
    contract = read_contract(draft_contract(profile, "sample", LOCATION), "sample.odcs.yaml", {})
    assert contract is not None
    return contract


@pytest.mark.parametrize(
    ("cells", "type_", "landed_format"),
    [
        (["1", "-2"], "int", None),
        (["1", "2147483648"], "bigint", None),
        (["007", "12"], "string", None),
        (["0", "10"], "int", None),
        (["1.5", "-2.25"], "decimal(18,2)", None),
        (["12345678901234567890.5"], "decimal(38,1)", None),
        (["1e5", "2"], "double", None),
        (["0.12345678901"], "double", None),
        (["true", "FALSE"], "boolean", None),
        (["2013-01-31"], "date", None),
        (["31/01/2013", "01/02/2013"], "date", "dd/MM/yyyy"),
        (["01/31/2013"], "date", "MM/dd/yyyy"),
        (["31/01/2013 10:00:00"], "timestamp", "dd/MM/yyyy HH:mm:ss"),
        (["2013-01-31T10:00:00Z"], "timestamp", None),
        (["a", "1"], "string", None),
        (["", ""], "string", None),
    ],
)
def test_a_column_has_the_narrowest_type_that_every_cell_has(tmp_path, cells, type_, landed_format) -> None:
    (column, _) = profiled(tmp_path, "c,other\n" + "".join(f"{cell},x\n" for cell in cells)).columns
    assert (column.type, column.landed_format) == (type_, landed_format)


def test_keys_nulls_and_ranges_are_those_of_the_sample(tmp_path) -> None:
    profile = profiled(tmp_path, "day,shop,total,note\n1,a,5,\n1,b,7,x\n2,a,9,\n2,b,9,yy\n")
    assert profile.key == ("day", "shop")
    assert [column.nulls for column in profile.columns] == [0, 0, 0, 2]
    assert [column.note for column in profile.columns] == [
        "1 to 2, 2 values", "always 1 characters, 2 values", "5 to 9, 3 values", "1 to 2 characters, 2 values",
    ]  # fmt: skip


def test_no_key_is_guessed_where_rows_are_equal(tmp_path) -> None:
    assert profiled(tmp_path, "a,b\n1,2\n1,2\n").key == ()
    assert profiled(tmp_path, "a,b\n1,2\n").key == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter) -> None:
    profile = profiled(tmp_path, delimiter.join("abc") + "\n" + delimiter.join(["1", '"x,;|\t"', "3"]) + "\n")
    assert profile.landing.delimiter == delimiter
    assert len(profile.columns) == 3


@pytest.mark.parametrize(("header", "names"), [("0|", ["0|"]), ("|", ["|"]), ("a;;b", ["a;;b"]), ("a|,b", ["a|", "b"])])
def test_a_sign_that_leaves_a_column_without_a_name_is_part_of_the_name(tmp_path, header, names) -> None:
    record = ",".join(['""'] * len(names))
    profile = profiled(tmp_path, f"{header}\n{record}\n")
    assert [column.landed for column in profile.columns] == names


def test_a_file_of_another_encoding_is_read_in_it(tmp_path) -> None:
    profile = profiled(tmp_path, "cidade,preço\nSão Paulo,1\n".encode("cp1252"))
    assert profile.landing.encoding == "cp1252"
    columns = drafted(profile).columns
    assert [(column.name, column.landed) for column in columns[:2]] == [("cidade", "cidade"), ("preco", "preço")]


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "must name the columns"), ("a,A\n1,2\n", "each once"), ("a,b\n1,2\n3\n", "cannot be read")],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, said) -> None:
    with pytest.raises(StepFailed, match=said):
        profiled(tmp_path, content)


NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Cc", "Cs")),
                         min_size=1, max_size=12).filter(lambda name: name.strip() == name and name[0] != "\ufeff"),
                 min_size=1, max_size=5, unique_by=str.casefold).filter(
                     lambda names: len(names) > 1 or not set(";\t|") & set(names[0]))  # fmt: skip
"""With one column only, a sign within its name could as well be the delimiter of two."""
CELLS: list[st.SearchStrategy[Any]] = [
    st.integers(-(10**12), 10**12),
    st.decimals(-(10**6), 10**6, places=3),
    st.booleans().map(lambda value: str(value).lower()),
    st.dates(date(1900, 1, 1)),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),  # noqa: DTZ001
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cc", "Cs")), max_size=8),
]


@st.composite
def samples(draw: st.DrawFn) -> str:
    names = draw(NAMES)
    kinds = [draw(st.sampled_from(CELLS)) for _ in names]
    rows = draw(st.lists(st.tuples(*(st.none() | kind for kind in kinds)), min_size=1, max_size=6))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([["" if cell is None else str(cell) for cell in row] for row in rows])
    return file.getvalue()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples())
def test_the_contract_of_any_sample_is_read_and_the_sample_keeps_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content.encode())
    landed = read_landed(path, drafted(profile_file(path)), tmp_path)
    assert (landed.fault_count, landed.faults) == (0, ())
