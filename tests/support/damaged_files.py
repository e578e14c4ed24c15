"""Good landed files of each format, and what chance makes of them. The same seed makes the same files."""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from landed_contract import column, contract
from packed_files import PACKERS

from acceptance.contract.contract import Contract

ROWS = 300
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_COLUMNS = (
    column("a", "string"),
    column("b", "bigint"),
    column("c", "double"),
    column("d", "decimal(12,2)"),
    column("e", "timestamp"),
    column("f", "date"),
    column("g", "boolean"),
)


@dataclass(frozen=True)
class Damaged:
    """A file after chance was at it. `how` and the seed are enough to make it again."""

    how: str
    content: bytes
    contract: Contract


def damaged_files(seed: int, number: int) -> Iterator[Damaged]:
    """Yield damaged files of every format in turn."""
    chance, kinds = random.Random(seed), list(_FORMATS.items())
    for count in range(number):
        name, (of, writes) = kinds[count % len(kinds)]
        whole = writes(chance)
        damage = chance.choice(_DAMAGES)
        yield Damaged(f"{name}, {damage.__name__}, number {count} of {seed}", damage(whole, chance), of)


def _rows() -> Iterator[tuple[Any, ...]]:
    for n in range(ROWS):
        moment = (_BEGIN + timedelta(seconds=n)).replace(tzinfo=None)
        day = date(2024, 1, 1) + timedelta(days=n)
        yield f"v{n % 17}", n, n / 3, Decimal(n) / 100, moment, day, None if n % 3 else True


def _parquet(chance: random.Random) -> bytes:
    types = (
        pa.string(), pa.int64(), pa.float64(), pa.decimal128(12, 2), pa.timestamp(chance.choice(["ms", "us", "ns"])),
        pa.date32(), pa.bool_(),
    )  # fmt: skip
    cells = zip(*_rows(), strict=True)
    table = pa.table(
        {each.name: pa.array(cell, type_) for each, cell, type_ in zip(_COLUMNS, cells, types, strict=True)}
    )
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression=chance.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"]),
        use_dictionary=chance.random() < 0.5,
        write_statistics=chance.random() < 0.5,
        data_page_version=chance.choice(["1.0", "2.0"]),
        use_deprecated_int96_timestamps=chance.random() < 0.2,
        row_group_size=chance.choice([ROWS, 100]),
    )
    return out.getvalue()


def _csv(_: random.Random) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([each.name for each in _COLUMNS])
    writer.writerows([*cells[:-1], "" if cells[-1] is None else "true"] for cells in _rows())
    return out.getvalue().encode()


def _utf_16(chance: random.Random) -> bytes:
    return _csv(chance).decode().encode("utf-16")


def _json(_: random.Random) -> bytes:
    lines = (
        json.dumps(
            dict(zip("abcdefg", (*cells[:3], str(cells[3]), str(cells[4]), str(cells[5]), cells[6]), strict=True))
        )
        for cells in _rows()
    )
    return "\n".join(lines).encode()


def _packed(kind: str, writes: Callable[[random.Random], bytes]) -> Callable[[random.Random], bytes]:
    return lambda chance: PACKERS[kind](writes(chance))


_FORMATS: dict[str, tuple[Contract, Callable[[random.Random], bytes]]] = {
    "Parquet": (contract(*_COLUMNS, format="parquet"), _parquet),
    "CSV": (contract(*_COLUMNS), _csv),
    "CSV in UTF-16": (contract(*_COLUMNS, encoding="UTF-16"), _utf_16),
    "CSV in gzip": (contract(*_COLUMNS, compression="gzip"), _packed("gzip", _csv)),
    "JSON": (contract(*_COLUMNS, format="json"), _json),
    "JSON in gzip": (contract(*_COLUMNS, format="json", compression="gzip"), _packed("gzip", _json)),
    **{
        f"CSV in {kind}": (contract(*_COLUMNS, compression=kind), _packed(kind, _csv))
        for kind in ("zstd", "bzip2", "xz", "zip")
    },
}


def _bit(content: bytes, chance: random.Random) -> bytes:
    return _with(content, chance.randrange(len(content)), lambda byte: byte ^ 1 << chance.randrange(8))


def _bytes(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 30)):
        content = _with(content, chance.randrange(len(content)), lambda _: chance.randrange(256))
    return content


def _end(content: bytes, chance: random.Random) -> bytes:
    """One of the last bytes: of Parquet, the footer."""
    at = len(content) - 1 - chance.randrange(min(len(content), 800))
    return _with(content, at, lambda _: chance.randrange(256))


def _truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _zeroed(content: bytes, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(content)), chance.randrange(1, 64)
    return content[:at] + bytes(len(content[at : at + size])) + content[at + size :]


def _doubled(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at : at + chance.randrange(1, 40)] + content[at:]


def _followed(content: bytes, chance: random.Random) -> bytes:
    return content + chance.randbytes(chance.randrange(1, 40))


def _cut_out(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.randrange(1, 200) :]


_DAMAGES = (_bit, _bytes, _end, _truncated, _zeroed, _doubled, _followed, _cut_out)


def _with(content: bytes, at: int, change: Callable[[int], int]) -> bytes:
    return content[:at] + bytes([change(content[at])]) + content[at + 1 :]
