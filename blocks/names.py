"""The names under which the blocks are saved. A person finds them by these on Prefect's blocks page."""

CREDENTIALS = "aceite-aws"
LANDING = "aceite-landing"
EVIDENCE = "aceite-evidence"
LEDGER = "aceite-ledger"
"""Only where the watcher runs on a work pool: a Secret block with the ledger's URL."""
