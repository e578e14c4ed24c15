"""Trino, Athena's own engine: fetched once by Maven, started on loopback, asked over HTTP, answered as Athena does."""
