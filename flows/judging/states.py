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
"""None is kept: there is evidence. A run that does not say both asks Prefect's server, three times, for its default.

The exception that ends a run is kept whatever is said, by Prefect: where it keeps such things unless it is told.
"""


DUPLICATE = "Duplicate"
"""The state of a run whose delivery is, or was, judged by another."""


def state_of(judgement: Judgement) -> State:
    name = judgement.verdict.value.capitalize()
    if judgement.verdict is Verdict.ACCEPTED:
        return Completed(name=name, message=judgement.reason)
    return Failed(name=name, message=judgement.reason)
