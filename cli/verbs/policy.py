"""`aceite policy` prints the IAM policy that the contracts need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acceptance.untrusted_text import json_escaped
from aws.iam.duty import Duty
from cli.options import Contracts, Home, UsageProblem
from cli.terminal import Terminal, print_document

if TYPE_CHECKING:
    from acceptance.contract.contract import Contract
    from aws.glue.catalog import CatalogTable
    from aws.iam.compact import Widening
    from aws.iam.policy import PolicyContext
    from aws.iam.statements import Statement
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
    list[str] | None,
    typer.Option(
        metavar="ARN", help="ARN of a KMS key of buckets, parameters, the Glue catalog or the queue; may be repeated."
    ),
]


DutyName = Annotated[
    Duty,
    typer.Argument(
        metavar="|".join(Duty),
        help="The host that watches, the hosts that judge, both; or what `doctor` needs in addition.",
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option("--dataset", metavar="ID", help="Only the contract of this dataset; may be repeated. [default: all]"),
]
Compact = Annotated[
    bool,
    typer.Option(
        "--compact",
        help="Fewer characters for many contracts: wildcards for folders of buckets, and for databases, that several "
        "contracts share. What is wider is told.",
    ),
]
Region = Annotated[str | None, typer.Option(metavar="REGION", help="AWS region. [default: the region of the settings]")]


def policy(
    duty: DutyName,
    dataset: Datasets = None,
    account: AccountId = None,
    region: Region = None,
    kms_key: KmsKeys = None,
    compact: Compact = False,
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

    from aws.iam.statements import MOST_CHARACTERS, characters, document
    from blocks.settings import read_settings
    from flows.installation.contracts import contracts_of

    settings = read_settings()
    chosen = _chosen(contracts_of(settings), dataset or ())
    context, notes = _surroundings(settings, chosen, duty, account, region, kms_key or ())
    granting = partial(_granted, context=context, duty=duty, compact=compact)
    granted, widened = granting(chosen)
    size = characters(granted)
    if size > MOST_CHARACTERS:
        excess = f"the policy would have {size:,} characters, and IAM allows {MOST_CHARACTERS:,}"
        _print_notes([f"{excess}; {_advice_to_split(chosen, granting, duty, compact=compact)}"])
        return 1
    _print_notes([*notes, *_wider(widened)])
    print_document(json_escaped(dumps(document(granted), indent=2, ensure_ascii=False)) + "\n")
    return 0


def _granted(
    contracts: Sequence[Contract], context: PolicyContext, duty: Duty, *, compact: bool
) -> tuple[Sequence[Statement], Sequence[Widening]]:
    from aws.iam.policy import compact_statements, statements

    return compact_statements(contracts, context, duty) if compact else (statements(contracts, context, duty), ())


def _wider(widened: Sequence[Widening]) -> Iterator[str]:
    """Yield a sentence for each wildcard that no contract asks for: what it stands for, and in which statement."""
    for each in widened:
        where = f" in listings of {each.place}" if each.place else ""
        yield f"wider: {each.wildcard}{where} instead of {each.stands_for} patterns, to {each.purpose.why}"


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
        caller.arn.split(":")[1] if caller else _partition(region or settings.aws_region),
    )
    context = PolicyContext(
        here,
        settings.evidence_bucket,
        settings.landing_queue_url,
        settings.evidence_retention_days is not None,
        (*kms_keys, *_own_key(settings)),
        caller=caller.arn if caller else "",
        seal_key=settings.seal_kms_key,
        publishes_reports=settings.publish_reports,
        **(_catalog_facts(credentials, contracts, here.id) if owner and judges else {}),
    )
    context = _with_workgroups(context, _workgroups(credentials, contracts) if owner and judges else {})
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
        yield "if your own KMS keys encrypt buckets, parameters, the catalog or the queue, name them with --kms-key"


def _identify(credentials: Any, notes: list[str]) -> Caller | None:
    """Return the caller; None, with a note, if AWS does not identify it."""
    from acceptance.errors import SettingsError
    from blocks.build import identify

    try:
        return identify(credentials, None)
    except (SettingsError, ValueError) as error:
        notes.append(f"AWS could not be asked: {error}")
        return None


def _catalog_facts(credentials: Any, contracts: Sequence[Contract], account: str) -> Mapping[str, Any]:
    """Return what the policy's context says of tables, by database.table, of those that AWS describes."""
    from acceptance.errors import StepFailed
    from aws.athena import glue_catalog_id
    from aws.glue.catalog import read_table
    from aws.iam.policy import tables_in, tables_queried

    catalog_ids: dict[str, str] = {}
    views: dict[str, tuple[tuple[str, str], ...]] = {}
    found: dict[str, CatalogTable] = {}
    glue, athena = credentials.get_client("glue"), credentials.get_client("athena")
    for contract in contracts:
        catalog, names = contract.table.catalog.lower(), list(tables_queried(contract))
        for name in names:  # grows with what the views among them read
            try:
                catalog_ids[catalog] = catalog_ids.get(catalog) or glue_catalog_id(athena, catalog, account)
                table = read_table(glue, *name, catalog_ids[catalog])
            except StepFailed:
                continue
            if table is None:
                continue
            found[".".join(name)] = table
            if table.is_view:
                behind = views[".".join(name)] = tables_in(table.view_sql, name[0])
                names += (each for each in behind if each not in names)
    return {
        "table_locations": {name: each.location for name, each in found.items() if each.location.startswith("s3://")},
        "governed": frozenset(name for name, each in found.items() if each.governed),
        "links": {name: each.target for name, each in found.items() if each.target},
        "views": views,
        "catalog_ids": catalog_ids,
    }


def _partition(region: str | None) -> str:
    """Return the partition of AWS that the region is in: aws, aws-cn, aws-us-gov and others."""
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session().get_partition_for_region(region) if region else "aws"
    except BotoCoreError:
        return "aws"


def _own_key(settings: Settings) -> Sequence[str]:
    """Return the KMS key of the settings that encrypts evidence, if one does."""
    from aws.s3.encryption import SSE_S3

    key = settings.evidence_encryption
    return [] if key is None or key == SSE_S3 else [key]


def _with_workgroups(context: PolicyContext, groups: Mapping[str, Mapping[str, Any]]) -> PolicyContext:
    """Return the context with what the configurations of workgroups say about the results of queries."""
    locations = {name: (group.get("ResultConfiguration") or {}).get("OutputLocation") for name, group in groups.items()}
    managed = {name: group.get("ManagedQueryResultsConfiguration") or {} for name, group in groups.items()}
    return replace(
        context,
        result_locations={name: location for name, location in locations.items() if location},
        enforced=frozenset(name for name, group in groups.items() if group.get("EnforceWorkGroupConfiguration")),
        managed_results=frozenset(name for name, said in managed.items() if said.get("Enabled")),
    )


def _workgroups(credentials: Any, contracts: Sequence[Contract]) -> Mapping[str, Mapping[str, Any]]:
    """Return configurations by workgroup, of those workgroups that AWS describes."""
    from botocore.exceptions import BotoCoreError, ClientError

    found, athena = {}, credentials.get_client("athena")
    for name in dict.fromkeys(contract.table.workgroup for contract in contracts):
        try:
            group = athena.get_work_group(WorkGroup=name)["WorkGroup"]
        except (BotoCoreError, ClientError):
            continue
        found[name] = group.get("Configuration", {})
    return found


def _advice_to_split(
    contracts: Sequence[Contract],
    granting: Callable[[Sequence[Contract]], tuple[Sequence[Statement], object]],
    duty: Duty,
    *,
    compact: bool,
) -> str:
    """Return what to do about a policy that is too large."""
    from aws.iam.statements import MOST_CHARACTERS, MOST_POLICIES, characters

    def fits(some: Sequence[Contract]) -> bool:
        return characters(granting(some)[0]) <= MOST_CHARACTERS

    groups: list[list[Contract]] = []
    for contract in contracts:
        if groups and fits([*groups[-1], contract]):
            groups[-1].append(contract)
        else:
            groups.append([contract])
    too_large = [group[0].dataset for group in groups if not fits(group)]
    if too_large:
        return f"the policy of {too_large[0]} alone is too large: split its statements among several policies"
    options = [duty.value, *(["--compact"] if compact else [])]
    commands = [
        " ".join(["aceite", "policy", *options, *(f"--dataset {contract.dataset}" for contract in group)])
        for group in groups
    ]
    many = "" if len(groups) <= MOST_POLICIES else f" ({len(groups)}; a role takes {MOST_POLICIES} by default)"
    shorter = "" if compact else f"`aceite policy {duty} --compact` prints less, with wildcards that it tells; or "
    listed = "\n  ".join(commands)
    return f"{shorter}attach several policies{many} to the role, each printed by one of these commands:\n  {listed}"


def _print_notes(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        Terminal(stderr=True).print_lines(f"aceite policy: {sentence}")
