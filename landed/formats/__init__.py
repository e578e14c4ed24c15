"""CSV, JSON lines, Parquet and fixed width: each module opens a file of its format."""
