"""docs/sandbox.md says how the sandbox is asked for faults of AWS."""

import json
import re
import urllib.error
import urllib.request

import pytest
from markdown_pages import DOCS, code, section, tables

from sandbox.server import LocalAws

PAGE = (DOCS / "sandbox.md").read_text(encoding="utf-8")
FIELDS = tables(section(PAGE, "Faults of AWS"))[0]
STRANGE = "qqqq"


@pytest.fixture(scope="module")
def faults():
    """Put faults into a sandbox, and return the status and the body of its answer."""
    with LocalAws() as aws:

        def put(fault):
            request = urllib.request.Request(f"{aws.endpoint}/_aceite/faults", json.dumps(fault).encode(), method="PUT")
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        yield put


def allowed(answer):
    status, message = answer
    assert status == 400, message
    return re.search(r"allowed(?: are|:) ([^\n\"]*)", message)[1].split(", ")


def test_the_page_names_the_fields_of_a_fault(faults):
    assert sorted(allowed(faults({STRANGE: 1}))) == sorted(code(row["field"])[0] for row in FIELDS)


def test_the_page_names_the_kinds_of_faults(faults):
    kinds = next(code(row["values"]) for row in FIELDS if "`kind`" in row["field"])
    assert allowed(faults({"kind": STRANGE})) == kinds


def test_the_defaults_of_the_page_are_the_sandboxs(faults):
    (made,) = json.loads(faults({"kind": "slow"})[1])["faults"]
    for row in FIELDS:
        name, default = code(row["field"])[0], row["default"].strip("`").partition(",")[0]
        if name == "callers":
            assert made[name] == json.loads(row["default"].strip("`"))
        elif default not in ("required", "random"):
            assert made[name] == (default if default == "*" else json.loads(default)), name


def test_the_request_of_the_page_is_accepted(faults):
    body = re.search(r'-d "(.*)"', section(PAGE, "Faults of AWS"))[1].replace('\\"', '"')
    assert faults(json.loads(body))[0] == 200
