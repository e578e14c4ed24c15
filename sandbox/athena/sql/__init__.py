"""Athena's SQL in DuckDB's: the types of its expressions, and what each engine computes in its own way."""
