"""The reader of contracts: an ODCS v3.2 document becomes a `Contract`, or a list of problems, each with its line."""
