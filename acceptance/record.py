"""The base of everything that is written down as JSON: it does not change."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Reading ignores fields that it does not know: a later version of Aceite may have written them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
