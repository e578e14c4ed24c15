"""How files land and what is compared, as a contract says it, and as the evidence prints it."""

import pytest
from contract_texts import of_column, orders, the_problem, watched

from acceptance.contract.landing_format import LandingFormat, QuotedEmpty
from acceptance.errors import ContractError
from acceptance.proof.comparison_options import comparison_options


def landing(*lines, kind="csv"):
    """The contract with these lines in its landing server."""
    old = "    format: csv\n    encoding: UTF-8\n"
    return orders((old, f"    format: {kind}\n" + "".join(f"    {line}\n" for line in lines)))


def facts(text):
    return f"customProperties: [{text}]"


BY_ATHENA = "{{property: engine, value: athena}}, {{property: landedTable, value: {}}}"
BOTH_NULL = "{property: quotedEmpty, value: 'null'}"


def test_every_fact_about_a_file_can_be_said():
    of_csv = facts(
        "{property: delimiter, value: ;}, {property: quote, value: ''}, {property: header, value: true}, "
        "{property: nullText, value: 'NULL'}, {property: compression, value: gzip}, {property: trim, value: true}, "
        "{property: emptyAsNull, value: true}, {property: decimalComma, value: true}, "
        "{property: timeZone, value: America/Sao_Paulo}, {property: ignoredColumns, value: [load_id]}, "
        "{property: skippedTimes, value: forward}, {property: groupSeparator, value: .}, "
        "{property: negative, value: brackets}, {property: trueText, value: S}, "
        "{property: falseText, value: [N, não]}"
    )
    assert watched(landing("encoding: cp1252", of_csv)).landing == LandingFormat(
        format="csv", encoding="cp1252", delimiter=";", quote="", header=True, null_text="NULL", compression="gzip",
        trim=True, empty_as_null=True, decimal_comma=True, zone="America/Sao_Paulo", ignored=("load_id",),
        skipped_times="forward", group_separator=".", negative="brackets", true_texts=("S",), false_texts=("N", "não"),
    )  # fmt: skip


ENDINGS = {"gz": "gzip", "ZST": "zstd", "bz2": "bzip2", "xz": "xz", "zip": "zip", "txt": "none"}


def named(ending, *lines, kind="csv"):
    return landing(*lines, kind=kind).replace("{region}/{file}.csv", "{region}/{file}." + ending)


@pytest.mark.parametrize(("ending", "compression"), ENDINGS.items())
def test_the_ending_of_a_location_says_how_the_files_are_packed(ending, compression):
    assert watched(named(ending)).landing.compression == compression
    said = facts("{property: compression, value: none}")
    assert watched(named(ending, said)).landing.compression == "none"


def test_the_pages_of_parquet_are_packed_and_never_the_file():
    assert watched(named("parquet.gz", kind="parquet")).landing.compression == "none"


@pytest.mark.parametrize("ending", ["csv.lz4", "csv.7z", "rar", "csv.Z", "tar.gz", "TGZ", "csv.snappy", "br"])
def test_a_packing_that_nobody_here_unpacks_is_refused_unless_the_contract_denies_it(ending):
    assert "it ends as files of a packing do that Aceite does not read" in the_problem(
        named(ending).replace("/{file}." + ending, "/{file}." + ending + "  # here")
    )
    said = facts("{property: compression, value: none}")
    assert watched(named(ending, said)).landing.compression == "none"


@pytest.mark.parametrize("said", [None, "text", "null"])
@pytest.mark.parametrize(("more", "usual"), [("", "text"), ("{property: emptyAsNull, value: true}", "null")])
def test_empty_quotes_are_what_the_contract_says_and_else_what_their_writers_mean(said, more, usual):
    said_so = f"{{property: quotedEmpty, value: '{said}'}}" if said else ""
    contract = watched(landing(facts(", ".join(filter(None, (said_so, more))))))
    assert contract.landing.quoted_empty == (QuotedEmpty(said) if said else None)
    means_text = (said or usual) == "text"
    assert contract.landing.quoted_empty_is_text == means_text
    assert comparison_options(contract)["empty in quotes"] == (
        "the empty text, null where a column holds no texts" if means_text else "null"
    )


def test_where_an_empty_cell_is_a_text_empty_quotes_are_one_too():
    contract = watched(landing(facts("{property: nullText, value: 'NULL'}")))
    assert comparison_options(contract)["empty in quotes"] == "the empty text"


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_json_lines_and_parquet_land_too(kind):
    assert watched(landing(kind=kind)).landing == LandingFormat(format=kind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (landing(facts("{property: delimiter, value: ;}  # here").replace("]", "\n      ]"), kind="parquet"),
         "delimiter says nothing about parquet"),
        (landing("delimiter: array  # here", kind="json"), "allowed: new_line"),
        (landing(facts("{property: trim, value: 'no'}") + "  # here"), "allowed: true, false"),
        (landing(facts("{property: groupSeparator, value: .}") + "  # here"), "write `decimalComma: true`"),
        (landing(facts("{property: groupSeparator, value: ', '}") + "  # here"), "found ', '; the one sign between"),
        (landing(facts("{property: groupSeparator, value: '0'}") + "  # here"), "found '0'; the one sign between"),
        (landing(facts("{property: groupSeparator, value: ','}, {property: decimalComma, value: true}") + "  # here"),
         "write `decimalComma: false, or leave it out`"),
        (landing(facts("{property: negative, value: red}") + "  # here"), "allowed: minus, brackets, trailing"),
        (landing(facts("{property: trueText, value: 1}") + "  # here"), "found 1; a text in quotes is needed"),
        (landing(facts("{property: trueText, value: []}") + "  # here"), "found a list; a text in quotes is needed"),
        (landing(facts("{property: trueText, value: s}, {property: falseText, value: [N, S]}") + "  # here"),
         "'s' would mean true and false"),
        (landing(facts("{property: trueText, value: S}  # here").replace("]", "\n      ]"), kind="parquet"),
         "trueText says nothing about parquet"),
        (landing(facts("{property: skippedTimes, value: back}") + "  # here"), "allowed: refuse, forward"),
        (landing(facts("{property: compression, value: rar}") + "  # here"),
         "allowed: none, gzip, zstd, bzip2, xz, zip"),
        (landing(facts("{property: timeZone, value: Sao Paulo}") + "  # here"), "time zone 'Sao Paulo' is not known"),
        (landing(facts("{property: timeZone, value: America}") + "  # here"), "time zone 'America' is not known"),
        (landing(facts("{property: timeZone, value: localtime}") + "  # here"), "time zone 'localtime' is not known"),
        (landing(facts("{property: timeZone, value: ../UTC}") + "  # here"), "time zone '../UTC' is not known"),
        (landing(facts(f"{{property: timeZone, value: {'9' * 5000}x}}") + "  # here"), "999...' is not known"),
        (landing(facts("{property: quote, value: '“'}") + "  # here"), "found '“'; a quote is a sign of ASCII"),
        (landing(facts('{property: quote, value: "\\0"}') + "  # here"), "a quote is a sign of ASCII"),
        (landing(facts("{property: ignoredColumns, value: x}") + "  # here"), "a list of the file's columns"),
        (landing(facts("{property: header, value: false}, {property: ignoredColumns, value: [x]}") + "  # here"),
         "without a header nobody knows"),
        (landing(facts("{property: quotedEmpty, value: empty}") + "  # here"), 'allowed: text, "null"'),
        (landing(facts("{property: quotedEmpty, value: null}") + "  # here"), "quotedEmpty has no value"),
        (landing(facts("{property: quotedEmpty, value: text}  # here").replace("]", "\n      ]"), kind="json"),
         "quotedEmpty says nothing about json"),
        (landing(facts("{property: quote, value: ''}, {property: quotedEmpty, value: text}") + "  # here"),
         "says nothing about a file without quotes"),
        (landing(facts("{property: nullText, value: 'NULL'}, {property: quotedEmpty, value: 'null'}") + "  # here"),
         "with nullText 'NULL' an empty cell is a text"),
        (landing(facts("{property: decimalPoint, vendor: aceite, value: x}") + "  # here"), "unknown custom property"),
    ],
)  # fmt: skip
def test_a_fact_that_cannot_be_is_refused(text, said):
    assert said in the_problem(text)


def test_files_too_big_to_fetch_are_read_by_athena_through_a_table():
    contract = watched(landing(facts(f"{BY_ATHENA.format('raw.Orders')}, {BOTH_NULL}")))
    assert (contract.engine, contract.landed_table) == ("athena", "raw.orders")
    assert comparison_options(contract)["landed files are read by"] == "Athena"


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.bz2", "csv.zst"])
def test_athena_unpacks_what_the_names_of_files_say(ending):
    assert watched(named(ending, facts(f"{BY_ATHENA.format('a.b')}, {BOTH_NULL}"))).engine == "athena"


@pytest.mark.parametrize(
    ("ending", "packed", "said"),
    [
        ("csv.xz", "xz", "compression xz is not read by Athena"),
        ("csv.zip", "zip", "compression zip is not read by Athena"),
        ("csv", "gzip", "compression gzip of a location that ends otherwise is not read by Athena"),
        ("csv.gz", "none", "compression none of a location that ends otherwise is not read by Athena"),
    ],
)
def test_what_athena_would_not_unpack_as_the_contract_says_is_refused(ending, packed, said):
    by_athena = BY_ATHENA.format("a.b").replace("value: athena", "value: athena, description: '# here'")
    assert said in the_problem(
        named(ending, facts(f"{by_athena}, {BOTH_NULL}, {{property: compression, value: {packed}}}"))
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (landing(facts("{property: engine, value: spark}") + "  # here"), "allowed: local, athena"),
        (landing(facts(f"{{property: engine, value: athena}}, {BOTH_NULL}") + "  # here"),
         "name it: landedTable: db.table"),
        (landing(facts("{property: landedTable, value: a.b}") + "  # here"), "read only with `engine: athena`"),
        (landing(facts(BY_ATHENA.format("a.b")) + "  # here"), "Athena's readers of CSV cannot tell"),
        (landing("encoding: cp1252",
                 facts(f"{BY_ATHENA.format('a.b')}, {BOTH_NULL}") + "  # here"),
         "encoding cp1252 is not read by Athena as strictly"),
        (landing(facts(f"{BY_ATHENA.format('a.b')}, {BOTH_NULL}") + "  # here")
         + "  - {property: delivery, vendor: aceite, value: {partition_holds: all deliveries of the date}}\n",
         "cannot tell the files of several deliveries apart"),
    ],
)  # fmt: skip
def test_an_engine_that_cannot_read_the_files_is_refused(text, said):
    assert said in the_problem(text)


def test_athena_reads_only_those_times_of_parquet_that_may_be_rounded():
    text = landing(facts(BY_ATHENA.format("a.b")), kind="parquet").replace("    encoding: UTF-8\n", "")
    paid = "      - name: paid_at\n        logicalType: timestamp\n"
    assert "Athena does not tell whether a time of paid_at is finer than a millisecond" in the_problem(
        text.replace(paid, paid.replace("paid_at", "paid_at  # here"))
    )
    digits = "        customProperties: [{property: digits, vendor: aceite, value: 3}]\n"
    assert watched(text.replace(paid, paid + digits)).engine == "athena"


def says(name, value):
    return f"customProperties: [{{property: {name}, vendor: aceite, value: {value}}}]"


def test_what_is_compared_of_a_column_can_be_said():
    assert not {column.name for column in watched(of_column("gift", says("compare", "false"))).compared_columns} & {
        "gift"
    }
    contract = watched(of_column("gift", says("landed", "false")))
    assert "gift" not in {column.name for column in (*contract.landed_columns, *contract.compared_columns)}
    assert "gift" in {column.name for column in contract.columns}
    at = {column.name: column for column in watched(of_column("paid_at", says("digits", "3"))).columns}["paid_at"]
    assert at.rounded
    at = {column.name: column for column in watched(of_column("paid_at", says("digits", "6"))).columns}["paid_at"]
    assert at.micros
    assert not at.rounded


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            of_column("total", says("computed", "order_id * 2") + "  # here"),
            "Write `landed: false` and `compare: false` for total, and a quality rule of `type: sql`",
        ),
        (of_column("gift", says("compare", "'no'") + "  # here"), "allowed: false"),
        (of_column("total", says("digits", "2") + "  # here"), "only of float, double and timestamp"),
        (of_column("paid_at", says("digits", "5") + "  # here"), "allowed: 3"),
        (of_column("total", says("trueText", "S") + "  # here"), "only a boolean has one; total is decimal(10,2)"),
        (of_column("gift", says("trueText", "'False'")), "'false' would mean true and false"),
        (of_column("day", says("landed", "x") + "  # here"), "its value comes from `partition` of the pipeline"),
    ],
)
def test_what_cannot_be_compared_so_is_refused(text, said):
    assert said in the_problem(text)


def test_the_evidence_prints_every_option_that_decides_what_is_the_same():
    text = landing(facts("{property: trim, value: true}, {property: decimalComma, value: true}"))
    options = comparison_options(watched(text))
    assert options == {
        "format": "csv",
        "compression": "none",
        "encoding": "UTF-8",
        "decimal sign": "comma",
        "delimiter": "','",
        "quote": "'\"'",
        "header": "yes",
        "null text": "''",
        "empty in quotes": "the empty text, null where a column holds no texts",
        "trim": "spaces and tabs around each cell",
        "empty as null": "yes",
        "times without an offset are in": "UTC",
        "partition holds": "this delivery",
        "landed files are read by": "DuckDB, independently of Athena",
        "partition columns, from the key": "day = {business_date:%Y%m%d}",
    }
    left_out = comparison_options(watched(of_column("gift", says("compare", "false"))))
    assert left_out["not compared"] == "gift"


def test_a_derived_column_is_left_out_of_the_proof_and_a_rule_says_what_it_must_hold():
    contract = watched(
        of_column(
            "total",
            "customProperties:",
            "  - {property: landed, vendor: aceite, value: false}",
            "  - {property: compare, vendor: aceite, value: false}",
            "quality: [{type: sql, mustBe: 0, query: 'SELECT count(*) FROM {object} WHERE total <> order_id * 2'}]",
        )
    )
    assert "total" not in {column.name for column in (*contract.landed_columns, *contract.compared_columns)}
    assert ["total <> order_id * 2" in (check.sql or "") for check in contract.checks].count(True) == 1


LIST = ("logicalType: boolean", "logicalType: array\n        physicalType: 'array<struct<Sku: string, n: int>>'")


def test_a_nested_column_lands_in_json_and_not_in_a_csv():
    in_json = orders(LIST, ("/{file}.csv", "/{file}.json"), ("format: csv", "format: json"))
    gift = next(column for column in watched(in_json).columns if column.name == "gift")
    assert gift.type == "array<struct<sku:string,n:int>>"
    with pytest.raises(ContractError, match="a csv file has no nested cells, and gift is array<struct"):
        watched(orders(LIST))


@pytest.mark.parametrize("said", ["primaryKey: true", "unique: true"])
def test_a_nested_column_is_compared_and_nothing_else(said):
    listed = (LIST[0], f"{LIST[1]}\n        {said}")
    with pytest.raises(ContractError, match="gift is array<struct<sku:string,n:int>>; a nested column can only be"):
        watched(orders(listed, ("/{file}.csv", "/{file}.json"), ("format: csv", "format: json")))
