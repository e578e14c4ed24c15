"""CSV, JSON lines and Parquet: one module for each, one function that opens a file of it."""
