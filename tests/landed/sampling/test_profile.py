"""What a sample says of its columns, and that the contract made of it holds for the sample."""

import csv
import gzip
import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from avro_files import avro, logical
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from orc_files import orc

from acceptance.contract.contract import Contract
from acceptance.errors import StepFailed
from acceptance.odcs.draft import Profile, draft_contract
from acceptance.odcs.reader import read_contract
from landed.file import read_landed
from landed.sampling.profile import profile_file

LOCATION = "s3://landing/sample/{business_date:%Y%m%d}/{file}.csv"


def profiled(folder: Path, content: bytes | str, names: tuple[str, ...] = (), file: str = "sample.csv") -> Profile:
    path = folder / file
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return profile_file(path, names)


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
        "1 to 2, 2 values", "always 1 character (char(1), if the catalog says so), 2 values", "5 to 9, 3 values",
        "1 to 2 characters, 2 values",
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
    [
        ("", "must name each column once"),
        ("a,A\n1,2\n", "each column once"),
        ("a,b\n1,2\n3\n", "is not CSV with 2 columns"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, said) -> None:
    with pytest.raises(StepFailed, match=said):
        profiled(tmp_path, content)


def kept(folder: Path, profile: Profile) -> tuple[str, ...]:
    """What the sample that was written last breaks of the contract that was made of it."""
    return tuple(map(str, read_landed(folder / "sample.csv", drafted(profile), folder).faults))


def test_gzip_is_seen_by_its_bytes_and_said_where_the_name_does_not(tmp_path) -> None:
    profile = profiled(tmp_path, gzip.compress(b"id;price\n1;2.5\n2;\n"))
    assert (profile.landing.compression, profile.landing.delimiter) == ("gzip", ";")
    assert drafted(profile).landing.compression == "gzip"
    assert "compression" not in draft_contract(profile, "sample", LOCATION + ".gz")
    assert kept(tmp_path, profile) == ()


def test_a_file_without_a_header_is_read_with_the_names_that_are_given(tmp_path) -> None:
    profile = profiled(tmp_path, "7|a b|2013-01-31\n8||\n", ("Id", "Title", "born"))
    assert not profile.landing.header and profile.rows == 2
    assert [(column.landed, column.type) for column in profile.columns] == [
        ("Id", "int"), ("Title", "string"), ("born", "date"),
    ]  # fmt: skip
    contract = drafted(profile)
    assert (contract.landing.header, contract.landing.delimiter) == (False, "|")
    assert kept(tmp_path, profile) == ()


def test_names_that_are_not_as_many_as_the_cells_are_refused(tmp_path) -> None:
    with pytest.raises(StepFailed, match="is not CSV with 3 columns"):
        profiled(tmp_path, "1,2\n3,4\n", ("a", "b", "c"))
    with pytest.raises(StepFailed, match="names its columns itself"):
        profiled(tmp_path, '{"a": 1}\n', ("a",))


@pytest.mark.parametrize(
    ("content", "header", "names"),
    [
        ("1,a\n2,b\n", False, ["column_1", "column_2"]),
        ("1,1\n2,b\n", False, ["column_1", "column_2"]),
        ("1;01/02/2025;\n2;31/12/2025;x\n", False, ["column_1", "column_2", "column_3"]),
        ("id,a\n2,b\n", True, ["id", "a"]),
        ("shop,2024,2025\na,1,2\n", True, ["shop", "2024", "2025"]),
        ("a,b\nx,y\n", True, ["a", "b"]),
        ("a,7\nx,1\n", False, ["column_1", "column_2"]),
    ],
)
def test_a_first_record_that_reads_like_the_others_is_no_header(tmp_path, content, header, names) -> None:
    profile = profiled(tmp_path, content)
    assert (profile.landing.header, [column.landed for column in profile.columns]) == (header, names)
    assert ("# header: false is a guess" in draft_contract(profile, "sample", LOCATION)) is not header
    assert drafted(profile).landing.header is header
    assert kept(tmp_path, profile) == ()


def test_one_name_that_could_be_a_value_is_doubted(tmp_path) -> None:
    first, second = profiled(tmp_path, "1,born\n2,2025-01-31\n").columns
    assert (first.landed, second.landed) == ("1", "born")
    assert "if the file has no header" in first.note
    assert "header" not in second.note


@pytest.mark.parametrize(
    ("cells", "comma", "types", "doubt"),
    [
        (["1,5;x", "-2,25;y", ",5;z"], True, ["decimal(18,2)", "string"], ""),
        (["1,5;7", "2;1.234.567", "3;1.234,50"], True, ["decimal(18,1)", "string"], 'set groupSeparator: "."'),
        (["1,5;1.234", "2,5;2.000", "3,5;9"], True, ["decimal(18,1)", "string"], "a point between thousands"),
        (["1,5;1.25", "2;3.5"], False, ["string", "decimal(18,2)"], "a decimal comma, so they are a text here"),
        (["1,234,567;1.5", "2;2"], False, ["string", "decimal(18,1)"], 'set groupSeparator: ","'),
        (["1,234;x", "7,000;y"], True, ["decimal(18,3)", "string"], "does 1,234 mean 1234 here?"),
        (["1.5;1", "2;3"], False, ["decimal(18,1)", "int"], ""),
        (["1,2,3;a", "4,5;b"], False, ["string", "string"], ""),
        (["1,5;10.0.0.1", "2,5;10.0.0.2"], True, ["decimal(18,1)", "string"], ""),
    ],
)
def test_the_decimal_comma_is_found_and_what_may_be_thousands_is_asked(tmp_path, cells, comma, types, doubt) -> None:
    profile = profiled(tmp_path, "a;b\n" + "".join(f"{record}\n" for record in cells))
    assert profile.landing.decimal_comma is comma
    assert [column.type for column in profile.columns] == types
    assert drafted(profile).landing.decimal_comma is comma
    doubts = "".join(column.note.partition(";")[2] for column in profile.columns)
    assert doubt in doubts if doubt else not doubts
    assert kept(tmp_path, profile) == ()


def test_a_value_in_every_row_of_a_day_is_asked_about_and_not_required(tmp_path) -> None:
    profile = profiled(tmp_path, "id,wind,note\n1,5,\n2,5,x\n")
    text = draft_contract(profile, "sample", LOCATION)
    assert "always 5, 1 value; all 2 rows had a value: if it is always so, add required: true" in text
    assert "id differed in all 2 rows of the sample, and had a value in each.\n    # Is it always so? If not" in text
    contract = drafted(profile)
    assert [column.name for column in contract.columns if column.required and not column.partition] == []
    assert [column.name for column in contract.columns if column.primary_key] == ["id"]


@pytest.mark.parametrize("text_encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(tmp_path, text_encoding) -> None:
    mark = "" if text_encoding == "utf-16" else "\ufeff"
    profile = profiled(tmp_path, f"{mark}cidade;n\nSão Paulo;1\n".encode(text_encoding))
    assert (profile.landing.encoding, profile.columns[0].landed) == ("UTF-16", "cidade")
    assert kept(tmp_path, profile) == ()


def test_an_encoding_that_is_a_guess_is_said_to_be_one(tmp_path) -> None:
    said = draft_contract(profiled(tmp_path, "a,b\né,1\n".encode("cp1252")), "sample", LOCATION)
    assert "# cp1252 is a guess: the sample is no UTF-8" in said
    assert "is a guess: the sample" not in draft_contract(profiled(tmp_path, "a,b\né,1\n"), "sample", LOCATION)


@pytest.mark.parametrize(("last", "count"), [("TOTAL;9", 0), ("T;0003", 2), ("fim", 0), ("T;3\n", 2)])
def test_a_trailer_record_is_found_with_its_count(tmp_path, last, count) -> None:
    profile = profiled(tmp_path, f"id;n;d\n1;2;a\n2;3;b\n3;4;c\n{last}")
    contract = drafted(profile)
    assert contract.landing.trailer_records == (last.partition(";")[0] + (";" if ";" in last else ""),)
    assert (contract.landing.trailer_count, profile.rows) == (count, 3)
    assert [column.type for column in profile.columns] == ["int", "int", "string"]
    assert "# trailerRecords is a guess" in draft_contract(profile, "sample", LOCATION)
    assert kept(tmp_path, profile) == ()


def test_a_last_record_that_may_be_cut_or_a_trailer_is_asked_about(tmp_path) -> None:
    with pytest.raises(StepFailed, match=r"line 5: 2 cells found, 3 expected.* was the file cut short"):
        profiled(tmp_path, "id;n;d\n1;2;a\n2;3;b\n3;4;c\n4;5\n")
    columns = profiled(tmp_path, "id;n;d\n1;2;a\n2;3;b\n3;4;c\nTOTAL;9;\n").columns
    assert "without the last record it would be int: is that one a trailer record?" in columns[0].note
    assert "trailer" not in columns[1].note + columns[2].note


@pytest.mark.parametrize(
    "name",
    [
        "${X}",
        "{a}",
        "a ${HOME:-x} $ ${",
        "a\x7fb",
        "a\x80b",
        "a\x85b",
        "a\u2028b",
        "a\ufeffb",
        "a\nb",
        "a\r\nb",
        "\r",
        "\ufb01x",
    ],
)
@pytest.mark.parametrize("file", ["csv", "json", "parquet"])
def test_a_column_may_have_any_name(tmp_path, name, file) -> None:
    path = tmp_path / "sample.csv"
    if file == "parquet":
        pq.write_table(pa.table({"id": [1, 2], name: [3, 4]}), path)
    elif file == "json":
        path.write_text(json.dumps({"id": 1, name: 3}) + "\n" + json.dumps({"id": 2, name: 4}) + "\n", encoding="utf-8")
    else:
        path.write_bytes(f'id,"{name}"\n1,3\n2,4\n'.encode())
    profile = profile_file(path)
    assert profile.rows == 2
    contract = drafted(profile)
    assert [column.landed for column in contract.landed_columns] == ["id", name]
    assert kept(tmp_path, profile) == ()


def test_a_nested_member_of_any_name_is_ignored(tmp_path) -> None:
    content = json.dumps({"id": 1, "${X}\x85": [1]}) + "\n"
    profile = profiled(tmp_path, content)
    assert drafted(profile).landing.ignored == ("${X}\x85",)
    assert kept(tmp_path, profile) == ()


def test_the_partition_has_a_name_whatever_the_columns_are_called(tmp_path) -> None:
    profile = profiled(tmp_path, "anomesdia,business_date,landed_on,landed_on_2\n1,2,3,4\n")
    assert list(drafted(profile).partition) == ["landed_on_3"]
    assert kept(tmp_path, profile) == ()


def test_the_values_of_json_lines_say_what_they_can_be(tmp_path) -> None:
    profile = profiled(
        tmp_path,
        b'{"id": 1, "code": "12", "price": 1.50, "ok": true, "at": "2013-01-31 05:15:00.123456", "n": 1}\n\n'
        b'{"ID": 2, "born": "31/01/2013", "tags": ["a"], "big": 12345678901, "n": "2.5", "none": null}\n',
    )
    assert [(column.landed, column.type, column.landed_format) for column in profile.columns] == [
        ("id", "int", None), ("code", "string", None), ("price", "decimal(18,2)", None), ("ok", "boolean", None),
        ("at", "timestamp", None), ("n", "decimal(18,1)", None), ("born", "date", "dd/MM/yyyy"),
        ("big", "bigint", None), ("none", "string", None),
    ]  # fmt: skip
    contract = drafted(profile)
    assert (contract.landing.format, contract.landing.ignored, profile.key) == ("json", ("tags",), ("id",))
    assert contract.columns[4].rounded
    assert kept(tmp_path, profile) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n{"a": "x"}\n', "'a' is a number on line 1, a text on line 2: no type holds both"),
        ('{"a": true}\n{"a": 1}\n', "'a' is true or false on line 1, a number on line 2"),
        ('{"a": 1}\n{"a"\n', "line 2: the line is not JSON"),
        ('{"a": 1}\n[1]\n', "line 2: the line is not a JSON object"),
        ('[{"a": 1}]\n', "each line must be an object"),
        ('{"": 1, "b": 2}\n', "a column without a name"),
        ('{"a": 1, "": [2]}\n', "a column without a name"),
        ('{"a": "x"}\n{"a": "\\ud800"}\n', "line 2: half a character"),
        ('{"\\udfff": 1}\n', "line 1: half a character"),
        ('{"a": [1]}\n', "no column that a table of plain types could hold"),
    ],
)
def test_json_of_which_no_table_can_be_made_is_refused_in_words(tmp_path, content, said) -> None:
    with pytest.raises(StepFailed, match=re.escape(said)):
        profiled(tmp_path, content, file="sample.jsonl")


def test_the_types_of_parquet_are_those_of_the_table(tmp_path) -> None:
    moments = pa.array([1_000, None], pa.timestamp("us"))
    columns = {
        "Id": pa.array([1, 2], pa.int16()), "u": pa.array([1, 2], pa.uint64()),
        "x": pa.array([0.5, None], pa.float32()), "price": pa.array(["1.50", "2.5"]).cast(pa.decimal128(7, 2)),
        "t": ["a", None], "ok": [True, None],
        "day": [date(2013, 1, 31), None], "at": moments, "fine": pa.array([1, None], pa.timestamp("us", "UTC")),
        "tags": [["a"], None], "raw": [b"a", None],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "sample.csv")
    profile = profile_file(tmp_path / "sample.csv")
    assert [(column.landed, column.type, column.rounded) for column in profile.columns] == [
        ("Id", "smallint", False), ("u", "decimal(20,0)", False), ("x", "float", False),
        ("price", "decimal(7,2)", False), ("t", "string", False), ("ok", "boolean", False), ("day", "date", False),
        ("at", "timestamp", False), ("fine", "timestamp", True), ("raw", "string", False),
    ]  # fmt: skip
    assert (drafted(profile).landing.ignored, profile.key) == (("tags",), ("Id",))
    assert kept(tmp_path, profile) == ()


def test_parquet_that_is_cut_off_or_packed_is_refused_in_words(tmp_path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    with pytest.raises(StepFailed, match="cannot be read as Parquet"):
        profiled(tmp_path, whole[:-9])
    with pytest.raises(StepFailed, match="Parquet in gzip"):
        profiled(tmp_path, gzip.compress(whole))
    with pytest.raises(StepFailed, match="truncated or not gzip"):
        profiled(tmp_path, gzip.compress(b"a,b\n1,2\n")[:-4])


def test_the_types_of_avro_are_those_of_the_table(tmp_path) -> None:
    moment = logical("long", "timestamp-micros")
    types = {
        "Id": "int", "n": ["null", "long"], "x": ["float", "null"], "t": ["null", "string"], "at": moment,
        "price": logical("bytes", "decimal", precision=7, scale=2),
        "fine": logical("long", "timestamp-nanos"), "nothing": "null",
        "tags": {"type": "array", "items": "string"}, "raw": "bytes",
    }  # fmt: skip
    row = [None, 0.5, "a", 1_000, Decimal("1.50"), 1, None, ["a"], b"a"]
    (tmp_path / "sample.csv").write_bytes(avro(types, [[number, *row] for number in (1, 2)]))
    profile = profile_file(tmp_path / "sample.csv")
    assert [(column.landed, column.type, column.rounded) for column in profile.columns] == [
        ("Id", "int", False), ("n", "bigint", False), ("x", "float", False), ("t", "string", False),
        ("at", "timestamp", False), ("price", "decimal(7,2)", False), ("fine", "timestamp", True),
        ("nothing", "string", False),
    ]  # fmt: skip
    assert (drafted(profile).landing.ignored, profile.key) == (("tags", "raw"), ("Id",))
    assert kept(tmp_path, profile) == ()
    whole = (tmp_path / "sample.csv").read_bytes()
    for content, said in ((whole[:-9], "cannot be read as Avro: block 1"), (gzip.compress(whole), "Avro in gzip")):
        with pytest.raises(StepFailed, match=said):
            profiled(tmp_path, content)


def test_the_types_of_orc_are_those_of_the_table(tmp_path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
    columns = {
        "Id": pa.array([1, 2], pa.int32()), "n": pa.array([None, 5], pa.int64()), "x": pa.array([0.5, 1], pa.float32()),
        "t": ["a", "b"], "at": pa.array([moment.replace(microsecond=0)] * 2, pa.timestamp("ms", "UTC")),
        "fine": pa.array([moment] * 2, pa.timestamp("us")), "price": pa.array([1, 2]).cast(pa.decimal128(21, 2)),
        "ns": pa.array([1, 2], pa.timestamp("ns")),
        "day": pa.array([date(1, 1, 1), date(2026, 1, 2)]), "tags": [["a"], []], "raw": pa.array([b"a", b"b"]),
    }  # fmt: skip
    whole = orc(columns)
    (tmp_path / "sample.csv").write_bytes(whole)
    profile = profile_file(tmp_path / "sample.csv")
    assert [(column.landed, column.type, column.rounded) for column in profile.columns] == [
        ("Id", "int", False), ("n", "bigint", False), ("x", "float", False), ("t", "string", False),
        ("at", "timestamp", False), ("fine", "timestamp", True), ("price", "decimal(21,2)", False),
        ("ns", "timestamp", True), ("day", "date", False),
    ]  # fmt: skip
    assert (drafted(profile).landing.ignored, profile.key) == (("tags", "raw"), ("Id",))
    assert kept(tmp_path, profile) == ()
    for content, said in ((whole[:3] + whole[9:], "cannot be read as ORC: "), (gzip.compress(whole), "ORC in gzip")):
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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples())
def test_the_contract_of_any_sample_is_read_and_the_sample_keeps_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content.encode())
    landed = read_landed(path, drafted(profile_file(path)), tmp_path)
    assert (landed.fault_count, landed.faults) == (0, ())


def written(value: object, comma: bool, thousands: bool) -> str:
    """A number as people write it in a country."""
    if not isinstance(value, Decimal):
        return str(value)
    text = f"{value:,}" if thousands else str(value)
    return text.translate(str.maketrans(",.", ".,")) if comma else text


@st.composite
def exports(draw: st.DrawFn) -> bytes:
    """Files as offices export them: with or without a header, in any delimiter and encoding, packed or not."""
    comma, thousands, header = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    kinds = draw(st.lists(st.sampled_from([
        st.integers(0, 10**6), st.decimals(-(10**6), 10**6, places=2), st.decimals(0, 10**4, places=3),
        st.dates(date(1990, 1, 1), date(2030, 1, 1)).map(lambda day: f"{day:%d/%m/%Y}"),
        st.sampled_from(["SP", "RJ", "MG"]), st.text("aé ç'%,;.-0", max_size=6), st.just("NULL"), st.just(""),
    ]), min_size=2, max_size=5))  # fmt: skip
    rows = draw(st.lists(st.tuples(*kinds), min_size=1, max_size=8))
    file = io.StringIO()
    writer = csv.writer(
        file, delimiter=draw(st.sampled_from(",;\t|")), lineterminator=draw(st.sampled_from(["\n", "\r\n"]))
    )
    if header:
        writer.writerow([f"Coluna {number}" for number in range(len(kinds))])
    writer.writerows([[written(cell, comma, thousands) for cell in row] for row in rows])
    content = file.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])))
    return gzip.compress(content) if draw(st.booleans()) else content


@settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(exports())
def test_the_contract_of_any_export_is_read_and_the_sample_keeps_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    try:
        profile = profile_file(path)
    except StepFailed as error:
        assert "must name each column once" in str(error)
        return
    landed = read_landed(path, drafted(profile), tmp_path)
    assert (landed.fault_count, landed.faults) == (0, ())


VALUES: list[st.SearchStrategy[Any]] = [
    *CELLS[2:],
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
]
VALUES[0] = st.booleans()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_contract_of_any_json_lines_is_read_and_the_sample_keeps_it(tmp_path: Path, data: st.DataObject) -> None:
    members = {name: data.draw(st.sampled_from(VALUES)) for name in data.draw(NAMES)}
    rows = data.draw(st.lists(st.fixed_dictionaries({}, optional=members), min_size=1, max_size=6))
    rows[0] |= {name: None for name in members if name not in rows[0]}
    text = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    path = tmp_path / "sample.json"
    path.write_text(text, encoding="utf-8")
    landed = read_landed(path, drafted(profile_file(path)), tmp_path)
    assert (landed.fault_count, landed.faults) == (0, ())
