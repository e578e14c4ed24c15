"""The promises of a dataset as values: columns, checks, steps, key templates, Hive types."""
