"""A landing format says of itself what the readers, the reader of contracts and the evidence must know of it."""

import pytest
from contract_texts import ORDERS

from acceptance.contract.landing_format import FileFormat, LandingFormat
from landed.file import OPENERS


@pytest.mark.parametrize("format_", FileFormat)
def test_each_format_answers_for_itself_and_can_be_opened(format_: FileFormat) -> None:
    assert isinstance(format_.is_text, bool)
    assert isinstance(format_.is_read_strictly_by_athena, bool)
    assert format_.is_text or not format_.is_delimited, "a delimiter stands between texts"
    assert format_ in OPENERS


def test_a_format_is_written_as_the_contract_writes_it() -> None:
    assert f"format: {LandingFormat().format}" in ORDERS
