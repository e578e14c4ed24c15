"""`aceite policy` prints the IAM policy that the contracts need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acceptance.untrusted_text import json_escaped
from aws.iam.statements import MOST_CHARACTERS, Duty
from cli.options import Contracts, Home, UsageProblem
from cli.terminal import Terminal, print_document

if TYPE_CHECKING:
    from acceptance.contract.contract import Contract
    from aws.iam.policy import PolicyContext
    from blocks.build import Caller
    from blocks.settings import Settings

UNKNOWN_ACCOUNT, UNKNOWN_REGION = "ACCOUNT-ID", "REGION"


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise typer.BadParameter(f"{text!r} is not an AWS account; write twelve digits, such as 111122223333")
    return text


AccountId = Annotated[
    str | None,
    typer.Option(
        "--account", parser=_account, metavar="ID", help="AWS account. [default: the account of the credentials]"
    ),
]

KmsKeys = Annotated[
    list[str] | None, typer.Option(help="ARN of a KMS key that encrypts buckets or parameters; may be repeated.")
]


def policy(
    duty: Annotated[
        Duty,
        typer.Argument(help="The host that watches, the hosts that judge, both; or what `doctor` needs in addition."),
    ],
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only the contract of this dataset; may be repeated. [default: all]")
    ] = None,
    account: AccountId = None,
    region: Annotated[str | None, typer.Option(help="AWS region. [default: the region of the settings]")] = None,
    kms_key: KmsKeys = None,
    json: Annotated[
        bool, typer.Option("--json", help="Implied: the policy is always one JSON document.", show_default=False)
    ] = True,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Print the IAM policy that the contracts need.

    Exit code 1, and no policy, if it is larger than IAM allows.
    """
    from json import dumps

    from aws.iam.policy import statements
    from aws.iam.statements import characters, document
    from blocks.settings import read_settings
    from flows.installation.contracts import contracts_of

    settings = read_settings()
    chosen = _chosen(contracts_of(settings), dataset or ())
    context, notes = _surroundings(settings, chosen, duty, account, region, kms_key or ())
    granted = statements(chosen, context, duty)
    size = characters(granted)
    if size > MOST_CHARACTERS:
        excess = f"the policy would have {size:,} characters, and IAM allows {MOST_CHARACTERS:,}"
        _print_notes([f"{excess}; {_advice_to_split(chosen, context, duty)}"])
        return 1
    _print_notes(notes)
    print_document(json_escaped(dumps(document(granted), indent=2, ensure_ascii=False)) + "\n")
    return 0


def _chosen(contracts: Sequence[Contract], datasets: Sequence[str]) -> Sequence[Contract]:
    known = {contract.dataset: contract for contract in contracts}
    if unknown := [name for name in datasets if name not in known]:
        raise UsageProblem(f"there is no contract of dataset {unknown[0]!r}; datasets: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(datasets)] or contracts


def _surroundings(
    settings: Settings,
    contracts: Sequence[Contract],
    duty: Duty,
    account: str | None,
    region: str | None,
    kms_keys: Sequence[str],
) -> tuple[PolicyContext, list[str]]:
    """Return what AWS and the settings say about the account, and notes about what is still unknown."""
    from aws.iam.arns import Account
    from aws.iam.policy import PolicyContext, unknown_locations
    from blocks.build import aws_credentials

    credentials: Any = aws_credentials(settings)
    judges = duty in (Duty.VALIDATOR, Duty.ALL)
    notes: list[str] = []
    caller = _identify(credentials, notes)
    owner = caller.account if caller else None
    here = Account(
        account or settings.aws_account_id or owner or UNKNOWN_ACCOUNT,
        region or settings.aws_region or credentials.get_boto3_session().region_name or UNKNOWN_REGION,
        caller.arn.split(":")[1] if caller else "aws",
    )
    context = PolicyContext(
        here,
        settings.evidence_bucket,
        settings.landing_queue_url,
        settings.evidence_retention_days is not None,
        tuple(kms_keys),
        _table_locations(credentials, contracts) if owner and judges else {},
        _result_locations(credentials, contracts) if owner and judges else {},
        caller.arn if caller else "",
        settings.seal_kms_key,
    )
    missing = unknown_locations(contracts, context) if judges else () if context.caller else ("who runs the doctor",)
    return context, [*notes, *_notes(settings, context, missing)]


def _notes(settings: Settings, context: PolicyContext, missing: Sequence[str]) -> Iterator[str]:
    if context.account.id == UNKNOWN_ACCOUNT:
        yield f"replace {UNKNOWN_ACCOUNT} by your account, or give it with --account"
    if context.account.region == UNKNOWN_REGION:
        yield f"replace {UNKNOWN_REGION} by your region, or give it with --region"
    for what in missing:
        yield f"AWS does not say {what}: replace the name that begins with UNKNOWN-"
    if settings.aws_role_arn:
        yield f"attach the policy to {settings.aws_role_arn}; the caller needs sts:AssumeRole on this role"
    if not context.keys:
        yield "if your own KMS keys encrypt buckets or parameters, name them with --kms-key"


def _identify(credentials: Any, notes: list[str]) -> Caller | None:
    """Return the caller; None, with a note, if AWS does not identify it."""
    from acceptance.errors import SettingsError
    from blocks.build import identify

    try:
        return identify(credentials, None)
    except (SettingsError, ValueError) as error:
        notes.append(f"AWS could not be asked: {error}")
        return None


def _table_locations(credentials: Any, contracts: Sequence[Contract]) -> Mapping[str, str]:
    """Return locations by database.table, of those tables that AWS describes."""
    from acceptance.errors import StepFailed
    from aws.glue.catalog import read_table
    from aws.iam.policy import tables_queried

    locations = {}
    glue = credentials.get_client("glue")
    for database, name in dict.fromkeys(name for contract in contracts for name in tables_queried(contract)):
        try:
            table = read_table(glue, database, name)
        except StepFailed:
            continue
        if table is not None and table.location.startswith("s3://"):
            locations[f"{database}.{name}"] = table.location
    return locations


def _result_locations(credentials: Any, contracts: Sequence[Contract]) -> Mapping[str, str]:
    """Return output locations by workgroup, of those workgroups that AWS describes."""
    from botocore.exceptions import BotoCoreError, ClientError

    locations, athena = {}, credentials.get_client("athena")
    for name in dict.fromkeys(contract.table.workgroup for contract in contracts):
        try:
            group = athena.get_work_group(WorkGroup=name)["WorkGroup"]
        except (BotoCoreError, ClientError):
            continue
        location = group.get("Configuration", {}).get("ResultConfiguration", {}).get("OutputLocation")
        if location:
            locations[name] = location
    return locations


def _advice_to_split(contracts: Sequence[Contract], context: PolicyContext, duty: Duty) -> str:
    """Return what to do about a policy that is too large."""
    from aws.iam.policy import statements
    from aws.iam.statements import characters

    def fits(some: Sequence[Contract]) -> bool:
        return characters(statements(some, context, duty)) <= MOST_CHARACTERS

    groups: list[list[Contract]] = []
    for contract in contracts:
        if groups and fits([*groups[-1], contract]):
            groups[-1].append(contract)
        else:
            groups.append([contract])
    too_large = [group[0].dataset for group in groups if not fits(group)]
    if too_large:
        return f"the policy of {too_large[0]} alone is too large: split its statements among several policies"
    commands = [
        " ".join(["aceite", "policy", duty, *(f"--dataset {contract.dataset}" for contract in group)])
        for group in groups
    ]
    return "attach several policies to the role, each printed by one of these commands:\n  " + "\n  ".join(commands)


def _print_notes(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        Terminal(stderr=True).print_lines(f"aceite policy: {sentence}")
