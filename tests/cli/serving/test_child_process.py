"""The logs of the processes that a command starts."""

import os

from cli.serving.child_process import ChildProcess


def test_a_large_log_is_put_aside_when_the_next_process_starts(tmp_path):
    log = tmp_path / "part.log"
    log.write_bytes(b"." * (20 * 1024 * 1024 + 1))
    for _ in range(2):
        ChildProcess("part", ("json.tool", "--help"), os.environ, log).stop()
    assert log.stat().st_size < 1024
    assert (tmp_path / "part.log.1").stat().st_size > 20 * 1024 * 1024
