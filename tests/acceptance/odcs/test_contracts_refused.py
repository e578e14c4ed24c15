"""What a watched contract may not say. The problem is on the line that ends in `# here`."""

import pytest
from contract_texts import ORDERS, PATH, of_column, orders, problems, rules, the_problem

LANDING = "    location: s3://landing/shop/{business_date:%Y%m%d}/{region}/{file}.csv\n"
ATHENA = "- {server: sor, type: athena, schema: database_sor}"
STEP = '        - {invoke: start-task, payload: {key: "{key}"}, within: 5m}\n'


def located(location: str) -> str:
    return orders((LANDING, f"    location: {location}  # here\n"))


def landing(*lines: str) -> str:
    return orders(("    encoding: UTF-8\n", "".join(f"    {line}\n" for line in lines)))


def athena(*lines: str) -> str:
    given = ORDERS[ORDERS.index("  - server: sor\n") : ORDERS.index("schema:\n")]
    return orders((given, "".join(f"  {line}\n" for line in lines)))


def step(text: str, *before: str) -> str:
    return orders((STEP, "".join(f"        - {line}\n" for line in (*before, text + "  # here"))))


def sql(query: str) -> str:
    return rules(f'- {{type: sql, query: "{query}", mustBe: 0}}  # here')


def override(text: str) -> str:
    return orders(("      override: []\n", f"      override:\n        - {text}  # here\n"))


def partition(text: str) -> str:
    return orders(('      partition: {day: "{business_date:%Y%m%d}"}\n', f"      partition: {text}  # here\n"))


VALID_ODCS = [
    ("two operators", rules("- {metric: rowCount, mustBe: 1, mustNotBe: 2}  # here"), "found mustBe and mustNotBe"),
    ("no operator", rules("- {metric: rowCount}  # here"), "exactly one operator is needed, found none"),
    ("an unknown metric", rules("- {metric: rowcount, mustBe: 1}  # here"), "did you mean 'rowCount'"),
    ("a misspelt key", of_column("gift", "requird: true  # here"), "did you mean 'required'"),
    ("a value of another type", of_column("gift", "required: yes  # here"), "found 'yes'; allowed: true, false"),
    ("an unknown root key", ORDERS + "scheme: []  # here\n", "did you mean 'schema'"),
    ("a server type in another case", orders(("type: s3", "type: S3  # here")), "did you mean 's3'?"),
    (
        "a list of values as a mapping",
        of_column("customer", "enum: {a: b}  # here"),
        "found a mapping; a list is needed",
    ),
    (
        "a value of an enum",
        of_column("gift", "enum: [S]  # here"),
        "found 'S'; a value of an enum is a mapping, as in {value: S}",
    ),
    ("a value that needs quotes", of_column("gift", "enum: ['no: a']  # here"), 'as in {value: "no: a"}'),
    ("a value that YAML may take for true", of_column("gift", "enum: [yes]  # here"), 'as in {value: "yes"}'),
    ("a number of an enum", of_column("gift", "enum: [1]  # here"), "as in {value: 1}"),
    ("nothing in an enum", of_column("gift", "enum: [null]  # here"), "is a mapping, as in {value: paid}"),
    (
        "a decimal without quotes in braces",
        orders(
            (
                "      - name: gift\n        logicalType: boolean\n",
                "      - {name: gift, logicalType: number, physicalType: decimal(9,5)}  # here\n",
            )
        ),
        'as in "decimal(9,5)"',
    ),
    (
        "a struct without quotes in braces",
        orders(
            (
                "      - name: gift\n        logicalType: boolean\n",
                "      - {name: gift, logicalType: object, physicalType: struct<a:int,b:decimal(9,2),c:int>}  # here\n",
            )
        ),
        "the comma ends the text 'struct<a:int' within braces; quote the whole, as in "
        '"struct<a:int,b:decimal(9,2),c:int>"',
    ),
    (
        "a type of Glue as the logical type",
        orders(("logicalType: boolean", "logicalType: Varchar  # here")),
        "vector; write string, and what is in Glue as its physicalType",
    ),
    ("a missing key", orders(("id: orders\n", "")), "the key 'id' is missing"),
    ("no logical type", orders(("gift\n        logicalType: boolean", "gift")), "logicalType is missing"),
    ("an option of another type", of_column("gift", "logicalTypeOptions: {minLength: 1}  # here"), "unknown key"),
    ("an operator on a text rule", rules("- {type: text, description: x, mustBe: 1}  # here"), "mustBe: unknown key"),
    ("a library rule without metric", rules("- {rule: rowCount}  # here"), "unknown key"),
    ("a kind of document", orders(("kind: DataContract", "kind: DataProduct  # here")), "allowed: DataContract"),
    ("a server type", orders(("type: athena", "type: athina  # here")), "did you mean 'athena'"),
    ("another format version", orders(("v3.2.0", "v9  # here")), "found 'v9'"),
]

SERVERS = [
    ("no landing server", orders(("server: landing", "server: elsewhere")), "no landing server"),
    ("a landing server elsewhere", orders(("    type: s3\n", "    type: local  # here\n"), (LANDING, "    path: x\n")),
     "the landing server is of type 'local'; allowed: s3"),
    ("two landing servers",
     athena(ATHENA, "- {server: landing, type: s3, location: s3://b/x}  # here"), "stands twice"),
    ("a landing server of nearly this name", orders(("server: landing", "server: Landing")),
     "with `server: landing`; did you mean it by 'Landing'?"),
    ("a time zone that is nearly right", landing("customProperties: [{property: timeZone, value: America/SaoPaulo}]"
     "  # here"), "is not known; did you mean America/Sao_Paulo? such as"),
    ("no athena server", athena("- {server: sor, type: glue, account: a, database: b}"), "found 0 servers of type"),
    ("two athena servers", athena(ATHENA, ATHENA + "  # here"), "found 2 servers of type athena"),
    ("query results elsewhere", athena("- {server: sor, type: athena, schema: x, stagingDir: /tmp/x}  # here"),
     "s3://bucket/prefix/"),
    *((f"{what} of any name", athena(f"- {{server: sor, type: athena, schema: x, {what}: {name}}}  # here"), said)
      for what, name, said in (
          ("catalog", "'*'", "found '*', which cannot be a data catalog; allowed: 256 letters"),
          ("workgroup", "'team-?'", "found 'team-?', which cannot be a workgroup"),
          ("regionName", "sa-eest-1", "found 'sa-eest-1', which cannot be a region; did you mean sa-east-1?; allowed"),
          ("regionName", "x.example.com/", "cannot be a region; allowed: the code of a region"),
          ("stagingDir", "'s3://*/results/'", "cannot be a location of query results; allowed: s3://bucket/prefix/"),
          ("stagingDir", "'s3://results/{file}/'", "cannot be a location of query results"),
          ("stagingDir", "s3://results/../landing/", "cannot be a location of query results"),
      )),
    ("a database of any name", athena("- {server: sor, type: athena, schema: '*'}  # here"), "cannot be a database"),
    ("a table of any name", orders(("  - name: orders_table\n", "  - name: 'order?'  # here\n")), "cannot be a table"),
    ("xml", orders(("format: csv", "format: xml  # here")), "found 'xml'; allowed: csv, json, parquet"),
    ("no format", orders(("    format: csv\n", "")), "found nothing; allowed: csv, json, parquet"),
    ("an unknown encoding", landing("encoding: UTF-88  # here"), "the encoding 'UTF-88' is not known"),
    ("an encoding that is nearly right", landing("encoding: UTF_88  # here"), "known; did you mean UTF-8?; such"),
    *((f"the encoding {name}", landing(f"encoding: {name}  # here"), "is no set of characters")
      for name in ("unicode_escape", "idna", "UTF-7", "punycode")),
    ("results where files land",
     athena("- {server: sor, type: athena, schema: x, stagingDir: s3://landing/shop/r/}  # here"),
     "cannot go where files land"),
    ("an encoding of bytes", landing("encoding: base64  # here"), "the encoding 'base64' is not known"),
    ("the delimiter of JSON", landing("delimiter: ;  # here"),
     "for JSON; for CSV write it in the server's customProperties: {property: delimiter, value: ';'}"),
    ("a wide delimiter", landing('customProperties: [{property: delimiter, value: "|||||||||||"}]  # here'),
     "one character"),
    ("a delimiter that is a number", landing("customProperties: [{property: delimiter, value: 9}]  # here"),
     "character"),
    ("delimiter as quote", landing("customProperties: [{property: quote, value: ','}]  # here"), "are both ','"),
    ("header as text", landing("customProperties: [{property: header, value: 'no'}]  # here"), "allowed: true, false"),
    ("null as null", landing("customProperties: [{property: nullText, value: null}]  # here"),
     "nullText has no value; write one, a text in quotes"),
    ("a number as null", landing("customProperties: [{property: nullText, value: 0}]  # here"),
     "the text that means null"),
    *((f"no {name}", landing(f"customProperties: [{{property: {name}, value: }}]  # here"), f"{name} has no value")
      for name in ("delimiter", "quote", "header", "compression", "trim", "timeZone", "ignoredColumns", "engine")),
    ("a misspelt fact", landing("customProperties: [{property: delimeter, value: ;}]  # here"),
     "did you mean 'delimiter'"),
    ("a fact twice", landing("customProperties:", "  - {property: quote, value: '^'}",
     "  - {property: quote, value: '|'}  # here"), "quote stands twice, first on line 12"),
]  # fmt: skip

LOCATIONS = [
    ("another scheme", located("file:///tmp/{business_date:%Y%m%d}.csv"), "a landing location is s3://bucket/key"),
    ("no key", located("s3://landing"), "a landing location is s3://bucket/key"),
    ("an impossible bucket", located("s3://Landing_Zone/{business_date:%Y%m%d}.csv"), "cannot be a bucket"),
    ("a folder", located("s3://landing/{business_date:%Y%m%d}/"), "ends in '/'"),
    ("no date", located("s3://landing/{region}/{file}.csv"), "lacks %Y %m %d of the business date"),
    ("half a date", located("s3://landing/{business_date:%Y-%m}/{region}/{file}.csv"), "lacks %d"),
    ("an hour", located("s3://landing/{business_date:%Y%m%d%H}/{region}/{file}.csv"), "'%H' in a format"),
    ("a format of Java", located("s3://landing/{business_date:yyyyMMdd}/{region}/{file}.csv"), "is not a format"),
    ("fields side by side", located("s3://landing/{business_date:%Y%m%d}/{region}{file}.csv"), "side by side"),
    ("a general placeholder", located("s3://landing/{business_date:%Y%m%d}/{region}/{key}.csv"), "every delivery has"),
    ("an open brace", located("s3://landing/{business_date:%Y%m%d}/{region}/{file.csv"), "'{' stands alone"),
    (
        "a star",
        located("s3://landing/{business_date:%Y%m%d}/{region}/*.csv"),
        "'*' would be a letter of the key; write {file}, or another name in braces, for what differs",
    ),
    ("stars", located("s3://landing/**/{business_date:%Y%m%d}/{file}.csv"), "'*' would be a letter"),
    ("a format of a field", located("s3://landing/{business_date:%Y%m%d}/{region:>3}/{file}.csv"), "not a placeholder"),
]

COLUMNS = [
    ("an object without its fields", orders(("logicalType: boolean", "logicalType: object  # here")),
     "write the types within it as physicalType, such as struct<id:int,name:string>"),
    ("a list of what nobody compares", orders(("logicalType: boolean",
     "logicalType: array\n        physicalType: array<binary>  # here")), "cells of type binary cannot be compared"),
    ("a vector", orders(("logicalType: boolean", "logicalType: vector  # here")), "cannot be of type 'vector'"),
    ("a time in a number", orders(("logicalType: integer\n        physicalType: int",
     "logicalType: time\n        physicalType: int  # here")), "allowed: string, varchar, char"),
    ("a time that orders otherwise", orders(("logicalType: boolean",
     "logicalType: time\n        logicalTypeOptions: {format: mm:HH}  # here")), "in this order, such as HH:mm:ss"),
    ("a limit that is no time", orders(("logicalType: boolean",
     "logicalType: time\n        logicalTypeOptions: {minimum: 8:00}  # here")), "in the column's own format"),
    ("a type that does not hold it", of_column("gift", "physicalType: int  # here"), "for the logical type boolean"),
    ("an unknown type", orders(("varchar(40)", "text  # here")), "found 'text'"),
    ("a misspelt type", orders(("decimal(10, 2)", "decimla(10,2)  # here")), "decimal; did you mean 'decimal'?"),
    ("a format of Python", orders(("logicalType: date\n",
     "logicalType: date\n        logicalTypeOptions: {format: '%d/%m/%Y'}  # here\n")), "did you mean 'dd/MM/yyyy'?"),
    ("a format of Oracle", orders(("logicalType: timestamp\n",
     "logicalType: timestamp\n        logicalTypeOptions: {format: 'YYYY-MM-DD HH24:MI:SS'}  # here\n")),
     "did you mean 'yyyy-MM-dd HH:mm:ss'?"),
    ("a decimal without precision", orders(("decimal(10, 2)", "decimal  # here")), "decimal(precision,scale)"),
    ("a decimal too wide", orders(("decimal(10, 2)", "decimal(39,2)  # here")), "from 1 to 38"),
    ("a scale beyond precision", orders(("decimal(10, 2)", "decimal(2,3)  # here")), "scale up to it"),
    ("a varchar without length", orders(("varchar(40)", "varchar  # here")), "varchar(length)"),
    ("an int with length", orders(("physicalType: int\n", "physicalType: int(4)  # here\n")), "no parameters"),
    ("an integer with decimals", of_column("order_id", "physicalType: decimal(9,2)  # here"), "scale of 0"),
    ("a column twice", orders(("- name: gift", "- name: Customer  # here")), "customer stands twice, first on line 22"),
    ("a landed column twice", of_column("gift", "customProperties: [{property: landed, value: TOTAL}]"),
     "'TOTAL' stands"),
    ("a landed name without a value", of_column("gift", "customProperties: [{property: landed, value: }]  # here"),
     "landed has no value"),
    ("a landed partition", of_column("day", "customProperties: [{property: landed, value: x}]  # here"), "not in the"),
    ("a misspelt property", of_column("gift", "customProperties: [{property: landd, value: x}]  # here"), "'landed'"),
    ("a measure", of_column("gift", "semanticType: measure  # here"), "only columns can be checked"),
    ("a zone", of_column("paid_at", "logicalTypeOptions: {timezone: true}  # here"), "timestamps have no zone"),
    ("another default zone", of_column("paid_at", "logicalTypeOptions: {defaultTimezone: America/Sao_Paulo}  # here"),
     "defaultTimezone: found 'America/Sao_Paulo', but"),
    ("a letter of a format", of_column("ordered_on", "logicalTypeOptions: {format: dd-MMM-yyyy}  # here"), "'MMM' in"),
    ("an unquoted T", of_column("paid_at", "logicalTypeOptions: {format: yyyy-MM-ddTHH:mm}  # here"),
     "'T' in the format"),
    *(
        (f"an offset or a zone in a format: {letters}",
         of_column("paid_at", f"logicalTypeOptions: {{format: yyyy-MM-dd HH:mm{letters}}}  # here"),
         f"{letters!r} in the format 'yyyy-MM-dd HH:mm{letters}'; allowed: yyyy, uuuu, MM, dd, HH, mm, ss, S")
        for letters in ("XXX", "X", "xxx", "Z", "VV", "OOOO", "z")
    ),
    ("half a date", of_column("ordered_on", "logicalTypeOptions: {format: yyyy-MM}  # here"), "each of its parts once"),
    ("a date with an hour", of_column("ordered_on", "logicalTypeOptions: {format: yyyyMMddHH}  # here"), "parts once"),
    ("a partition of doubles", orders(("physicalType: int\n", "physicalType: decimal(8,0)\n")),
     "partition column cannot"),
    ("no properties", orders((ORDERS[ORDERS.index("    properties:") : ORDERS.index("    quality")], ""),
     ('{day: "{business_date:%Y%m%d}"}', "{}")), "the table has no properties"),
]  # fmt: skip

VALUES = [
    ("an unknown format", of_column("customer", "logicalTypeOptions: {format: password}  # here"),
     "'password' is not checked"),
    ("an unknown format of numbers", of_column("order_id", "logicalTypeOptions: {format: i63}  # here"),
     "did you mean 'i64'"),
    ("a narrow format of wide numbers", orders(("decimal(10, 2)\n",
     "double\n        logicalTypeOptions: {format: f32}  # here\n")), "found 'f32' for a column of type double"),
    ("multiples that are too fine", orders(("decimal(10, 2)\n",
     "double\n        logicalTypeOptions: {multipleOf: 0.0000000001}  # here\n")), "at most 9 digits"),
    *((f"the pattern {pattern}", of_column("customer", f"logicalTypeOptions: {{pattern: '{pattern}'}}  # here"), said)
      for pattern, said in (("(?P<a>x)(?P=a)", "Python's, not Java's"), ("[a[b]", "unterminated"), ("(?a)x", "flags"),
                            (r"\N{DIGIT ONE}", "Python's"), (r"\pL", "bad escape"), ("(a)(?(1)b)", "Python's"))),
    ("a broken pattern", of_column("customer", "logicalTypeOptions: {pattern: '['}  # here"),
     "not a regular expression"),
    ("lengths that exclude all", of_column("customer", "logicalTypeOptions: {minLength: 3, maxLength: 2}  # here"),
     "no text"),
    ("limits that exclude all", of_column("total", "logicalTypeOptions: {minimum: 3, maximum: 2}  # here"),
     "no value is"),
    ("a limit that excludes itself", of_column("total",
     "logicalTypeOptions: {minimum: 2, exclusiveMaximum: 2}  # here"),
     "no value is >= 2 and < 2"),
    ("a limit that is no date", of_column("ordered_on", "logicalTypeOptions: {minimum: soon}  # here"), "not a value"),
    ("a date's limit with a time", of_column("ordered_on",
     "logicalTypeOptions: {minimum: '2025-01-01T00:00:00Z'}  # here"),
     "not a value of the column ordered_on, which is date; write it like 2025-01-31"),
    ("a limit that is no time", of_column("paid_at", "logicalTypeOptions: {minimum: noon}  # here"),
     "which is timestamp; write it like 2025-01-31T23:59:59"),
    ("a type that a comma cuts in two", orders((
        "      - name: total\n        logicalType: number\n        physicalType: decimal(10, 2)\n",
        "      - {name: total, logicalType: number, physicalType: decimal(10, 2)}  # here\n")),
     "the comma ends the text 'decimal(10' within braces; quote the whole, as in \"decimal(10,2)\""),
    ("two first columns of the key", orders(
        ("        primaryKey: true\n", "        primaryKey: true\n        primaryKeyPosition: 1\n"),
        ("      - name: customer\n",
         "      - name: customer\n        primaryKey: true\n        primaryKeyPosition: 1  # here\n")),
     "1 is the position of 'order_id' too"),
    ("an enum of plain values", of_column("customer", "enum: [S]  # here"),
     "found 'S'; a value of an enum is a mapping, as in {value: S}"),
    ("a number among texts", of_column("customer", "enum: [{value: 7}]  # here"), "quote it to make it a text"),
    ("a text among numbers", of_column("total", "enum: [{value: seven}]  # here"), "which is decimal(10,2)"),
    ("a fraction among integers", of_column("order_id", "enum: [{value: 1.5}]  # here"), "not a value of the column"),
    ("a text as boolean", of_column("gift", "enum: [{value: 'true'}]  # here"), "not a value of the column gift"),
]  # fmt: skip

RULES = [
    ("a metric of a column at the table", rules("- {metric: nullValues, mustBe: 0}  # here"),
     "move it to the quality of"),
    ("missing values of a table", rules("- {metric: missingValues, mustBe: 0}  # here"), "move it to the quality of"),
    ("a row count of a column", of_column("gift", "quality: [{metric: rowCount, mustBe: 1}]  # here"),
     "of the whole table"),
    ("duplicates of nothing", rules("- {metric: duplicateValues, mustBe: 0}  # here"), "needs `arguments: {properties"),
    ("duplicates of a stranger", rules("- metric: duplicateValues", "  mustBe: 0",
     "  arguments: {properties: [customers]}  # here"), "did you mean 'customer'"),
    ("properties at a property", of_column("gift",
     "quality: [{metric: duplicateValues, mustBe: 0, arguments: {properties: [gift]}}]  # here"),
     "move it to the table"),
    ("an unknown argument", rules("- {metric: rowCount, mustBe: 1, arguments: {where: x}}  # here"), "unknown key"),
    ("no missing values", of_column("gift", "quality: [{metric: missingValues, mustBe: 0}]  # here"), "needs the list"),
    *((f"{value} as missing {column}", of_column(column,
       f"quality: [{{metric: missingValues, mustBe: 0, arguments: {{missingValues: [{value}]}}}}]  # here"),
       f"not a value of the column {column}")
      for column, value in (("total", "N/A"), ("order_id", "0.5"), ("order_id", "'0.5'"), ("ordered_on", "''"),
                            ("gift", "1"), ("paid_at", "never"))),
    ("a list as missing value", of_column("customer",
     "quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: [[]]}}]  # here"), "in quotes"),
    ("nothing that is valid", of_column("gift", "quality: [{metric: invalidValues, mustBe: 0}]  # here"),
     "needs `validV"),
    *((f"{item} as a rule", of_column("customer", f"quality: [{item}]  # here"), "a mapping is needed")
      for item in ("null", "7", "true", "not null", "[]", "mustBe")),
    ("no value that is valid", of_column("gift",
     "quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: []}}]  # here"), "no value would be valid"),
    ("a pattern of numbers", of_column("total",
     "quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: x}}]  # here"), "a pattern is for texts"),
    ("a percentage of a count", rules("- {metric: rowCount, mustBe: 1, unit: percent}  # here"), "no percentage"),
    ("more than all", of_column("gift", "quality: [{metric: nullValues, mustBe: 101, unit: percent}]  # here"),
     "0 and 100"),
    ("an unknown unit", rules("- {metric: rowCount, mustBe: 1, unit: row}  # here"), "did you mean 'rows'"),
    ("an unknown severity", rules("- {metric: rowCount, mustBe: 1, severity: warn}  # here"), "did you mean 'warning'"),
    ("a bound that is a text", rules("- {metric: rowCount, mustBe: '1'}  # here"), "a number is needed"),
    ("a bound that is a boolean", rules("- {metric: rowCount, mustBe: true}  # here"), "a number is needed"),
    ("bounds the wrong way round", rules("- {metric: rowCount, mustBeBetween: [9, 1]}  # here"),
     "the smaller number comes first"),
    ("neither metric nor type", rules("- {description: all is well}  # here"), "a rule needs a metric"),
    ("a deprecated contradiction", rules("- {metric: rowCount, rule: nullValues, mustBe: 1}  # here"), "deprecated"),
    ("an id twice", rules("- {id: a, metric: rowCount, mustBe: 1}", "- {id: a, metric: rowCount, mustBe: 1}  # here"),
     "the rule 'a' stands twice, first on line 39"),
    ("an engine that we are not", rules("- {type: custom, engine: soda, implementation: {}}  # here"), "'soda'"),
    ("a method that we have not", rules("- {type: custom, engine: aceite, method: guess, implementation: {}}  # here"),
     "allowed: engine aceite, method reconciliation"),
    ("reconciliation of a column", of_column("gift",
     "quality: [{type: custom, engine: aceite, method: reconciliation, implementation: {}}]  # here"),
     "of the whole table"),
    ("a misspelt reconciliation", rules("- type: custom", "  engine: aceite", "  method: reconciliation",
     "  implementation: {reconcile: {colums: count}}  # here"), "did you mean 'columns'"),
    ("a reconciliation that we have not", rules("- type: custom", "  engine: aceite", "  method: reconciliation",
     "  implementation: {reconcile: {columns: checksum}}  # here"), "allowed: fingerprint, count"),
    ("a reconciliation in words", rules("- type: custom", "  engine: aceite", "  method: reconciliation",
     "  implementation: all  # here"), "a mapping is needed"),
]  # fmt: skip

QUERIES = [
    ("no SQL", "SELECT count( FROM {object}", "not SQL as Athena reads it"),
    ("an open quote", "SELECT count(*) FROM {object} WHERE gift = 'x", "not SQL as Athena reads it"),
    ("another table", "SELECT count(*) FROM orders", "does not mention {object}"),
    ("the object only in a text", "SELECT '{object}'", "does not read FROM {object}"),
    ("a decimal of a word", "SELECT count_if(total < DECIMAL 'half') FROM {object}", "DECIMAL 'half' is no number"),
    (
        "a decimal of 39 digits",
        f"SELECT count_if(total < DECIMAL '{'9' * 39}') FROM {{object}}",
        "of at most 38 digits",
    ),
    ("an unknown placeholder", "SELECT count(*) FROM {tabel}", "{tabel} is not known in a query"),
    ("a property of a table", "SELECT count({property}) FROM {object}", "allowed: {object}"),
    ("a deletion", "DELETE FROM {object}", "holds DELETE; only SELECT"),
    ("a table made", "CREATE TABLE x AS SELECT * FROM {object}", "holds CREATE; only SELECT"),
    ("a command", "VACUUM {object}", "only SELECT is allowed"),
    ("two statements", "SELECT 1 FROM {object}; DROP TABLE x", "holds 2 statements"),
    ("two numbers", "SELECT count(*), 2 FROM {object}", "selects 2; select exactly one number"),
    ("all columns", "SELECT * FROM {object}", "selects *"),
]

PIPELINES = [
    ("an unknown section", orders(("      override: []\n", "      overide: []  # here\n")), "did you mean 'override'"),
    ("no vendor", orders(("  - property: pipeline\n    vendor: aceite\n", "  - property: pipeline  # here\n")),
     "vendor: ac"),
    ("a misspelt pipeline", orders(("property: pipeline\n", "property: pipelin  # here\n"),
     ("        partitioned: true\n", "")), "did you mean 'pipeline'"),
    ("an unknown step", step("{invok: f}"), "found invok; allowed: invoke, await_object"),
    ("two actions", step("{invoke: f, await_object: 's3://a/b'}"), "found invoke and await_object"),
    ("a step that is a text", step("invoke"), "a step is a mapping with one of invoke"),
    ("a key of another step", step("{await_object: 's3://a/b', payload: {}}"), "unknown key"),
    ("a misspelt key of a step", step("{invoke: f, asynchronus: true}"), "did you mean 'asynchronous'"),
    ("a step whose name is a number", step("{invoke: 7}"), "found 7, a text is needed"),
    ("a placeholder in a name", step("{invoke: '{file}'}"), "a name cannot hold placeholders"),
    ("an unknown placeholder", step("{invoke: f, payload: {list: ['{fil}']}}"), "did you mean 'file'"),
    ("an open brace", step("{invoke: f, payload: {text: '{'}}"), "write '{{' for a brace"),
    ("a field in JSON without quotes", step("{invoke: f, payload: {body: '{{\"n\": {file}}}'}}"), "without quotes"),
    ("asynchronous in words", step("{invoke: f, asynchronous: often}"), "allowed: true, false"),
    ("a duration without a unit", step("{invoke: f, within: 300}"), "a duration is such as 30s"),
    ("a duration of nothing", step("{invoke: f, within: 0s}"), "a duration is such as 30s"),
    ("a duration of days", step("{invoke: f, within: 49h}"), "at most 48h"),
    ("an object that is no URI", step("{await_object: 'stage/{key}'}"), "an object is s3://bucket/key"),
    ("an object in the file's bucket", step("{await_object: 's3://{file}/done/'}"), "write its name, or a $"),
    ("an object in the bucket of the file", step("{await_object: 's3://{bucket}/done/'}"), "cannot hold placeholders"),
    ("an object in any bucket", step("{await_object: 's3://*/done/'}"), "'*' cannot be a bucket"),
    *((f"the function {name}", step(f"{{invoke: '{name}'}}"), "which cannot be a Lambda function; allowed: 64 letters")
      for name in ("*", "start?", "start:*", "arn:aws:lambda:*:*:function:*", "a/../b", "a b")),
    *((f"the Glue job {name}", step(f"{{run_glue_job: '{name}'}}"), "which cannot be a Glue job; allowed: 255 letters")
      for name in ("*", "load-?", "$job", " load", "load\\t1")),
    ("a job that nobody started", step("{run_glue_job: i}\n        - {await_glue_job: j}"), "no `invoke` before it"),
    ("an execution that nobody started", step("{start_execution: a}\n        - {await_execution: b}"),
     "no `start_execution: b` before it"),
    *((f"the state machine {name}", step(f"{{start_execution: '{name}'}}"), "which cannot be a state machine; allowed")
      for name in ("*", "a b", "arn:aws:states:*:123456789012:stateMachine:a", "a/../b")),
    *((f"the event {said}", step(f"{{put_event: {said}}}"), told) for said, told in [
        ("default, detail_type: x", "put_event needs a source: rules of the bus choose events by it"),
        ("default, source: orders", "put_event needs a detail_type: rules of the bus choose events by it"),
        ("default, source: aws.s3, detail_type: x", "which cannot be the source of an event; allowed: 256 signs"),
        ("default, source: orders, detail_type: '{key}'", "which cannot be a detail-type; allowed: 128 signs"),
        ("'*', source: orders, detail_type: x", "which cannot be an event bus; allowed: 256 letters"),
        ("default, source: orders, detail_type: x, detail: '{key}'", "found '{key}'"),
        ("default, source: orders, detail_type: x, detail: {key: '{kee}'}", "did you mean 'key'"),
    ]),
    ("a workflow of any name", step("{run_workflow: '*'}"), "which cannot be a Glue workflow; allowed: 255 letters"),
    ("a property that is a number", step("{run_workflow: w, properties: {n: 1}}"), "quote it"),
    ("a property of our own", step("{run_workflow: w, properties: {aceite_run: x}}"), "name another"),
    ("a table in an unknown state", step("{await_table: wrote}"), "did you mean 'written'"),
    ("a table in no state", step("{await_table: }"), "needs the table's state; allowed: written, agrees"),
    ("a step after the table", step("{await_table: agrees}\n        - {invoke: f}"), "the last step of a pipeline"),
    ("a table awaited for its name", step("{await_table: agrees, name: t}"), "unknown key; allowed: await_table, wi"),
    ("a Glue argument of our own", step("{run_glue_job: j, arguments: {key: x}}"), "write '--key'"),
    ("a Glue argument that is a number", step("{run_glue_job: j, arguments: {--n: 1}}"), "quote it"),
    ("an unknown key of an override", override("{parameter: /a, copyof: /b, set: {x: y}}"), "did you mean 'copy_of'"),
    ("an override without a parameter", override("{copy_of: /b, set: {x: y}}"), "needs the name of its parameter"),
    ("an override of itself", override("{parameter: /a, copy_of: /a, set: {x: y}}"), "copy of itself"),
    ("an override without values", override("{parameter: /a, copy_of: /b}"), "needs `set`"),
    ("an impossible parameter", override("{parameter: '/a/{file}', set: {x: y}}"), "cannot be an SSM parameter"),
    ("an unknown placeholder in set", override("{parameter: /a, set: {x: '{regio}'}}"), "did you mean 'region'"),
    ("an override twice", override("{parameter: /a, set: {x: y}}\n        - {parameter: /a, set: {x: y}}"), "twice"),
    ("a partition that is no column", partition("{day: '{business_date:%Y%m%d}', dia: x}"), "did you mean 'day'"),
    ("a partition that is not partitioned", partition("{day: '{business_date:%Y%m%d}', gift: x}"),
     "gift is not a column"),
    ("a partition without a text", partition("{day: 20250101}"), "a text is needed"),
    ("a partition with an unknown placeholder", partition("{day: '{dia}'}"), "unknown placeholder {dia}"),
    ("a partition of another type", partition("{day: '{business_date:%Y-%m-%d}'}"), "is no whole number"),
    ("a step in another style", step("{runGlueJob: load}"), "put_event; did you mean 'run_glue_job'?"),
    ("a step without an underscore", step("{run_gluejob: load, within: 5m}"), "did you mean 'run_glue_job'?"),
    ("a vendor in another case", orders(("    vendor: aceite\n", "    vendor: Aceite  # here\n")),
     "found 'Aceite'; allowed: aceite"),
    ("no pipeline", orders((ORDERS[ORDERS.index("customProperties:") :], ""), ("- name: day", "- name: day  # here")),
     'lacks: {property: pipeline, vendor: aceite, value: {steps: [...], partition: {day: "{business_date:%Y%m%d}"}}}'),
    ("a partition column without a value", orders(('{day: "{business_date:%Y%m%d}"}', "{}"), ("- name: day",
     "- name: day  # here")), "the partition column day has no value"),
    ("a date partition of another format", orders(("        physicalType: int\n", ""),
     ("day\n        logicalType: integer", "day\n        logicalType: date"),
     ('{day: "{business_date:%Y%m%d}"}', '{day: "{business_date:%Y%m%d}"}  # here')),
     "is no date like"),
    ("a date partition that its column does not hold", orders(
        ("        physicalType: int\n", "        physicalType: smallint\n"),
        ('{day: "{business_date:%Y%m%d}"}', '{day: "{business_date:%Y%m%d}"}  # here')),
     "makes 20010203 of 2001-02-03, but day is smallint, which holds -32768 to 32767"),
    ("a date partition that its column holds on some days", orders(
        ("        physicalType: int\n", "        physicalType: tinyint\n"),
        ('{day: "{business_date:%Y%m%d}"}', '{day: "1{business_date:%d}"}  # here')),
     "makes 131 of 2099-12-31, but day is tinyint"),
    ("a partition's number that its column does not hold", orders(
        ("        physicalType: int\n", "        physicalType: tinyint\n"),
        ('{day: "{business_date:%Y%m%d}"}', '{day: "-129"}  # here')),
     "'-129' makes -129 of 2001-02-03, but day is tinyint, which holds -128 to 127"),
    ("a partition's text that is longer than its column", orders(
        ("day\n        logicalType: integer\n        physicalType: int\n",
         "day\n        logicalType: string\n        physicalType: varchar(6)\n"),
        ('{day: "{business_date:%Y%m%d}"}', '{day: "{business_date:%Y%m%d}"}  # here')),
     "makes 20010203 of 2001-02-03, but day is varchar(6), which holds 6 characters; make it varchar(8) or a string"),
]  # fmt: skip

DOCUMENT = [
    ("an id that cannot be part of a key", orders(("id: orders", "id: orders/brazil  # here")), "part of S3 keys"),
    ("two tables", orders(("customProperties:\n", "  - {name: other, properties: []}  # here\ncustomProperties:\n")),
     "found 2 schema objects"),
    ("no table", orders((ORDERS[ORDERS.index("schema:\n  -") : ORDERS.index("customProp")], "")),
     "found 0 schema objects"),
    ("a misspelt variable", orders(("s3://landing", "s3://${LANDING_BUCKT}")), "did you mean LANDING_BUCKET? allowed"),
    ("an unset variable", orders(("s3://landing", "s3://${CONTRACT_B}")), "the variable CONTRACT_B is not set"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(text, message, id=name)
        for name, text, message in (
            *VALID_ODCS, *SERVERS, *LOCATIONS, *COLUMNS, *VALUES, *RULES, *PIPELINES, *DOCUMENT,
            *((name, sql(query), part) for name, query, part in QUERIES),
        )
    ],
)  # fmt: skip
def test_a_contract_cannot_hold(text: str, message: str) -> None:
    assert message in the_problem(text)


def test_the_contract_that_the_others_are_made_of_is_fine() -> None:
    assert problems(ORDERS) == ()


def test_all_problems_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = orders(
        ("format: csv", "format: xml"),
        ("varchar(40)", "blob"),
        ("within: 5m", "within: soon"),
        ("s3://landing", "s3://${CONTRACT_BUCKET}"),
    )
    found = problems(text)
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert [part for part in ("BUCKET", "xml", "blob", "soon") if any(part in each.message for each in found)] == [
        "BUCKET",
        "xml",
        "blob",
        "soon",
    ]
    assert all(problem.path == PATH for problem in found)
