"""What the watcher does in a tick: list, recognise, group, announce, follow up, notice what is overdue."""
