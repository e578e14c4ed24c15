"""The gate before AWS that refuses web pages.

Whoever reaches the sandbox runs code as the user who started it, by a Lambda function of their own. A page of any site
can send requests to a port of this machine, so the gate refuses whatever a browser sends: by the headers that tell of
a page, and by a Host that is made to lead here (DNS rebinding). The one exception is a person who opens evidence, or a
page over all datasets.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from sandbox.aws_requests import Wsgi, answer

_OWN_NAME = re.compile(r"(?:[a-z0-9.-]+\.)?(?:localhost|127\.0\.0\.1)", re.IGNORECASE)
"""Also with a bucket before it, as clients of S3 may write. No such name can lead anywhere else."""
_OF_A_PAGE = ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE", "HTTP_SEC_FETCH_DEST")
_EVIDENCE = re.compile(r"/[a-z0-9][a-z0-9.-]+/(?:.+/evidence\.html|reports/(?:index|dataset-[a-z0-9._-]+)\.html)")


class BrowserGate:
    """Passes on what programs ask, and links to evidence."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_own_host(environ):
            names = " or ".join(f"{name}:{environ['SERVER_PORT']}" for name in ("127.0.0.1", "localhost"))
            reason = f"the sandbox answers as {names} only, with a bucket before it if you like\n"
            return answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", reason.encode(), start_response)
        if any(header in environ for header in _OF_A_PAGE) and not _opens_evidence(environ):
            reason = "the sandbox answers no browser, only programs; paste the address of evidence into a new tab\n"
            return answer(HTTPStatus.FORBIDDEN, "text/plain", reason.encode(), start_response)
        return self._app(environ, start_response)


def _is_own_host(environ: dict[str, Any]) -> bool:
    name, _, port = environ.get("HTTP_HOST", "").partition(":")
    return _OWN_NAME.fullmatch(name) is not None and (port or "80") == environ["SERVER_PORT"]


def _opens_evidence(environ: dict[str, Any]) -> bool:
    """Return True for a person who opens a page of evidence, or over all datasets, by its address or a link of ours."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_ORIGIN" not in environ
        and environ.get("HTTP_SEC_FETCH_SITE") in ("none", "same-site", "same-origin")
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
        and not environ.get("QUERY_STRING")
        and _EVIDENCE.fullmatch(environ["PATH_INFO"]) is not None
    )
