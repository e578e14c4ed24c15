"""The properties of an ODCS schema, which become columns and tables."""
