"""WHAT LANDED: DuckDB reads the landed files strictly, independent of the pipeline."""
