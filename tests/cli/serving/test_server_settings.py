"""What the embedded Prefect server forgets, as Prefect reads its settings."""

from datetime import timedelta

from prefect.settings.models.server.services import ServerServicesDBVacuumSettings

from cli.serving.server_settings import server_settings

PERIOD = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"


def test_runs_are_forgotten_after_thirty_days_unless_the_environment_says_otherwise(monkeypatch):
    for name, value in server_settings(csrf_protection=False).items():
        monkeypatch.setenv(name, value)
    read = ServerServicesDBVacuumSettings()
    assert read.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert read.retention_period == timedelta(days=30)
    monkeypatch.setenv(PERIOD, "86400")
    assert server_settings(csrf_protection=False)[PERIOD] == "86400"
