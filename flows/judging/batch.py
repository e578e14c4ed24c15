"""One batch of deliveries that a single run judges with one query."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Semaphore
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.states import Completed, Failed
from prefect.utilities.annotations import quote

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import MOST_TOGETHER, Delivery
from acceptance.deliveries.placeholders import partition_values
from acceptance.errors import ContractError, PointerRefused, QueryFailed, UnroutableKey
from acceptance.evidence.assembled import RunFacts
from acceptance.evidence.evidence import Evidence, QueryRecord, StepRecord
from acceptance.foreign_words import Redaction
from acceptance.judging.judge import Judged, Verdict, so_many
from acceptance.messages.languages import in_language
from acceptance.messages.message import Message
from acceptance.messages.phrases import listed
from acceptance.queries.measuring_query import Place, place_of
from acceptance.untrusted_text import one_line
from aws.athena import QueryAnswer
from aws.waiting import waits_between, waits_end_with
from flows.evidence.artifacts import publish, publish_list
from flows.installation.clients import load_clients
from flows.installation.installed import language_of
from flows.judging.delivery_run import DeliveryRun, post_verdicts
from flows.judging.measuring import Measured, current_snapshot, measure_together, query_record
from flows.judging.states import DUPLICATE, LONGEST_REASON, refused, state_of, superseded, verdict_state
from flows.prefect_api.run_labels import tag_judged
from flows.prefect_api.runs import cancelled_by
from flows.steps.table import ask_athena
from flows.steps.timeline import StepStopped, Timeline, escape_braces, without_task_run
from flows.threads import in_threads

SIDE_BY_SIDE = 4
SHOWN_WHOLE = 10
"""Deliveries that were not accepted whose artifacts are on the run's page; of all the others there is a line."""


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """The answer of a query for several deliveries, as far as it is about one, and the records of that query."""

    measured: Measured
    queries: tuple[QueryRecord, ...]
    steps: tuple[StepRecord, ...]


@dataclass
class Batch:
    """A lot after the other. `refused` are pointers that are of no delivery.

    A delivery that is in none of the lists is one of another run.
    """

    contract: Contract
    run: RunFacts
    workers: int
    retried: bool = False
    judged: list[tuple[DeliveryRun, Evidence]] = field(default_factory=list)
    failed: list[tuple[DeliveryRun, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    superseded: list[DeliveryRun] = field(default_factory=list)
    standing: list[tuple[DeliveryRun, Judged]] = field(default_factory=list)
    """Deliveries of a run that was retried, with the verdicts that they had."""
    _tagged: set[Verdict] = field(default_factory=set)
    _ending: Event = field(default_factory=Event)
    _claimed: list[DeliveryRun] = field(default_factory=list)
    _answers: dict[str, tuple[QueryAnswer, StepRecord]] = field(default_factory=dict)

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """Judge inside. If the run is told to end, its threads stop what they started and wait no more."""
        try:
            with waits_end_with(self._ending):
                yield
        except TerminationSignal:
            if reason := cancelled_by(self.run.id):
                cancelled = (each for each in self._claimed if each.record_cancellation(self.run, reason))
                post_verdicts(cancelled, self.run)
                self._tag(each.judgement.verdict for each in self._claimed if each.decided)
            raise

    def judge(self, lot: Sequence[DeliveryRun]) -> None:
        self._claimed.clear()
        prepared = self._each(lot, self._prepare)
        claimed = [delivery_run for delivery_run, is_claimed in zip(lot, prepared, strict=True) if is_claimed]
        self.superseded += [delivery_run for delivery_run in claimed if delivery_run.superseded]
        claimed = [delivery_run for delivery_run in claimed if not delivery_run.superseded]
        known = self._measure([delivery_run for delivery_run in claimed if delivery_run.usable])
        evidence = self._each(claimed, lambda delivery_run: self._conclude(delivery_run, known.get(id(delivery_run))))
        done = [(delivery_run, put) for delivery_run, put in zip(claimed, evidence, strict=True) if put]
        post_verdicts((delivery_run for delivery_run, _ in done), self.run)
        self.judged += done
        self._tag(evidence.verdict for _, evidence in done)

    def refuse(self, delivery: Delivery, refusal: PointerRefused) -> None:
        """Record that a pointer is of no delivery: nothing of it was read, and the others are judged."""
        get_run_logger().error("%s is refused: %s", delivery.title, one_line(str(refusal), LONGEST_REASON))
        self.refused.append(f"{delivery.title}: {refusal}")

    def state(self) -> State:
        """Return the run's state, named by the worst verdict: a delivery that is not accepted is seen at a glance."""
        clients = load_clients()
        judged = [
            (delivery_run.delivery.title, evidence, delivery_run.evidence_uri) for delivery_run, evidence in self.judged
        ]
        if judged:
            publish_list(self.contract.dataset, judged, clients)
        not_accepted = [
            (delivery_run, evidence)
            for delivery_run, evidence in self.judged
            if evidence.verdict is not Verdict.ACCEPTED
        ]
        for delivery_run, evidence in not_accepted[:SHOWN_WHOLE]:
            publish(evidence, delivery_run.evidence_uri, clients, delivery_run.delivery.title)
        if self.failed:
            delivery_run, why = self.failed[0]
            return Failed(
                message=f"{len(self.failed)} deliveries were not judged: {delivery_run.delivery.title}: {why}"
            )
        if self.refused:
            return refused(f"refused: {len(self.refused)}, judged: {len(self.judged)}; {self.refused[0]}")
        verdicts: list[tuple[DeliveryRun, Evidence | Judged]] = [*self.judged, *self.standing]
        self._tag(each.verdict for _, each in verdicts)
        if not verdicts and self.superseded:
            return superseded(f"{len(self.superseded)} superseded: {self.superseded[0].superseded}")
        if not verdicts:
            return Completed(name=DUPLICATE, message="all have verdicts, or other runs are working on them")
        return self._worst(verdicts)

    def _worst(self, verdicts: Sequence[tuple[DeliveryRun, Evidence | Judged]]) -> State:
        """Return the state of the worst verdict, which tells how many there are of each."""
        count = Counter(each.verdict for _, each in verdicts)
        numbers: list[str] = [so_many(verdict, count[verdict]) for verdict in Verdict if count[verdict]]
        if self.superseded:
            numbers.append(Message.counted("{count} superseded", "{count} superseded", len(self.superseded)))
        message, language = listed(numbers, ", "), language_of(self.contract)
        worst_first = (Verdict.REJECTED, Verdict.INCONCLUSIVE, Verdict.ACCEPTED)
        delivery_run, worst = min(verdicts, key=lambda each: worst_first.index(each[1].verdict))
        if worst.verdict is Verdict.ACCEPTED:
            return verdict_state(worst.verdict, in_language(message, language))
        reason = worst.told_reason if isinstance(worst, Evidence) else worst.reason
        title = delivery_run.delivery.title
        message = Message("{numbers}; {delivery}: {reason}", numbers=message, delivery=title, reason=reason)
        return verdict_state(worst.verdict, in_language(message, language))

    def _tag(self, verdicts: Iterable[Verdict]) -> None:
        """Tag the run with the verdicts that it does not have yet."""
        new = set(verdicts) - self._tagged
        if new:
            tag_judged(self.run.id, self.contract.dataset, new)
            self._tagged |= new

    def _prepare(self, delivery_run: DeliveryRun) -> bool:
        try:
            delivery_run.confirm()
        except PointerRefused as refusal:
            self.refuse(delivery_run.delivery, refusal)
            return False
        if not delivery_run.claim(self.run.id):
            if self.retried and (standing := delivery_run.standing_verdict()):
                self.standing.append((delivery_run, standing))
            return False
        self._claimed.append(delivery_run)
        delivery_run.prepare()
        return True

    def _conclude(self, delivery_run: DeliveryRun, known: SharedAnswer | None) -> Evidence | None:
        named: Any = _judge.with_options(task_run_name=escape_braces(delivery_run.delivery.title))
        kept: list[Evidence] = []
        state = named(quote(delivery_run), quote(known), quote(self.run), quote(kept), return_state=True)
        if delivery_run.superseded:
            self.superseded.append(delivery_run)
        elif not kept and state.name != DUPLICATE:
            state.result()  # raises what went wrong
        return kept[0] if kept else None

    def _measure(self, delivery_runs: Sequence[DeliveryRun]) -> dict[int, SharedAnswer]:
        """Measure together those to which the catalog told the same. Return the answers by the id() of a delivery run.

        Somebody may change the table's columns, or its kind, between the looks of two deliveries.
        """
        answers: dict[int, SharedAnswer] = {}
        for usable, versioned in {(each.usable, each.versioned) for each in delivery_runs}:
            at = {
                place: each
                for each in delivery_runs
                if (each.usable, each.versioned) == (usable, versioned) and (place := _place(each)) is not None
            }
            try:
                contract, before = self._as_it_is_now(versioned and len(at) > 1)
            except (StepStopped, QueryFailed):
                continue  # each delivery asks by itself, and says what came of it
            measured = measure_together(contract, list(at), usable, self._ask)
            shared = Counter(each.query_id for each in measured.values())
            for place, each in measured.items():
                answer, step = self._answers[each.query_id]
                told = query_record("checks", answer, shared[each.query_id])
                answers[id(at[place])] = SharedAnswer(
                    each,
                    (*(query_record("snapshot", answer, len(measured)) for answer, _ in before), told),
                    (*(step for _, step in before), step),
                )
        return answers

    def _as_it_is_now(self, versioned: bool) -> tuple[Contract, Sequence[tuple[QueryAnswer, StepRecord]]]:
        """Return the contract whose queries read the current snapshot of an Iceberg table, and what was asked for it.

        Raises StepStopped or QueryFailed without an answer.
        """
        if not versioned:
            return self.contract, ()
        asked: list[QueryAnswer] = []

        def ask(name: str, purpose: str, sql: str) -> QueryAnswer:
            asked.append(answer := self._ask(name, purpose, sql))
            return answer

        contract = self.contract.as_of(current_snapshot(self.contract, ask))
        return contract, [self._answers[answer.query_id] for answer in asked]

    def _ask(self, name: str, _: str, sql: str) -> QueryAnswer:
        timeline = Timeline(without_task_run, redaction=Redaction(self.contract.classified))
        try:
            answer: QueryAnswer = timeline.perform(name, ask_athena, self.contract.table, sql)
        except StepStopped as stopped:
            get_run_logger().warning("%s; asking for fewer at once", stopped)
            raise
        self._answers[answer.query_id] = (answer, timeline.steps[-1])
        return answer

    def _each(self, delivery_runs: Sequence[DeliveryRun], do: Callable[[DeliveryRun], Any]) -> list[Any]:
        """Return the answer for each, None where it failed: that delivery has no verdict and is announced again."""

        turns = None if any(step.starts for step in self.contract.steps) else Semaphore(self.workers)

        def attempt(delivery_run: DeliveryRun) -> Any:
            try:
                with waits_between(turns):
                    return do(delivery_run)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must not stop the other deliveries
                told = delivery_run.timeline.traceback_of(error)
                get_run_logger().error("%s got no verdict", delivery_run.delivery.title, exc_info=told)
                return error

        at_once = self.workers if turns is None else MOST_TOGETHER  # a delivery that waits leaves its turn to others
        answers = in_threads(attempt, delivery_runs, at_once=at_once, ending=self._ending)
        failed = [
            (delivery_run, error)
            for delivery_run, error in zip(delivery_runs, answers, strict=True)
            if isinstance(error, Exception)
        ]
        self.failed += [(delivery_run, delivery_run.timeline.message(error)) for delivery_run, error in failed]
        return [None if isinstance(answer, Exception) else answer for answer in answers]


@task(name="judge", cache_policy=NO_CACHE)
def _judge(delivery_run: DeliveryRun, known: SharedAnswer | None, run: RunFacts, kept: list[Evidence]) -> State:
    """Measure and conclude: the task run has the delivery's name and its verdict's state. `kept` gets the evidence."""
    if known is not None:
        delivery_run.queries += known.queries
        delivery_run.timeline.steps += known.steps
    delivery_run.measure(known.measured if known is not None else None)
    if delivery_run.superseded:
        return superseded(delivery_run.superseded)
    evidence = delivery_run.put(run)
    if evidence is None:
        return Completed(
            name=DUPLICATE, message=f"another run was faster; its evidence is at {delivery_run.evidence_uri}"
        )
    kept.append(evidence)
    return state_of(delivery_run.judgement, delivery_run.language)


def _place(delivery_run: DeliveryRun) -> Place | None:
    return place_of(delivery_run.contract, delivery_run.partition, delivery_run.files)


def at_once(contract: Contract, side_by_side: int) -> int:
    """Return how many pipelines run at the same time: one if they change a parameter, which is locked by the run.

    Pipelines that fire by themselves run anyway, so all deliveries are awaited together.
    """
    if contract.override:
        return 1
    return side_by_side if any(step.starts for step in contract.steps) else MOST_TOGETHER


def lots(delivery_runs: Sequence[DeliveryRun], at_most: int) -> Iterator[list[DeliveryRun]]:
    """Yield the delivery runs in their order, in lots in which no two have their rows in the same place.

    So each delivery of a partition is measured before the pipeline of the next one changes the partition.
    """
    waiting = list(delivery_runs)
    while waiting:
        lot: dict[object, DeliveryRun] = {}
        for delivery_run in waiting:
            if len(lot) < at_most:
                lot.setdefault(_rows_of(delivery_run), delivery_run)
        taken = set(map(id, lot.values()))
        waiting = [delivery_run for delivery_run in waiting if id(delivery_run) not in taken]
        yield list(lot.values())


def _rows_of(delivery_run: DeliveryRun) -> object:
    """Return what identifies the place of a delivery's rows. Two deliveries of one lot must differ in it."""
    try:
        return tuple(partition_values(delivery_run.contract, delivery_run.delivery).items()), delivery_run.files
    except (ContractError, UnroutableKey):  # DeliveryRun.prepare reports it
        return delivery_run.delivery.id
