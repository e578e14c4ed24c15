"""Runs Prefect's server as a child process of `aceite up`: API, services and UI in one process, on SQLite."""

import argparse
import logging
import re
import socket
import sys
import traceback
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import uvicorn
from fastapi import FastAPI
from prefect.server.api import server as api_server
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.events import actions
from prefect.server.events.clients import PrefectServerEventsAPIClient
from prefect.settings import (
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_SERVER_API_AUTH_STRING,
    PREFECT_SERVER_CORS_ALLOWED_ORIGINS,
    temporary_settings,
)
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from automations.pause_what_keeps_failing import PAUSES
from blocks.loaded_objects import exempt_from_collection
from cli.serving.child_process import end_with_standard_input, print_ready
from cli.serving.own_pages import OwnPagesOnly, own_origins
from cli.serving.prefect_database import NewerDatabase, refuse_newer_database
from cli.serving.told_to_pages.block_logos import WithoutLogos
from cli.serving.told_to_pages.quiet_feed import QuietFeed

_URL = re.compile(r"(https?://)(?:[^\s/'\"<>@]*@)?([^\s/'\"<>?#]+)([/?#][^\s'\"<>]*)")


class _Queueing(AioSqliteConfiguration):
    """Takes the write lock at the beginning of each transaction: see docs/decisions/0011.

    Prefect opens other sessions while a transaction is open, to read what an event tells. They begin as Prefect asks:
    if they wanted the lock too, they would wait for the transaction that waits for them.
    """

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        outermost = SQLITE_BEGIN_MODE.get() is None
        async with super().begin_transaction(session, with_for_update=with_for_update or outermost) as transaction:
            yield transaction

    def begin_sqlite_stmt(self, conn: Connection) -> None:
        super().begin_sqlite_stmt(conn)
        if SQLITE_BEGIN_MODE.get() is not None:
            SQLITE_BEGIN_MODE.set("DEFERRED")  # for sessions within; Prefect resets it when the transaction ends


class _Server(uvicorn.Server):
    """Prints the ready line when it listens."""

    async def startup(self, *arguments: object, **keywords: object) -> None:
        await super().startup(*arguments, **keywords)  # type: ignore[arg-type]
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print_ready(f"http://127.0.0.1:{port}/api")


class _AuthorizedEventsClient(PrefectServerEventsAPIClient):
    """Sends the auth string, as the server's other client of itself does.

    Prefect forgets it here, so that the action which pauses an automation is answered 401: see docs/decisions/0025.
    """

    def __init__(self, additional_headers: dict[str, str] | None = None) -> None:
        auth = PREFECT_SERVER_API_AUTH_STRING.value()
        ours = {"Authorization": f"Basic {b64encode(auth.encode()).decode()}"} if auth else {}
        super().__init__({**(additional_headers or {}), **ours})


def cached_app() -> FastAPI:
    """Return the server's app, and let Prefect reuse it.

    Before each action of an automation Prefect creates the app again, which takes 0.1 s of CPU to compare its settings:
    see docs/decisions/0011.
    """
    app, build = api_server.create_app(final=True), api_server.create_app

    def create(*arguments: Any, **keywords: Any) -> FastAPI:
        return build(*arguments, **keywords) if arguments or keywords else app

    api_server.create_app = create
    return app


def without_paths(text: str, known_host: str) -> str:
    """Return the text with every URL cut after its host, except those of the known host and port."""

    def cut(url: re.Match[str]) -> str:
        return url[0] if url[2] == known_host else f"{url[1]}{url[2]}/…"

    return _URL.sub(cut, text)


def log_without_paths(known_host: str) -> None:
    """Cut URLs in every log record of this process, tracebacks included, whichever handlers it gets.

    Prefect's server logs the whole URL of a webhook that refuses a notification. Its path is a secret: whoever has it
    can post there.
    """
    make: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()

    def redacted(*arguments: Any, **keywords: Any) -> logging.LogRecord:
        record = make(*arguments, **keywords)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # logging itself reports a message that cannot be formatted, and goes on
            return record
        shown = without_paths(message, known_host)
        if shown != message:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = without_paths("".join(traceback.format_exception(*record.exc_info)).rstrip(), known_host)
        return record

    logging.setLogRecordFactory(redacted)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    try:
        refuse_newer_database(PREFECT_API_DATABASE_CONNECTION_URL.value())
    except NewerDatabase as error:
        sys.exit(str(error))
    with _bound(parser.parse_args().port) as bound:
        port: int = bound.getsockname()[1]
        log_without_paths(f"127.0.0.1:{port}")
        with temporary_settings({PREFECT_SERVER_CORS_ALLOWED_ORIGINS: ",".join(own_origins(port))}):
            app = OwnPagesOnly(QuietFeed(WithoutLogos(cached_app())), port)
        actions.PrefectServerEventsAPIClient = _AuthorizedEventsClient  # type: ignore[attr-defined]
        server = _Server(uvicorn.Config(app, log_level="warning", headers=[(PAUSES, "yes")]))

        def stop() -> None:
            server.should_exit = True

        end_with_standard_input(stop)
        exempt_from_collection()
        with _database():
            server.run(sockets=[bound])


def _bound(port: int) -> socket.socket:
    """Return a socket that does not listen yet, so that clients are refused until the server is ready."""
    bound = socket.socket()
    if sys.platform != "win32":  # there it would take a port that another server uses
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _database() -> AbstractContextManager[None]:
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    return temporary_database_config(_Queueing(url)) if url.startswith("sqlite") else nullcontext()


if __name__ == "__main__":
    main()
