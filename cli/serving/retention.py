"""How long the embedded Prefect server keeps what it notes of runs. Verdicts and evidence are kept elsewhere."""

import os
from collections.abc import Mapping

_THIRTY_DAYS_S = 30 * 24 * 60 * 60

_KEPT = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(_THIRTY_DAYS_S),
}
"""By itself Prefect deletes events alone. Ended runs go with their tasks, logs and artifacts."""


def retention() -> Mapping[str, str]:
    """The settings of it, where the environment does not say otherwise."""
    return {name: os.environ.get(name, value) for name, value in _KEPT.items()}
