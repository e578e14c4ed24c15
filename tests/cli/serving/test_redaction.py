"""Addresses in logs end behind their host."""

import io
import logging

import pytest

from cli.serving.prefect_server import log_without_paths, without_paths

OWN = "127.0.0.1:4200"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("for url 'https://hooks.slack.com/services/T0/B0/s3cret'", "for url 'https://hooks.slack.com/…'"),
        ("https://user:s3cret@example.com/x?token=s3cret#s3cret", "https://example.com/…"),
        ("http://example.com?token=s3cret and more", "http://example.com/… and more"),
        ("http://127.0.0.1:4200/api/flow_runs/1", "http://127.0.0.1:4200/api/flow_runs/1"),
        ("http://127.0.0.1:42000/s3cret", "http://127.0.0.1:42000/…"),
        ("https://example.com", "https://example.com"),
        ("no address, 50 % of it", "no address, 50 % of it"),
    ],
)
def test_an_address_is_cut_behind_its_host_unless_it_is_our_own(text, shown):
    assert without_paths(text, OWN) == shown


def test_no_log_says_the_path_neither_in_a_message_nor_in_a_traceback():
    before = logging.getLogRecordFactory()
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logger = logging.getLogger("redacted")
    logger.propagate = False
    logger.addHandler(handler)
    log_without_paths(OWN)
    try:
        logger.warning("told %s of %d %%", "https://example.com/s3cret", 5)
        try:
            int("https://example.com/s3cret")
        except ValueError:
            logger.exception("it failed")
    finally:
        logging.setLogRecordFactory(before)
        logger.removeHandler(handler)
    assert "s3cret" not in said.getvalue()
    assert "told https://example.com/… of 5 %\n" in said.getvalue()
    assert "https://example.com/…'" in said.getvalue()
