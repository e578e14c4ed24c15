"""In which process a run runs: warm processes for Prefect."""
