"""The command. Its verbs import what they need when they run, so that `aceite --help` is quick."""

import io
import sys

import typer

from blocks.settings import ENV_PREFIX, Settings
from cli import apply, contracts, demo, deploy, doctor, drop, evidence, policy, report, sandbox, status, up, validate
from cli.options import EXIT_USAGE, Contracts, Home

_SETTINGS = "\n\n".join(
    f"{ENV_PREFIX}{name.upper()}: {field.description}" for name, field in Settings.model_fields.items()
)

app = typer.Typer(
    name="aceite",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Settings are environment variables, or lines of a file .env in the current folder:\n\n{_SETTINGS}",
)


@app.callback()
def aceite(contracts: Contracts = None, home: Home = None) -> None:
    """Acceptance of data deliveries: drop a file in the landing bucket, read the verdict in Prefect."""


for verb in (
    demo.demo,
    up.up,
    sandbox.sandbox,
    drop.drop,
    validate.validate,
    status.status,
    report.report,
    apply.apply,
    deploy.deploy,
    doctor.doctor,
    policy.policy,
):
    app.command()(verb)
app.add_typer(contracts.app, name="contracts")
app.add_typer(evidence.app, name="evidence")


def main() -> None:
    """Runs the command. What goes wrong is told, and has an exit code that is no verdict: see `cli.accidents`."""
    _write_utf8()
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # every one that typer raises has it
        code = EXIT_USAGE
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except Exception as error:  # noqa: BLE001 - Python's own code for what nobody foresaw is 1, which is a verdict
        from cli.accidents import tell

        code = tell(error)
    sys.exit(code)


def _write_utf8() -> None:
    """To files and pipes, wherever the system would write in its own code page. A console gets what it can show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main()
