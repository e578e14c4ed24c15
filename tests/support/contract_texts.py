"""A contract to change in tests, and what reading it says."""

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError, Problem
from acceptance.odcs.reader import read_contract

PATH = "contracts/orders.odcs.yaml"

ORDERS = """\
apiVersion: v3.2.0
kind: DataContract
id: orders
name: Orders
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://landing/shop/{business_date:%Y%m%d}/{region}/{file}.csv
    format: csv
    encoding: UTF-8
  - server: sor
    type: athena
    schema: database_sor
schema:
  - name: orders_table
    properties:
      - name: order_id
        logicalType: integer
        required: true
        primaryKey: true
      - name: customer
        logicalType: string
        physicalType: varchar(40)
      - name: total
        logicalType: number
        physicalType: decimal(10, 2)
      - name: ordered_on
        logicalType: date
      - name: paid_at
        logicalType: timestamp
      - name: gift
        logicalType: boolean
      - name: day
        logicalType: integer
        physicalType: int
        partitioned: true
    quality: []
customProperties:
  - property: pipeline
    vendor: aceite
    value:
      override: []
      steps:
        - {invoke: start-task, payload: {key: "{key}"}, within: 5m}
      partition: {day: "{business_date:%Y%m%d}"}
"""


def orders(*changes: tuple[str, str]) -> str:
    """The contract with texts replaced; each of them must stand in it exactly once."""
    text = ORDERS
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


def rules(*lines: str) -> str:
    """The contract with these lines as the table's quality rules."""
    return orders(("    quality: []\n", "    quality:\n" + "".join(f"      {line}\n" for line in lines)))


def of_column(column: str, *lines: str) -> str:
    """The contract with these lines added to a column."""
    start = f"      - name: {column}\n"
    return orders((start, start + "".join(f"        {line}\n" for line in lines)))


def watched(text: str, **environment: str) -> Contract:
    contract = read_contract(text, PATH, environment)
    assert contract is not None
    return contract


def problems(text: str, **environment: str) -> tuple[Problem, ...]:
    """What is refused; nothing if the contract can be read."""
    try:
        read_contract(text, PATH, environment)
    except ContractError as error:
        return error.problems
    return ()


def the_problem(text: str, **environment: str) -> str:
    """The message of the one problem. It must be on the line that says `# here`, if there is one."""
    found = problems(text, **environment)
    assert len(found) == 1, "\n".join(map(str, found)) or "nothing was refused"
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "# here" in line]
    assert [found[0].line] == (marked or [found[0].line]), f"{found[0]}, expected on line {marked}"
    return found[0].message


def delivering(value: str, pattern: str = "shop/{business_date:%Y%m%d}/{region}/{file}.csv") -> str:
    """The contract with this value of the custom property `delivery`, and this key template."""
    location = "location: s3://landing/shop/{business_date:%Y%m%d}/{region}/{file}.csv"
    text = orders((location, f'location: "s3://landing/{pattern}"'))
    return f"{text}  - property: delivery\n    vendor: aceite\n    value: {value}\n"
