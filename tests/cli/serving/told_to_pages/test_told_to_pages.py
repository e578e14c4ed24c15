"""Prefect's UI is told no logos of blocks and no heartbeats, unless it asks for them; programs are told everything."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from auth_strings import AUTH_STRING
from polling import eventually
from prefect.blocks.system import Secret
from prefect.events import Event, Resource

from acceptance.announcing.delivery_events import ARRIVED, HEARTBEAT
from cli.serving.told_to_pages.quiet_feed import HEARTBEATS, without_heartbeats

BY_A_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip, br"}
AS_THE_PAGE_ASKS = {"any_resource": {"id_prefix": []}, "event": {"name": [], "exclude_prefix": ["prefect.log.write"]}}


@pytest.fixture
def client(prefect_server: str) -> httpx.Client:
    user, _, password = AUTH_STRING.partition(":")
    return httpx.Client(base_url=prefect_server, auth=(user, password))


def types(client: httpx.Client, **headers: str) -> list[dict[str, Any]]:
    answer = client.post("/block_types/filter", json={}, headers=headers).raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def test_a_page_is_told_every_block_type_without_its_logo_and_a_program_with_it(client: httpx.Client) -> None:
    told, seen = types(client), types(client, **BY_A_PAGE)
    assert {type_["logo_url"] for type_ in seen} == {None}
    assert all(type_["logo_url"] for type_ in told)
    assert seen == [{**type_, "logo_url": None} for type_ in told]


def test_the_blocks_on_the_page_have_no_logo_either_and_a_block_that_speaks_of_one_is_as_it_was_saved(
    client: httpx.Client,
) -> None:
    Secret(value='"logo_url":"http://x/"').save("with-a-logo", overwrite=True)
    asked = {"block_documents": {"is_anonymous": {"eq_": False}}, "include_secrets": True}
    seen = client.post("/block_documents/filter", json=asked, headers=BY_A_PAGE).raise_for_status().json()
    (saved,) = [each for each in seen if each["name"] == "with-a-logo"]
    assert saved["block_type"]["logo_url"] is None
    assert saved["data"]["value"] == '"logo_url":"http://x/"'


def test_a_page_is_told_of_other_things_as_before(client: httpx.Client) -> None:
    wrong = client.post("/block_types/filter", json={"limit": -1}, headers=BY_A_PAGE)
    assert wrong.status_code == 422
    assert client.get("/health", headers=BY_A_PAGE).json() is True
    missing = client.get("/block_types/slug/none-such", headers=BY_A_PAGE)
    assert missing.status_code == 404


@pytest.fixture
def then(client: httpx.Client) -> datetime:
    """A moment at which one delivery arrived, and each kind of heartbeat came; the server's store has them."""
    then = datetime.now(UTC) - timedelta(days=3)
    resource = Resource({"prefect.resource.id": f"one.{uuid4()}"})
    made = [Event(id=uuid4(), event=name, occurred=then, resource=resource) for name in (ARRIVED, *HEARTBEATS)]
    client.post("/events", json=[each.model_dump(mode="json") for each in made]).raise_for_status()
    eventually(lambda: len(feed(client, at(then))) == len(made), "the events in the store")
    return then


def at(then: datetime) -> dict[str, Any]:
    since, until = then - timedelta(seconds=1), then + timedelta(seconds=1)
    return {"occurred": {"since": since.isoformat(), "until": until.isoformat()}}


def feed(client: httpx.Client, wanted: dict[str, Any], **headers: str) -> list[str]:
    answer = client.post("/events/filter", json={"filter": wanted}, headers=headers).raise_for_status()
    return sorted(event["event"] for event in answer.json()["events"])


def test_the_feed_of_the_page_has_no_heartbeats_until_somebody_picks_an_event_or_a_resource(client, then) -> None:
    assert feed(client, {**AS_THE_PAGE_ASKS, **at(then)}, **BY_A_PAGE) == [ARRIVED]
    assert feed(client, {"event": {"name": [HEARTBEAT]}, **at(then)}, **BY_A_PAGE) == [HEARTBEAT]
    assert feed(client, {"any_resource": {"id_prefix": ["one."]}, **at(then)}, **BY_A_PAGE) == sorted(
        [ARRIVED, *HEARTBEATS]
    )


def test_a_program_is_told_every_event(client, then) -> None:
    assert feed(client, {**AS_THE_PAGE_ASKS, **at(then)}) == sorted([ARRIVED, *HEARTBEATS])


def test_the_curve_of_the_page_counts_what_its_feed_shows_and_the_list_to_pick_from_names_heartbeats(client, then):
    def counted(by: str) -> dict[str, int]:
        asked = {"filter": {**AS_THE_PAGE_ASKS, **at(then)}, "time_unit": "second", "time_interval": 1}
        answer = client.post(f"/events/count-by/{by}", json=asked, headers=BY_A_PAGE).raise_for_status().json()
        return {each["label"]: each["count"] for each in answer}

    assert sum(counted("time").values()) == 1
    assert counted("event") == dict.fromkeys([ARRIVED, *HEARTBEATS], 1)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"7", b'{"filter": 7}', b'{"filter": {"event": 7}}'])
def test_a_question_that_nobody_understands_is_the_server_s_to_refuse(client: httpx.Client, body: bytes) -> None:
    assert without_heartbeats(body) == body
    headers = {**BY_A_PAGE, "Content-Type": "application/json"}
    assert client.post("/events/filter", content=body, headers=headers).status_code < 500
