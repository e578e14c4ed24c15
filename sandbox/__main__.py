"""`python -m sandbox`: the sandbox as a process of its own."""

import argparse
import sys
import threading
from pathlib import Path

import boto3

from acceptance.errors import AceiteError, SettingsError
from blocks.settings import read_settings
from flows.installation.contracts import contracts_of

USAGE_ERROR = 64


def asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="An AWS on 127.0.0.1, made from the contracts."
    )
    parser.add_argument("--port", type=int, default=5000, help="0 takes any that is free")
    parser.add_argument("--contracts", type=Path, help="folder of the contracts whose pipelines are made")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="ACCESS-KEY-ID=FILE",
        help="who signs with this access key may do what the IAM policy says, and nothing else; may be given again",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the parent process is gone")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Writes one line, `ready <endpoint>`, once everything that the contracts name is there."""
    try:
        serve(asked(arguments))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    except AceiteError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def serve(wanted: argparse.Namespace) -> None:
    """Serves until it is told to end.

    Raises:
        SettingsError: the port is taken, a policy cannot be evaluated, or moto is not installed.
        ContractError: a contract cannot be used.
    """
    try:
        from sandbox.pipeline.provision import provision
        from sandbox.policies.policy_gate import bind_policy
        from sandbox.server import REGION, LocalAws
    except ModuleNotFoundError as error:
        raise SettingsError(f'The sandbox needs {error.name}: pip install "aceite[sandbox]"') from error
    with LocalAws(wanted.port) as aws:
        if wanted.contracts:
            settings = read_settings(contracts=wanted.contracts)
            session = boto3.Session("sandbox", "sandbox", region_name=REGION)
            provision(session, aws.endpoint, contracts_of(settings), settings.evidence_bucket)
        sys.stderr.write(f"faults of AWS are asked for at {aws.faults_url}\n")
        for each in wanted.policy:  # last: the same access key may have made all this
            bind_policy(aws.endpoint, *_key_and_document(each))
        sys.stdout.write(f"ready {aws.endpoint}\n")
        sys.stdout.flush()
        if wanted.until_stdin_closes:
            sys.stdin.read()
        else:
            while not threading.Event().wait(1):  # in slices: on Windows a longer wait does not see Ctrl-C
                pass


def _key_and_document(option: str) -> tuple[str, str]:
    key, _, name = option.partition("=")
    if not key or not name:
        raise SettingsError(f"--policy {option}: write ACCESS-KEY-ID=FILE, as in --policy validator=policy.json")
    try:
        return key, Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--policy {option}: the file cannot be read: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
