"""The command `aceite`. Its verbs import what they need when they run, so that `aceite --help` is quick."""

import io
import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
import typer.core
from pydantic.fields import FieldInfo

from blocks.settings import Settings, allowed, variable
from blocks.temporary_folders import interrupt_on
from cli.options import EXIT_USAGE, Contracts, Home
from cli.usage import InOneStyle, reworded
from cli.verbs import contracts, doctor, drop, evidence, policy, report, status, validate
from cli.verbs.installing import apply, demo, deploy, sandbox, up

_DEFAULTS = {"home": "~/.aceite", "workers": "the number of cores"}
"""The words for a default that depends on the machine."""


class WithSettings(typer.core.TyperGroup):
    """The command with the settings at the end of its help, as a list of terms at any terminal width."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Settings, as environment variables or lines of .env in the current folder"):
            formatter.write_dl(list(_settings()), col_max=32)


def _settings() -> Iterator[tuple[str, str]]:
    for name, field in Settings.model_fields.items():
        facts = [f"default: {default_text(name, field)}"]
        if words := allowed(field):
            facts.insert(0, words)
        yield variable(name), f"{field.description} [{'; '.join(facts)}]"


def default_text(name: str, field: FieldInfo) -> str:
    """Return a setting's default as people read it, the same on every machine."""
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return _DEFAULTS.get(name) or ("unset" if field.default is None else str(field.default))


app = typer.Typer(
    name="aceite",
    cls=WithSettings,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # Rich would read [default: ...] as markup and drop it
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"aceite {version('aceite')}")
        raise typer.Exit


@app.callback()
def aceite(
    contracts: Contracts = None,
    home: Home = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Judge data deliveries: drop a file in the landing bucket, read the verdict in Prefect.

    Exit codes: 0 success or accepted; 1 the verb's negative answer, such as rejected; 2 the verb failed, or could not
    judge; 64 usage error.
    """


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
    app.command(cls=InOneStyle)(verb)
app.add_typer(contracts.app, name="contracts")
app.add_typer(evidence.app, name="evidence")


def main() -> None:
    """Run the command. A failure is printed, and its exit code is never that of a verdict: see `cli.failures`."""
    _write_utf8()
    # Prefect, once it is imported, would send usage data, and say so in eight lines before the first one of ours.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    interrupt_on("SIGTERM", "SIGHUP", "SIGBREAK")
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        reworded(error).show()
        code = EXIT_USAGE
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except Exception as error:  # noqa: BLE001 - without this Python would exit with 1, which is a verdict
        from cli.failures import print_failure

        code = print_failure(error)
    sys.exit(code)


def _write_utf8() -> None:
    """Write UTF-8 to files and pipes, where the system might use another encoding. A console keeps its own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main()
