"""Which SQL may be said: literals, allowed statements, computed columns, patterns."""
