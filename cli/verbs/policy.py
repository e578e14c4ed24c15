"""`aceite policy`: the IAM policy for exactly the contracts at hand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aws.iam.statements import MOST_CHARACTERS, Duty
from cli.options import Contracts, Home, UsageProblem

if TYPE_CHECKING:
    from acceptance.contract.contract import Contract
    from aws.iam.policy import PolicyContext
    from blocks.build import Caller
    from blocks.settings import Settings

UNKNOWN_ACCOUNT, UNKNOWN_REGION = "ACCOUNT-ID", "REGION"


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise typer.BadParameter(f"{text!r} is no AWS account; write twelve digits, such as 111122223333")
    return text


AccountId = Annotated[
    str | None,
    typer.Option("--account", parser=_account, metavar="ID", help="AWS account. [default: that of the credentials]"),
]


def policy(
    duty: Annotated[
        Duty,
        typer.Argument(help="Of the host that watches, of those that judge, of both; or what `doctor` needs beside."),
    ],
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only this dataset's contract; may be given again. [default: all]")
    ] = None,
    account: AccountId = None,
    region: Annotated[str | None, typer.Option(help="AWS region. [default: that of the settings]")] = None,
    kms_key: Annotated[
        list[str] | None, typer.Option(help="ARN of a KMS key of yours that buckets or parameters are under.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Implied: it prints one JSON document in any case.", show_default=False)
    ] = True,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Print the IAM policy that the contracts need. Exit code 1, and no policy, if it is larger than IAM allows."""
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
        allowed = f"the policy would have {size:,} characters, and IAM allows {MOST_CHARACTERS:,}"
        _say([f"{allowed}; {_parts(chosen, context, duty)}"])
        return 1
    _say(notes)
    sys.stdout.write(dumps(document(granted), indent=2, ensure_ascii=False) + "\n")
    return 0


def _chosen(contracts: Sequence[Contract], datasets: Sequence[str]) -> Sequence[Contract]:
    known = {contract.dataset: contract for contract in contracts}
    if strange := [name for name in datasets if name not in known]:
        raise UsageProblem(f"no contract of dataset {strange[0]!r}; there are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(datasets)] or contracts


def _surroundings(
    settings: Settings,
    contracts: Sequence[Contract],
    duty: Duty,
    account: str | None,
    region: str | None,
    kms_keys: Sequence[str],
) -> tuple[PolicyContext, list[str]]:
    """What AWS and the settings say, with notes of what nobody could."""
    from aws.iam.arns import Account
    from aws.iam.policy import PolicyContext, unknown_locations
    from blocks.build import aws_credentials

    credentials: Any = aws_credentials(settings)
    judges = duty in (Duty.VALIDATOR, Duty.ALL)
    notes: list[str] = []
    caller = _who(credentials, notes)
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
    )
    missing = unknown_locations(contracts, context) if judges else () if context.caller else ("who runs the doctor",)
    return context, [*notes, *_notes(settings, context, missing)]


def _notes(settings: Settings, context: PolicyContext, missing: Sequence[str]) -> Iterator[str]:
    if context.account.id == UNKNOWN_ACCOUNT:
        yield f"put your account in the place of {UNKNOWN_ACCOUNT}, or give it with --account"
    if context.account.region == UNKNOWN_REGION:
        yield f"put your region in the place of {UNKNOWN_REGION}, or give it with --region"
    for what in missing:
        yield f"AWS did not tell {what}: put it in the place of the name that begins with UNKNOWN-"
    if settings.aws_role_arn:
        yield f"the policy is for {settings.aws_role_arn}; who assumes it needs sts:AssumeRole on it"
    if not context.keys:
        yield "if buckets or parameters are under KMS keys of yours, name them with --kms-key"


def _who(credentials: Any, notes: list[str]) -> Caller | None:
    """None if AWS does not tell."""
    from acceptance.errors import SettingsError
    from blocks.build import identify

    try:
        return identify(credentials, None)
    except (SettingsError, ValueError) as error:
        notes.append(f"nobody could be asked: {error}")
        return None


def _table_locations(credentials: Any, contracts: Sequence[Contract]) -> Mapping[str, str]:
    """By database.table; without those that AWS does not tell."""
    from acceptance.errors import StepFailed
    from aws.glue.catalog import read_table
    from aws.iam.policy import tables_queried

    found = {}
    glue = credentials.get_client("glue")
    for database, name in dict.fromkeys(name for contract in contracts for name in tables_queried(contract)):
        try:
            table = read_table(glue, database, name)
        except StepFailed:
            continue
        if table is not None and table.location.startswith("s3://"):
            found[f"{database}.{name}"] = table.location
    return found


def _result_locations(credentials: Any, contracts: Sequence[Contract]) -> Mapping[str, str]:
    """By workgroup; without those that AWS does not tell."""
    from botocore.exceptions import BotoCoreError, ClientError

    found, athena = {}, credentials.get_client("athena")
    for name in dict.fromkeys(contract.table.workgroup for contract in contracts):
        try:
            group = athena.get_work_group(WorkGroup=name)["WorkGroup"]
        except (BotoCoreError, ClientError):
            continue
        location = group.get("Configuration", {}).get("ResultConfiguration", {}).get("OutputLocation")
        if location:
            found[name] = location
    return found


def _parts(contracts: Sequence[Contract], context: PolicyContext, duty: Duty) -> str:
    """What to do about a policy that is too large."""
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
        return f"already that of {too_large[0]} alone is too large: split its statements among several policies"
    commands = [
        " ".join(["aceite", "policy", duty, *(f"--dataset {each.dataset}" for each in group)]) for group in groups
    ]
    return "attach several policies to the role, each from one of these:\n  " + "\n  ".join(commands)


def _say(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        sys.stderr.write(f"aceite policy: {sentence}\n")
