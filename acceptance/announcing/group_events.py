"""The event of an incomplete or wrong group of files."""

from acceptance.announcing.delivery_events import DATASET, INCOMPLETE, EventDraft
from acceptance.announcing.messages import message
from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Incomplete, deadline
from acceptance.deliveries.file_groups import Group, group_prefix

MOST_KEYS = 500
"""The most keys that an event lists: with as many missing ones of 1,024 bytes, it stays below Prefect's 1.5 MB."""


def incomplete(group: Group, contract: Contract, finding: Incomplete) -> EventDraft:
    """Return the event. `deadline` is when people were, or will be, notified that the group is incomplete."""
    due = deadline(group, contract)
    location = f"s3://{contract.template.bucket}/{group_prefix(contract, group.key)}"
    resource = {
        "prefect.resource.id": location,
        "prefect.resource.name": group.key.title,
        DATASET: group.key.dataset,
        "aceite.business-date": group.key.business_date.isoformat(),
        "aceite.group": group.key.id,
    }
    payload = {
        "dataset": group.key.dataset,
        "business_date": group.key.business_date.isoformat(),
        "fields": dict(group.key.fields),
        "why": finding.why,
        "overdue": finding.overdue,
        "missing": list(finding.missing[:MOST_KEYS]),
        "missing_count": len(finding.missing),
        "keys": sorted(group.members)[:MOST_KEYS],
        "key_count": len(group.members),
        "signals": sorted(group.signals)[:MOST_KEYS],
        "deadline": due.isoformat() if due else None,
        "revision": group.revision,
        "message": message(
            f"{group.key.title}: incomplete",
            [
                ("Dataset", group.key.dataset),
                ("Date", group.key.business_date.isoformat()),
                ("Files", str(len(group.members))),
                ("Why", finding.why),
                ("Missing", ", ".join(finding.missing[:MOST_KEYS])),
            ],
        ),
    }
    return EventDraft(INCOMPLETE, resource, payload)
