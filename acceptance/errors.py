"""The errors of Aceite.

A file that breaks its contract is not an error: it fails a check, which gives a verdict (see `judge`). Every message
says what is wrong, where, what is allowed and what to do next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from acceptance.foreign_words import ForeignWords
from acceptance.untrusted_text import one_line, several_lines


class AceiteError(Exception):
    """Base of every error that Aceite raises on purpose. Its message is one line in which nothing is invisible."""

    def __init__(self, message: str = "") -> None:
        super().__init__(self._shown(message))

    @staticmethod
    def _shown(message: str) -> str:
        return one_line(message)


class ListedError(AceiteError):
    """An error whose message may be a list, of one item a line."""

    @staticmethod
    def _shown(message: str) -> str:
        return several_lines(message)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake in a contract file. `line` counts from 1; 0 means the whole file."""

    path: str
    line: int
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message))

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class ContractError(ListedError):
    """One or more contract files cannot be used. `problems` holds all of them, in order of file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnroutableKey(AceiteError):
    """A landed key that fits no contract. The message is the reason shown in the event."""


class PointerRefused(AceiteError):
    """A pointer that is not of a delivery that landed. The message is the reason that its run's state shows."""


class LedgerUnusable(AceiteError):
    """The ledger cannot be opened: its URL, its database, or its layout, which is that of another version."""


class LedgerMisnamed(LedgerUnusable):
    """The ledger's URL names no database that can hold a ledger."""


class LeaseLost(AceiteError):
    """Another watcher took the lease of the ledger, so this one must not write any more."""


class ContractsChanged(AceiteError):
    """A contract came, changed, broke or went, so the watcher must take up the contracts as they are now."""


class BlocksChanged(AceiteError):
    """Somebody changed a block of Prefect that this process has loaded, so it must end and another begin."""


class Unreachable(AceiteError):
    """A server that Aceite needs, such as Prefect's, does not answer."""


class SettingsError(ListedError):
    """A setting is missing or has a value that cannot be used."""


class WrongAccount(SettingsError):
    """The credentials belong to an account other than the expected one."""


class StepFailed(AceiteError):
    """An action on AWS failed, or ended in a state other than success. The message has the request and AWS's answer.

    `words` are those of what AWS ran, such as a function, which may quote cells: no message has them.
    """

    def __init__(self, message: str = "", words: ForeignWords | None = None) -> None:
        self.words = words
        super().__init__(message)


class WaitTimedOut(StepFailed):
    """An action on AWS did not end within its deadline."""


class NoFreeRun(StepFailed):
    """A function failed because the Glue job that it starts has as many runs at work as it may have."""


class AnswerLost(StepFailed):
    """The answer to a request is missing, so AWS may have done it. Nobody may repeat it blindly."""


class UnexpectedObject(StepFailed):
    """An object in S3 is none that Aceite puts there. Reading it again does not help: a person must remove it."""


class MachineTrouble(StepFailed):
    """This machine cannot read a landed file, whatever the file holds: its memory, its disk, a permission."""


class ObjectReplaced(StepFailed):
    """Somebody replaced an object since it was listed. The new version is another delivery, which gets its verdict."""


class ObjectDeleted(StepFailed):
    """Somebody deleted an object since it was listed."""


class QueryCause(Enum):
    """The possible causes of a failed query, as far as Athena tells. It decides which other query may be answered."""

    ROWS = "the rows that it read, or its text"
    TEXT = "its text: Athena read no row"
    NEITHER = "neither rows nor text: a limit, a deadline, a permission"


class QueryFailed(AceiteError):
    """Athena refused or failed a query. `query_id` is None if it never started. `words` are as those of StepFailed."""

    def __init__(
        self,
        message: str,
        query_id: str | None = None,
        words: ForeignWords | None = None,
        cause: QueryCause = QueryCause.ROWS,
    ) -> None:
        self.query_id = query_id
        self.words = words
        self.cause = cause
        super().__init__(message)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return how a message goes on after an unknown name: with the nearest known one, if one is near."""
    near = nearest(name, known)
    return f"; did you mean {near}?" if near is not None else ";"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, whatever its case; None if none is near."""
    folded: dict[str, str] = {}
    for word in known:
        if word == name:
            return word
        folded.setdefault(word.casefold(), word)
    near = get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None
