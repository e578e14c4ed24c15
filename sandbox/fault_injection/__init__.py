"""Faults of AWS on demand: throttling, errors, denials, lost connections, latency and time-outs."""
