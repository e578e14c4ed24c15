"""moto's SSM without its EC2, which takes 115 MB and half a second to import.

moto's SSM asks EC2 only for the instances that a command is sent to. Whoever imports moto's SSM imports it from here:
EC2 is then imported when it is used.
"""

import sys
from types import ModuleType
from typing import Any

_EC2 = "moto.ec2"


class _UsedSeldom:
    """The backends of EC2 by account, as moto has them. The first use imports them."""

    def __getitem__(self, account: str) -> Any:
        from moto.ec2.models import ec2_backends

        return ec2_backends[account]


def _ssm_backends() -> Any:
    if _EC2 in sys.modules:
        from moto.ssm.models import ssm_backends

        return ssm_backends
    stand_in = ModuleType(_EC2)
    stand_in.ec2_backends = _UsedSeldom()  # type: ignore[attr-defined]
    sys.modules[_EC2] = stand_in
    try:
        from moto.ssm.models import ssm_backends
    finally:
        del sys.modules[_EC2]  # whoever imports EC2 itself gets it
    return ssm_backends


ssm_backends = _ssm_backends()
