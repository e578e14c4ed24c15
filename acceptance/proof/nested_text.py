"""The canonical text of a nested cell: JSON in which every value but null is a text, the same in Athena and DuckDB.

    array      ["1",null]; [] for an empty one, null for none
    struct     {"id":"1","name":null}, with the fields in the order of the type
    map        {"a":"1","b":null}, in the order of the keys

A value within has the text of `canonical_text`, with \\ and " escaped. So null differs from an empty text, an absent
list from an empty one, and no text looks like two.
"""

import json
from collections.abc import Callable
from typing import Any, assert_never

from acceptance.contract.hive_types import HiveKind, HiveType

TextOf = Callable[[HiveType, str], str]
"""Returns the SQL of a plain value's text, from its type and its SQL."""


class NestedSql:
    """The SQL in which the two engines differ. `value` is an identifier, or a variable of a lambda."""

    def __init__(self, transform: str, join: str, keys: str, at: str) -> None:
        self.transform, self.join, self.keys, self.at = transform, join, keys, at

    def text(self, type_: HiveType, value: str, text_of: TextOf, depth: int = 0) -> str:
        """Return the SQL of the value's text; it is null for null."""
        match type_.kind:
            case HiveKind.ARRAY:
                each = f"e{depth}"
                item = self._or_null(type_.of[0], each, text_of, depth)
                listed = self.join.format(self.transform.format(value, each, item))
                return f"'[' || {listed} || ']'"
            case HiveKind.MAP:
                each, (key, held) = f"e{depth}", type_.of
                at = self.at.format(value, each)
                pair = f"{self.text(key, each, text_of)} || ':' || {self._or_null(held, at, text_of, depth)}"
                listed = self.join.format(self.transform.format(self.keys.format(value), each, pair))
                return f"'{{' || {listed} || '}}'"
            case HiveKind.STRUCT:
                fields = " || ',' || ".join(
                    f"{_literal(json.dumps(name, ensure_ascii=False) + ':')} || "
                    + self._or_null(of, f'{value}."{name}"', text_of, depth)
                    for name, of in zip(type_.fields, type_.of, strict=True)
                )
                return f"CASE WHEN {value} IS NOT NULL THEN '{{' || {fields} || '}}' END"
            case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
                escaped = f"replace(replace({text_of(type_, value)}, '\\', '\\\\'), '\"', '\\\"')"
                return f"'\"' || {escaped} || '\"'"
            case (
                HiveKind.TINYINT
                | HiveKind.SMALLINT
                | HiveKind.INT
                | HiveKind.BIGINT
                | HiveKind.DECIMAL
                | HiveKind.FLOAT
                | HiveKind.DOUBLE
                | HiveKind.BOOLEAN
                | HiveKind.DATE
                | HiveKind.TIMESTAMP
            ):
                return f"'\"' || {text_of(type_, value)} || '\"'"
            case _:
                assert_never(type_.kind)

    def _or_null(self, type_: HiveType, value: str, text_of: TextOf, depth: int) -> str:
        return f"coalesce({self.text(type_, value, text_of, depth + 1)}, 'null')"


ATHENA_NESTED = NestedSql(
    transform="transform({0}, {1} -> {2})",
    join="array_join({0}, ',')",
    keys="array_sort(map_keys({0}))",
    at="element_at({0}, {1})",
)
DUCKDB_NESTED = NestedSql(
    transform="list_transform({0}, lambda {1}: {2})",
    join="array_to_string({0}, ',')",
    keys="list_sort(map_keys({0}))",
    at="{0}[{1}]",
)


def as_people_write(type_: HiveType, text: str, written: Callable[[HiveType, str], str | None]) -> str:
    """Return a canonical text with each value within as people write it. `written` does so for a plain one."""

    def shown(of: HiveType, value: Any) -> Any:
        if value is None:
            return None
        match of.kind:
            case HiveKind.ARRAY:
                return [shown(of.of[0], item) for item in value]
            case HiveKind.MAP:
                return {written(of.of[0], key): shown(of.of[1], item) for key, item in value.items()}
            case HiveKind.STRUCT:
                return {name: shown(each, value[name]) for name, each in zip(of.fields, of.of, strict=True)}
        return written(of, value)

    return json.dumps(shown(type_, json.loads(text, strict=False)), ensure_ascii=False, separators=(", ", ": "))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
