"""docs/landed-files.md: every file on the page is read, or refused, with the words that stand beside it."""

import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from avro_files import avro_of_plain_values
from builders import contract_text
from markdown_pages import DOCS, section, tables
from orc_files import orc
from packed_files import PACKERS

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError
from acceptance.odcs.reader import read_contract
from landed.file import read_landed

PAGE = (DOCS / "landed-files.md").read_text(encoding="utf-8")
TYPES = {"id": "bigint", "name": "string", "price": "decimal(9,2)", "at": "timestamp"}
LOGICAL = {"bigint": "integer", "string": "string", "decimal(9,2)": "number", "timestamp": "timestamp"}
POSITIONS = {"id": "1-3", "name": "4-8"}
OF_SERVER = ("format", "encoding")
SIGNS = {"⏎": b"\n", "␍": b"\r", "→": b"\t", "␚": b"\x1a"}


def files(heading: str) -> list[dict[str, str]]:
    return tables(section(PAGE, heading))[0]


READ = [*files("Text"), *files("Packed, or not text")]
REFUSED = files("Refused when the contract is loaded")


def told(cell: str) -> list[str]:
    """What stands in code in a cell of the page."""
    return [text.replace("\\|", "|") for text in re.findall(r"(?:``(.+?)``|`([^`]+)`)", cell) for text in text if text]


def contract_of(said: list[str], example: str) -> Contract:
    given = {key: value for text in said for key, value in yaml.safe_load(f"{{{text}}}").items()}
    server = {"format": "csv", **{key: given.pop(key) for key in OF_SERVER if key in given}}
    server["customProperties"] = [{"property": key, "value": value} for key, value in given.items()]
    columns = [name for name in TYPES if name in re.findall(r"[a-z]+", re.sub(r"\\x[0-9a-f]{2}", "", example))]
    columns = columns or (["id", "name"] if "i" not in example else ["id"])
    listed = [{"name": name, "logicalType": LOGICAL[TYPES[name]], "physicalType": TYPES[name]} for name in columns]
    if server["format"] == "fixed-width":
        listed = [
            {
                "name": name,
                "logicalType": LOGICAL[TYPES[name]],
                "physicalType": TYPES[name],
                "customProperties": [{"property": "positions", "value": POSITIONS[name]}],
            }
            for name in POSITIONS
        ]
    text = contract_text(
        "files", "\n".join(f"- {json.dumps(each)}" for each in listed),
        location="s3://landing/files/{business_date:%Y%m%d}/{file}.txt", landing=json.dumps(server)[1:-1], day="day",
    )  # fmt: skip
    contract = read_contract(text, "files.odcs.yaml", {})
    assert contract is not None
    return contract


def content_of(example: str, contract: Contract, *, packed: bool) -> bytes:
    if contract.landing.format == "parquet":
        table, out = pa.table({key: [value] for key, value in json.loads(example).items()}), io.BytesIO()
        pq.write_table(table, out)
        return out.getvalue()
    if contract.landing.format == "avro":
        return avro_of_plain_values(json.loads(example))
    if contract.landing.format == "orc":
        return orc({key: [value] for key, value in json.loads(example).items()})
    parts = re.split(r"(\\x[0-9a-f]{2}|[⏎␍→␚])", example)
    raw = b"".join(
        SIGNS.get(part) or (bytes([int(part[2:], 16)]) if re.fullmatch(r"\\x[0-9a-f]{2}", part) else part.encode())
        for part in parts
    )
    packer = PACKERS.get(contract.landing.compression)
    return packer(raw) if packer and packed else raw


@pytest.mark.parametrize("row", READ, ids=lambda row: row["kind of file"])
def test_a_file_of_the_page_is_read_and_its_broken_twin_is_refused_in_these_words(row: dict[str, str], tmp_path: Path):
    good = told(row["is read"])[0]
    contract, path = contract_of(told(row["said by"]), good), tmp_path / "landed"
    path.write_bytes(content_of(good, contract, packed=True))
    landed = read_landed(path, contract, tmp_path)
    assert [str(fault) for fault in landed.faults] == []
    assert landed.rows > 0
    if words := told(row["with the words"]):
        bad = (told(row["is refused"]) or [""])[0]
        path.write_bytes(content_of(bad, contract, packed="not packed" not in row["is refused"]))
        faults = [str(fault) for fault in read_landed(path, contract, tmp_path).faults]
        assert words[0] in " ".join(faults)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["said by"])
def test_what_the_page_says_is_refused_at_once_is_refused_in_these_words(row: dict[str, str]):
    with pytest.raises(ContractError) as refused:
        contract_of(told(row["said by"]), "id,name")
    assert told(row["with the words"])[0] in str(refused.value)
