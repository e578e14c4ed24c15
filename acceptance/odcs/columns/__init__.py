"""How the properties of an ODCS schema become columns."""
