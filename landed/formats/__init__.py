"""CSV, JSON lines and Parquet: each module opens a file of its format."""
