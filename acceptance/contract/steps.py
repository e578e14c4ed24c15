"""The steps of a pipeline. Each class answers what the rest of Aceite asks of a step.

A new kind of step is a class of its own and a member of `Step`. Python makes no object of a class that leaves a
question open, and each `match` over steps ends in `assert_never`: mypy names every place that must learn the new kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, ClassVar, get_args


class LostAnswer(Enum):
    """A run's reaction when a step may have started something, but AWS's answer was lost."""

    STOP = "the step fails"
    AWAIT = "the next step waits for what was started, and tells whether it was"
    AWAIT_UNSETTLED = "as AWAIT, but nobody learns when the started work ends: what is not as it landed is inconclusive"


class PipelineStep(ABC):
    """The questions. A step either starts something, or waits for what an earlier step started."""

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
    @abstractmethod
    def glue_job(self) -> str:
        """The Glue job whose run the step starts or waits for; empty if it is about none."""

    @property
    @abstractmethod
    def awaited_object(self) -> str:
        """The s3:// uri, with placeholders, that the step waits for; empty if it waits for none."""


@dataclass(frozen=True, slots=True)
class Invoke(PipelineStep):
    """Call a Lambda function with a JSON payload, and wait for its answer unless `asynchronous`."""

    verb = "invoke"
    default_within = "5m"
    starts = True
    glue_job = ""
    awaited_object = ""

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
    glue_job = ""

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
    awaited_object = ""

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
    awaited_object = ""

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


Step = Invoke | AwaitObject | AwaitGlueJob | RunGlueJob

STEP_KINDS: tuple[type[Step], ...] = get_args(Step)
