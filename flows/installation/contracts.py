"""Reads the contract files of a directory, each one alone, and then finds what two of them claim both."""

import errno
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import Engine
from acceptance.errors import ContractError, Problem
from acceptance.odcs.columns.published_tables import PublishedTable, published_tables
from acceptance.odcs.document.yaml_document import MOST_BYTES, may_read, variables_in
from acceptance.odcs.reader import read_contract
from blocks.settings import Settings, dotenv

_LONGEST_KEY = 1024
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A file with its contract or problems. With neither, it is a valid ODCS document that Aceite does not watch."""

    path: Path
    contract: Contract | None
    problems: tuple[Problem, ...] = ()


def load_contracts(directory: Path, environment: Mapping[str, str]) -> tuple[Contract, ...]:
    """Return the watched contracts below a directory, in order of path.

    `environment` holds the values of `${VARIABLES}`. Raises ContractError with the problems of all files, and if there
    is nothing to watch.
    """
    files = check_contracts([directory], environment)
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise ContractError(problems)
    contracts = tuple(file.contract for file in files if file.contract is not None)
    if not contracts:
        names = ", ".join(file.path.name for file in files)
        reason = f"none of its contracts is watched ({names}): add a landing server of type s3 to one"
        raise ContractError([Problem(str(directory), 0, reason)])
    return contracts


def contract_variables(landing_bucket: str) -> Mapping[str, str]:
    """Return the variables that contracts may read: from the environment, else from the file `.env`.

    `LANDING_BUCKET` is always the setting.
    """
    known = {**dotenv(), **os.environ, "LANDING_BUCKET": landing_bucket}
    return {name: value for name, value in known.items() if may_read(name)}


def contract_environment(settings: Settings) -> Mapping[str, str]:
    """Return the variables that the contracts read, for a process that reads them elsewhere with the same settings.

    None of them is secret: evidence shows what a contract reads.
    """
    known = contract_variables(settings.landing_bucket)
    read = {name for path in _contract_paths(settings.contracts) for name in variables_in(text_of(path))}
    return {name: known[name] for name in sorted(read - {"LANDING_BUCKET"}) if name in known}


def contracts_of(settings: Settings) -> tuple[Contract, ...]:
    """Return the watched contracts of an installation. Raises ContractError as `load_contracts` does."""
    return load_contracts(settings.contracts, contract_variables(settings.landing_bucket))


def check_contracts(paths: Iterable[Path], environment: Mapping[str, str]) -> tuple[ContractFile, ...]:
    """Return all contract files at and below the paths, with their problems, in order of path.

    If two files claim the same id or keys, the later one has the problem. Raises ContractError for a path without any.
    """
    found = {given: tuple(_contract_paths(given)) for given in paths}
    absent = [Problem(str(given), 0, _why_nothing(given)) for given, below in found.items() if not below]
    if absent:
        raise ContractError(absent)
    every = sorted({path for below in found.values() for path in below})
    published = _published(every, environment)
    files = [_read(path, environment, published) for path in every]
    clashes = _clashes([file.contract for file in files if file.contract is not None])
    return tuple(replace(file, problems=file.problems + tuple(clashes[str(file.path)])) for file in files)


def _contract_paths(given: Path) -> Iterator[Path]:
    if given.is_dir():
        yield from filter(_is_contract, given.rglob("*"))
    elif given.is_file():
        yield given


def _is_contract(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def _why_nothing(given: Path) -> str:
    if given.is_dir():
        return "the directory holds no contract; put one ODCS file for each dataset there, such as movies.odcs.yaml"
    return "there is no such file or directory; name contract files, or a directory that holds them"


def _published(paths: Sequence[Path], environment: Mapping[str, str]) -> tuple[PublishedTable, ...]:
    """Return the tables that relationships may refer to: those of the files and of the contracts beside them."""
    if not any("relationships" in text_of(path) for path in paths):
        return ()
    beside = [path for folder in {each.parent for each in paths} for path in folder.iterdir() if _is_contract(path)]
    every = {path.resolve(): path for path in (*beside, *paths)}.values()
    return tuple(table for path in every for table in published_tables(text_of(path), str(path), environment))


def text_of(path: Path) -> str:
    """Return the file's text; empty if it cannot be read. Reading it as a contract reports why."""
    try:
        return _content(path).decode("utf-8")
    except (OSError, UnicodeDecodeError, ContractError):
        return ""


def _content(path: Path) -> bytes:
    """Return the file's bytes. Raises for a file that is too large, and for a link to another folder."""
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise OSError(errno.ELOOP, "it is a link to another folder; put the contract itself there")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ContractError([Problem(str(path), 0, f"the file has {size:,} bytes; at most {MOST_BYTES:,} are read")])
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _read(path: Path, environment: Mapping[str, str], published: Sequence[PublishedTable]) -> ContractFile:
    try:
        content = _content(path)
        contract = read_contract(content.decode("utf-8"), str(path), environment, published)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"the byte 0x{content[error.start]:02X} is not UTF-8; save the file as UTF-8"
        return ContractFile(path, None, (Problem(str(path), line, reason),))
    except OSError as error:
        return ContractFile(path, None, (Problem(str(path), 0, f"the file cannot be read: {error.strerror}"),))
    except ContractError as error:
        return ContractFile(path, None, error.problems)
    return ContractFile(path, contract, _too_wide(contract) if contract else ())


def _too_wide(contract: Contract) -> tuple[Problem, ...]:
    """Return the problem of a table of which no query of Athena can read what landed."""
    if contract.engine is not Engine.ATHENA:
        return ()
    from acceptance.queries.landed_query import landed_query
    from acceptance.queries.measuring_query import MOST_BYTES as MOST_BYTES_OF_A_QUERY

    size = len(landed_query(contract, [f"s3://{contract.template.bucket}/{'x' * _LONGEST_KEY}"]).encode())
    if size <= MOST_BYTES_OF_A_QUERY:
        return ()
    count = len(contract.landed_columns)
    reason = (
        f"`engine: athena` would read the {count} landed columns by a query of {size:,} bytes, and Athena takes "
        f"{MOST_BYTES_OF_A_QUERY:,} at most; use `engine: local`, or fewer or shorter columns"
    )
    return (Problem(contract.path, 0, reason),)


def _clashes(contracts: Sequence[Contract]) -> Mapping[str, list[Problem]]:
    """Return by path the claims of a contract that an earlier one makes as well."""
    found: defaultdict[str, list[Problem]] = defaultdict(list)
    for earlier, later in combinations(contracts, 2):
        if earlier.dataset.casefold() == later.dataset.casefold():
            alike = "also" if earlier.dataset == later.dataset else f"but for capitals {earlier.dataset!r},"
            reason = f"the id {later.dataset!r} is {alike} that of {earlier.path}; an id names one dataset"
            found[later.path].append(Problem(later.path, 0, reason))
        example = earlier.template.overlap(later.template)
        if example is not None:
            reason = (
                f"its landing location {later.template.pattern} overlaps that of {earlier.path}, "
                f"{earlier.template.pattern}: the key {example!r} would belong to both"
            )
            found[later.path].append(Problem(later.path, 0, reason))
        found[later.path] += _unclassified(earlier, later)
    return found


def _unclassified(earlier: Contract, later: Contract) -> Iterator[Problem]:
    """Yield the columns of one table that only one of the two contracts classifies: the other would show the cells."""
    if not earlier.table.is_that_of(later.table):
        return
    known = {column.name.lower(): column for column in earlier.columns}
    for column in later.columns:
        other = known.get(column.name.lower())
        if other is not None and other.sensitive != column.sensitive:
            here, there = ("is", "does not") if column.sensitive else ("is not", "does")
            reason = (
                f"the column {column.name} of the table {later.table.database}.{later.table.name} {here} classified, "
                f"but {earlier.path}:{other.line} {there} classify it, so its cells would be shown by one of the two; "
                "write the same classification in both"
            )
            yield Problem(later.path, column.line, reason)
