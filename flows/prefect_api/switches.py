"""Each dataset's switch in Prefect: the automation that runs its validations. Switched off, the dataset is paused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Completed

from acceptance.announcing.waiting import switch_name as switch_name

ASKED_AT_ONCE = 100
ROLE = "switch"
SWITCHED = "aceite.switched"


@dataclass(frozen=True, slots=True)
class Switch:
    """A dataset's automation. `switched` is when it last changed, so it differs after each pause and resumption."""

    automation_id: str
    name: str
    on: bool
    switched: str

    @property
    def related(self) -> dict[str, str]:
        """The related resource of events: it names the automation that the circuit breaker may switch off."""
        return {
            "prefect.resource.id": f"prefect.automation.{self.automation_id}",
            "prefect.resource.role": ROLE,
            "prefect.resource.name": self.name,
            SWITCHED: self.switched,
        }

    @property
    def page(self) -> str:
        """The automation's page in Prefect's UI; empty if the UI's address is not known."""
        url = get_current_settings().ui_url
        return f"{url}/automations/automation/{self.automation_id}" if url else ""


def read_switches(client: SyncPrefectClient, datasets: Sequence[str]) -> Mapping[str, Switch]:
    """Return the switches by dataset. A dataset without an automation has none.

    Raises:
        httpx.HTTPError: the server did not answer.
    """
    by_name = {switch_name(dataset): dataset for dataset in datasets}
    names, found = list(by_name), {}
    for start in range(0, len(names), ASKED_AT_ONCE):
        asked = {"name": {"any_": names[start : start + ASKED_AT_ONCE]}}
        answer = client.request("POST", "/automations/filter", json={"automations": asked, "limit": 200})
        for each in answer.raise_for_status().json():
            switch = Switch(each["id"], each["name"], each["enabled"], str(each.get("updated")))
            found[by_name[each["name"]]] = switch
    return found


def is_paused(dataset: str) -> bool:
    with get_client(sync_client=True) as client:
        switch = read_switches(client, [dataset]).get(dataset)
    return switch is not None and not switch.on


def held(dataset: str) -> State:
    """Return the state of a run whose dataset was paused before it began. It leaves its deliveries untouched."""
    message = f"{dataset} is paused: switch on the automation {switch_name(dataset)!r} to have its deliveries judged"
    return Completed(name="Held", message=message)
