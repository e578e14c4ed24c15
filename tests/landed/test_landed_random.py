"""Random deliveries that no pipeline harmed: none is rejected. And the fingerprint three times: Athena, DuckDB, Python.

The table's side is Parquet that pyarrow writes and the sandbox's Athena reads, many deliveries in one table; the landed
side is each delivery's own file.
"""

import hashlib
import io
import json
import math
import struct
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from landed_contract import column, contract
from proven_delivery import ask

from acceptance.contract.landing_format import QuotedEmpty
from acceptance.proof.fingerprint import Fingerprint, athena_digest, athena_sums
from landed.file import read_landed

TYPES = {
    "tiny": pa.int8(), "small": pa.int16(), "whole": pa.int32(), "big": pa.int64(), "price": pa.decimal128(9, 2),
    "share": pa.decimal128(4, 4), "wide": pa.decimal128(38, 0), "weight": pa.float64(), "exact": pa.float64(),
    "half": pa.float32(), "seen": pa.bool_(), "day": pa.date32(), "at": pa.timestamp("ms"), "title": pa.string(),
    "code": pa.string(),
}  # fmt: skip
HIVE = {
    "tiny": "tinyint", "small": "smallint", "whole": "int", "big": "bigint", "price": "decimal(9,2)",
    "share": "decimal(4,4)", "wide": "decimal(38,0)", "weight": "double", "exact": "double", "half": "float",
    "seen": "boolean", "day": "date", "at": "timestamp", "title": "string", "code": "varchar(12)",
}  # fmt: skip
COLUMNS = tuple(column(name, kind, **({"digits": None} if name == "exact" else {})) for name, kind in HIVE.items())
FORMATS = [
    {"format": "csv"},
    {"format": "csv", "quoted_empty": QuotedEmpty.NULL},
    {"format": "csv", "delimiter": ";", "quote": "'", "null_text": "\\N", "decimal_comma": True},
    {"format": "csv", "encoding": "utf-16", "null_text": "NULL"},
    {"format": "json"},
    {"format": "parquet"},
]
DELIVERIES_AT_ONCE, BATCHES = 50, 11
ROWS: list[int] = []

_LETTERS = st.characters(codec="utf-8", exclude_characters="\0\ue000")
_TEXT = st.one_of(
    st.text(_LETTERS, max_size=12), st.sampled_from(["", " ", "null", "NULL", "\\N", "\x1e", "\x1f", ";'\",\n"])
)
_CELLS = {
    "tiny": st.integers(-(2**7), 2**7 - 1),
    "small": st.integers(-(2**15), 2**15 - 1),
    "whole": st.integers(-(2**31), 2**31 - 1),
    "big": st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**63 - 1, -(2**63), 0])),
    "price": st.decimals(-9999999, 9999999, places=2),
    "share": st.decimals(Decimal("-0.9999"), Decimal("0.9999"), places=4),
    "wide": st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal),
    "weight": st.floats(),
    "exact": st.floats(),
    "half": st.floats(width=32),
    "seen": st.booleans(),
    "day": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "at": st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001 - Athena's have no zone
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    ),
    "title": _TEXT,
    "code": _TEXT,
}


@st.composite
def _batches(draw):
    """Some columns, and fifty deliveries of them: the format, and the rows."""
    columns = [
        each for each in COLUMNS if each.name in draw(st.sets(st.sampled_from(sorted(HIVE)), min_size=4, max_size=6))
    ]
    row = st.tuples(*(st.none() | _CELLS[each.name] for each in columns))
    delivery = st.tuples(st.sampled_from(FORMATS), st.lists(row, max_size=4))
    return columns, draw(st.lists(delivery, min_size=DELIVERIES_AT_ONCE, max_size=DELIVERIES_AT_ONCE))


@pytest.fixture(scope="module")
def table(local_aws):
    """Answers Athena's fingerprint of each delivery, from one query over all of them."""
    name = f"bucket-{uuid.uuid4().hex}"
    local_aws.client("s3").create_bucket(Bucket=name)
    glue, database = local_aws.client("glue"), f"database_{uuid.uuid4().hex}"
    glue.create_database(DatabaseInput={"Name": database})
    columns = ", ".join(f"{each} {kind}" for each, kind in HIVE.items())
    create = f"CREATE EXTERNAL TABLE deliveries (delivery int, {columns}) STORED AS PARQUET LOCATION 's3://{name}/t/'"
    ask(local_aws, create, database)

    def fingerprints(columns, deliveries):
        rows = [row for delivery in deliveries for row in delivery]
        numbers = [number for number, delivery in enumerate(deliveries) for _ in delivery]
        content = io.BytesIO()
        pq.write_table(parquet(columns, rows).append_column("delivery", pa.array(numbers, pa.int32())), content)
        local_aws.client("s3").put_object(Bucket=name, Key="t/part.parquet", Body=content.getvalue())
        high, low = athena_sums(athena_digest(columns))
        answer = ask(local_aws, f"SELECT delivery, count(*), {high}, {low} FROM deliveries GROUP BY delivery", database)
        found = {row[0]: Fingerprint.of_sums(*row[1:]) for row in answer.rows}
        return [found.get(number, Fingerprint(0, 0, 0)) for number in range(len(deliveries))]

    return fingerprints


def parquet(columns, rows):
    names = [each.name for each in columns]
    return pa.table([pa.array([row[n] for row in rows], TYPES[name]) for n, name in enumerate(names)], names)


def by_python(columns, rows):
    """What the docstrings of `fingerprint` and `canonical` say, once more, with nothing but the standard library."""
    high = low = 0
    for row in rows:
        text = "\x1f".join(canonical(each, cell) for each, cell in zip(columns, row, strict=True))
        digest = hashlib.md5(text.encode()).digest()
        high += int.from_bytes(digest[:8], "big", signed=True)
        low += int.from_bytes(digest[8:], "big", signed=True)
    return Fingerprint(len(rows), high, low)


def canonical(of, value):
    kind = of.type.partition("(")[0]
    if value is None:
        return "\x1e"
    if kind in ("string", "varchar"):
        return value.replace("\x1e", "\x1ee").replace("\x1f", "\x1es")
    if kind in ("double", "float"):
        if math.isnan(value):
            return "NaN"
        if of.digits is not None and abs(value) < 9e9:
            return str(int(Decimal(value * 1e6).to_integral_value(ROUND_HALF_UP)))
        return "x" + struct.pack(">d", value + 0.0).hex().upper()
    if kind == "decimal":
        return f"{value:.{of.type.rpartition(',')[2].rstrip(')')}f}"
    if kind == "timestamp":
        return f"{value.isoformat(' ', 'milliseconds')}000"
    return {True: "true", False: "false"}[value] if kind == "boolean" else str(value)


def write(path, columns, rows, facts):
    names = [each.name for each in columns]
    if facts["format"] == "parquet":
        pq.write_table(parquet(columns, rows), path)
    elif facts["format"] == "json":
        lines = [json.dumps({n: _json(c) for n, c in zip(names, row, strict=True) if c is not None}) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines) or "\n", encoding="utf-8")
    else:
        comma, null = facts.get("decimal_comma"), facts.get("null_text", "")
        with path.open("w", encoding=facts.get("encoding", "utf-8"), newline="") as file:
            quote, tells = facts.get("quote", '"'), "quoted_empty" not in facts
            for row in [names, *rows]:
                texts = [null if cell is None else _csv(cell, comma) for cell in row]
                cells = [f"{quote}{text.replace(quote, quote * 2)}{quote}" for text in texts]
                cells = [
                    "" if cell is None and tells and not null else text for cell, text in zip(row, cells, strict=True)
                ]
                file.write(facts.get("delimiter", ",").join(cells) + "\n")


def _csv(cell, comma):
    text = _text(cell)
    return text.replace(".", ",") if comma and isinstance(cell, float | Decimal) else text


def _json(cell):
    return cell if isinstance(cell, bool | int) else _text(cell)


def _text(cell):
    if isinstance(cell, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(cell), repr(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "milliseconds")
    return {True: "true", False: "false"}[cell] if isinstance(cell, bool) else str(cell)


def told_apart(rows, facts):
    """The same rows without texts that the format cannot tell from null."""
    null = facts.get("null_text") or ("" if "quoted_empty" in facts else None)
    return [tuple(None if cell == null else cell for cell in row) for row in rows]


def test_nan_among_numbers_of_a_parquet_file_is_seen(tmp_path):
    """The file's statistics name a least and a greatest number, and NaN is neither."""
    columns, rows = [next(each for each in COLUMNS if each.name == "exact")], [(-2.86e16,), (math.nan,), (1.7e16,)]
    write(tmp_path / "x", columns, rows, {"format": "parquet"})
    landed = read_landed(tmp_path / "x", contract(*columns, format="parquet"), tmp_path)
    assert landed.fingerprint == by_python(columns, rows)


@given(batch=_batches())
@settings(max_examples=BATCHES, deadline=None, derandomize=True, phases=[Phase.generate],
          suppress_health_check=[*HealthCheck])  # fmt: skip
def test_a_delivery_that_nothing_happened_to_is_never_rejected_and_three_ways_agree(table, tmp_path_factory, batch):
    folder, (columns, deliveries) = tmp_path_factory.mktemp("landed"), batch
    deliveries = [(facts, told_apart(rows, facts)) for facts, rows in deliveries]

    def read(number):
        facts, rows = deliveries[number]
        write(folder / f"{number}", columns, rows, facts)
        return read_landed(folder / f"{number}", contract(*columns, **facts), folder)

    with ThreadPoolExecutor(2) as pool:
        landed = list(pool.map(read, range(len(deliveries))))
    in_athena = table(columns, [rows for _, rows in deliveries])
    for (_, rows), file, of_table in zip(deliveries, landed, in_athena, strict=True):
        ROWS.append(len(rows))
        assert [str(fault) for fault in file.faults] == []
        assert file.fingerprint == of_table == by_python(columns, rows)


def test_they_were_at_least_five_hundred_deliveries_most_of_them_with_rows():
    assert len(ROWS) >= 500
    assert sum(1 for rows in ROWS if rows) >= 300
