"""An Athena that runs queries: DuckDB executes Athena's SQL on the Glue catalog's tables and the objects in S3."""
