"""The base of everything that is written down as JSON: it does not change."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from acceptance.untrusted_text import one_line, several_lines

Line = Annotated[str, AfterValidator(one_line)]
Lines = Annotated[str, AfterValidator(several_lines)]
"""Texts for people. Data, such as a key, is a plain `str` and stays exactly as it is."""


class Record(BaseModel):
    """Reading ignores fields that it does not know: a later version of Aceite may have written them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
