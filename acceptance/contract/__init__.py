"""What a dataset promises, as values: columns, checks, steps, key templates, Hive types."""
