"""Checks become one aggregate query in Athena's dialect, and its answer becomes measurements.

Identifiers come from the contract and are quoted, values are typed literals, and the result is one SELECT. The
delivered rows are the common table expression "delivered"; a `type: sql` rule runs on it as a scalar subquery, so that
one query id answers for everything.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from acceptance.checks import Check, Metric, Number, Unit, Valid
from acceptance.contract import Column, Contract
from acceptance.errors import QueryFailed
from acceptance.fingerprint import Fingerprint, athena_fingerprint_columns
from acceptance.judge import Measurement, measured_text

DIALECT = "athena"
SAMPLE_ROWS = 5
MASKED = "•••"


@dataclass(frozen=True, slots=True)
class MeasuringQuery:
    """One SELECT of one row: the number of rows, the two halves of the fingerprint if there is one, then each check."""

    sql: str
    checks: tuple[Check, ...]
    fingerprinted: bool


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the one query says of the delivered rows as a whole."""

    rows: int
    fingerprint: Fingerprint | None


def compile_checks(contract: Contract, partition: Mapping[str, str], usable: Collection[str]) -> MeasuringQuery:
    """One query for every check of the contract whose columns are all in `usable` (present, with the right type)."""
    checks = tuple(
        check for check in contract.checks if check.metric in _MEASURES and set(check.columns) <= set(usable)
    )
    fingerprinted = _compares_cells(contract) and {column.name for column in contract.landed_columns} <= set(usable)
    measures = [("rows", "count(*)")]
    if fingerprinted:
        high, low = athena_fingerprint_columns(contract.landed_columns)
        measures += [("fingerprint_high", high), ("fingerprint_low", low)]
    columns = {column.name: column for column in contract.columns}
    measures += [(check.id, _MEASURES[check.metric](check, columns)) for check in checks]
    selected = ",\n  ".join(f"{expression} AS {identifier(name)}" for name, expression in measures)
    sql = f"{_delivered(contract, partition, usable)}\nSELECT\n  {selected}\nFROM delivered"
    return MeasuringQuery(only_select(sql), checks, fingerprinted)


def read_answer(
    query: MeasuringQuery, row: Sequence[object], query_id: str
) -> tuple[TableFacts, dict[str, Measurement]]:
    """The facts of the table, and a measurement for each check id, from the one row that the query answered.

    Raises:
        QueryFailed: the answer does not have the query's shape.
    """
    expected = 1 + 2 * query.fingerprinted + len(query.checks)
    if len(row) != expected:
        raise QueryFailed(f"query {query_id}: {len(row)} columns came back, {expected} were asked for", query_id)
    rows = int(row[0])  # type: ignore[call-overload]
    fingerprint, values = None, row[1:]
    if query.fingerprinted:
        fingerprint, values = Fingerprint.of_sums(rows, row[1], row[2]), row[3:]
    measured = {
        check.id: _measurement(check, value, rows, query_id) for check, value in zip(query.checks, values, strict=True)
    }
    return TableFacts(rows, fingerprint), measured


def sample_query(contract: Contract, partition: Mapping[str, str], usable: Collection[str]) -> str:
    """A SELECT of a few delivered rows in the contract's column order; Athena itself masks sensitive columns."""
    shown = ",\n  ".join(
        f"'{MASKED}' AS {identifier(column.name)}" if column.sensitive else identifier(column.name)
        for column in contract.columns
        if column.name in usable
    )
    return only_select(
        f"{_delivered(contract, partition, usable)}\nSELECT\n  {shown}\nFROM delivered\nLIMIT {SAMPLE_ROWS}"
    )


def identifier(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def literal(value: Number | str | bool, column: Column) -> str:
    """A literal of the column's type: dates and timestamps from ISO text, numbers as written, anything else as text."""
    kind = column.type.partition("(")[0]
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if kind in ("date", "timestamp"):
        text = exp.Literal.string(str(value).replace("T", " ").removesuffix("Z")).sql(DIALECT)
        return f"{kind.upper()} {text}"
    if kind in ("string", "varchar", "char"):
        return exp.Literal.string(str(value)).sql(DIALECT)
    return exp.Literal.number(str(_number(value))).sql(DIALECT)


def only_select(sql: str) -> str:
    """The same text, if it is exactly one SELECT. Whatever a contract says, nothing else is ever sent to Athena."""
    statements = sqlglot.parse(sql, read=DIALECT)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise QueryFailed("the checks do not compile to one SELECT; look at the `type: sql` rules of the contract")
    return sql


def _number(value: Number | str) -> Number:
    if isinstance(value, str):
        return int(value)
    return value


def _delivered(contract: Contract, partition: Mapping[str, str], usable: Collection[str]) -> str:
    columns = {column.name: column for column in contract.columns}
    selected = ", ".join(identifier(name) for name in columns if name in usable)
    table = f"{identifier(contract.table.database)}.{identifier(contract.table.name)}"
    where = " AND ".join(f"{identifier(name)} = {literal(value, columns[name])}" for name, value in partition.items())
    return f"WITH delivered AS (\n  SELECT {selected}\n  FROM {table}" + (f"\n  WHERE {where}\n)" if where else "\n)")


def _compares_cells(contract: Contract) -> bool:
    return any(check.metric is Metric.CELLS_EQUAL_LANDED for check in contract.checks)


def _measurement(check: Check, value: object, rows: int, query_id: str) -> Measurement:
    if value is None:
        return Measurement(query_id=query_id, error="the query answered NULL")
    if not isinstance(value, Number):
        return Measurement(query_id=query_id, error=f"the query answered {value!r}, which is not a number")
    if check.unit is Unit.ROWS or check.metric is Metric.SQL:
        return Measurement(value, query_id=query_id)
    if rows == 0:
        return Measurement(query_id=query_id, skipped="a percentage of no rows says nothing")
    percent = 100 * float(value) / rows
    return Measurement(percent, f"{measured_text(check, percent)} ({value} of {rows} rows)", query_id)


Measure = Callable[[Check, Mapping[str, Column]], str]


def _invalid_values(check: Check, columns: Mapping[str, Column]) -> str:
    assert check.valid is not None
    column = columns[check.columns[0]]
    return f"count(*) FILTER (WHERE NOT ({' AND '.join(_conditions(check.valid, column))}))"


def _conditions(valid: Valid, column: Column) -> list[str]:
    name = identifier(column.name)
    bounds = (
        (">=", valid.minimum),
        ("<=", valid.maximum),
        (">", valid.exclusive_minimum),
        ("<", valid.exclusive_maximum),
    )
    conditions = [f"{name} {sign} {literal(bound, column)}" for sign, bound in bounds if bound is not None]
    if valid.min_length is not None:
        conditions.append(f"length({name}) >= {valid.min_length}")
    if valid.max_length is not None:
        conditions.append(f"length({name}) <= {valid.max_length}")
    if valid.pattern is not None:
        conditions.append(f"regexp_like({name}, {exp.Literal.string(valid.pattern).sql(DIALECT)})")
    if valid.multiple_of is not None:
        # A double is brought to a decimal first: 0.3 % 0.1 is not 0 in binary.
        conditions.append(f"CAST({name} AS decimal(38, 9)) % CAST({valid.multiple_of} AS decimal(38, 9)) = 0")
    if valid.values:
        conditions.append(f"{name} IN ({', '.join(literal(value, column) for value in valid.values)})")
    return conditions


def _missing_values(check: Check, columns: Mapping[str, Column]) -> str:
    name = identifier(check.columns[0])
    if not check.missing:
        return f"count(*) FILTER (WHERE {name} IS NULL)"
    texts = ", ".join(exp.Literal.string(text).sql(DIALECT) for text in check.missing)
    return f"count(*) FILTER (WHERE {name} IS NULL OR CAST({name} AS varchar) IN ({texts}))"


def _duplicate_values(check: Check, columns: Mapping[str, Column]) -> str:
    names = [identifier(name) for name in check.columns]
    if len(names) == 1:
        return f"count({names[0]}) - count(DISTINCT {names[0]})"
    return f"count(*) - count(DISTINCT ROW({', '.join(names)}))"


def _sql(check: Check, columns: Mapping[str, Column]) -> str:
    assert check.sql is not None
    return f"({check.sql.replace('{object}', 'delivered')})"


_MEASURES: Mapping[Metric, Measure] = {
    Metric.ROW_COUNT: lambda check, columns: "count(*)",
    Metric.NULL_VALUES: lambda check, columns: f"count(*) FILTER (WHERE {identifier(check.columns[0])} IS NULL)",
    Metric.MISSING_VALUES: _missing_values,
    Metric.INVALID_VALUES: _invalid_values,
    Metric.DUPLICATE_VALUES: _duplicate_values,
    Metric.SQL: _sql,
}
