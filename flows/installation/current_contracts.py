"""The contracts as their files say them now: those that can be used, and why the others cannot.

A contract file that is broken keeps its own dataset back and no other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError, Problem
from blocks.settings import Settings
from flows.installation.contracts import ContractFile, check_contracts, contract_variables, text_of

_ID = re.compile(r"""^id:[ \t]+(["']?)([^"'#\r\n]+?)\1[ \t]*(?:#.*)?$""", re.MULTILINE)

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class BrokenContract:
    """A contract file that cannot be used. `dataset` is the id that stands in it, empty if none can be read."""

    path: Path
    dataset: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{self.problems[0]}{more}"


@dataclass(frozen=True, slots=True)
class CurrentContracts:
    """The watched contracts that can be used, in order of path, and the files that cannot be."""

    usable: tuple[Contract, ...]
    broken: tuple[BrokenContract, ...] = ()

    @property
    def why_broken(self) -> Mapping[str, str]:
        """The first problem of each dataset whose contract cannot be used."""
        usable = {contract.dataset for contract in self.usable}
        return {each.dataset: str(each) for each in reversed(self.broken) if each.dataset not in usable}

    @property
    def datasets(self) -> frozenset[str] | None:
        """The ids of all files; None if that of a broken one cannot be read: then no dataset is known to be removed."""
        if not all(each.dataset for each in self.broken):
            return None
        return frozenset(contract.dataset for contract in self.usable) | {each.dataset for each in self.broken}

    def why_held_back(self, dataset: str) -> str:
        """Return why nothing of a dataset without a usable contract is judged, and what to do."""
        if dataset in self.why_broken:
            return f"its contract cannot be used, correct it: {self.why_broken[dataset]}"
        if self.datasets is None:
            unnamed = next(each for each in self.broken if not each.dataset)
            return f"no contract that can be used has its id; one that cannot be read is to be corrected: {unnamed}"
        return "no contract for this dataset any more: put it back, or what waits gets no verdict"

    def changes(self, before: "CurrentContracts") -> Iterator[str]:
        """Yield a sentence for each contract that came, changed or went, and for each that broke."""
        old, new = ({each.dataset: each for each in found.usable} for found in (before, self))
        for dataset in sorted({*old, *new}):
            if dataset not in old:
                yield f"the contract of {dataset} is taken up, from {new[dataset].path}"
            elif dataset not in new:
                yield f"{dataset} is not watched any more: {self.why_held_back(dataset)}"
            elif old[dataset] != new[dataset]:
                yield f"the contract of {dataset} changed, and is taken up from {new[dataset].path}"
        for each in self.broken:
            if each not in before.broken and each.dataset not in old:
                yield f"a contract is held back until it is corrected: {each}"


def read_current(folder: Path, environment: Mapping[str, str]) -> CurrentContracts:
    """Return the contracts below a folder. Raises nothing for what stands in the files: it is told as broken."""
    try:
        files = check_contracts([folder], environment)
    except ContractError as error:
        return CurrentContracts((), (BrokenContract(folder, "", error.problems),))
    usable = tuple(file.contract for file in files if file.contract is not None and not file.problems)
    return CurrentContracts(usable, tuple(_broken(file) for file in files if file.problems))


def current_contracts(settings: Settings) -> CurrentContracts:
    """Return the contracts of an installation, as `read_current` does."""
    return read_current(settings.contracts, contract_variables(settings.landing_bucket))


def usable_contracts(settings: Settings) -> tuple[Contract, ...]:
    """Return the contracts that can be used. Raises ContractError if there is none."""
    found = current_contracts(settings)
    if not found.usable:
        problems = [problem for each in found.broken for problem in each.problems]
        none = Problem(str(settings.contracts), 0, "none of its contracts is watched: add a landing server of type s3")
        raise ContractError(problems or [none])
    return found.usable


def fingerprint(folder: Path) -> Fingerprint:
    """Return name, time of the last change and size of the contract files, and of the settings file.

    The settings file holds values of variables that contracts read.
    """
    every = [folder] if folder.is_file() else folder.rglob("*")
    found = [path for path in every if path.suffix.lower() in (".yaml", ".yml")]
    return tuple(_stats((*sorted(found), Path(".env"))))


class Settled:
    """Tells when files changed and then stayed as they are from one look to the next: nobody is writing any more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = self._seen = fingerprint(folder)

    def changed(self) -> Fingerprint | None:
        """Return the fingerprint of files that changed and settled since they were `taken`; else None."""
        before, self._seen = self._seen, fingerprint(self._folder)
        return self._seen if self._seen == before != self._known else None

    def taken(self, known: Fingerprint) -> None:
        self._known = known


def _broken(file: ContractFile) -> BrokenContract:
    return BrokenContract(file.path, file.contract.dataset if file.contract else _written_id(file.path), file.problems)


def _written_id(path: Path) -> str:
    written = _ID.search(text_of(path))
    return written[2].strip() if written and "${" not in written[2] else ""


def _stats(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        with suppress(OSError):  # it is not there, or was removed meanwhile
            stat = path.stat()
            yield str(path), stat.st_mtime_ns, stat.st_size
