"""SQL: literals, the statements that a contract may contain, regular expressions."""
