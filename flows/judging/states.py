"""The Prefect state in which a run ends, for each verdict."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from acceptance.judging.judge import Judgement, Verdict

RESULTS: dict[str, Any] = {
    "persist_result": False,
    "result_storage": get_current_settings().results.local_storage_path,
}
"""Results are not persisted; the evidence is the result. Prefect would ask its server for each default.

Prefect persists the exception that ends a run anyway, so we point it at local storage.
"""


DUPLICATE = "Duplicate"
"""The state of a run whose delivery another run judges or has judged."""


def state_of(judgement: Judgement) -> State:
    """Return the state whose name is the verdict and whose message is the reason."""
    name = judgement.verdict.value.capitalize()
    if judgement.verdict is Verdict.ACCEPTED:
        return Completed(name=name, message=judgement.reason)
    return Failed(name=name, message=judgement.reason)
