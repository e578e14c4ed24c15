"""Which SQL may be said: literals, allowed statements, patterns."""
