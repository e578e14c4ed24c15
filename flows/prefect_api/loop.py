"""Ends the threads in which Prefect's client does its work, before the interpreter ends."""

from prefect._internal.concurrency.threads import wait_for_global_loop_exit

_WITHIN_S = 10
"""Prefect's logs and events are sent within this time, or are lost as they would be without a word."""


def end_loop() -> None:
    """Wait until Prefect has sent its logs and events, and until its thread has ended.

    The thread is a daemon. It keeps the context of the run alive while the interpreter ends: the flow, every module
    that the flow names, and DuckDB, which then prints forty lines about objects that were never released.
    """
    wait_for_global_loop_exit(_WITHIN_S)
