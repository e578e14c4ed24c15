"""The names that AWS permits, of what a contract or a setting names. A name is never a pattern: `*` names nothing."""

import re
from dataclasses import dataclass

from acceptance.errors import did_you_mean

REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1"),
    *("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7"),
    *("af-south-1", "il-central-1", "me-central-1", "me-south-1", "cn-north-1", "cn-northwest-1"),
    *("us-gov-east-1", "us-gov-west-1"),
)
"""Regions to guess from which one a person meant. One that is not here may exist."""


@dataclass(frozen=True, slots=True)
class NameKind:
    """A kind of name: what it names, its pattern, the allowed texts in words, and names to guess from."""

    what: str
    pattern: str
    allowed: str
    known: tuple[str, ...] = ()

    def problem_of(self, name: str) -> str:
        """Return why AWS has nothing of this name, as a phrase that follows it; empty if the name is possible."""
        if re.fullmatch(self.pattern, name):
            return ""
        near = did_you_mean(name, self.known).removesuffix(";")
        return f"cannot be {self.what}{near}; allowed: {self.allowed}"


BUCKET = NameKind(
    "a bucket", "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits, dots and hyphens"
)
ANY_BUCKET = NameKind(  # until 2018 us-east-1 permitted these
    "a bucket", "[A-Za-z0-9._-]{1,255}", "255 letters, digits, dots, hyphens and underscores at most"
)
FUNCTION = NameKind(
    "a Lambda function",
    "((arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}(:([$]LATEST|[A-Za-z0-9_-]{1,128}))?",
    "64 letters, digits, hyphens and underscores at most, with :VERSION or :ALIAS; ACCOUNT:function:NAME; its ARN",
)
GLUE_JOB = NameKind(
    "a Glue job",
    r"(?! )[\w .,:;@/()+=#&~!%^-]{1,255}(?<! )",
    "255 letters, digits, spaces and signs at most; none of * ? $ { } [ ] < > | \\ and quotes",
)
CRAWLER = NameKind("a Glue crawler", GLUE_JOB.pattern, GLUE_JOB.allowed)
STATE_MACHINE = NameKind(
    "a state machine",
    "(arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:)?[A-Za-z0-9_.+-]{1,80}(:[A-Za-z0-9_.-]{1,80})?",
    "80 letters, digits and - _ . + at most, with :VERSION or :ALIAS; its ARN",
)
WORKFLOW = NameKind("a Glue workflow", GLUE_JOB.pattern, GLUE_JOB.allowed)
EVENT_BUS = NameKind(
    "an event bus",
    "(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._-]{1,256}",
    "256 letters, digits and - _ . at most, such as default; its ARN",
)
EVENT_SOURCE = NameKind(
    "the source of an event",
    r"(?!aws[.])[^\x00-\x1f{}]{1,256}",
    "256 signs at most, without { } and not beginning with aws., which is for AWS itself",
)
DETAIL_TYPE = NameKind("a detail-type", r"[^\x00-\x1f{}]{1,128}", "128 signs at most, without { }")
WORKGROUP = NameKind("a workgroup", "[A-Za-z0-9_.-]{1,128}", "128 letters, digits and - _ . at most")
CATALOG = NameKind("a data catalog", "[A-Za-z0-9_@/-]{1,256}", "256 letters, digits and - _ @ / at most")
DATABASE = NameKind("a database", "[A-Za-z0-9_-]{1,255}", "255 letters, digits, hyphens and underscores at most")
TABLE = NameKind("a table", DATABASE.pattern, DATABASE.allowed)
REGION = NameKind(
    "a region",
    "[a-z]{2,4}(-[a-z]{2,4})?-(central|(north|south)?(east|west)|north|south)-[1-9][0-9]?",
    "the code of a region, such as sa-east-1",
    REGIONS,
)
ROLE = NameKind(
    "a role",
    "arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}",
    "the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME",
)
RESULTS = NameKind(
    "a location of query results",
    rf"s3://{ANY_BUCKET.pattern}(/(?![.]{{1,2}}(/|$))[\w !'()=@+,:&;.-]+)*/?",
    "s3://bucket/prefix/, without wildcards, placeholders and empty, . or .. segments",
)
