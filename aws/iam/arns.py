"""ARNs and key patterns, as an IAM policy writes them, of the resources that a contract names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from acceptance.contract.contract import Contract
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.keys.tokens import DIGITS, Token, tokens

_SESSION = re.compile(r"arn:[^:]+:sts::\d+:assumed-role/(?P<role>[^/]+)/.+")


@dataclass(frozen=True, slots=True)
class Account:
    """`partition` is aws, aws-cn or aws-us-gov."""

    id: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return the ARN of a resource. `resource` may already be an ARN."""
        if resource.startswith("arn:"):
            return resource
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.id}:{resource}"

    def s3(self, pattern: str) -> str:
        """Return the ARN of a bucket, or of bucket/keys."""
        return f"arn:{self.partition}:s3:::{pattern}"

    def function(self, name: str) -> str:
        """Return the ARN of a Lambda function that `Invoke` names by name, name:alias, account:name or ARN."""
        account, _, rest = name.partition(":function:")
        if rest and not name.startswith("arn:"):
            return f"arn:{self.partition}:lambda:{self.region}:{account}:function:{rest}"
        return self.arn("lambda", name if name.startswith("arn:") else f"function:{name}")

    def parameter(self, name: str) -> str:
        return self.arn("ssm", name if name.startswith("arn:") else f"parameter/{name.removeprefix('/')}")

    def queue(self, url: str) -> str:
        """Return the ARN of the queue https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; the host may be another."""
        parts = urlsplit(url)
        account, _, name = parts.path.strip("/").rpartition("/")
        labels = (parts.hostname or "").split(".")
        region = labels[1] if labels[0] == "sqs" and len(labels) > 2 else self.region
        return f"arn:{self.partition}:sqs:{region}:{account.rpartition('/')[2] or self.id}:{name}"

    def principal(self, caller: str) -> tuple[str, ...]:
        """Return the user or role of an STS ARN. A session's ARN lacks the path of its role, so both forms follow."""
        session = _SESSION.fullmatch(caller)
        if session is None:
            return (caller,)
        return tuple(f"arn:{self.partition}:iam::{self.id}:role/{path}{session['role']}" for path in ("", "*/"))

    def table(self, database: str, table: str, region: str | None = None) -> tuple[str, ...]:
        """Return the ARNs that Glue checks: of the catalog, the database and the table."""
        names = ("catalog", f"database/{escape(database)}", f"table/{escape(database)}/{escape(table)}")
        return tuple(self.arn("glue", name, region) for name in names)


def escape(text: str) -> str:
    """Escape `*`, `?` and `$` for use in an IAM policy."""
    return re.sub(r"[*?$]", lambda sign: f"${{{sign[0]}}}", text)


def key_pattern(template: KeyTemplate) -> str:
    """Return the template with IAM's wildcards in place of the placeholders. IAM's `*` also matches a "/"."""
    return _short("/".join("".join(map(_wild, segment.tokens)) for segment in template.segments))


def text_pattern(contract: Contract, text: str) -> str:
    """Return a text of the contract's pipeline, with wildcards for what differs between deliveries."""
    template = contract.template
    known = {
        "bucket": escape(template.bucket),
        "key": key_pattern(template),
        "prefix": f"{escape(template.prefix)}*",
    }
    return _short("".join(_wild(token, known) for token in tokens(text)))


def bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def location_pattern(uri: str) -> tuple[str, str]:
    """Return the bucket, and the pattern of all keys below a location."""
    bucket, key = bucket_and_key(uri)
    return bucket, f"{escape(key.rstrip('/'))}/*" if key.strip("/") else "*"


def _wild(token: Token, known: Mapping[str, str] | None = None) -> str:
    if isinstance(token, str):
        return escape(token)
    if token.directive is not None:
        return "?" * DIGITS[token.directive]
    return (known or {}).get(token.name, "*")


def _short(pattern: str) -> str:
    return re.sub(r"(?<!\{)\*+", "*", pattern)
