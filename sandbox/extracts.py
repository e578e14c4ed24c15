"""The real extracts that ship with the sandbox, and a copy of one with faults."""

import csv
from pathlib import Path

FLIGHTS = Path(__file__).parent / "data" / "flights"
MOVIES = Path(__file__).parent / "data" / "movies"


def breaking_the_contract(flights: Path, folder: Path) -> Path:
    """Copy a flights extract to `folder` with two faults: one flight departs from Boston, and one row is repeated."""
    with flights.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    rows[10][header.index("origin")] = "BOS"
    rows.append(rows[20])
    copy = folder / flights.name
    with copy.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return copy
