"""Changes what Prefect's server tells the pages of its UI: no logos from the Internet, no feed full of heartbeats."""
