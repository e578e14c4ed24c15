"""At whatever moment a run dies, and whoever restores dies after it, the parameter is as it was in the end.

A run that dies is one whose requests reach AWS no more, from one that changes something on: before it, or before its
answer. To die at one that only reads is to die before the next one that changes something.
"""

import json
import logging
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from builders import a_delivery
from prefect_aws import AwsCredentials, S3Bucket
from prefect_aws.client_parameters import AwsClientParameters
from werkzeug.serving import make_server

from acceptance.errors import StepFailed, WaitTimedOut
from acceptance.evidence.object_keys import parameter_lock_key
from aws.parameters.overrides import UndoResult
from aws.waiting import Clock
from blocks.build import Caller
from flows.installation.clients import Clients
from flows.locks.holder import this_holder
from flows.locks.overrides import OTHERS_WITHIN, RESTORED_WITHIN, Overrides, Sweep
from flows.locks.parameter_locks import ParameterLocks
from sandbox.server import REGION, LocalAws, wsgi_app

ACCOUNT = "123456789012"
HOUR = timedelta(hours=1)
SOURCE = "/stage/movies"
DELIVERY = a_delivery("a.csv", dataset="movies")


@dataclass
class KillSwitch:
    """AWS, in front of which somebody dies: requests signed with the key `who` are refused from change `at` on.

    With `done` that one is still carried out, and only its answer is lost.
    """

    app: Any = field(default_factory=wsgi_app)
    who: str = ""
    at: int = 0
    done: bool = False
    seen: int = 0

    def kill(self, who: str, at: int, done: bool) -> None:
        self.who, self.at, self.done, self.seen = who, at, done, 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if f"Credential={self.who}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return self.app(environ, start)
        action = environ.get("HTTP_X_AMZ_TARGET", environ["REQUEST_METHOD"]).rpartition(".")[2]
        changes = action in ("PUT", "PutParameter", "DeleteParameter")
        self.seen += changes and self.seen < self.at
        if self.seen < self.at:
            return self.app(environ, start)
        if changes and self.done:
            self.done = False
            b"".join(self.app(environ, lambda *_: None))
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [b"{}"]


@dataclass
class SharedParameters:
    """Somebody's clients, and those of whoever changes and restores parameters, by access key."""

    endpoint: str
    kill_switch: KillSwitch
    dead_pid: int

    def __post_init__(self) -> None:
        session = boto3.Session("somebody", "x", region_name=REGION)
        self.ssm, self.s3 = (session.client(service, endpoint_url=self.endpoint) for service in ("ssm", "s3"))
        self.named: set[str] = set()
        self.watcher = self.sweeping(self.living("watcher"))

    def clients(self, who: str) -> Clients:
        credentials = AwsCredentials(
            aws_access_key_id=who,
            aws_secret_access_key="x",
            region_name=REGION,
            aws_client_parameters=AwsClientParameters(endpoint_url=self.endpoint),
        )
        bucket = S3Bucket(bucket_name="evidence", credentials=credentials)
        return Clients(credentials, bucket, bucket, Caller(ACCOUNT, "arn"))

    def living(self, who: str) -> Overrides:
        return Overrides(self.clients(who), this_holder(), logging.getLogger(who))

    def doomed(self, who: str) -> Overrides:
        """As a process of this machine that will be gone when somebody looks."""
        holder = this_holder().model_copy(update={"pid": self.dead_pid})
        return Overrides(self.clients(who), holder, logging.getLogger(who))

    def sweeping(self, overrides: Overrides, settled: dict[str, str] | None = None) -> Sweep:
        return Sweep(overrides, self.named, {} if settled is None else settled)

    def value(self, name: str) -> str | None:
        with suppress(self.ssm.exceptions.ParameterNotFound):
            return str(self.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        return None

    def note(self, name: str) -> dict[str, Any]:
        return json.loads(self.s3.get_object(Bucket="evidence", Key=note_key(name))["Body"].read())

    def put_note(self, name: str, content: bytes | dict[str, Any]) -> None:
        """As somebody who may write to the evidence bucket."""
        body = json.dumps(content).encode() if isinstance(content, dict) else content
        self.s3.put_object(Bucket="evidence", Key=note_key(name), Body=body)

    def forget_note(self, name: str) -> None:
        self.s3.delete_object(Bucket="evidence", Key=note_key(name))

    def new(self, existed: bool) -> str:
        name = f"/stage/movies/{uuid.uuid4().hex}"
        self.named.add(name)
        if existed:
            self.ssm.put_parameter(Name=name, Value="before", Type="String")
        return name


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedParameters]:
    over = subprocess.Popen([sys.executable, "-c", ""])
    over.wait()
    with LocalAws():
        kill_switch = KillSwitch()
        server = make_server("127.0.0.1", 0, kill_switch, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = SharedParameters(f"http://127.0.0.1:{server.server_port}", kill_switch, over.pid)
        made.s3.create_bucket(Bucket="evidence")
        made.ssm.put_parameter(Name=SOURCE, Value='{"bucket": "live"}', Type="String")
        yield made
        server.shutdown()


def change(overrides: Overrides, name: str) -> Any:
    return overrides.override(overrides.lock(DELIVERY, name, SOURCE, HOUR), {"bucket": "landing"})


def run(overrides: Overrides, name: str) -> None:
    overrides.give_back(change(overrides, name))


def survive(_: str, action: Callable[[], object]) -> None:
    with suppress(StepFailed):
        action()


def note_key(name: str) -> str:
    return parameter_lock_key(ACCOUNT, REGION, name)


def moments() -> Iterator[tuple[int, bool]]:
    return ((number, done) for number in count(1) for done in (False, True))


@pytest.mark.proof
@pytest.mark.parametrize("existed", [True, False], ids=["with a value before", "without one before"])
def test_at_whatever_change_a_run_dies_the_parameter_is_restored(shared: SharedParameters, existed: bool) -> None:
    for at, done in moments():
        name = shared.new(existed)
        shared.kill_switch.kill("killed", at, done)
        with suppress(StepFailed):
            run(shared.doomed("killed"), name)
        shared.watcher(survive)
        assert shared.value(name) == ("before" if existed else None), (at, done)
        run(shared.living("after"), name)
        assert shared.value(name) == ("before" if existed else None), (at, done)
        if shared.kill_switch.seen < at:
            break
    assert at == 5, "note, override, restore, note: so many changes there are"


@pytest.mark.proof
@pytest.mark.parametrize("existed", [True, False], ids=["with a value before", "without one before"])
@pytest.mark.parametrize("by_a_run", [True, False], ids=["by the next run", "by the watcher"])
def test_at_whatever_change_the_one_who_restores_dies_the_next_one_restores(
    shared: SharedParameters, existed: bool, by_a_run: bool
) -> None:
    settled: dict[str, str] = {}
    for at, done in moments():
        name = shared.new(existed)
        change(shared.doomed("first"), name)
        shared.kill_switch.kill("killed", at, done)
        with suppress(StepFailed):
            killed = shared.doomed("killed")
            run(killed, name) if by_a_run else shared.sweeping(killed, settled)(survive)
        shared.watcher(survive)
        assert shared.value(name) == ("before" if existed else None), (at, done)
        if shared.kill_switch.seen < at:
            break
    assert at == (8 if by_a_run else 4), "note, restore, note, and then those of a run"


def test_the_next_run_does_not_take_what_a_dead_one_left_for_what_was_there(shared: SharedParameters) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    following = shared.living("second")
    overridden = change(following, name)
    assert overridden.earlier is not None
    assert overridden.earlier.value == "before"
    assert "ended before it restored" in following.told[0]
    following.give_back(overridden)
    assert shared.value(name) == "before"


def test_a_run_that_changed_nothing_is_not_said_to_have_left_anything(shared: SharedParameters, caplog: Any) -> None:
    """An override may be refused after its lock: the parameter has another type, say."""
    caplog.set_level(logging.INFO)
    name = shared.new(existed=True)
    shared.doomed("refused").lock(a_delivery(), name, None, timedelta(hours=1))
    shared.watcher(survive)
    (record,) = [each for each in caplog.records if each.name == "watcher" and name in each.getMessage()]
    assert record.levelno == logging.INFO
    assert f"ended with its lock on the parameter {name}" in record.getMessage()
    assert record.getMessage().endswith("it already had its earlier value")
    assert shared.value(name) == "before"


def test_what_somebody_changed_after_a_death_is_left_and_said_aloud(shared: SharedParameters, caplog: Any) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    shared.ssm.put_parameter(Name=name, Value="somebody's", Type="String", Overwrite=True)
    shared.watcher(survive)
    assert shared.value(name) == "somebody's"
    (record,) = [record for record in caplog.records if record.name == "watcher"]
    assert record.levelno == logging.ERROR
    assert name in record.getMessage()
    assert "somebody changed it since" in record.getMessage()
    told = len(shared.watcher.overrides.told)
    shared.watcher(survive)
    assert len(shared.watcher.overrides.told) == told, "once"


@pytest.mark.parametrize("existed", [True, False], ids=["with a value before", "without one before"])
def test_what_somebody_changed_while_the_run_works_is_left_and_said_aloud(
    shared: SharedParameters, caplog: Any, existed: bool
) -> None:
    name, living = shared.new(existed), shared.living("working")
    overridden = change(living, name)
    shared.ssm.put_parameter(Name=name, Value="somebody's", Type="String", Overwrite=True)
    assert [living.give_back(overridden) for _ in range(2)] == [UndoResult.CHANGED_SINCE] * 2
    shared.watcher(survive)
    assert shared.value(name) == "somebody's"
    (record,) = [record for record in caplog.records if record.name == "working"]
    assert record.levelno == logging.ERROR
    assert name in record.getMessage()
    assert shared.note(name)["closed"] == UndoResult.CHANGED_SINCE.value
    assert living.give_back(change(living, name)) is UndoResult.RESTORED
    assert shared.value(name) == "somebody's"


def troubles_of(sweep: Sweep) -> list[str]:
    """What a sweep tells of."""
    troubles = list[str]()

    def outlive(_: str, action: Callable[[], object]) -> None:
        try:
            action()
        except StepFailed as trouble:
            troubles.append(str(trouble))

    sweep(outlive)
    return troubles


@pytest.mark.parametrize(
    "content", [b"{}", b"no note", b"[" * 10_000, b'{"parameter": "' + b"x" * 20_000 + b'"}'], ids=lambda body: body[:9]
)
def test_a_note_that_cannot_be_read_is_named_and_keeps_no_parameter_from_being_restored(
    shared: SharedParameters, content: bytes
) -> None:
    name, other = shared.new(existed=True), shared.new(existed=True)
    change(shared.doomed("first"), name)
    shared.put_note(other, content)
    (trouble,) = troubles_of(shared.watcher)
    shared.forget_note(other)
    assert shared.value(name) == "before"
    assert f"s3://evidence/{note_key(other)}" in trouble


def test_while_a_run_lives_nobody_restores_what_it_changed_and_the_next_one_waits(shared: SharedParameters) -> None:
    name, waited = shared.new(existed=True), []
    first = shared.living("first")
    overridden = change(first, name)
    other = this_holder().model_copy(update={"flow_run_id": None, "server": "another"})

    def sleep(pause_s: float) -> None:
        waited.append(pause_s)
        if len(waited) == 3:
            first.give_back(overridden)

    second = Overrides(shared.clients("second"), other, logging.getLogger(), Clock(sleep=sleep))
    shared.sweeping(Overrides(shared.clients("watcher"), other, logging.getLogger()))(survive)
    assert shared.value(name) == '{"bucket": "landing"}'
    run(second, name)
    assert len(waited) == 3
    assert shared.value(name) == "before"


def test_a_run_that_waits_for_the_parameter_says_once_who_has_it(shared: SharedParameters, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    name = shared.new(existed=True)
    change(shared.living("first"), name)
    now = iter(range(0, 10**9, 600))
    other = this_holder().model_copy(update={"server": "another"})
    clock = Clock(now=lambda: float(next(now)), sleep=lambda _: None)
    with pytest.raises(WaitTimedOut, match=rf"wait for the parameter {name}: still changed by run .* of movies"):
        run(Overrides(shared.clients("second"), other, logging.getLogger(), clock), name)
    told = [record.getMessage() for record in caplog.records if "waiting for the parameter" in record.getMessage()]
    assert len(told) == 1
    assert f"{name}: run " in told[0]


def test_a_run_that_was_asleep_and_taken_for_dead_does_not_undo_what_the_next_one_does(
    shared: SharedParameters,
) -> None:
    name = shared.new(existed=True)
    asleep, following = shared.doomed("asleep"), shared.living("next")
    overridden = change(asleep, name)
    theirs = change(following, name)
    with pytest.raises(StepFailed, match="was restored too early"):
        asleep.give_back(overridden)
    assert shared.value(name) == '{"bucket": "landing"}'
    following.give_back(theirs)
    assert shared.value(name) == "before"


def test_a_run_that_was_asleep_between_note_and_override_changes_nothing(shared: SharedParameters) -> None:
    name = shared.new(existed=True)
    asleep = shared.doomed("asleep")
    note = asleep.lock(DELIVERY, name, SOURCE, HOUR)
    shared.watcher(survive)
    with pytest.raises(StepFailed, match="was restored too early"):
        asleep.override(note, {"bucket": "landing"})
    assert shared.value(name) == "before"


def test_of_many_who_restore_at_once_and_run_on_each_finds_what_was_there_before(shared: SharedParameters) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    found: list[str] = []

    def follow(number: int) -> None:
        holder = this_holder().model_copy(update={"server": f"server {number}"})
        overrides = Overrides(shared.clients(f"run{number}"), holder, logging.getLogger())
        shared.sweeping(overrides)(survive)
        overridden = change(overrides, name)
        found.append(overridden.earlier.value if overridden.earlier else "")
        overrides.give_back(overridden)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["before"] * 4
    assert shared.value(name) == "before"


def test_a_run_of_a_server_that_cannot_be_asked_keeps_its_parameter_until_its_deadline(
    shared: SharedParameters,
) -> None:
    name = shared.new(existed=True)
    elsewhere = this_holder().model_copy(update={"place": "another machine", "server": "another"})
    change(Overrides(shared.clients("first"), elsewhere, logging.getLogger()), name)
    shared.watcher(survive)
    assert shared.value(name) == '{"bucket": "landing"}'
    late = shared.new(existed=True)
    there = Overrides(shared.clients("first"), elsewhere, logging.getLogger())
    there.override(there.lock(DELIVERY, late, SOURCE, -OTHERS_WITHIN), {"bucket": "landing"})
    shared.watcher(survive)
    assert shared.value(late) == "before"


def test_who_dies_while_he_restores_and_is_no_run_keeps_the_parameter_for_minutes_only(
    shared: SharedParameters,
) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    elsewhere = this_holder().model_copy(update={"place": "another container"})
    shared.kill_switch.kill("killed", at=2, done=False)
    shared.sweeping(Overrides(shared.clients("killed"), elsewhere, logging.getLogger()))(survive)
    found = ParameterLocks(shared.clients("somebody")).read(name)
    assert found is not None
    assert (found.lock.holder, found.lock.closed) == (elsewhere, None)
    assert found.lock.until < datetime.now(UTC) + RESTORED_WITHIN


def test_no_note_holds_a_value(shared: SharedParameters) -> None:
    name = shared.new(existed=True)
    shared.ssm.put_parameter(Name=name, Value="s3cret before", Type="String", Overwrite=True)
    shared.ssm.put_parameter(Name=f"{name}/source", Value='{"password": "s3cret copied"}', Type="String")
    overrides = shared.living("first")
    overridden = overrides.override(overrides.lock(DELIVERY, name, f"{name}/source", HOUR), {"bucket": "landing"})
    overrides.give_back(overridden)
    keys = [item["Key"] for item in shared.s3.list_objects_v2(Bucket="evidence", Prefix="overrides/")["Contents"]]
    bodies = [shared.s3.get_object(Bucket="evidence", Key=key)["Body"].read() for key in keys]
    assert any(name.encode() in body for body in bodies)
    assert not any(b"s3cret" in body for body in bodies)


PAST = "2026-01-01T00:00:00Z"


def gone(shared: SharedParameters) -> dict[str, Any]:
    """A holder that is over, as it stands in a note."""
    return shared.doomed("x").holder.model_dump(mode="json")


def invented(shared: SharedParameters, name: str, mark: str = "") -> dict[str, Any]:
    """A note of a run that never was, with a mark of its own that is whole, or another one."""
    locks, now = ParameterLocks(shared.clients("somebody")), datetime.now(UTC)
    lock = locks.new(name, shared.doomed("x").holder, DELIVERY, None, now, now - HOUR)
    return json.loads(lock.to_json()) | ({"mark": mark} if mark else {})


@pytest.mark.parametrize("mark", ["", "payments database", "Switch B", "."], ids=repr)
@pytest.mark.parametrize("named", [True, False], ids=["of a contract", "of no contract"])
def test_a_note_of_a_run_that_never_was_changes_no_parameter(shared: SharedParameters, mark: str, named: bool) -> None:
    name = shared.new(existed=True)
    shared.ssm.put_parameter(Name=name, Value="now", Type="String", Overwrite=True, Description="Switch B")
    fresh = f"{name}/first"
    shared.ssm.put_parameter(Name=fresh, Value="now", Type="String", Description="the payments database.")
    for each in (name, fresh):
        (shared.named.add if named else shared.named.discard)(each)
        shared.put_note(each, invented(shared, each, mark))
    before = shared.note(name)
    told = troubles_of(shared.sweeping(shared.living("watcher")))
    assert (shared.value(name), shared.value(fresh)) == ("now", "now")
    if not named:
        assert ["no contract of this installation overrides its parameter" in each for each in told] == [True]
    elif mark:
        assert all(any(note_key(each) in trouble for trouble in told) for each in (name, fresh)), told
        assert shared.note(name) == before, "it is left for a person"
    for each in (name, fresh):
        shared.forget_note(each)


@pytest.mark.parametrize(
    "forged",
    [
        lambda shared, _: {"holder": gone(shared), "until": PAST},
        lambda shared, _: {"holder": gone(shared), "until": PAST, "run": gone(shared), "run_until": PAST},
        lambda shared, name: invented(shared, name),
        lambda shared, _: {"closed": "restored by its run"},
        lambda shared, _: {"parameter": "/another"},
        lambda shared, _: {"copy_of": "x" * 50_000},
        lambda shared, _: {"locked_at": "never"},
    ],
    ids=["a dead holder", "a dead run", "another run", "closed", "another parameter", "a huge one", "none of ours"],
)
def test_whoever_rewrites_the_note_of_a_living_run_harms_its_override_in_nothing(
    shared: SharedParameters, forged: Callable[[SharedParameters, str], dict[str, Any]]
) -> None:
    name = shared.new(existed=True)
    first, other = shared.living("first"), this_holder().model_copy(update={"server": "another"})
    overridden = change(first, name)
    shared.put_note(name, shared.note(name) | forged(shared, name))
    watcher = Overrides(shared.clients("watcher"), other, logging.getLogger())
    troubles_of(shared.sweeping(watcher))
    assert shared.value(name) == '{"bucket": "landing"}'
    first.give_back(overridden)
    assert shared.value(name) == "before"
    shared.forget_note(name)


def test_a_note_that_is_closed_though_ssm_has_its_value_hides_nothing(shared: SharedParameters) -> None:
    watched, met = shared.new(existed=True), shared.new(existed=True)
    for name in (watched, met):
        change(shared.doomed("first"), name)
        shared.put_note(name, shared.note(name) | {"closed": "restored by its run"})
    following = shared.living("second")
    overridden = change(following, met)
    assert overridden.earlier is not None
    assert overridden.earlier.value == "before"
    following.give_back(overridden)
    shared.watcher(survive)
    assert shared.value(watched) == "before"


@pytest.mark.parametrize("how", ["removed", "replaced by a closed one"])
def test_a_value_of_which_no_note_tells_is_not_taken_for_what_was_there_before(
    shared: SharedParameters, how: str
) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    if how == "removed":
        shared.forget_note(name)
    else:
        shared.put_note(name, invented(shared, name) | {"closed": "restored by its run"})
        assert any("has the value of another run" in each for each in troubles_of(shared.watcher))
    with pytest.raises(StepFailed, match=r"of which no lock tells|has the value of another run") as refused:
        change(shared.living("second"), name)
    assert shared.value(name) == '{"bucket": "landing"}', "for a person, who finds what was there in the history"
    assert "history" in str(refused.value)
    shared.forget_note(name)


def test_an_old_note_that_is_opened_again_rolls_nothing_back(shared: SharedParameters) -> None:
    name = shared.new(existed=True)
    change(shared.doomed("first"), name)
    opened = shared.note(name)
    shared.watcher(survive)
    shared.ssm.put_parameter(Name=name, Value="newer", Type="String", Overwrite=True)
    shared.put_note(name, opened)
    shared.watcher(survive)
    assert shared.value(name) == "newer"
