"""A small contract for the tests that read landed files."""

from typing import Any

from builders import a_contract

from acceptance.contract.contract import Column, Contract
from acceptance.contract.landing_format import FileFormat, LandingFormat

MOVIES = {"id": "bigint", "title": "string", "score": "decimal(4,1)"}


def column(name: str, type_: str, **facts: Any) -> Column:
    return Column(**{"name": name, "type": type_, "landed": name, **facts})


def contract(*columns: Column, format: str = "csv", **landing: Any) -> Contract:
    columns = columns or tuple(column(name, type_) for name, type_ in MOVIES.items())
    return a_contract("movies", landing=LandingFormat(FileFormat(format), **landing), columns=columns)


READABLE = {
    "tinyint": ["-128", "127", "+1", "007", "-0"],
    "smallint": ["-32768", "32767"],
    "int": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "decimal(4,1)": ["999.9", "-999.9", "0", "000999.9", "1.50", ".5", "1.", "+1.5", "-0"],
    "decimal(2,2)": ["0.99", ".5", "-0.10"],
    "decimal(38,0)": ["9" * 38],
    "double": ["1", "-1.5", "1e10", "1.5E-3", ".5", "1.", "NaN", "Infinity", "-Infinity", "5e-324", "0.1"],
    "float": ["3.4028235e38", "1e-45", "NaN"],
    "boolean": ["true", "false", "TRUE", "False"],
    "date": ["2013-01-31", "2024-02-29", "0001-01-01"],
    "timestamp": [
        "2013-01-31 05:15:00",
        "2013-01-31T05:15:00",
        "2013-01-31T05:15:00Z",
        "2013-01-31 05:15",
        "2013-01-31",
        "2013-01-31 05:15:00.123",
        "2013-01-31 05:15:00.123000000",
        "2013-01-31T05:15:00-03:00",
        "2013-01-31T05:15:00.5+0000",
        "2024-01-01 10:00:00+00",
        "2024-07-01 10:00:00-03",
        "2024-07-01T10:00-0300",
        "1850-01-01 00:00:00-03:06:28",
        "1850-01-01 00:00:00-030628",
        "2024-01-01 10:00:00.123 UTC",
        "2024-01-01 10:00:00.1230000 -03:00",
        "2024-01-01T10:00:00+18:00",
        "9999-12-31 23:59:59-18",
        "0001-01-01 00:00:00+18:00",
    ],
    "varchar(3)": ["abc", "ção"],
    "char(3)": ["abc", "ab "],
    "string": [" ", "a" * 5000, "\x1e\x1f"],
}
UNREADABLE = {
    "tinyint": ["128", "-129", "1.0", "1e1", "1_0", " 1", "1 ", "a", "٣", "0x1", "--1", "+"],
    "int": ["2147483648", "1.5", "NaN"],
    "bigint": ["9223372036854775808"],
    "decimal(4,1)": ["1000.0", "7.25", "1e2", "1,5", "NaN", ".", "-", "1 "],
    "decimal(2,2)": ["1.00", "0.123"],
    "decimal(38,0)": ["1" + "0" * 38],
    "double": ["1,5", "1e999", "-1e999", "inf", "nan", "1d", "e5", ".", "1.5 ", "infinity", "1_0"],
    "float": ["1e39", "3.5e38"],
    "boolean": ["t", "1", "yes", "sim", " true"],
    "date": ["2013-02-29", "31/01/2013", "2013-1-31", "20130131", "2013-01-31 00:00:00", "2013-13-01", "today"],
    "timestamp": [
        "2013-02-29 00:00:00",
        "2013-01-31 24:00:00",
        "2013-01-31 05:60:00",
        "31/01/2013 05:15",
        "2013-01-31 5:15",
        "2013-01-31 05:15:00.1234",
        "2013-01-31 05:15:00.123456789",
        "2024-01-01T10:00:00+99:99",
        "2024-01-01T10:00:00+18:01",
        "2024-01-01T10:00:00-19",
        "2024-01-01T10:00:00+03:60",
        "2024-01-01T10:00:00+3",
        "2024-01-01 10:00:00 +",
        "2024-01-01 10:00:00 EST",
        "2024-01-01 10:00:00  UTC",
        "2024-02-30 10:00:00-03",
        "infinity",
        "-infinity",
    ],
    "varchar(3)": ["abcd"],
    "char(3)": ["abcd"],
}
