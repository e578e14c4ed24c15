"""How the parts of an ODCS document become checks."""
