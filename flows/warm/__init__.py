"""Runs served by processes that are up already, with the flows imported: a Prefect worker of our own type.

`worker` is what Prefect talks to, `pool` keeps the processes, `process` is one of them seen from the worker, `child`
what runs in it, `isolation` what must not be left from one run to the next, `world` what a process may keep.
"""
