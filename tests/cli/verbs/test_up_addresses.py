"""`aceite up` says where everything is, in a form that can be copied."""

import io

import pytest

from blocks.settings import Settings
from cli.serving.home import Running
from cli.terminal import Terminal
from cli.verbs.installing.up import print_addresses


@pytest.mark.parametrize("length", range(1, 120, 7))
def test_no_address_is_broken_however_long_the_home_is(length):
    home = "/" + "h" * length
    running = Running(
        1, "http://127.0.0.1:4200/api", None, {"ACEITE_HOME": home}, auth_file=f"{home}/prefect-auth-string"
    )
    written = io.StringIO()

    print_addresses(Terminal(file=written, width=80), running)

    lines = written.getvalue().splitlines()
    assert lines == [
        "Prefect UI  http://127.0.0.1:4200",
        f"Password    the line in the file {home}/prefect-auth-string: paste it where the page asks",
        "AWS         the account of the credentials",
        f"Home        {home}",
    ]


@pytest.mark.parametrize(
    ("publishes", "lines"), [(True, ["http://127.0.0.1:5000/kept/reports/index.html"]), (False, [])]
)
def test_the_address_of_the_index_is_told_if_the_watcher_publishes_it(publishes, lines):
    running = Running(1, "http://127.0.0.1:4200/api", "http://127.0.0.1:5000", {"ACEITE_HOME": "/h"})
    written = io.StringIO()
    print_addresses(Terminal(file=written), running, Settings(publish_reports=publishes, evidence_bucket="kept"))
    assert [line.split()[1] for line in written.getvalue().splitlines() if line.startswith("Datasets")] == lines
