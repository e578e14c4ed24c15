"""Gathers how all datasets are from the ledger, and writes or publishes the pages."""
