"""The parts of an ODCS document that become checks."""
