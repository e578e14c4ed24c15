"""`aceite sandbox` runs the local AWS alone."""

from typing import Annotated

import typer

from cli.options import Contracts, Engine, EngineKind, Home, UsageProblem


def sandbox(
    contracts: Contracts = None,
    home: Home = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0 for any free one.")
    ] = 5000,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCESS-KEY-ID=FILE",
            help="Restrict this access key to what the IAM policy in FILE allows; may be repeated.",
        ),
    ] = None,
    engine: Engine = EngineKind.DUCKDB,
) -> int:
    """Run the local AWS alone, for any AWS client.

    It has everything that the contracts name. Ctrl-C ends it.
    """
    require_sandbox()
    from blocks.settings import read_settings
    from sandbox.__main__ import read_options, serve

    policies = [text for option in policy or () for text in ("--policy", option)]
    folder = str(read_settings().contracts.absolute())
    try:
        serve(read_options(["--port", str(port), "--contracts", folder, "--engine", engine.value, *policies]))
    except KeyboardInterrupt:
        return 0
    return 0


def require_sandbox() -> None:
    """Raise UsageProblem if the extra `sandbox` is not installed."""
    from importlib.util import find_spec

    if find_spec("moto") is None:
        raise UsageProblem('the sandbox is not installed; run: pip install "aceite[sandbox]" -c constraints.txt')
