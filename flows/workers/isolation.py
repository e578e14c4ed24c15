"""Restores a process after a run, so that the next run finds nothing of the last one."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3


@contextmanager
def nothing_left_behind(environment: Mapping[str, str | None], folder: str) -> Iterator[None]:
    """Give the run its own environment and folder for temporary files, and restore the process afterwards.

    Restored are the environment, current folder, import path, log handlers and levels, warning filters and boto3's
    default session. The worker makes and removes the folder, so that a killed run leaves no files either.
    """
    variables, place, path = dict(os.environ), Path.cwd(), list(sys.path)
    logs, filters = _log_setup(), list(warnings.filters)
    try:
        tempfile.tempdir = folder
        _set({**environment, "TMPDIR": folder, "TEMP": folder, "TMP": folder})
        yield
    finally:
        tempfile.tempdir = None
        _set({**dict.fromkeys(os.environ), **variables})
        os.chdir(place)
        sys.path[:] = path
        warnings.filters = filters
        _restore_logs(logs)
        boto3.DEFAULT_SESSION = None


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        elif os.environ.get(name) != value:
            os.environ[name] = value


_Logs = dict[logging.Logger, tuple[Any, ...]]


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


def _log_setup() -> _Logs:
    return {
        logger: (logger.handlers[:], logger.filters[:], logger.level, logger.propagate, logger.disabled)
        for logger in _loggers()
    }


def _restore_logs(before: _Logs) -> None:
    """Restore all loggers; one that the run created loses its handlers and its level."""
    for logger in _loggers():
        handlers, filters, level, propagate, disabled = before.get(logger, ([], [], logging.NOTSET, True, False))
        logger.handlers[:], logger.filters[:] = handlers, filters
        logger.propagate, logger.disabled = propagate, disabled
        if logger.level != level:
            logger.setLevel(level)
