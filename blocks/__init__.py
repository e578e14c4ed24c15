"""WITH WHAT: settings, private files, and blocks of prefect-aws. Only this package builds credentials."""
