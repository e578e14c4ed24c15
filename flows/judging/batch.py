"""One batch of deliveries that a single run judges with one query."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import httpx
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.states import Completed, Failed
from prefect.utilities.annotations import quote

from acceptance.announcing.verdict_events import verdict_event_id
from acceptance.contract.contract import Contract
from acceptance.evidence.assembled import RunFacts
from acceptance.evidence.evidence import Evidence, QueryRecord, StepRecord
from acceptance.judging.judge import Verdict
from acceptance.queries.measuring_query import Place, place_of
from aws.athena import QueryAnswer
from aws.waiting import waits_end_with
from flows.evidence.artifacts import publish, publish_list
from flows.installation.clients import load_clients
from flows.judging.delivery_run import QUERY_WITHIN, Case, query_record
from flows.judging.measuring import Measured, measure_together
from flows.judging.states import DUPLICATE, state_of
from flows.prefect_api import events
from flows.prefect_api.runs import is_being_cancelled
from flows.steps.athena import ask_athena
from flows.steps.timeline import Stopped, Timeline, called, literally
from flows.threads import in_threads

SHOWN_WHOLE = 10
"""Deliveries that were not accepted whose artifacts are on the run's page; of all the others there is a line."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a query for several deliveries said of one, and the records of that query."""

    measured: Measured
    query: QueryRecord
    step: StepRecord


@dataclass
class Batch:
    """`judged` holds what came of each case; the others are those of other runs, or `failed`."""

    contract: Contract
    run: RunFacts
    workers: int
    judged: list[tuple[Case, Evidence]] = field(default_factory=list)
    failed: list[tuple[Case, str]] = field(default_factory=list)
    _ending: Event = field(default_factory=Event)
    _claimed: list[Case] = field(default_factory=list)
    _answers: dict[str, tuple[QueryAnswer, StepRecord]] = field(default_factory=dict)

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """Inside, there are threads. Those of a run that is told to end stop what they started, and wait no more."""
        try:
            with waits_end_with(self._ending):
                yield
        except TerminationSignal:
            if is_being_cancelled(self.run.id):
                self._tell(case for case in self._claimed if case.record_cancellation(self.run))
            raise

    def judge(self, wave: Sequence[Case]) -> None:
        self._claimed.clear()
        ours = [case for case, is_ours in zip(wave, self._each(wave, self._prepare), strict=True) if is_ours]
        known = self._measure([case for case in ours if case.usable])
        evidence = self._each(ours, lambda case: self._conclude(case, known.get(id(case))))
        done = [(case, found) for case, found in zip(ours, evidence, strict=True) if found]
        self._tell(case for case, _ in done)
        self.judged += done

    def state(self) -> State:
        """The worst of the verdicts names it, so that one that is not accepted is seen at a glance."""
        clients = load_clients()
        listed = [(case.delivery.title, evidence, case.evidence_uri) for case, evidence in self.judged]
        publish_list(self.contract.dataset, listed, clients)
        told = [(case, evidence) for case, evidence in self.judged if evidence.verdict is not Verdict.ACCEPTED]
        for case, evidence in told[:SHOWN_WHOLE]:
            publish(evidence, case.evidence_uri, clients, case.delivery.title)
        if self.failed:
            case, why = self.failed[0]
            return Failed(message=f"{len(self.failed)} deliveries were not judged: {case.delivery.title}: {why}")
        if not self.judged:
            return Completed(name=DUPLICATE, message="all have verdicts, or other runs are working on them")
        message = ", ".join(f"{number} {verdict.value}" for verdict in Verdict if (number := self._count(verdict)))
        if not told:
            return Completed(name="Accepted", message=message)
        case, evidence = next((each for each in told if each[1].verdict is Verdict.REJECTED), told[0])
        name = evidence.verdict.value.capitalize()
        return Failed(name=name, message=f"{message}; {case.delivery.title}: {evidence.reason}")

    def _prepare(self, case: Case) -> bool:
        if not case.claim(self.run.id):
            return False
        self._claimed.append(case)
        case.prepare()
        return True

    def _conclude(self, case: Case, known: Known | None) -> Evidence | None:
        named: Any = _judge.with_options(task_run_name=literally(case.delivery.title))
        kept: list[Evidence] = []
        state = named(quote(case), quote(known), quote(self.run), quote(kept), return_state=True)
        if not kept and state.name != DUPLICATE:
            state.result()  # raises what went wrong
        return kept[0] if kept else None

    def _measure(self, cases: Sequence[Case]) -> dict[int, Known]:
        """By the identity of a case. The columns that can be measured are mostly the same of all."""
        found: dict[int, Known] = {}
        for usable in {case.usable for case in cases}:
            at = {place: case for case in cases if case.usable == usable and (place := _place(case)) is not None}
            measured = measure_together(self.contract, list(at), usable, self._ask)
            shared = Counter(each.query_id for each in measured.values())
            for place, each in measured.items():
                answer, step = self._answers[each.query_id]
                found[id(at[place])] = Known(each, query_record("checks", answer, shared[each.query_id]), step)
        return found

    def _ask(self, name: str, _: str, sql: str) -> QueryAnswer:
        timeline = Timeline(called)
        try:
            answer: QueryAnswer = timeline.perform(name, ask_athena, self.contract.table, sql, QUERY_WITHIN)
        except Stopped as stopped:
            get_run_logger().warning("%s; asking for fewer at once", stopped)
            raise
        self._answers[answer.query_id] = (answer, timeline.steps[-1])
        return answer

    def _each(self, cases: Sequence[Case], do: Callable[[Case], Any]) -> list[Any]:
        """What it answers for each, None of those that it failed for: they have no verdict and are announced again."""

        def attempt(case: Case) -> Any:
            try:
                return do(case)
            except Exception as error:  # noqa: BLE001  # whatever it is, the other deliveries have nothing to do with it
                get_run_logger().exception("%s could not be judged", case.delivery.title)
                return error

        answers = in_threads(attempt, cases, at_once=self.workers, ending=self._ending)
        failed = [(case, error) for case, error in zip(cases, answers, strict=True) if isinstance(error, Exception)]
        self.failed += [(case, f"{type(error).__name__}: {error}") for case, error in failed]
        return [None if isinstance(answer, Exception) else answer for answer in answers]

    def _tell(self, cases: Iterable[Case]) -> None:
        try:
            with get_client(sync_client=True) as client:
                told = [(verdict_event_id(case.evidence_uri), case.verdict_event(self.run)) for case in cases]
                events.post(client, told)
        except httpx.HTTPError as error:
            get_run_logger().error("the verdicts stand, but their events could not be sent: %s", error)

    def _count(self, verdict: Verdict) -> int:
        return sum(evidence.verdict is verdict for _, evidence in self.judged)


@task(name="judge", cache_policy=NO_CACHE)
def _judge(case: Case, known: Known | None, run: RunFacts, kept: list[Evidence]) -> State:
    """The delivery in Prefect's UI: named as it is, in the state of its verdict. `kept` gets the evidence."""
    if known is not None:
        case.queries.append(known.query)
        case.timeline.steps.append(known.step)
    case.measure(known.measured if known is not None else None)
    evidence = case.put(run)
    if evidence is None:
        return Completed(name=DUPLICATE, message=f"another run was faster; its evidence is at {case.evidence_uri}")
    kept.append(evidence)
    return state_of(case.judgement)


def _place(case: Case) -> Place | None:
    return place_of(case.contract, case.partition, case.files)
