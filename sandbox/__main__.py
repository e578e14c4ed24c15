"""`python -m sandbox` runs the sandbox as a process of its own."""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError, SettingsError
from acceptance.untrusted_text import one_line
from blocks.loaded_objects import exempt_from_collection
from blocks.settings import Settings, read_settings
from blocks.temporary_folders import interrupt_on
from flows.installation.current_contracts import Settled, current_contracts, usable_contracts

USAGE_ERROR = 64
_FOLLOW_EVERY_S = 0.5
ANYBODY = "every user of this machine can use the sandbox, and run code in it as you: it asks for no password"


def read_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="An AWS on 127.0.0.1, made from the contracts."
    )
    parser.add_argument("--port", type=int, default=5000, help="port to listen on; 0 takes any that is free")
    parser.add_argument("--engine", choices=("duckdb", "trino"), default="duckdb", help="what runs Athena's SELECTs")
    parser.add_argument("--contracts", type=Path, help="folder of contracts; the sandbox makes their pipelines")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="ACCESS-KEY-ID=FILE",
        help="restrict this access key to what the IAM policy in FILE allows; may be repeated",
    )
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end when standard input closes, as it does when the parent process ends",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve, and print `ready <endpoint>` once everything that the contracts name exists."""
    interrupt_on("SIGTERM", "SIGHUP", "SIGBREAK", "SIGINT")
    try:
        serve(read_options(arguments))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    except AceiteError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def serve(options: argparse.Namespace) -> None:
    """Serve until interrupted, or until standard input closes if the options say so.

    Raises:
        SettingsError: the port is taken, a policy cannot be evaluated, moto is not installed, or Trino cannot run.
        ContractError: a contract cannot be used.
    """
    try:
        from sandbox.pipeline.provision import provision
        from sandbox.policies.policy_gate import bind_policy
        from sandbox.server import REGION, LocalAws
    except ModuleNotFoundError as error:
        raise SettingsError(f'The sandbox needs {error.name}: pip install "aceite[sandbox]"') from error
    with LocalAws(options.port, engine=options.engine) as aws:
        if options.contracts:
            settings = read_settings(contracts=options.contracts)
            session = boto3.Session("sandbox", "sandbox", region_name=REGION)
            make = partial(provision, session, aws.endpoint, evidence_bucket=settings.evidence_bucket)
            files = Settled(settings.contracts)
            contracts = usable_contracts(settings)
            make(contracts)
            following = (settings, files, contracts, make)
            threading.Thread(target=follow_contracts, args=following, daemon=True).start()
        sys.stderr.write(f"{ANYBODY}\nask for faults of AWS at {aws.faults_url}\n")
        for option in options.policy:  # last, because the same access key may have made everything above
            bind_policy(aws.endpoint, *_key_and_document(option))
        exempt_from_collection()
        sys.stdout.write(f"ready {aws.endpoint}\n")
        sys.stdout.flush()
        if options.until_stdin_closes:
            sys.stdin.read()
        else:
            while not threading.Event().wait(1):  # in slices, because on Windows a longer wait ignores Ctrl-C
                pass


def follow_contracts(
    settings: Settings, files: Settled, known: Sequence[Contract], make: Callable[[Sequence[Contract]], None]
) -> None:
    """Make what contracts name whenever their files change. What cannot be made is said once, until they change."""
    while True:
        time.sleep(_FOLLOW_EVERY_S)
        if (changed := files.changed()) is None:
            continue
        files.taken(changed)
        found = current_contracts(settings).usable
        if found != known:
            try:
                make(found)
            except (AceiteError, BotoCoreError, ClientError) as error:
                sys.stderr.write(f"the sandbox could not make all that the contracts name: {one_line(str(error))}\n")
            else:
                sys.stderr.write(f"the sandbox made what {len(found)} contracts name\n")
        known = found


def _key_and_document(option: str) -> tuple[str, str]:
    key, _, name = option.partition("=")
    if not key or not name:
        raise SettingsError(f"--policy {option}: expected ACCESS-KEY-ID=FILE, as in --policy validator=policy.json")
    try:
        return key, Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--policy {option}: the file cannot be read: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
