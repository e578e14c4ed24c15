"""Avro: the container of blocks, the schema, the values, and how a file of these is opened."""
