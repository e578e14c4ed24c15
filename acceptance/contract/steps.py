"""The steps of a pipeline. Each class answers what the rest of Aceite asks of a step.

A new kind of step is a class of its own and a member of `Step`. Python makes no object of a class that leaves a
question without a default open, and each `match` over steps ends in `assert_never`: mypy names every place that must
learn the new kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Any, ClassVar, get_args


class LostAnswer(Enum):
    """A run's reaction when a step may have started something, but AWS's answer was lost."""

    STOP = "the step fails"
    AWAIT = "the next step waits for what was started, and tells whether it was"
    AWAIT_UNSETTLED = "as AWAIT, but nobody learns when the started work ends: what is not as it landed is inconclusive"


class PipelineStep(ABC):
    """The questions. A step either starts something, or waits for what an earlier step started.

    Each class answers the abstract ones. The others ask what few steps are about, and the default is: nothing.
    """

    __slots__ = ()

    verb: ClassVar[str]
    """The key that names the kind in a contract. The other keys are the fields after the first."""

    default_within: ClassVar[str]
    """How long the step may take if the contract does not say."""

    within: timedelta

    @property
    @abstractmethod
    def title(self) -> str:
        """The step's line in the evidence. Placeholders may stand in it."""

    @property
    @abstractmethod
    def texts(self) -> Any:
        """The value that is filled for each delivery: a text, or a list or mapping of them. Empty if there is none."""

    @property
    @abstractmethod
    def starts(self) -> bool:
        """True if the step starts something. Objects and job runs that a later step waits for must then be new."""

    @property
    @abstractmethod
    def lost_answer(self) -> LostAnswer:
        """The run's reaction when AWS may have done the step's request, and keeps no list of such requests."""

    @property
    def glue_job(self) -> str:
        """The Glue job whose run the step starts or waits for; empty if it is about none."""
        return ""

    @property
    def awaited_object(self) -> str:
        """The s3:// uri, with placeholders, that the step waits for; empty if it waits for none."""
        return ""

    @property
    def awaited_table(self) -> "Until | None":
        """The state of the contract's own table that the step waits for; None if it waits for another thing."""
        return None


class Until(StrEnum):
    """The state of the table that a step waits for."""

    WRITTEN = "written"  # somebody wrote the delivery's partition since the delivery landed
    AGREES = "agrees"  # so it was, and the delivery is accepted; until then the proof is asked again


@dataclass(frozen=True, slots=True)
class Invoke(PipelineStep):
    """Call a Lambda function with a JSON payload, and wait for its answer unless `asynchronous`."""

    verb = "invoke"
    default_within = "5m"
    starts = True

    function: str
    payload: Any
    within: timedelta
    asynchronous: bool = False

    @property
    def title(self) -> str:
        return f"invoke {self.function}"

    @property
    def texts(self) -> Any:
        return self.payload

    @property
    def lost_answer(self) -> LostAnswer:
        return LostAnswer.AWAIT if self.asynchronous else LostAnswer.AWAIT_UNSETTLED


@dataclass(frozen=True, slots=True)
class AwaitObject(PipelineStep):
    """Wait until an S3 object is there. Any object below it meets a `uri` that ends in /."""

    verb = "await_object"
    default_within = "5m"
    starts = False
    lost_answer = LostAnswer.STOP

    uri: str
    within: timedelta

    @property
    def title(self) -> str:
        return f"await {self.uri}"

    @property
    def texts(self) -> Any:
        return self.uri

    @property
    def awaited_object(self) -> str:
        return self.uri


@dataclass(frozen=True, slots=True)
class AwaitGlueJob(PipelineStep):
    """Wait for the Glue job run that the step before started."""

    verb = "await_glue_job"
    default_within = "30m"
    texts = ""
    starts = False
    lost_answer = LostAnswer.STOP

    job: str
    within: timedelta

    @property
    def title(self) -> str:
        return f"await Glue job {self.job}"

    @property
    def glue_job(self) -> str:
        return self.job


@dataclass(frozen=True, slots=True)
class RunGlueJob(PipelineStep):
    """Start a Glue job and wait for its end."""

    verb = "run_glue_job"
    default_within = "30m"
    starts = True
    lost_answer = LostAnswer.STOP  # Glue lists its runs, so `aws` has looked for the started one already

    job: str
    arguments: Mapping[str, str]
    within: timedelta

    @property
    def title(self) -> str:
        return f"run Glue job {self.job}"

    @property
    def texts(self) -> Any:
        return dict(self.arguments)

    @property
    def glue_job(self) -> str:
        return self.job


@dataclass(frozen=True, slots=True)
class RunCrawler(PipelineStep):
    """Start a crawl of a Glue crawler, after one that goes on, and wait for its end."""

    verb = "run_crawler"
    default_within = "30m"
    texts = ""
    starts = True
    lost_answer = LostAnswer.STOP  # a crawler has one crawl at a time, so `aws` has looked for it already

    crawler: str
    within: timedelta

    @property
    def title(self) -> str:
        return f"run crawler {self.crawler}"


@dataclass(frozen=True, slots=True)
class StartExecution(PipelineStep):
    """Start an execution of a state machine of Step Functions, under a name of this delivery's own."""

    verb = "start_execution"
    default_within = "2m"
    starts = True
    lost_answer = LostAnswer.STOP  # the name lets it be asked again until there is an answer

    state_machine: str
    input: Any
    within: timedelta

    @property
    def title(self) -> str:
        return f"start execution of {self.state_machine}"

    @property
    def texts(self) -> Any:
        return self.input


@dataclass(frozen=True, slots=True)
class AwaitExecution(PipelineStep):
    """Wait for the end of the execution that a step before started; if none did, of one that somebody else starts."""

    verb = "await_execution"
    default_within = "30m"
    texts = ""
    starts = False
    lost_answer = LostAnswer.STOP

    state_machine: str
    within: timedelta

    @property
    def title(self) -> str:
        return f"await execution of {self.state_machine}"


@dataclass(frozen=True, slots=True)
class AwaitTable(PipelineStep):
    """Wait for the contract's table, which is filled by a pipeline that fires by itself."""

    verb = "await_table"
    default_within = "30m"
    texts = ""
    starts = False
    lost_answer = LostAnswer.STOP

    until: Until
    within: timedelta

    @property
    def title(self) -> str:
        return "await the table"

    @property
    def awaited_table(self) -> Until:
        return self.until


OWN_PROPERTY = "aceite_run"
"""The property of a Glue workflow's run that tells a delivery's own run from all others."""


@dataclass(frozen=True, slots=True)
class RunWorkflow(PipelineStep):
    """Run a Glue workflow, whose run is the delivery's own, and wait for the end of all its jobs and crawlers."""

    verb = "run_workflow"
    default_within = "1h"
    starts = True
    lost_answer = LostAnswer.STOP  # a property of the run tells whose it is, so `aws` has looked for it already

    workflow: str
    properties: Mapping[str, str]
    within: timedelta

    @property
    def title(self) -> str:
        return f"run workflow {self.workflow}"

    @property
    def texts(self) -> Any:
        return dict(self.properties)


@dataclass(frozen=True, slots=True)
class PutEvent(PipelineStep):
    """Put an event on a bus of EventBridge, whose rules start what hears of it."""

    verb = "put_event"
    default_within = "2m"
    starts = True
    lost_answer = LostAnswer.AWAIT

    bus: str
    source: str
    detail_type: str
    detail: Mapping[str, Any]
    within: timedelta

    @property
    def title(self) -> str:
        return f"put event {self.detail_type}"

    @property
    def texts(self) -> Any:
        return dict(self.detail)


FIRES_BY_ITSELF = AwaitTable(Until.AGREES, timedelta(minutes=30))
"""The only step of a contract that names none: Aceite calls nothing, and waits for the table."""

Step = (
    Invoke
    | AwaitObject
    | AwaitGlueJob
    | RunGlueJob
    | RunCrawler
    | StartExecution
    | AwaitExecution
    | AwaitTable
    | RunWorkflow
    | PutEvent
)

STEP_KINDS: tuple[type[Step], ...] = get_args(Step)


def fired_machines(steps: Iterable[Step]) -> frozenset[str]:
    """Return the state machines whose executions the steps await and do not start: somebody else starts them."""
    started, fired = set(), set()
    for step in steps:
        if isinstance(step, StartExecution):
            started.add(step.state_machine)
        if isinstance(step, AwaitExecution) and step.state_machine not in started:
            fired.add(step.state_machine)
    return frozenset(fired)
