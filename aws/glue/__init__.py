"""Glue: the catalog that Athena reads, and the jobs that a pipeline runs."""
