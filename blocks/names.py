"""The names of the saved blocks, as Prefect's blocks page shows them."""

CREDENTIALS = "aceite-aws"
LANDING = "aceite-landing"
EVIDENCE = "aceite-evidence"
LEDGER = "aceite-ledger"
"""A Secret block with the ledger's URL, which exists only if the watcher runs on a work pool."""
