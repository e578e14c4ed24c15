"""Every Prefect task, with its retries, and the timeline that records what each one did."""
