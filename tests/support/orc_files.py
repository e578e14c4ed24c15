"""ORC files: written by Arrow, by pyorc, and byte by byte. None of these is the product's own reader."""

import io
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.orc
import pyorc

PRESENT, DATA, LENGTH, DICTIONARY_DATA, SECONDARY = 0, 1, 2, 3, 5
DIRECT, DICTIONARY, DIRECT_V2, DICTIONARY_V2 = range(4)
KINDS = {
    "boolean": 0, "tinyint": 1, "smallint": 2, "int": 3, "bigint": 4, "float": 5, "double": 6, "string": 7, "binary": 8,
    "timestamp": 9, "list": 10, "map": 11, "struct": 12, "union": 13, "decimal": 14, "date": 15, "varchar": 16,
    "char": 17, "instant": 18,
}  # fmt: skip


def orc(columns: Mapping[str, Any] | pa.Table, **options: Any) -> bytes:
    """A file of Arrow's."""
    out = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    pyarrow.orc.write_table(table, out, **options)
    return out.getvalue()


def orc_in_zone(zone: str, schema: str, rows: Sequence[Sequence[Any]]) -> bytes:
    """A file of pyorc's, whose local times are those of clocks in the zone."""
    out = io.BytesIO()
    with pyorc.Writer(out, schema, timezone=ZoneInfo(zone)) as writer:
        writer.writerows(map(tuple, rows))
    return out.getvalue()


def unsigned(value: int) -> bytes:
    """The bytes of a number, seven bits in each, as Protocol Buffers and ORC write them."""
    value, out = value & (1 << 128) - 1, b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def signed(value: int) -> bytes:
    return unsigned(value << 1 if value >= 0 else (-value << 1) - 1)


def literals(*values: int, of: Any = signed) -> bytes:
    """A run of version 1 with at most 128 values."""
    return bytes([256 - len(values)]) + b"".join(map(of, values))


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A message of Protocol Buffers."""
    return b"".join(
        unsigned(number << 3) + unsigned(value)
        if isinstance(value, int)
        else unsigned(number << 3 | 2) + unsigned(len(value)) + value
        for number, value in fields
    )


def orc_by_hand(
    columns: Mapping[str, str | tuple[str, int, int]],
    streams: Sequence[tuple[str, int, bytes]],
    rows: int = 1,
    *,
    encodings: Mapping[str, tuple[int, int]] | None = None,
    zone: str = "UTC",
    footer: Sequence[tuple[int, int | bytes]] = (),
    postscript: Sequence[tuple[int, int | bytes]] = (),
    stripe: Sequence[tuple[int, int | bytes]] = (),
    names: Sequence[bytes] | None = None,
) -> bytes:
    """A file of one stripe, not packed. Fields that are given take the place of the usual ones.

    Columns have a kind, of a decimal with precision and scale; streams have a column, a kind and their bytes. The
    encoding of a column is its number and the size of its dictionary; by default direct, with runs of version 1.
    """
    places = {name: place for place, name in enumerate(columns, 1)}
    facts = [kind if isinstance(kind, tuple) else (kind, 0, 0) for kind in columns.values()]
    root = [(1, KINDS["struct"]), *((2, place) for place in places.values())]
    root += [(3, name) for name in (names or [name.encode() for name in columns])]
    types = [message(*root), *(message((1, KINDS[kind]), (5, digits), (6, scale)) for kind, digits, scale in facts)]
    data = b"".join(bytes_ for *_, bytes_ in streams)
    listed = [
        (1, message((1, kind), (2, places.get(name, 0)), (3, len(bytes_)))) for name, kind, bytes_ in streams
    ]  # fmt: skip
    encoded = [(2, message((1, 0)))]
    for name in columns:
        kind, size = (encodings or {}).get(name, (DIRECT, 0))
        encoded.append((2, message((1, kind), (2, size))))
    stripe_footer = message(*listed, *encoded, *([(3, zone.encode())] if zone else []))
    place = message((1, 3), (2, 0), (3, len(data)), (4, len(stripe_footer)), (5, rows), *stripe)
    tail = message((1, 3), (3, place), *((4, type_) for type_ in types), (6, rows), (9, 1), *footer)
    given = dict(postscript)
    usual = {1: len(tail), 2: 0, 3: 65536, 4: bytes([0, 12]), 8000: b"ORC"}
    end = message(*(usual | given).items())
    return b"ORC" + data + stripe_footer + tail + end + bytes([len(end)])
