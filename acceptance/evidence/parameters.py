"""What a run did to the parameters that the pipeline under test reads."""

from datetime import datetime

from acceptance.record import Record


class ParameterState(Record):
    """What SSM said of a parameter. Values are never recorded: SSM keeps them, by version."""

    version: int
    type: str
    last_modified: datetime


class ParameterRecord(Record):
    """An SSM parameter that the run changed: the names of the keys that were set, and what was read back from SSM.

    The states are None where there was no parameter. `restored` is what was seen, not what was meant: afterwards the
    parameter had the value that it had before, or was gone as before.
    """

    name: str
    copy_of: str | None
    keys_set: tuple[str, ...]
    existed_before: bool
    restored: bool
    before: ParameterState | None = None
    during: ParameterState | None = None
    after: ParameterState | None = None
