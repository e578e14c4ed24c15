"""Names of a file and of the contract are compared as Glue, Athena and the pipeline compare them."""

import pytest
from landed_contract import column, contract

from landed.file import read_landed


@pytest.fixture
def said(tmp_path):
    def said(content, *columns, **facts):
        path = tmp_path / "landed"
        path.write_text(content, encoding="utf-8", newline="")
        return "\n".join(map(str, read_landed(path, contract(*columns, **facts), tmp_path).faults))

    return said


@pytest.mark.parametrize("content", ["id,STRASSE\n1,a\n", '{"id": 1, "STRASSE": "a"}\n'])
def test_names_are_compared_in_small_letters_as_glue_and_athena_do(said, content):
    columns, kind = (column("id", "bigint"), column("stra\u00dfe", "string")), "json" if "{" in content else "csv"
    assert "that the contract lacks" in said(content, *columns, format=kind)
    assert said(content.replace("STRASSE", "Stra\u00dfe"), *columns, format=kind) == ""
