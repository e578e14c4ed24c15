"""Requests to Prefect's server: events, runs, automations; and loops that outlast an outage of the server."""
