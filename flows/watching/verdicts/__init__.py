"""Verdicts of which the watcher hears late: those whose event was lost, and those that a person asked for again."""
