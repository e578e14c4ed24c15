"""Logs without the parts of addresses that are secret: whoever has a webhook's path may speak through it.

Prefect's server logs the whole address of a webhook that refuses a notification.
"""

import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

_URL = re.compile(r"(https?://)(?:[^\s/'\"<>@]*@)?([^\s/'\"<>?#]+)([/?#][^\s'\"<>]*)")


def without_paths(text: str, known_host: str) -> str:
    """The text with every address cut after its host, except those of the known host and port."""

    def cut(url: re.Match[str]) -> str:
        return url[0] if url[2] == known_host else f"{url[1]}{url[2]}/…"

    return _URL.sub(cut, text)


def log_without_paths(known_host: str) -> None:
    """From now on, in every logger of this process, whatever handlers it gets; tracebacks included."""
    make: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()

    def made(*arguments: Any, **keywords: Any) -> logging.LogRecord:
        record = make(*arguments, **keywords)
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001  # logging itself tells of a message that cannot be made, and goes on
            return record
        shown = without_paths(said, known_host)
        if shown != said:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = without_paths("".join(traceback.format_exception(*record.exc_info)).rstrip(), known_host)
        return record

    logging.setLogRecordFactory(made)
