"""The part of Glue's library that a script without Spark imports: the reader of a run's arguments."""
