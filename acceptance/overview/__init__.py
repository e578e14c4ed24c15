"""How all datasets are, at a glance: an index of them, and a page for each one."""
