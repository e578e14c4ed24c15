"""Nested cells of landed files, read strictly: each value within must be one of its type, as a cell of it would be."""

import json
import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind, HiveType
from acceptance.proof.canonical_text import DUCKDB, nested_text

_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.]\d{1,3}0*)?)?)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotOfItsType(Exception):
    """A value within that is not of its type. The message says where it is, and which type it should have."""


def canonical_value(column: Column, value: str) -> str:
    """Return DuckDB's SQL of the canonical text of a nested value, which `value` computes once."""
    return f"list_transform([{value}], lambda v: {nested_text(DUCKDB, column, 'v')})[1]"


def duckdb_type(type_: HiveType) -> str:
    match type_.kind:
        case HiveKind.ARRAY:
            return f"{duckdb_type(type_.of[0])}[]"
        case HiveKind.MAP:
            return f"MAP({', '.join(map(duckdb_type, type_.of))})"
        case HiveKind.STRUCT:
            fields = (f'"{name}" {duckdb_type(of)}' for name, of in zip(type_.fields, type_.of, strict=True))
            return f"STRUCT({', '.join(fields)})"
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            return "VARCHAR"
        case HiveKind.INT:
            return "INTEGER"
    return str(type_).upper()


def json_text(type_: HiveType, value: Any) -> str:
    """Return JSON of the value in which each plain value is a text.

    Numbers in `value` are texts of `landed.formats.json.Number`, objects lists of pairs.

    Raises:
        NotOfItsType: the value, or one within it, is not of its type.
    """
    return json.dumps(_read(type_, value, "the value"), ensure_ascii=False)


def _read(type_: HiveType, value: Any, where: str) -> Any:
    if value is None:
        return None
    match type_.kind:
        case HiveKind.ARRAY:
            if not isinstance(value, list) or _is_object(value):
                raise NotOfItsType(f"{where} is no list")
            return [_read(type_.of[0], item, f"{where}[{place}]") for place, item in enumerate(value)]
        case HiveKind.MAP:
            key, held = type_.of
            return {
                _plain(key, name, f"a key of {where}"): _read(held, item, f"a value of {where}")
                for name, item in _members(value, where)
            }
        case HiveKind.STRUCT:
            given = {name.lower(): item for name, item in _members(value, where)}
            if strange := sorted(set(given) - set(type_.fields)):
                raise NotOfItsType(f"{where} has {len(strange)} members that {type_} lacks")
            return {
                name: _read(of, given.get(name), f"{where}.{name}")
                for name, of in zip(type_.fields, type_.of, strict=True)
            }
    return _plain(type_, value, where)


def _is_object(value: Sequence[Any]) -> bool:
    return type(value) is not list


def _members(value: Any, where: str) -> Sequence[tuple[str, Any]]:
    if not isinstance(value, list) or not _is_object(value):
        raise NotOfItsType(f"{where} is no object")
    if len({name.lower() for name, _ in value}) < len(value):
        raise NotOfItsType(f"{where} has a member twice")
    return value


def _plain(type_: HiveType, value: Any, where: str) -> str:
    """Return the text of a plain value. The message names the type and not the value, which may be classified."""
    kind, is_number = type_.kind, type(value) is not str and isinstance(value, str)
    if isinstance(value, list) or isinstance(value, bool) != (kind is HiveKind.BOOLEAN):
        raise NotOfItsType(f"{where} is not {type_}")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if (is_number and not kind.is_number) or not _fits(type_, text):
        raise NotOfItsType(f"{where} is not {type_}")
    return text


def _fits(type_: HiveType, text: str) -> bool:
    try:
        match type_.kind:
            case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
                short = type_.length is None or len(text.rstrip(" ") if type_.kind.is_padded else text) <= type_.length
                return short and "\0" not in text and not _SURROGATE.search(text)
            case HiveKind.DECIMAL:
                return _is_decimal(type_, text)
            case HiveKind.FLOAT | HiveKind.DOUBLE:
                return math.isfinite(float(text))
            case HiveKind.DATE:
                return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
            case HiveKind.TIMESTAMP:
                return _TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
        low, high = type_.integer_bounds or (0, -1)
        return _WHOLE.fullmatch(text) is not None and low <= int(text) <= high
    except (ValueError, InvalidOperation):
        return False


def _is_decimal(type_: HiveType, text: str) -> bool:
    number = Decimal(text)
    scaled = number.scaleb(type_.scale) if number.is_finite() else number
    return number.is_finite() and scaled == scaled.to_integral_value() and abs(scaled) < 10**type_.precision
