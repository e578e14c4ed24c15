"""Every format and option that contracts allow, through the whole flow: landed, converted, measured, judged."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from avro_files import avro, logical
from judged_formats import DAY, Dataset, Installation, column, installed, parquet
from orc_files import orc
from packed_files import zipped, zstd

from acceptance.evidence.evidence import Evidence, StepStatus
from acceptance.judging.judge import Verdict

ID = column("id", "bigint", key=True)
TITLE, PRICE = column("title", "string"), column("price", "decimal(9,2)")
NOON = datetime(2018, 1, 2, 12, tzinfo=UTC)
BY_ATHENA = {"engine": "athena", "landedTable": ""}


@dataclass(frozen=True)
class Landing:
    """A clean file of a dataset. `changed` is shown when its pipeline changes a cell of the row in the middle."""

    dataset: Dataset
    content: bytes
    changed: str


def landing(changed: str, content: bytes, id_: str, *columns: object, **said: object) -> Landing:
    """A job, a new process for each run, fills the tables of three formats; a warm function those of the others."""
    by_job = id_ in ("csv_signs", "json_lines", "parquet")
    return Landing(Dataset(id_, columns, **{"by_job": by_job, **said}), content, changed)  # type: ignore[arg-type]


LANDINGS = [
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        "id;title;price\n 1;'S\u00e3o ''Paulo''; o \u20ac';1,50\n2 ; Rio\t; 2,25\n3;-;-\n".encode("cp1252"),
        "csv_signs", ID, TITLE, PRICE, encoding="cp1252",
        options={"delimiter": ";", "quote": "'", "decimalComma": True, "trim": True, "nullText": "-"},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        zipped('1\t"a\t1.50\n2\tNULL\t2.25\n3\t\tNULL\n'.encode("utf-16")),
        "csv_packed", ID, TITLE, PRICE, ending="csv.zip", encoding="UTF-16",
        options={"delimiter": "\t", "quote": "", "header": False, "nullText": "NULL", "emptyAsNull": True},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b'id,title,price\n1,"",1.50\n2, "a" ,2.25\n3,,""\n', "csv_of_blanks_and_empty_quotes", ID, TITLE, PRICE,
    ),
    landing(
        "a b: only landed; a b?: only in the table",
        b"a\na\n\nb\nc\n", "csv_of_one_column", column("a", "string"),
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b'{"id": 1, "title": "a\\nb \\u20ac", "price": 1.5, "n": 12345678901234567890.123456789012345678}\n'
        b'{"N": "-0.5", "ok": true, "price": 2.25, "id": 2, "extra": {"x": [1]}, "at": "2013-01-31T05:15:00Z"}\n\n'
        b'{"id": 3, "title": "", "price": null, "ok": false}\n',
        "json_lines", ID, TITLE, PRICE, column("n", "decimal(38,18)"), column("ok", "boolean"),
        column("at", "timestamp"), ending="json", format="json", options={"ignoredColumns": ["extra"]},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        zstd.compress(
            b'{"id": 1, "title": " a ", "price": 1.50}\n{"id": 2, "title": " ", "price": " 2,25"}\n{"id": 3}\n'
        ),
        "json_packed", ID, TITLE, PRICE, ending="json.zst", format="json",
        options={"trim": True, "emptyAsNull": True, "decimalComma": True},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        parquet(
            ID=pa.array([1, 2, 3], pa.int8()), title=[" a ", " ", None], born=[date(1999, 12, 31), None, None],
            price=pa.array(["1.50", "2.25", None]).cast(pa.decimal128(6, 2)), batch=[1, 1, 1],
            here=pa.array([NOON, NOON, None], pa.timestamp("us")), x=pa.array([0.1, None, 2], pa.float32()),
            there=pa.array([NOON, None, NOON], pa.timestamp("us", "UTC")), ok=[True, False, None],
        ),
        "parquet", ID, TITLE, column("born", "date"), PRICE, column("here", "timestamp"), column("there", "timestamp"),
        column("x", "double", digits="exact"), column("ok", "boolean"), ending="parquet", format="parquet",
        options={"timeZone": "America/Sao_Paulo", "trim": True, "emptyAsNull": True, "ignoredColumns": ["batch"]},
    ),
    landing(
        "id 2: title 'S\u00e3o' landed, 'S\u00e3o?' in the table",
        parquet(
            id=[1, 2], none=pa.nulls(2), title=pa.array([b"a", "S\u00e3o".encode()], pa.binary()),
            uuid=pa.array([bytes(16), None], pa.binary(16)).cast(pa.uuid()), filename=["f", None],
        ),
        "parquet_as_written", ID, column("none", "timestamp"), TITLE, column("uuid", "string"),
        column("filename", "string"), ending="parquet", format="parquet", by_job=False,
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        avro(
            {
                "ID": "int", "title": ["null", "string"], "price": logical("bytes", "decimal", precision=9, scale=2),
                "born": ["null", logical("int", "date")], "there": logical("long", "timestamp-micros"),
                "here": ["null", logical("long", "local-timestamp-millis")], "ok": "boolean", "x": ["double", "null"],
                "fine": logical("long", "timestamp-nanos"), "tags": {"type": "array", "items": "string"},
            },
            [
                (1, "", Decimal("1.50"), date(1999, 12, 31), NOON, NOON.replace(tzinfo=None), True, 0.1, 10**18, ["a"]),
                (2, "a\0\n", Decimal("2.25"), None, NOON, None, False, None, 5 * 10**17, []),
                (3, None, Decimal("-0.05"), None, NOON, None, True, -1e300, -(10**18), []),
            ],
            "snappy",
        ),
        "avro", ID, TITLE, PRICE, column("born", "date"), column("there", "timestamp"), column("here", "timestamp"),
        column("ok", "boolean"), column("x", "double", digits="exact"), column("fine", "timestamp"), ending="avro",
        format="avro", options={"timeZone": "America/Sao_Paulo", "ignoredColumns": ["tags"]},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        orc(
            {
                "ID": pa.array([1, 2, 3], pa.int32()), "title": pa.array(["", "a\0\n", None]),
                "price": pa.array([Decimal("1.50"), Decimal("2.25"), Decimal("-0.05")], pa.decimal128(9, 2)),
                "born": pa.array([date(1999, 12, 31), date(1500, 2, 28), None]),
                "there": pa.array([NOON, None, datetime(1, 1, 1, tzinfo=UTC)], pa.timestamp("ms", "UTC")),
                "here": pa.array([NOON, None, NOON], pa.timestamp("us")), "ok": [True, False, None],
                "x": [0.1, None, -1e300], "n": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
                "tags": [["a"], [], None],
            },
            compression="zstd",
        ),
        "orc", ID, TITLE, PRICE, column("born", "date"), column("there", "timestamp"), column("here", "timestamp"),
        column("ok", "boolean"), column("x", "double", digits="exact"), column("n", "bigint"), ending="orc",
        format="orc", options={"timeZone": "America/Sao_Paulo", "ignoredColumns": ["tags"]},
    ),
    landing(
        "id 2: rowid '1' landed, '2' in the table",
        b"id,$digest,filename,rowid,c0,digest,delivered\n1,a,f,2,,x,y\n2,b,f,1,c,x,y\n",
        "own_names", ID, column("$digest", "string"), column("filename", "string"), column("rowid", "bigint"),
        column("c0", "char(3)"), column("digest", "string"), column("delivered", "string"), by_job=False,
    ),
    landing(
        "id 2: x '-0.5' landed, '0.5' in the table",
        b"id,at,seen,born,fine,x,y\n"
        b"1,2018-11-04 00:00:00,31/12/9999 23:59,31.01.2013,2013-01-31T05:15:00.123456,93.101,0.1\n"
        b"2,2013-07-31 05:15:00.500-03,,01.02.2013,2013-07-31 05:15:00.9996,-0.5,1e300\n"
        b"3,2018-02-17 23:30:00,17/02/2018 23:30,,,NaN,\n",
        "times_and_digits", ID, column("at", "timestamp"), column("seen", "timestamp", format_="dd/MM/yyyy HH:mm"),
        column("born", "date", format_="dd.MM.yyyy"), column("fine", "timestamp", digits=3),
        column("x", "double", digits=2), column("y", "double", digits="exact"),
        options={"timeZone": "America/Sao_Paulo", "skippedTimes": "forward"}, by_job=False,
    ),
    landing(
        "id 2: price '-1234.50' landed, '-1233.50' in the table",
        "id;price;x;ok;there\n1;1,5E+3;1.234,5;S;X\n2;(1.234,50);(2);não;\n3;0E-18;1e-3;;y\n".encode(),
        "numbers_of_offices", ID, PRICE, column("x", "double"), column("ok", "boolean"),
        column("there", "boolean", trueText="x", falseText="y"), by_job=False,
        options={"delimiter": ";", "decimalComma": True, "groupSeparator": ".", "negative": "brackets",
                 "trueText": ["S", "Sim"], "falseText": ["N", "Não"]},
    ),
    landing(
        "id 2: price '-1234.50' landed, '-1233.50' in the table",
        b'{"id": 1, "price": 1.5E+3, "ok": "S"}\n{"id": 2, "price": "1,234.50-", "ok": false}\n{"id": 3, "ok": 1}\n',
        "json_of_offices", ID, PRICE, column("ok", "boolean"), ending="json", format="json", by_job=False,
        options={"groupSeparator": ",", "negative": "trailing", "trueText": ["S", "1"]},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b"Item No,batch,note,name,price,pieces\n1,x,,a,1.50,3\n2,x,one,b,2.25,-7\n3,y,two,,,\n",
        "columns", column("id", "bigint", key=True, landed="Item No"), column("note", "string", compare=False),
        column("name", "varchar(5)"), PRICE, column("pieces", "int"),
        column("loaded", "timestamp", landed=False), options={"ignoredColumns": ["batch"]}, by_job=False,
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        "HEADER\r\n0001S\u00e3o Lu\u00eds  X   1,50\r\n0002  Rio     X   2,25\r\n   3?         X      ?\r\n"
        "TRAILER  3\r\n\x1a".encode("cp1252"),
        "fixed_width", column("id", "bigint", key=True, positions="1-4"), column("title", "string", positions="5-14"),
        column("price", "decimal(9,2)", positions="16-22"), ending="txt", format="fixed-width", encoding="cp1252",
        options={
            "ignoredColumns": ["15"], "decimalComma": True, "nullText": "?", "headerRecords": ["HEADER"],
            "trailerRecords": ["TRAILER"], "trailerCount": "8-10",
        },
        by_job=False,
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b'H||20260102\nid||title||price||\n1||"a||b"||1.50||\n2||c|d||2.25||\n3||||||\nT||000003\n\x1a',
        "csv_of_a_mainframe", ID, TITLE, PRICE, by_job=False,
        options={
            "delimiter": "||", "trailingDelimiter": True, "headerRecords": 1, "trailerRecords": ["T||"],
            "trailerCount": 2,
        },
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b"# COPY orders\nid\ttitle\tprice\n1\ta\\tb\\\nc\\\\\t1.50\n# half\n2\t\t2.25\n3\t\\N\t\\N\n",
        "csv_escaped", ID, TITLE, PRICE,
        options={"delimiter": "\t", "quote": "", "escape": "\\", "comment": "#", "nullText": "\\N"},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        b'id;title;price\n1;"S;\xc3\xa3o";1,50\n2; Rio ; 2,25\n3;-;-\n',
        "athena_csv", ID, TITLE, PRICE,
        options={**BY_ATHENA, "delimiter": ";", "decimalComma": True, "trim": True, "nullText": "-"},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table", gzip.compress(b"1,a,1.50\n2,,2.25\n3,,\n"),
        "athena_csv_packed", ID, TITLE, PRICE, ending="csv.gz", by_job=False,
        options={**BY_ATHENA, "header": False, "quotedEmpty": "null"},
    ),
    landing(
        "id 2: price '2.25' landed, '3.25' in the table",
        parquet(id=[1, 2, 3], title=["a", "", None], price=pa.array(["1.50", "2.25", None]).cast(pa.decimal128(9, 2))),
        "athena_parquet", ID, TITLE, PRICE, ending="parquet", format="parquet", by_job=False, options=BY_ATHENA,
    ),
]  # fmt: skip


ROWS = (b"id,title\n1,a\n2,b\n", b"id,title\n3,c\n", b"id,title\n4,d\n")
SOURCE = column("source_file", "string", landed=False)
ALONE = Dataset("alone", [ID, TITLE], by_job=False)
TOGETHER = Dataset("together", [ID, TITLE], by_job=False, partition_holds="all deliveries of the date")
BY_FILE = Dataset("by_file", [ID, TITLE, SOURCE], by_job=False, partition_holds={"column": "source_file"})
BY_FILE_AND_ATHENA = Dataset(
    "by_file_and_athena",
    [ID, TITLE, SOURCE],
    by_job=False,
    options={**BY_ATHENA, "quotedEmpty": "null"},
    partition_holds={"column": "source_file", "value": "s3://{bucket}/{key}"},
)
SEVERAL = [ALONE, TOGETHER, BY_FILE, BY_FILE_AND_ATHENA]


@pytest.fixture(scope="module")
def aceite(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("contracts")
    with installed(folder, [*(each.dataset for each in LANDINGS), *SEVERAL], prefect_server) as running:
        yield running


def of_dataset(each: Landing) -> str:
    return each.dataset.id


def shown(evidence: Evidence) -> list[str]:
    return [str(row) for row in evidence.differences.rows] if evidence.differences else []


@pytest.mark.parametrize("landed", LANDINGS, ids=of_dataset)
def test_a_clean_delivery_is_accepted(aceite: Installation, landed: Landing) -> None:
    evidence = aceite.judge(landed.dataset.id, landed.content)
    assert (evidence.verdict, shown(evidence)) == (Verdict.ACCEPTED, []), evidence.reason
    assert evidence.cells_agree and evidence.landed.rows


@pytest.mark.proof
@pytest.mark.parametrize("landed", LANDINGS, ids=of_dataset)
def test_a_cell_that_the_pipeline_changes_is_shown(aceite: Installation, landed: Landing) -> None:
    evidence = aceite.judge(landed.dataset.id, landed.content, "cell-changed", day=DAY + timedelta(days=1))
    assert (evidence.verdict, shown(evidence)) == (Verdict.REJECTED, landed.changed.split("; "))


def test_a_partition_of_one_delivery_loses_what_was_there_before(aceite: Installation) -> None:
    assert aceite.judge("alone", ROWS[0], file="a").verdict is Verdict.ACCEPTED
    second = aceite.judge("alone", ROWS[1], file="b")
    assert (second.verdict, second.table.rows) == (Verdict.ACCEPTED, 1), second.reason


def test_a_partition_of_all_deliveries_is_proven_with_each_of_them(aceite: Installation) -> None:
    rows = [aceite.judge("together", ROWS[number], file="ab"[number]).table.rows for number in (0, 1)]
    assert rows == [2, 3]
    wrong = aceite.judge("together", ROWS[2], "cell-changed", file="c")
    assert (wrong.verdict, shown(wrong)) == (Verdict.REJECTED, ["id 4: title 'd' landed, 'd?' in the table"])


@pytest.mark.parametrize("dataset", ["by_file", "by_file_and_athena"])
def test_rows_that_name_their_file_are_judged_without_the_others(aceite: Installation, dataset: str) -> None:
    assert aceite.judge(dataset, ROWS[0], file="a").verdict is Verdict.ACCEPTED
    wrong = aceite.judge(dataset, ROWS[2], "cell-changed", file="b")
    assert (wrong.verdict, shown(wrong)) == (Verdict.REJECTED, ["id 4: title 'd' landed, 'd?' in the table"])
    after = aceite.judge(dataset, ROWS[1], file="c")
    assert (after.verdict, after.table.rows) == (Verdict.ACCEPTED, 1), after.reason


@pytest.mark.parametrize(
    ("dataset", "content", "faults", "said"),
    [
        ("athena_csv", b"id;title;price\n1;a;1,505\n2;b;x\n3;c;1,5\n", 2,
         "column price, 2 cells: '1,505' is not decimal(9,2); allowed: a number with at most 7 digits before the "
         "comma and 2 after it"),
        ("athena_parquet", parquet(id=["x"], title=["a"], price=["1"]), 1,
         "Athena cannot read the landed files as their table says (HIVE_BAD_DATA)"),
        ("json_packed", zstd.compress(b'{"id": 1}\n{"id": 2, "price": "2.25"}\n'), 1,
         "line 2, column price: '2.25' is not decimal(9,2)"),
        ("csv_of_a_mainframe", b"H||20260102\nid||title||price||\n1||a||1.50||\nT||2\n", 1,
         "line 4: the trailer record counts 2 rows, and the file has 1; rows were lost or added on the way"),
        ("fixed_width", b"HEADER\r\n1   a           1,50\r\nTRAILER  1\r\n", 1,
         "line 2: 20 characters found, 22 expected"),
        ("parquet", parquet(ID=[1.5]), 1, "line 1, column title: the header lacks the column 'title'"),
        ("avro", avro({"id": "double"}, [[1.5]])[:-3], 1, "line 1, column title: the header lacks the column 'title'"),
        ("orc", orc({"id": [1.5]}), 1, "line 1, column title: the header lacks the column 'title'"),
        ("orc", orc({"id": [1.5]})[:-3], 1, "line 1: the file is damaged or truncated: it does not end as ORC does"),
    ],
    ids=["athena_csv", "athena_parquet", "json", "trailer", "fixed_width", "parquet", "avro", "orc", "orc_cut"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_not_given_to_the_pipeline(
    aceite: Installation, dataset: str, content: bytes, faults: int, said: str
) -> None:
    evidence = aceite.judge(dataset, content, day=DAY + timedelta(days=2))
    assert evidence.verdict is Verdict.REJECTED, evidence.reason
    assert said in evidence.reason
    assert evidence.landed.fault_count >= faults
    assert [query.purpose for query in evidence.queries] == ["landed"] * dataset.startswith("athena")
    assert not [step for step in evidence.steps if "invoke" in step.name and step.status is not StepStatus.SKIPPED]
