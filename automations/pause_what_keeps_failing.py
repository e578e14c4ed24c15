"""One thing keeps a dataset's deliveries from being judged, again and again -> switch its validation off."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, PauseAutomation, Posture

from acceptance.announcing.delivery_events import DATASET, INCONCLUSIVE
from acceptance.announcing.verdict_events import FAILURE
from flows.prefect_api.switches import ROLE, SWITCHED

NAME = "Aceite: pause a dataset that keeps failing"
FAILURES = 5
WITHIN = timedelta(minutes=10)


def automation() -> AutomationCore:
    """A circuit breaker. Rejections are verdicts on data, and do not count.

    The event names the automation that is its dataset's switch, which is how Prefect infers what to pause. It also says
    when that was switched last, and failures are counted apart by it: after a person resumed, five more are needed, and
    five are enough, though Prefect lets a count that was reached rest until its time is over.
    """
    return AutomationCore(
        name=NAME,
        description=(
            f"When {FAILURES} deliveries of a dataset could not be judged within {WITHIN.seconds // 60} minutes, for "
            "failures of one kind, the automation that validates the dataset is switched off. Its deliveries wait "
            "until a person switches that on again."
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
