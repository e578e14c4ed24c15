"""A dataset's deliveries keep failing for one reason -> pause the automation that validates the dataset."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, PauseAutomation, Posture

from acceptance.announcing.delivery_events import DATASET, INCONCLUSIVE
from acceptance.announcing.verdict_events import FAILURE
from flows.prefect_api.switches import ROLE, SWITCHED

NAME = "Aceite: pause a dataset that keeps failing"
FAILURES = 5
WITHIN = timedelta(minutes=10)
PAUSES = "x-aceite-pauses"
"""The header by which the server of `aceite up` says that it pauses automations although it asks for a password."""


def automation() -> AutomationCore:
    """Return the circuit breaker. Rejections do not count: they are verdicts on data.

    The event names its dataset's automation, from which Prefect infers what to pause. The event also says when that was
    last switched, and failures count separately for each such time: after a person resumes, exactly five more are
    needed, although Prefect mutes a trigger that fired until its window is over.
    """
    return AutomationCore(
        name=NAME,
        description=(
            f"When {FAILURES} deliveries of a dataset are inconclusive within {WITHIN.seconds // 60} minutes for one "
            "kind of failure, Aceite pauses the automation that validates the dataset. Its deliveries wait until a "
            "person resumes that automation."
        ),
        trigger=EventTrigger(
            expect={INCONCLUSIVE},
            match={"prefect.resource.id": "s3://*", FAILURE: "*"},
            match_related={"prefect.resource.role": ROLE},
            for_each={DATASET, FAILURE, f"related:{ROLE}:{SWITCHED}"},
            posture=Posture.Reactive,
            threshold=FAILURES,
            within=WITHIN,
        ),
        actions=[PauseAutomation(source="inferred", automation_id=None)],
    )
