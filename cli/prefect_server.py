"""Prefect's own server as a child of `aceite up`: the API, its services and the UI in one process, on SQLite."""

import argparse

import uvicorn
from prefect.server.api.server import create_app

from cli.children import end_with_standard_input, tell_ready


class _Server(uvicorn.Server):
    """Tells when it listens."""

    async def startup(self, *arguments: object, **keywords: object) -> None:
        await super().startup(*arguments, **keywords)  # type: ignore[arg-type]
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            tell_ready(f"http://127.0.0.1:{port}/api")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_args().port
    server = _Server(uvicorn.Config(create_app(final=True), host="127.0.0.1", port=port, log_level="warning"))

    def stop() -> None:
        server.should_exit = True

    end_with_standard_input(stop)
    server.run()


if __name__ == "__main__":
    main()
