"""The queries to Athena: one query measures a delivery, and a few more follow it."""
