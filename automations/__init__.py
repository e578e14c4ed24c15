"""WHEN a flow fires, and who is notified: a module per Prefect automation, and the command that applies them."""
