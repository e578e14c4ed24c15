"""The AWS that the account's story is told in: the account of the credentials, or a sandbox behind AWS_ENDPOINT_URL.

Whatever the story makes has a name that begins with the run's own, and the tag `aceite-test` with that name.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

TAG = "aceite-test"
SERVICES = ("sts", "iam", "s3", "ssm", "lambda", "glue", "athena", "logs")
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")
PREFIX = re.compile(r"(?!aws|ssm)[a-z][a-z0-9-]{2,29}")
"""S3 takes small letters, and SSM no names that begin like its own."""


class Refused(Exception):
    """The story is not told here; nothing was made."""


@dataclass(frozen=True)
class Account:
    """`arn` is whose credentials these are; `name` is what everything of this run is named by."""

    session: boto3.Session
    id: str
    arn: str
    prefix: str
    name: str
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def tags(self) -> dict[str, str]:
        return {TAG: self.name}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": TAG, "Value": self.name}]

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = client_of(self.session, service)
        return self._clients[service]

    def resource(self, service: str) -> Any:
        session: Any = self.session
        return session.resource(service)

    def arn_of_bucket(self, name: str) -> str:
        return f"arn:{self.partition}:s3:::{name}"

    def arn_of(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"


def client_of(session: Any, service: str) -> Any:
    return session.client(service)


def new_name(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


def open_account(environ: Mapping[str, str], *, real: bool) -> Account:
    """What AWS's own variables, profile and region say, which Aceite is told by as well.

    Raises:
        Refused: no region, another account than ACEITE_AWS_ACCOUNT_ID, root's credentials, or, of a real account,
            an address that is not AWS's.
        NoCredentialsError: there are none.
    """
    prefix = environ.get("ACEITE_TEST_PREFIX") or TAG
    if not PREFIX.fullmatch(prefix):
        raise Refused(f"ACEITE_TEST_PREFIX is {prefix!r}: write 3 to 30 small letters, digits and -")
    session = boto3.Session(region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None)
    if session.region_name is None:
        raise Refused("no region: set AWS_REGION, or a profile that has one")
    if real:
        refuse_other_addresses(
            environ, {service: client_of(session, service).meta.endpoint_url for service in SERVICES}
        )
    said = client_of(session, "sts").get_caller_identity()
    wanted = environ.get("ACEITE_AWS_ACCOUNT_ID")
    if wanted and said["Account"] != wanted:
        raise Refused(f"the credentials are of account {said['Account']}, but ACEITE_AWS_ACCOUNT_ID is {wanted}")
    if said["Arn"].endswith(":root"):
        raise Refused("these are the root user's credentials, with which no role can be assumed: use another user's")
    return Account(session, said["Account"], said["Arn"], prefix, new_name(prefix))


def refuse_other_addresses(environ: Mapping[str, str], addresses: Mapping[str, str]) -> None:
    """`addresses`: URL by service, as boto3 made it of variables and configuration files. Raises Refused."""
    told = sorted(name for name in environ if name.removeprefix("ACEITE_").startswith("AWS_ENDPOINT_URL"))
    if told:
        raise Refused(f"{' and '.join(told)} is set: --aws is for a real account. Unset it, or leave --aws out")
    for service, url in addresses.items():
        if not f".{urlsplit(url).hostname}".endswith(AWS_DOMAINS):
            raise Refused(f"{service} is at {url}, which is not AWS: is there an endpoint_url in ~/.aws/config?")


def named(account: Account, prefix: str) -> tuple[list[str], list[str]]:
    """What there is whose name begins with the prefix, of which nothing is touched; and what could not be listed."""
    found, unknown = list[str](), list[str]()
    for kind, names in _LISTED.items():
        try:
            found += [f"{kind} {name}" for name in names(account.client, prefix) if _begins(name, prefix)]
        except (ClientError, BotoCoreError) as error:
            unknown.append(f"{kind}: {error}")
    return found, unknown


def _begins(name: str, prefix: str) -> bool:
    """Parameters and log groups have paths, and databases no hyphens."""
    return name.removeprefix("/aws/lambda").removeprefix("/").replace("_", "-").startswith(prefix)


def leftovers(account: Account) -> tuple[list[str], list[str]]:
    """As `named` does it: of earlier runs, or of one that goes on elsewhere."""
    found, unknown = named(account, f"{account.prefix}-")
    return [each for each in found if account.name not in each.replace("_", "-")], unknown


def _pages(client: Any, operation: str, members: str, **asked: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[members]


def _workgroups(athena: Any) -> Iterator[str]:
    """boto3 has no paginator of them."""
    page = athena.list_work_groups()
    yield from (group["Name"] for group in page["WorkGroups"])
    while "NextToken" in page:
        page = athena.list_work_groups(NextToken=page["NextToken"])
        yield from (group["Name"] for group in page["WorkGroups"])


def _buckets(s3: Any, prefix: str) -> Iterator[str]:
    return (each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith(prefix))


def _parameters(ssm: Any, prefix: str) -> Iterator[str]:
    begins = [{"Key": "Name", "Option": "BeginsWith", "Values": [f"/{prefix}"]}]
    return (each["Name"] for each in _pages(ssm, "describe_parameters", "Parameters", ParameterFilters=begins))


def _log_groups(logs: Any, prefix: str) -> Iterator[str]:
    asked = {"logGroupNamePrefix": f"/aws/lambda/{prefix}"}
    return (each["logGroupName"] for each in _pages(logs, "describe_log_groups", "logGroups", **asked))


_LISTED: dict[str, Callable[[Callable[[str], Any], str], Iterable[str]]] = {
    "S3 bucket": lambda client, prefix: _buckets(client("s3"), prefix),
    "IAM role": lambda client, _: (each["RoleName"] for each in _pages(client("iam"), "list_roles", "Roles")),
    "Lambda function": lambda client, _: (
        each["FunctionName"] for each in _pages(client("lambda"), "list_functions", "Functions")
    ),
    "Glue job": lambda client, _: (each["Name"] for each in _pages(client("glue"), "get_jobs", "Jobs")),
    "Glue database": lambda client, _: (
        each["Name"] for each in _pages(client("glue"), "get_databases", "DatabaseList")
    ),
    "SSM parameter": lambda client, prefix: _parameters(client("ssm"), prefix),
    "Athena workgroup": lambda client, _: _workgroups(client("athena")),
    "log group": lambda client, prefix: _log_groups(client("logs"), prefix),
}


def environment_without(environ: Mapping[str, str], *beginnings: str) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(beginnings)}


def own_environment() -> dict[str, str]:
    """This process's variables without what Aceite and Prefect are told by elsewhere; those of AWS stay."""
    return environment_without(os.environ, "ACEITE_", "PREFECT_")
