"""Numbers and booleans as systems write them, in SQL that both engines read: Athena and DuckDB."""

from collections.abc import Callable

from acceptance.contract.contract import Column
from acceptance.contract.landing_format import LandingFormat, Negative
from acceptance.sql.text import text_literal

Matches = Callable[[str, str], str]
"""Returns the condition that a whole text matches a pattern, in the SQL of one engine."""

DIGITS = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"
_EXPONENT = f"{DIGITS}[eE][+-]?0*[0-9]{{1,2}}"
_LARGEST_EXPONENT = 99


def plain_number(landing: LandingFormat, cell: str, matches: Matches) -> str:
    """Return the SQL of a number with a leading sign, a point, and no signs between groups; other texts as they are."""
    if landing.negative is Negative.BRACKETS:
        inner = f"'-' || substr({cell}, 2, length({cell}) - 2)"
        cell = f"CASE WHEN {matches(cell, '[(][^()+-]+[)]')} THEN {inner} ELSE {cell} END"
    elif landing.negative is Negative.TRAILING:
        moved = f"substr({cell}, length({cell}), 1) || substr({cell}, 1, length({cell}) - 1)"
        cell = f"CASE WHEN {matches(cell, '[^+-]+[+-]')} THEN {moved} ELSE {cell} END"
    if landing.group_separator:
        groups = f"[+-]?[1-9][0-9]{{0,2}}([{landing.group_separator}][0-9]{{3}})+([{landing.decimal_sign}][0-9]*)?"
        joined = f"replace({cell}, {text_literal(landing.group_separator)}, '')"
        cell = f"CASE WHEN {matches(cell, groups)} THEN {joined} ELSE {cell} END"
    return with_point(landing, cell)


def with_point(landing: LandingFormat, cell: str) -> str:
    """Return the SQL of a number with commas and points swapped if it lands so; one with a comma left is none."""
    return f"translate({cell}, ',.', '.,')" if landing.decimal_comma else cell


def decimal(landing: LandingFormat, cell: str, precision: int, scale: int, matches: Matches) -> str:
    """Return the SQL of a decimal's value, null if the text is none or would lose a digit. Both engines round it.

    Leading and trailing zeros carry no value and take no digit.
    """
    digits = f"[+-]?0*[0-9]{{0,{precision - scale}}}([.][0-9]{{0,{scale}}}0*)?"
    plain, scientific = plain_number(landing, cell, matches), with_point(landing, cell)
    written_out = _without_exponent(scientific)  # DuckDB's cast overflows on the way to 12345678901E-9
    value = f"TRY_CAST({{}} AS decimal({precision}, {scale}))"
    return (
        f"CASE WHEN {matches(plain, digits)} THEN {value.format(plain)} WHEN {matches(scientific, _EXPONENT)}"
        f" THEN CASE WHEN {matches(written_out, digits)} THEN {value.format(written_out)} END END"
    )


def _without_exponent(number: str) -> str:
    """Return the SQL of the number with its point where the exponent says: 1.5E-3 is 0...0.0015."""
    mantissa, exponent = (f"split_part(lower({number}), 'e', {part})" for part in (1, 2))
    before = f"length(split_part(translate({mantissa}, '+-', ''), '.', 1))"
    sign, zeros = f"CASE WHEN {number} LIKE '-%' THEN '-' ELSE '' END", f"rpad('', {_LARGEST_EXPONENT}, '0')"
    digits = f"{zeros} || translate({mantissa}, '+-.', '') || {zeros}"
    point = f"{_LARGEST_EXPONENT} + {before} + TRY_CAST({exponent} AS integer)"
    return f"{sign} || substr({digits}, 1, {point}) || '.' || substr({digits}, {point} + 1)"


def boolean(column: Column, landing: LandingFormat, cell: str) -> str:
    """Return the SQL of a boolean's value, whether its text is in upper or lower case; null if the text is none."""
    true, false = (", ".join(f"lower({text_literal(text)})" for text in texts) for texts in column.truth(landing))
    return f"CASE WHEN lower({cell}) IN ({true}) THEN true WHEN lower({cell}) IN ({false}) THEN false END"
