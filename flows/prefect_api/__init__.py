"""What we ask Prefect's server: events, runs, automations; and how its loops outlast an outage of the server."""
