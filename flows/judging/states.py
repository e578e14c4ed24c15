"""The Prefect state in which a run ends, for each verdict."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Completed, Crashed, Failed

from acceptance.errors import PointerRefused
from acceptance.judging.judge import Judged, Judgement, Verdict
from acceptance.messages.languages import Language, in_language
from acceptance.untrusted_text import one_line
from flows.prefect_api.runs import INCONCLUSIVE

RESULTS: dict[str, Any] = {
    "persist_result": False,
    "result_storage": get_current_settings().results.local_storage_path,
}
"""Results are not persisted; the evidence is the result. Prefect would ask its server for each default.

Prefect persists the exception that ends a run anyway, so we point it at local storage.
"""


DUPLICATE = "Duplicate"
"""The state of a run whose delivery another run judges or has judged."""


REFUSED = "Refused"
"""The state of a run whose pointer is not of a delivery that landed. Such a run reads, changes and starts nothing.

It is a failure, so that a person sees it. The watcher goes by its ledger and announces the true delivery.
"""
LONGEST_REASON = 1000


def refused(refusal: PointerRefused | str) -> State:
    """Return the state with the reason, short, as texts of the pointer are in it."""
    return Failed(name=REFUSED, message=one_line(str(refusal), LONGEST_REASON))


SUPERSEDED = "Superseded"
"""The state of a run that claimed a delivery and then found another version of its file, which gets the verdict.

The delivery gets none, and nothing failed.
"""


def superseded(reason: str) -> State:
    return Completed(name=SUPERSEDED, message=one_line(reason, LONGEST_REASON))


def is_retry() -> bool:
    """Return True if a person, or Prefect, let this run begin again."""
    return (flow_run.run_count or 1) > 1


def state_of(judgement: Judgement | Judged, language: Language) -> State:
    """Return the state whose name is the verdict and whose message is the reason."""
    return verdict_state(judgement.verdict, in_language(judgement.reason, language))


def verdict_state(verdict: Verdict, message: str) -> State:
    """Return the state whose name is the verdict, and whose type gives it a colour of its own on Prefect's pages.

    Green is accepted, red is rejected. Inconclusive is orange, as Prefect shows a run that its surroundings stopped.
    The name is the same in every language: people filter by it, and automations listen to it.
    """
    match verdict:
        case Verdict.ACCEPTED:
            return Completed(name="Accepted", message=message)
        case Verdict.REJECTED:
            return Failed(name="Rejected", message=message)
        case Verdict.INCONCLUSIVE:
            return Crashed(name=INCONCLUSIVE, message=message)
