"""ARNs and key patterns, as an IAM policy writes them, of the resources that a contract names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from acceptance.contract.contract import Contract
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.keys.tokens import DIGITS, Token, tokens


class Pattern(str):
    """Text as an IAM policy writes it, in which `*` and `?` are wildcards. `pattern` makes one of plain texts.

    A plain text is no Pattern, and so is what is put together of patterns by hand. It is escaped once more, and grants
    too little: no name can become a wildcard because somebody forgot to escape it.
    """

    __slots__ = ()


ANY = Pattern("*")


def pattern(*parts: str) -> Pattern:
    """Return the parts side by side, with `*`, `?` and `$` escaped in each one that is no Pattern."""
    return Pattern("".join(part if isinstance(part, Pattern) else _escaped(part) for part in parts))


_SESSION = re.compile(r"arn:[^:]+:sts::\d+:assumed-role/(?P<role>[^/]+)/.+")


@dataclass(frozen=True, slots=True)
class Account:
    """`partition` is aws, aws-cn or aws-us-gov."""

    id: str
    region: str
    partition: str = "aws"

    @property
    def domain(self) -> str:
        """Return the domain of the names of AWS's services, as they stand in kms:ViaService."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def key(self, name: str) -> Pattern:
        """Return the ARN of a KMS key that is named by ARN or id."""
        return pattern(name) if name.startswith("arn:") else self.arn("kms", "key/", name)

    def arn(self, service: str, *resource: str, region: str | None = None, account: str | None = None) -> Pattern:
        """Return the ARN of a resource, whose parts are texts or patterns."""
        return pattern(f"arn:{self.partition}:{service}:{region or self.region}:{account or self.id}:", *resource)

    def s3(self, bucket: str, keys: Pattern | None = None) -> Pattern:
        """Return the ARN of a bucket, or of keys in it."""
        return pattern(f"arn:{self.partition}:s3:::", bucket, *(() if keys is None else ("/", keys)))

    def function(self, name: str) -> Pattern:
        """Return the ARN of a Lambda function that `Invoke` names by name, name:alias, account:function:name or ARN."""
        if name.startswith("arn:"):
            return pattern(name)
        account, _, rest = name.rpartition(":function:")
        return self.arn("lambda", "function:", rest, account=account)

    def state_machine(self, name: str) -> Pattern:
        """Return the ARN of a state machine that a contract names by name, name:alias, name:version or ARN."""
        return pattern(name) if name.startswith("arn:") else self.arn("states", "stateMachine:", name)

    def listed_machine(self, name: str) -> Pattern:
        """Return the ARN of the state machine whose executions are listed: without version and alias."""
        head, _, machine = self.state_machine(name).partition(":stateMachine:")
        return pattern(Pattern(head), ":stateMachine:", Pattern(machine.partition(":")[0]))

    def executions(self, state_machine: str) -> Pattern:
        """Return the ARN of all executions of a state machine."""
        head, _, machine = self.state_machine(state_machine).partition(":stateMachine:")
        return pattern(Pattern(head), ":execution:", Pattern(machine.partition(":")[0]), ":", ANY)

    def event_bus(self, name: str) -> Pattern:
        """Return the ARN of an event bus that a contract names by name or ARN."""
        return pattern(name) if name.startswith("arn:") else self.arn("events", "event-bus/", name)

    def parameter(self, name: str) -> Pattern:
        return self.arn("ssm", "parameter/", name.removeprefix("/"))

    def queue(self, url: str) -> Pattern:
        """Return the ARN of the queue https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; the host may be another."""
        parts = urlsplit(url)
        account, _, name = parts.path.strip("/").rpartition("/")
        labels = (parts.hostname or "").split(".")
        region = labels[1] if labels[0] == "sqs" and len(labels) > 2 else self.region
        return self.arn("sqs", name, region=region, account=account.rpartition("/")[2])

    def principal(self, caller: str) -> tuple[Pattern, ...]:
        """Return the user or role of an STS ARN. A session's ARN lacks the path of its role, so both forms follow."""
        session = _SESSION.fullmatch(caller)
        if session is None:
            return (pattern(caller),)
        role = f"arn:{self.partition}:iam::{self.id}:role/"
        return tuple(pattern(role, *path, session["role"]) for path in ((), (ANY, "/")))

    def table(self, database: str, table: str, region: str | None = None, catalog_id: str = "") -> tuple[Pattern, ...]:
        """Return the ARNs that Glue checks: of the catalog, the database and the table.

        `catalog_id` is an account, or account:catalog/below for a catalog below that of the account.
        """
        account, _, nested = catalog_id.partition(":")
        folders = nested.split("/") if nested else []
        below = "".join(f"{folder}/" for folder in folders)
        catalogs = ["catalog", *("catalog/" + "/".join(folders[: depth + 1]) for depth in range(len(folders)))]
        names = (*catalogs, f"database/{below}{database}", f"table/{below}{database}/{table}")
        return tuple(self.arn("glue", name, region=region, account=account) for name in names)


def key_pattern(template: KeyTemplate) -> Pattern:
    """Return the template with IAM's wildcards in place of the placeholders. IAM's `*` also matches a "/"."""
    return _short("/".join("".join(map(_wild, segment.tokens)) for segment in template.segments))


def text_pattern(contract: Contract, text: str) -> Pattern:
    """Return a text of the contract's pipeline, with wildcards for what differs between deliveries."""
    template = contract.template
    known = {
        "bucket": pattern(template.bucket),
        "key": key_pattern(template),
        "prefix": pattern(template.prefix, ANY),
    }
    return _short("".join(_wild(token, known) for token in tokens(text)))


def bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def awaited_pattern(contract: Contract, uri: str) -> tuple[str, Pattern]:
    """Return the bucket that a step awaits objects in, and the pattern of their keys."""
    bucket, key = bucket_and_key(uri)
    return bucket, text_pattern(contract, key)


def location_pattern(uri: str) -> tuple[str, Pattern]:
    """Return the bucket, and the pattern of all keys below a location."""
    bucket, key = bucket_and_key(uri)
    return bucket, pattern(key.rstrip("/"), "/", ANY) if key.strip("/") else ANY


def _wild(token: Token, known: Mapping[str, Pattern] | None = None) -> Pattern:
    if isinstance(token, str):
        return pattern(token)
    if token.directive is not None:
        return Pattern("?" * DIGITS[token.directive])
    return (known or {}).get(token.name, ANY)


def _short(written: str) -> Pattern:
    """Return a text of patterns as one, in which wildcards that stand side by side are one."""
    return Pattern(re.sub(r"(?<!\{)\*+", "*", written))


def _escaped(text: str) -> str:
    return re.sub(r"[*?$]", lambda sign: f"${{{sign[0]}}}", text)
