"""Who uses a policy. The command names the duties in its help, and needs nothing else of this room for that."""

from enum import StrEnum


class Duty(StrEnum):
    """Who uses the policy: the host that watches, hosts that validate, or a host that does both.

    DOCTOR is what `aceite doctor` needs in addition to ALL.
    """

    WATCHER = "watcher"
    VALIDATOR = "validator"
    ALL = "all"
    DOCTOR = "doctor"
