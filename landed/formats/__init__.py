"""CSV, JSON lines, Parquet, fixed width, Avro and ORC: each module opens a file of its format."""
