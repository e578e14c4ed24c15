"""Keeps the garbage collector of a process that lives long away from what it holds for good."""

import gc
from functools import cache


@cache
def exempt_from_collection() -> None:
    """Exempt from garbage collection all objects that this process holds at the first call: modules, models, clients.

    A collection looks at every object. Those of Prefect and boto3 stay until the process ends, and whenever many others
    are made, all are looked at again: that was a quarter of the CPU of a first look at 10,000 keys.
    """
    gc.collect()  # what is garbage already would stay for ever
    gc.freeze()
