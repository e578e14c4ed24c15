"""Automations are created once, updated only when they differ, and speak of events that are really emitted."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import jinja2
import pytest
from builders import a_contract, a_delivery
from polling import eventually
from prefect.automations import AutomationCore
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from acceptance.announcing.delivery_events import arrived, arrived_together
from acceptance.deliveries.pointer import DeliveryPointer
from automations import notifications, pause_what_keeps_failing, restart_the_watcher, validate
from automations.apply import DeletedMeanwhile, apply, deployments
from automations.deployments import VALIDATION, VALIDATION_TOGETHER, WARM_POOL, served_here
from automations.notifications import Channel
from blocks.settings import Settings, read_settings
from flows.installation.contracts import load_contracts
from flows.prefect_api.runs import cancelled_by
from flows.prefect_api.switches import switch_name

SOME_ID = UUID(int=7)
SWITCH = switch_name("nyc-flights")
DELIVERY = a_delivery('a/it\'s "b" {x}.csv', dataset="movies")


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": "us-east-1"}
    return read_settings(**keys, aws_endpoint_url="http://127.0.0.1:9")


@pytest.fixture
def contracts(request):
    return load_contracts(request.config.rootpath / "contracts", {})


def test_the_event_s_payload_becomes_the_parameter_of_the_validation():
    (action,) = validate.each("movies", SOME_ID).actions
    template = action.parameters["delivery"]["value"]["template"]
    rendered = jinja2.Environment(autoescape=False).from_string(template).render(event=arrived(DELIVERY))
    assert DeliveryPointer.model_validate_json(rendered).delivery() == DELIVERY


def test_the_payload_of_many_deliveries_becomes_the_parameter_of_their_validation():
    (action,) = validate.together(SOME_ID).actions
    template = action.parameters["deliveries"]["value"]["template"]
    event = arrived_together([DeliveryPointer.to(DELIVERY)] * 2)
    rendered = jinja2.Environment(autoescape=False).from_string(template).render(event=event)
    assert [DeliveryPointer.model_validate(each).delivery() for each in json.loads(rendered)] == [DELIVERY] * 2


def test_how_many_deliveries_one_run_judges_is_a_setting(settings):
    watcher, *_ = deployments(settings.model_copy(update={"together": 7}))
    assert watcher.parameters["together"] == 7


def test_every_sign_of_life_starts_the_wait_anew():
    trigger = restart_the_watcher.automation(SOME_ID).trigger
    assert trigger.after <= trigger.expect
    assert not {"prefect.flow-run.Scheduled", "prefect.flow-run.Late"} & trigger.after


def test_names_and_descriptions_are_there_for_people():
    all_of_them = [
        validate.each("movies", SOME_ID),
        validate.each("orders", SOME_ID),
        validate.together(SOME_ID),
        pause_what_keeps_failing.automation(),
        *notifications.automations(Channel("custom-webhook/squad", SOME_ID)),
        restart_the_watcher.automation(SOME_ID),
    ]
    assert len({automation.name for automation in all_of_them}) == len(all_of_them)
    assert all(automation.name.startswith("Aceite: ") and automation.description for automation in all_of_them)


def test_applying_creates_then_changes_nothing_then_updates_what_differs_and_keeps_what_a_person_switched_off(
    prefect_server, settings, contracts
):
    planned = apply(settings, contracts, dry_run=True)
    with get_client(sync_client=True) as client:
        assert not client.read_automations_by_name(SWITCH), "a dry run makes nothing"
    assert [(change.kind, change.name) for change in planned] == [(c.kind, c.name) for c in apply(settings, contracts)]
    assert {change.change for change in apply(settings, contracts)} == {"unchanged"}

    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(SWITCH)
        client.pause_automation(automation.id)
        assert {change.change for change in apply(settings, contracts)} == {"unchanged"}
        (paused,) = client.read_automations_by_name(SWITCH)
        by_hand = {field: getattr(paused, field) for field in AutomationCore.model_fields if field != "owner_resource"}
        by_hand = AutomationCore(**{**by_hand, "description": "changed by hand"})
        client.update_automation(paused.id, by_hand)
        changed = [change for change in apply(settings, contracts) if change.change != "unchanged"]
        assert [(change.name, change.change, change.fields) for change in changed] == [
            (SWITCH, "updated", ("description",))
        ]
        (restored,) = client.read_automations_by_name(SWITCH)
        assert (restored.enabled, restored.id) == (False, automation.id)


def test_the_automation_of_a_removed_contract_is_switched_off_by_name_and_on_again_with_the_contract(
    settings, prefect_server
):
    kept, gone, paused = (a_contract(f"removed-{name}") for name in ("kept", "gone", "paused"))

    def applied(*contracts, dry_run=False):
        datasets = [contract.dataset for contract in contracts]
        changes = apply(settings, contracts, datasets=datasets, dry_run=dry_run)
        return {change.name: change.change for change in changes if "removed-" in change.name}

    def is_on():
        with get_client(sync_client=True) as client:
            found = {name: client.read_automations_by_name(switch_name(f"removed-{name}"))[0] for name in names}
        return {name: automation.enabled for name, automation in found.items()}

    names = ("kept", "gone", "paused")
    applied(kept, gone, paused)
    with get_client(sync_client=True) as client:
        (of_paused,) = client.read_automations_by_name(switch_name("removed-paused"))
        client.pause_automation(of_paused.id)
    wanted = {switch_name("removed-kept"): "unchanged", switch_name("removed-gone"): "switched off"}
    assert applied(kept, dry_run=True) == wanted
    assert is_on() == {"kept": True, "gone": True, "paused": False}
    assert applied(kept) == wanted
    assert is_on() == {"kept": True, "gone": False, "paused": False}
    assert applied(kept) == {switch_name("removed-kept"): "unchanged"}
    assert applied(kept, gone, paused)[switch_name("removed-gone")] == "updated"
    assert is_on() == {"kept": True, "gone": True, "paused": False}  # a person paused it
    apply(settings, (kept,))
    assert is_on()["gone"]  # whoever does not say which datasets there are switches nothing off


def test_automations_that_notify_are_there_as_long_as_a_notification_block_is_set(prefect_server, settings, contracts):
    CustomWebhookNotificationBlock(name="squad", url="http://127.0.0.1:9/").save("squad", overwrite=True)
    notifying = settings.model_copy(update={"notification_block": "custom-webhook/squad"})

    def changes(of: Settings, **options: bool) -> dict[str, str]:
        return {c.name: c.change for c in apply(of, contracts, **options) if c.name in notifications.NAMES}

    def there() -> list[str]:
        with get_client(sync_client=True) as client:
            return [name for name in notifications.NAMES for _ in client.read_automations_by_name(name)]

    apply(settings, contracts)
    assert there() == []
    assert changes(settings) == {}
    assert changes(notifying) == dict.fromkeys(notifications.NAMES, "created")
    assert there() == list(notifications.NAMES)
    assert changes(settings, dry_run=True) == dict.fromkeys(notifications.NAMES, "deleted")
    assert there() == list(notifications.NAMES), "a dry run deletes nothing"
    assert changes(settings) == dict.fromkeys(notifications.NAMES, "deleted")
    assert there() == []


def test_each_automation_has_an_action_that_does_something(prefect_server, settings, contracts):
    apply(settings, contracts)
    with get_client(sync_client=True) as client:
        ours = [each for each in client.read_automations() if each.name.startswith("Aceite: ")]
    assert ours
    assert [each.name for each in ours if {action.type for action in each.actions} & {"do-nothing"}] == []


def test_runs_that_wait_where_their_deployment_was_before_are_withdrawn_in_nobody_s_name(
    prefect_server, settings, contracts
):
    apply(settings, contracts, places=served_here(settings))
    elsewhere = settings.model_copy(update={"runner": "process"})
    with get_client(sync_client=True) as client:
        validation = client.read_deployment_by_name(f"validate-delivery/{VALIDATION}")
        parameters = {"delivery": DeliveryPointer.to(DELIVERY).model_dump(mode="json")}
        run = client.create_flow_run_from_deployment(validation.id, parameters=parameters)
        apply(elsewhere, contracts, places=served_here(elsewhere))
        withdrawn = client.read_flow_run(run.id)
        apply(settings, contracts, places=served_here(settings))
    assert withdrawn.state_type is StateType.CANCELLED
    assert cancelled_by(str(run.id)) is None, "no person did it, so its delivery is announced again"


def test_validations_whose_work_pool_somebody_deleted_are_served_again_and_what_waited_in_it_is_withdrawn(
    prefect_server, settings, contracts
):
    apply(settings, contracts, places=served_here(settings))
    name, parameters = (
        f"validate-delivery/{VALIDATION}",
        {"delivery": DeliveryPointer.to(DELIVERY).model_dump(mode="json")},
    )
    with get_client(sync_client=True) as client:
        validation = client.read_deployment_by_name(name)
        run = client.create_flow_run_from_deployment(validation.id, parameters=parameters)
        client.delete_work_pool(WARM_POOL)
        assert client.read_deployment_by_name(name).work_pool_name is None
        planned = {change.name: change.fields for change in apply(settings, contracts, dry_run=True) if change.fields}
        apply(settings, contracts)
        assert client.read_deployment_by_name(name).work_pool_name == WARM_POOL
        withdrawn = client.read_flow_run(run.id)
    assert planned[name] == ("work_pool_name",), "`aceite doctor` tells it"
    assert withdrawn.state_type is StateType.CANCELLED
    assert cancelled_by(str(run.id)) is None, "no person did it, so its delivery is announced again"


def test_what_somebody_deletes_while_it_is_made_ends_with_what_to_do(settings, contracts, prefect_server):
    over = Event()

    def delete() -> None:
        with get_client(sync_client=True) as client:
            while not over.is_set():
                for found in client.read_deployments():
                    if found.name == VALIDATION_TOGETHER:
                        client.delete_deployment(found.id)

    def told() -> str:
        try:
            apply(settings, contracts)
        except DeletedMeanwhile as deleted:
            return str(deleted)
        return ""

    with ThreadPoolExecutor() as others:
        deleting = others.submit(delete)
        try:
            assert "run `aceite apply` again" in eventually(told, "an apply that somebody disturbed", 60)
        finally:
            over.set()
        deleting.result()
    assert apply(settings, contracts)
