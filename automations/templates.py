"""Templates for the parameters of a run that an automation creates."""

from typing import Any


def text_of(template: str) -> dict[str, Any]:
    """Return a text template. Prefect renders a plain "{{ event.id }}" through tojson, which cannot write a UUID."""
    return {"__prefect_kind": "jinja", "template": template}


def json_of(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "json", "value": text_of(template)}
