"""The watcher's work: list, recognise, group, announce, follow up, report what is overdue."""
