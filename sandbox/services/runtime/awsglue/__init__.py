"""What a script imports from Glue without Spark: the reader of a run's arguments."""
