"""WHEN a flow fires, and who is told: one module for each Prefect automation, and the command that applies them."""
