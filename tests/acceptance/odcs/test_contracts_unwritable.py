"""What no landed file could hold is refused with the contract, not file by file: a text that no cell can be, or that
means two things, and signs that a file without quotes cannot keep apart.
"""

import pytest
import yaml
from builders import contract_text
from contract_texts import problems

TEXT = "{name: t, logicalType: string}"
FLAG = "{name: b, logicalType: boolean}"
PRICE = "{name: p, logicalType: number}"


def read(column, format_="csv", encoding="UTF-8", **properties):
    """The problems of a contract with this column and these custom properties of the landing server."""
    given = [{"property": name, "vendor": "aceite", "value": value} for name, value in properties.items()]
    written = yaml.safe_dump(given, default_flow_style=True, allow_unicode=True, width=10_000).strip()
    landing = f"format: {format_}, encoding: {encoding}, customProperties: {written}"
    return " ".join(problem.message for problem in problems(contract_text("orders", f"- {column}", landing=landing)))


def placed(name, type_, positions, **options):
    column = {"name": name, "logicalType": type_, "customProperties": [{"property": "positions", "value": positions}]}
    if options:
        column["logicalTypeOptions"] = options
    return yaml.safe_dump(column, default_flow_style=True, width=10_000).strip()


def named(landed):
    return of_text(landed=landed)


def of_text(**properties):
    given = [{"property": name, "value": value} for name, value in properties.items()]
    column = {"name": "t", "logicalType": "string", "customProperties": given}
    return yaml.safe_dump(column, default_flow_style=True, allow_unicode=True, width=10_000).strip()


@pytest.mark.parametrize(
    ("column", "facts", "said"),
    [
        (FLAG, {"nullText": "s", "trueText": "S", "falseText": "N"}, "'s', which means true too in b"),
        (FLAG, {"nullText": "false"}, "'false', which means false too in b"),
        (TEXT, {"nullText": " - ", "trim": True}, "`trim: true` drops the blanks around each cell"),
        (FLAG, {"trueText": ["S", "x "], "trim": True}, "found 'x ', and `trim: true` drops"),
        (TEXT, {"nullText": "a\0"}, "no text of a file has a NUL"),
        (TEXT, {"nullText": "não", "encoding": "ascii"}, "ascii has no character 'ã' (U+00E3)"),
        (TEXT, {"delimiter": "ç", "encoding": "ascii"}, "ascii has no character 'ç'"),
        (PRICE, {"groupSeparator": "\u202f", "encoding": "cp850"}, "cp850 has no character '\\u202f' (U+202F)"),
        (TEXT, {"trailerRecords": ["Fim é"], "encoding": "ascii"}, "ascii has no character 'é'"),
        (named("Preço"), {"encoding": "ascii"}, "the file's name of t is 'Preço', and ascii has no character 'ç'"),
        (named("a,b"), {"quote": ""}, "it holds the delimiter ','"),
        (TEXT, {"nullText": "a\nb", "quote": ""}, "it holds a line end"),
        (TEXT, {"trailerRecords": ["#T"], "comment": "#"}, "a line that begins with '#' is a comment"),
        (of_text(compare=False), {}, "no column both lands and is compared, so nothing could be proved"),
        (of_text(compare=False, landed=False), {}, "no column both lands and is compared"),
        (TEXT, {"ignoredColumns": ["T"]}, "the landed column 't' is in ignoredColumns too"),
        (PRICE, {"decimalComma": True, "quote": ""}, "',' is the decimal sign and the delimiter"),
        (PRICE, {"groupSeparator": ",", "quote": ""}, "',' is groupSeparator and the delimiter"),
        ("{name: d, logicalType: date}", {"delimiter": "-", "quote": ""}, "d is written yyyy-MM-dd, and it holds"),
        (TEXT, {"delimiter": "tab"}, 'signs separate cells, not letters and digits; a tab is "\\t"'),
        (TEXT, {"delimiter": "\\t"}, "signs separate cells"),
        (TEXT, {"quote": "a"}, "a quote is a sign of ASCII"),
        (placed("t", "string", "1-5"), {"nullText": "? "}, "blanks around a cell pad it"),
        (placed("t", "string", "1-3"), {"nullText": "NULL"}, "no cell has 4 characters"),
        (placed("b", "boolean", "1-4"), {}, "false has 5 characters, and the cell of b has 4"),
        (placed("d", "date", "1-8"), {}, "yyyy-MM-dd has 10 characters, and the cell of d has 8"),
        (placed("d", "timestamp", "1-8", format="dd/MM/yyyy HH:mm"), {}, "has 16 characters"),
    ],
)
def test_what_no_file_could_hold_is_refused_with_the_contract(column, facts, said):
    facts = dict(facts)
    format_ = "fixed-width" if "positions" in column else "csv"
    assert said in read(column, format_, facts.pop("encoding", "UTF-8"), **facts)


@pytest.mark.parametrize(
    ("column", "facts"),
    [
        (FLAG, {"nullText": "-", "trueText": "S", "falseText": "N", "trim": True}),
        (TEXT, {"nullText": " "}),
        (named("a,b"), {}),
        (named("a,b"), {"quote": "", "escape": "\\"}),
        (named("Preço"), {"encoding": "cp1252"}),
        (PRICE, {"decimalComma": True}),
        (PRICE, {"decimalComma": True, "delimiter": "\t", "quote": ""}),
        ("{name: at, logicalType: timestamp}", {"delimiter": ":", "quote": ""}),
        (TEXT, {"delimiter": "þ", "encoding": "latin-1"}),
        (placed("b", "boolean", "1"), {"trueText": ["sim", "S"], "falseText": "N"}),
        (placed("d", "timestamp", "1-16", format="dd/MM/yyyy'T'HH:mm"), {}),
    ],
)
def test_what_a_file_can_hold_is_not_refused(column, facts):
    facts = dict(facts)
    format_ = "fixed-width" if "positions" in column else "csv"
    assert read(column, format_, facts.pop("encoding", "UTF-8"), **facts) == ""
