"""Runs an installation for `aceite up`: child processes, Prefect's server, the flows, the records in the home."""
