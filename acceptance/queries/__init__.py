"""The queries to Athena: one measuring query, and the few that run beside it."""
