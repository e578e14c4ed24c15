"""Trino's decimals: the types that its expressions have, and quotients and averages, which DuckDB computes as doubles.

The rules are those of https://trino.io/docs/current/language/types.html and of its DecimalOperators.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from sqlglot import exp
from sqlglot.dialects import Athena

from sandbox.athena.values import AthenaError

_MOST_DIGITS = 38

MACROS = (
    "unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    # Half of the last digit is rounded away from zero.
    """quotient(n, d) AS if((n < 0) = (d < 0), 1, -1) *
       ((2 * abs(n) + abs(d)) // if(d = 0, error('Division by zero'), 2 * abs(d)))""",
    "digits(x, most) AS repeat('0', most - length(CAST(abs(x) AS VARCHAR))) || CAST(abs(x) AS VARCHAR)",
    """with_point(x, scale) AS if(x < 0, '-', '') || digits(x, scale + 1)[:-scale - 1] || '.' ||
       digits(x, scale + 1)[-scale:]""",
    # A double divided by zero is infinite, or no number.
    "double_quotient(a, b) AS if(b = 0, a * if(signbit(b), '-Infinity', 'Infinity')::DOUBLE, a / b)",
    # For operands whose types nobody could tell before.
    """other_quotient(a, b) AS if(typeof(a) LIKE 'DECIMAL%' AND typeof(b) NOT IN ('DOUBLE', 'FLOAT') OR
       typeof(b) LIKE 'DECIMAL%' AND typeof(a) NOT IN ('DOUBLE', 'FLOAT'),
       error('the sandbox cannot tell the type of this division'), a / b)""",
)


class Decimal(NamedTuple):
    """A type. Whole numbers have a scale of 0."""

    precision: int
    scale: int

    @property
    def whole_digits(self) -> int:
        return self.precision - self.scale

    def divided_by(self, other: "Decimal") -> "Decimal":
        precision = self.precision + other.scale + max(other.scale - self.scale, 0)
        return _bounded(precision, max(self.scale, other.scale))


_WHOLE = {
    exp.DType.TINYINT: Decimal(3, 0),
    exp.DType.SMALLINT: Decimal(5, 0),
    exp.DType.INT: Decimal(10, 0),
    exp.DType.BIGINT: Decimal(19, 0),
}
_FLOATS = (exp.DType.FLOAT, exp.DType.DOUBLE)


def decimal_of(kind: Any) -> Decimal | None:
    """Return the decimal that a type is; None for whole numbers and all other types."""
    if not kind or kind.this is not exp.DType.DECIMAL:
        return None
    sizes = [int(size.name) for size in kind.expressions]
    return Decimal(*(*sizes, 0)[:2]) if sizes else Decimal(_MOST_DIGITS, 0)


def _number(kind: Any) -> Decimal | None:
    return decimal_of(kind) or (_WHOLE.get(kind.this) if kind else None)


def _bounded(precision: int, scale: int) -> Decimal:
    return Decimal(max(1, min(precision, _MOST_DIGITS)), scale)


def _data_type(type_: Decimal) -> exp.DataType:
    sizes = [exp.DataTypeParam(this=exp.Literal.number(size)) for size in type_]
    return exp.DataType(this=exp.DType.DECIMAL, expressions=sizes)


def _sum(left: Decimal, right: Decimal) -> Decimal:
    scale = max(left.scale, right.scale)
    return _bounded(max(left.whole_digits, right.whole_digits) + scale + 1, scale)


def _product(left: Decimal, right: Decimal) -> Decimal:
    return _bounded(left.precision + right.precision, left.scale + right.scale)


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    scale = max(left.scale, right.scale)
    return _bounded(min(left.whole_digits, right.whole_digits) + scale, scale)


def _common(left: Decimal, right: Decimal) -> Decimal:
    scale = max(left.scale, right.scale)
    return _bounded(max(left.whole_digits, right.whole_digits) + scale, scale)


def _rounded(type_: Decimal) -> Decimal:
    return _bounded(type_.whole_digits + min(type_.scale, 1), 0)


def _literal(annotator: Any, node: Any) -> Any:
    if node.is_string or "e" in node.name.lower() or "." not in node.name:
        return _ANNOTATORS[exp.Literal](annotator, node)
    whole, _, fraction = node.name.partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    return annotator._set_type(node, _data_type(_bounded(digits, len(fraction))))


def _binary(rule: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Any, Any], Any]:
    """Return an annotator: `rule` gives the type where an operand is a decimal and the other one a decimal or whole."""

    def annotate(annotator: Any, node: Any) -> Any:
        left, right = _number(node.left.type), _number(node.right.type)
        if left and right and (decimal_of(node.left.type) or decimal_of(node.right.type)):
            return annotator._set_type(node, _data_type(rule(left, right)))
        return _ANNOTATORS[type(node)](annotator, node)

    return annotate


def _unary(rule: Callable[[Decimal], Decimal]) -> Callable[[Any, Any], Any]:
    """Return an annotator: `rule` gives the type where the argument is a decimal."""

    def annotate(annotator: Any, node: Any) -> Any:
        argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        if type_ := decimal_of(argument.type):
            return annotator._set_type(node, _data_type(rule(type_)))
        return _ANNOTATORS[type(node)](annotator, node)

    return annotate


def _either(values: Callable[[Any], list[Any]]) -> Callable[[Any, Any], Any]:
    """Return an annotator: the type holds each of the values, if they are decimals and whole numbers."""

    def annotate(annotator: Any, node: Any) -> Any:
        kinds = [each.type for each in values(node) if each and not isinstance(each, exp.Null)]
        numbers = [number for kind in kinds if (number := _number(kind))]
        if len(numbers) == len(kinds) and any(decimal_of(kind) for kind in kinds):
            return annotator._set_type(node, _data_type(reduce(_common, numbers)))
        return _ANNOTATORS[type(node)](annotator, node)

    return annotate


def _choices(node: Any) -> list[Any]:
    return [*(each.args.get("true") for each in node.args["ifs"]), node.args.get("default")]


def _annotator(facts: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return sqlglot's own annotator of an expression."""
    return facts.get("annotator") or (lambda annotator, node: annotator._set_type(node, facts.get("returns")))


def _anonymous(annotator: Any, node: Any) -> Any:
    """Annotate the functions that sqlglot has no class for."""
    kind = exp.DType.DOUBLE if node.name.lower() in _DOUBLES else exp.DType.UNKNOWN
    return annotator._set_type(node, kind)


_DOUBLES = ("nan", "infinity", "e", "pi", "to_unixtime", "geometric_mean", "from_ieee754_64")
_ANNOTATORS = {kind: _annotator(facts) for kind, facts in Athena.EXPRESSION_METADATA.items()}

METADATA: dict[Any, Any] = {
    **Athena.EXPRESSION_METADATA,
    **{
        kind: {"annotator": annotator}
        for kind, annotator in {
            exp.Anonymous: _anonymous,
            exp.Literal: _literal,
            exp.Add: _binary(_sum),
            exp.Sub: _binary(_sum),
            exp.Mul: _binary(_product),
            exp.Div: _binary(Decimal.divided_by),
            exp.Mod: _binary(_remainder),
            exp.Sum: _unary(lambda type_: Decimal(_MOST_DIGITS, type_.scale)),
            exp.Avg: _unary(lambda type_: type_),
            exp.Ceil: _unary(_rounded),
            exp.Floor: _unary(_rounded),
            exp.Coalesce: _either(lambda node: [node.this, *node.expressions]),
            exp.Greatest: _either(lambda node: [node.this, *node.expressions]),
            exp.Least: _either(lambda node: [node.this, *node.expressions]),
            exp.If: _either(lambda node: [node.args.get("true"), node.args.get("false")]),
            exp.Case: _either(_choices),
        }.items()
    },
}
"""How sqlglot finds the types of Trino's expressions. Its own rules know no precision and no scale."""


def division(node: exp.Div, left: Any, right: Any) -> Any:
    """Return DuckDB's expression for Trino's division of operands of these types. An unknown type is None.

    Raises:
        AthenaError: the digits are too many for the sandbox.
    """
    if any(kind and kind.this in _FLOATS for kind in (left, right)):
        return _call("double_quotient", node.left, node.right)
    if left is None or right is None:
        return _call("other_quotient", node.left, node.right)
    dividend, divisor = _number(left), _number(right)
    if not (decimal_of(left) or decimal_of(right)) or not dividend or not divisor:
        return node
    result = dividend.divided_by(divisor)
    shifted = exp.Mul(
        this=_unscaled(node.left, dividend), expression=_power(result.scale + divisor.scale - dividend.scale)
    )
    return _scaled(_call("quotient", shifted, _unscaled(node.right, divisor)), result)


def average(node: exp.Avg, type_: Decimal, where: exp.Where | None = None) -> Any:
    """Return DuckDB's expression for Trino's average of decimals of a type. Raise AthenaError for that of a window."""
    if isinstance(node.parent, exp.Window):
        raise AthenaError("NOT_SUPPORTED: the sandbox cannot tell the average of decimals in a window")
    total: Any = exp.Sum(this=node.this.copy())
    count: Any = exp.Count(this=node.this.copy())
    if where:
        total, count = (exp.Filter(this=each, expression=where.copy()) for each in (total, count))
    divisor = exp.func("nullif", count, exp.Literal.number(0))
    return _scaled(_call("quotient", _unscaled(total, Decimal(_MOST_DIGITS, type_.scale)), divisor), type_)


def _unscaled(operand: Any, type_: Decimal) -> Any:
    return _call("unscaled", exp.Cast(this=operand.copy(), to=_data_type(Decimal(_MOST_DIGITS, type_.scale))))


def _power(exponent: int) -> exp.Expression:
    if exponent > _MOST_DIGITS:
        raise AthenaError("NOT_SUPPORTED: the sandbox cannot tell the quotient of decimals with so many digits")
    return exp.Cast(this=exp.Literal.string("1" + "0" * exponent), to=exp.DataType(this=exp.DType.INT128))


def _scaled(unscaled: Any, type_: Decimal) -> exp.Cast:
    value = _call("with_point", unscaled, exp.Literal.number(type_.scale)) if type_.scale else unscaled
    return exp.Cast(this=value, to=_data_type(type_))


def _call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
