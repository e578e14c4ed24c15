"""The comparison options of a contract, as lines for the evidence: when landed files and table count as equal."""

from collections.abc import Iterator

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import LandingFormat, NamedByColumn, SkippedTimes
from acceptance.contract.positions import positions_text


def comparison_options(contract: Contract) -> dict[str, str]:
    """Return name and value of every comparison option, defaults included."""
    landing = contract.landing
    options: dict[str, str] = {"format": landing.format, "compression": landing.compression}
    if landing.format.is_text:
        certain = ", even if all bytes are UTF-8" if landing.certain_encoding else ""
        options["encoding"] = landing.encoding + certain
        options["decimal sign"] = "comma" if landing.decimal_comma else "point"
    if landing.format.is_delimited:
        options |= _of_csv(landing)
    if landing.format.is_positioned:
        options |= _of_fixed_width(contract)
    options |= dict(_of_records(landing))
    options |= {
        "trim": "spaces and tabs around each cell" if landing.trim else "nothing",
        "empty as null": "yes" if landing.nothing_is_null else "no",
        "times without an offset are in": landing.zone,
        "partition holds": _partition_holds(contract),
        "landed files are read by": "Athena" if contract.engine == "athena" else "DuckDB, independently of Athena",
    }
    if landing.skipped_times is SkippedTimes.FORWARD:
        options["times that clocks skipped"] = "the moment by the offset before"
    options |= _of_writing(landing)
    return options | _of_columns(contract)


def _of_csv(landing: LandingFormat) -> dict[str, str]:
    of_quotes = "the empty text" + (", null where a column holds no texts" if landing.nothing_is_null else "")
    of_quotes = of_quotes if landing.quoted_empty_is_text or not landing.nothing_is_null else "null"
    return {
        "delimiter": repr(landing.delimiter),
        "quote": repr(landing.quote) if landing.quote else "none",
        "header": "yes" if landing.header else "no",
        "null text": repr(landing.null_text),
        **({"empty in quotes": of_quotes} if landing.quote else {}),
        **{_SIGNS[name]: "yes" if value == "true" else repr(value) for name, value in landing.signs.items()},
    }


_SIGNS = {
    "delimiter": "delimiter",
    "trailingDelimiter": "delimiter behind the last cell",
    "escape": "escape",
    "comment": "comment",
}


def _of_records(landing: LandingFormat) -> Iterator[tuple[str, str]]:
    """Yield name and value of what is said of records that are no data."""
    for name, records in (("header records", landing.header_records), ("trailer records", landing.trailer_records)):
        if records:
            begin = ", ".join(repr(text) for text in records if text)
            yield name, f"{len(records)} skipped" + (f", beginning with {begin}" if begin else "")
    if landing.trailer_count:
        where = landing.trailer_count
        yield (
            "number of rows, as the trailer says",
            f"cell {where}" if isinstance(where, int) else f"characters {positions_text(where)}",
        )


def _of_fixed_width(contract: Contract) -> dict[str, str]:
    positions = ((column.name, column.positions) for column in contract.landed_columns if column.positions)
    return {
        "null text": repr(contract.landing.null_text),
        "positions": ", ".join(f"{name} {positions_text(place)}" for name, place in positions),
    }


def _of_writing(landing: LandingFormat) -> dict[str, str]:
    usual, options = LandingFormat(), dict[str, str]()
    if landing.group_separator:
        options["sign between groups of digits"] = repr(landing.group_separator)
    if landing.negative is not usual.negative:
        options["negative numbers"] = landing.negative
    if (landing.true_texts, landing.false_texts) != (usual.true_texts, usual.false_texts):
        options["true and false"] = f"{', '.join(landing.true_texts)} and {', '.join(landing.false_texts)}"
    return options


def _of_columns(contract: Contract) -> dict[str, str]:
    columns = [column for column in contract.columns if column.name not in contract.partition]
    floats = [column for column in columns if column.kind.is_float]
    digits = (f"{column.name} {'exact' if column.digits is None else column.digits}" for column in floats)
    left_out = [column.name for column in columns if column not in contract.compared_columns]
    named = {
        "digits compared of floats": ", ".join(digits),
        "formats of dates and times": ", ".join(f"{c.name} {c.shown_format}" for c in columns if c.landed_format),
        "rounded to milliseconds": ", ".join(column.name for column in columns if column.rounded),
        "compared to microseconds": ", ".join(column.name for column in columns if column.micros),
        "true and false of columns": ", ".join(
            f"{column.name} {' or '.join(column.true_texts)} and {' or '.join(column.false_texts)}"
            for column in columns
            if column.true_texts or column.false_texts
        ),
        "not compared": ", ".join(left_out),
        "columns of the file left out": ", ".join(contract.landing.ignored),
        "partition columns, from the key": ", ".join(f"{name} = {text}" for name, text in contract.partition.items()),
    }
    return {name: text for name, text in named.items() if text}


def _partition_holds(contract: Contract) -> str:
    holds = contract.partition_holds
    if isinstance(holds, NamedByColumn):
        return f"rows of this delivery where {holds.column} is {holds.value}"
    return holds.value
