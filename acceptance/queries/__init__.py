"""What Athena is asked: one measuring query, and the few beside it."""
