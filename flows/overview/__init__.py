"""Gathers how all datasets are from the ledger, and writes the pages of it."""
