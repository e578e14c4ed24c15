"""The schema of an Avro file: its columns, their types in Avro's own words, and which Hive types they convert to."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import TEXTS, WHOLE_NUMBERS, HiveKind
from landed.formats.avro import values
from landed.formats.avro.values import Read
from landed.formats.json import has_half_character
from landed.formats.parquet_types import NS_IN_UTC, NULLS_ONLY
from landed.reading.faults import Unreadable, shorten

_MOST_DIGITS = 38
_ALLOWED = {
    **dict.fromkeys((*WHOLE_NUMBERS, HiveKind.DECIMAL), "int, long, or decimal of at most 38 digits"),
    HiveKind.FLOAT: "float",
    HiveKind.DOUBLE: "float or double",
    HiveKind.BOOLEAN: "boolean",
    HiveKind.DATE: "int (date)",
    HiveKind.TIMESTAMP: "long (timestamp-millis, -micros or -nanos, each also local-)",
    **dict.fromkeys(TEXTS, "string, enum, or uuid"),
}
"""By Hive type, the types of Avro that may hold its values, for people; each also in a union with null."""

_TIMES = {
    "millis": (1_000, 3, "milliseconds"),
    "micros": (1_000_000, 6, "microseconds"),
    "nanos": (1_000_000_000, 9, "nanoseconds"),
}


@dataclass(frozen=True, slots=True)
class AvroType:
    """A type of the schema. `type_` is the DuckDB type that holds its values, "" if there is none.

    `read` reads a value. `passing` passes over one, which need not be right for that; None if `read` does it.
    """

    described: str
    type_: str
    read: Read
    takes_bytes: bool = True
    passing: Read | None = None

    @property
    def passed(self) -> Read:
        return self.passing or self.read


@dataclass(frozen=True, slots=True)
class AvroColumn:
    """A field of the file's records."""

    written: str
    avro: AvroType

    @property
    def described(self) -> str:
        return self.avro.described

    @property
    def type_(self) -> str:
        return self.avro.type_


def allowed(column: Column) -> str:
    """Return which types hold the values of the contract's column, for people."""
    return f"{_ALLOWED[column.kind]}, each also in a union with null"


def read_schema(text: bytes) -> tuple[AvroColumn, ...]:
    """Read the schema of the header. Raise Unreadable."""
    try:
        schema = json.loads(text)
        return _Schema().columns(schema)
    except (ValueError, RecursionError) as error:
        how = "it is nested too deep" if isinstance(error, RecursionError) else f"it is no JSON: {error}"
        how = str(error) if isinstance(error, _Wrong) else how
        raise Unreadable(f"the file's schema cannot be read: {how}; write the file as Avro 1.12 specifies") from None


class _Wrong(ValueError):
    """The schema is none of Avro. The words follow a colon."""


class _Schema:
    """Reads the types of one schema, which may name each other."""

    def __init__(self) -> None:
        self._named: dict[str, AvroType] = {}
        self._readers: dict[str, Read] = {}

    def columns(self, record: Any) -> tuple[AvroColumn, ...]:
        if not isinstance(record, dict) or record.get("type") != "record":
            raise _Wrong("it is no record")
        if has_half_character(json.dumps(record, ensure_ascii=False)):
            raise _Wrong("it has half a character (a lone surrogate)")
        name, namespace = _full_name(record, "")
        self._define(name, _nested("a record", values.named(self._readers, name)))
        fields = _listed(record, "fields")
        columns = [AvroColumn(_text(field, "name"), self._type(field.get("type"), namespace)) for field in fields]
        self._readers[name] = values.record([column.avro.passed for column in columns])
        return tuple(columns)

    def _type(self, schema: Any, namespace: str) -> AvroType:
        if isinstance(schema, list):
            return self._union(schema, namespace)
        if isinstance(schema, str):
            return _PLAIN[schema] if schema in _PLAIN else self._known(schema, namespace)
        if not isinstance(schema, dict):
            raise _Wrong(f"{shorten(repr(schema))} is no type")
        kind = schema.get("type")
        if not isinstance(kind, str):
            return self._type(kind, namespace)
        if kind in _PLAIN:
            return _logical(kind, schema)
        read = _READ_BY.get(kind)
        return read(self, schema, namespace) if read else self._known(kind, namespace)

    def _known(self, name: str, namespace: str) -> AvroType:
        for full in (name if "." in name or not namespace else f"{namespace}.{name}", name):
            if full in self._named:
                return self._named[full]
        raise _Wrong(f"it names a type {shorten(name)!r} that it has not defined")

    def _define(self, name: str, type_: AvroType) -> AvroType:
        self._named[name], self._readers[name] = type_, type_.read
        return type_

    def _union(self, branches: Sequence[Any], namespace: str) -> AvroType:
        types = [self._type(branch, namespace) for branch in branches]
        read = values.union([type_.read for type_ in types])
        filled = [type_ for type_ in types if type_ is not _PLAIN["null"]]
        if len(filled) > 1:
            return _nested(f"a union of {', '.join(type_.described for type_ in filled)}", read)
        held = filled[0] if filled else _PLAIN["null"]
        return AvroType(held.described, held.type_, read, passing=values.union([type_.passed for type_ in types]))

    def _record(self, schema: Mapping[str, Any], namespace: str) -> AvroType:
        name, namespace = _full_name(schema, namespace)
        # A type inside may name this one, so it is known before they are, as one that may take bytes.
        self._define(name, _nested("a record", values.named(self._readers, name)))
        types = [self._type(field.get("type"), namespace) for field in _listed(schema, "fields")]
        takes_bytes = any(type_.takes_bytes for type_ in types)
        read = values.record([type_.passed for type_ in types])
        return self._define(name, _nested("a record", read, takes_bytes=takes_bytes))

    def _enum(self, schema: Mapping[str, Any], namespace: str) -> AvroType:
        symbols = schema.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            raise _Wrong("an enum has no list of symbols")
        return self._define(_full_name(schema, namespace)[0], AvroType("enum", "VARCHAR", values.enum(symbols)))

    def _fixed(self, schema: Mapping[str, Any], namespace: str) -> AvroType:
        size = schema.get("size")
        if not isinstance(size, int) or size < 0:
            raise _Wrong("a fixed has no size")
        plain = _nested(f"fixed({size})", values.fixed(size), takes_bytes=size > 0)
        name = _full_name(schema, namespace)[0]
        if schema.get("logicalType") == "uuid" and size == 16:
            return self._define(name, AvroType("fixed(16) (uuid)", "UUID", values.fixed_uuid))
        return self._define(name, _decimal(schema, size) or plain)

    def _array(self, schema: Mapping[str, Any], namespace: str) -> AvroType:
        item = self._type(schema.get("items"), namespace)
        return _nested("an array", values.items(item.passed, take_bytes=item.takes_bytes))

    def _map(self, schema: Mapping[str, Any], namespace: str) -> AvroType:
        entry = values.record([values.passed_bytes, self._type(schema.get("values"), namespace).passed])
        return _nested("a map", values.items(entry, take_bytes=True))


_READ_BY: Mapping[str, Callable[[_Schema, Mapping[str, Any], str], AvroType]] = {
    "record": _Schema._record,
    "error": _Schema._record,
    "enum": _Schema._enum,
    "fixed": _Schema._fixed,
    "array": _Schema._array,
    "map": _Schema._map,
}


def _nested(described: str, read: Read, *, takes_bytes: bool = True) -> AvroType:
    """Return a type that no column of a contract converts to."""
    return AvroType(described, "", read, takes_bytes)


_PLAIN = {
    "null": AvroType("nulls only", NULLS_ONLY, values.null, takes_bytes=False),
    "boolean": AvroType("boolean", "BOOLEAN", values.boolean),
    "int": AvroType("int", "INTEGER", values.whole_number),
    "long": AvroType("long", "BIGINT", values.whole_number),
    "float": AvroType("float", "FLOAT", values.float_),
    "double": AvroType("double", "DOUBLE", values.double),
    "bytes": _nested("bytes", values.passed_bytes),
    "string": AvroType("string", "VARCHAR", values.text, passing=values.passed_bytes),
}


def _logical(kind: str, schema: Mapping[str, Any]) -> AvroType:
    """Return the logical type; the plain one if Avro does not know it for this type, as its specification says."""
    logical, plain = schema.get("logicalType"), _PLAIN[kind]
    if not isinstance(logical, str):
        return plain
    described = f"{kind} ({logical})"
    if (kind, logical) == ("int", "date"):
        return AvroType(described, "DATE", values.day)
    if (kind, logical) in (("int", "time-millis"), ("long", "time-micros")):
        return _nested(described, plain.read)
    if kind == "bytes" and logical == "decimal":
        return _decimal(schema, None) or plain
    head, _, unit = logical.rpartition("-")
    if kind == "long" and head in ("timestamp", "local-timestamp") and unit in _TIMES:
        return _moment(described, unit, in_utc=head == "timestamp")
    return plain


def _moment(described: str, unit: str, *, in_utc: bool) -> AvroType:
    if unit == "nanos":  # DuckDB's type with nanoseconds reads no offset
        return AvroType(described, NS_IN_UTC if in_utc else "TIMESTAMP_NS", values.time(*_TIMES[unit], ""))
    type_, offset = ("TIMESTAMP WITH TIME ZONE", "+00") if in_utc else ("TIMESTAMP", "")
    return AvroType(described, type_, values.time(*_TIMES[unit], offset))


def _decimal(schema: Mapping[str, Any], size: int | None) -> AvroType | None:
    """Return the decimal that the schema describes well; else None."""
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if schema.get("logicalType") != "decimal" or not isinstance(precision, int) or not isinstance(scale, int):
        return None
    if not 0 <= scale <= precision or precision < 1:
        return None
    described = f"{'bytes' if size is None else f'fixed({size})'} (decimal({precision}, {scale}))"
    type_ = f"DECIMAL({precision}, {scale})" if precision <= _MOST_DIGITS else ""
    return AvroType(described, type_, values.decimal(min(scale, _MOST_DIGITS), size))


def _full_name(schema: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    """Return the full name of a named type, and the namespace of those inside of it."""
    name, own = _text(schema, "name"), schema.get("namespace")
    if "." in name:
        return name, name.rpartition(".")[0]
    namespace = own if isinstance(own, str) else namespace
    return f"{namespace}.{name}" if namespace else name, namespace


def _text(schema: Mapping[str, Any], key: str) -> str:
    value = schema.get(key)
    if not isinstance(value, str):
        raise _Wrong(f"a {'field' if key == 'name' else 'type'} has no {key}")
    return value


def _listed(schema: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = schema.get(key)
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _Wrong("a record has no list of fields")
    return listed
