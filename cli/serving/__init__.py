"""What `aceite up` keeps running: child processes, Prefect's server, the flows, the home's records."""
