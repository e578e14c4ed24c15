"""Makes one request to AWS, and classifies its refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.error_codes import error_code
from cli.doctor.looks.findings import Look, unchecked, unmet


class RefusalKind(Enum):
    MISSING = auto()
    DENIED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of AWS, or a failure to reach it. `headers` are those of the answer, if there was one."""

    kind: RefusalKind
    message: str
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def ask(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | Refusal:
    """Return the answer, or the refusal in place of an exception."""
    try:
        return call()
    except ClientError as error:
        code = error_code(error)
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        message = error.response.get("Error", {}).get("Message") or "no message"
        return Refusal(_kind(code, message), f"{code}: {message}", code, headers)
    except BotoCoreError as error:
        return Refusal(RefusalKind.OTHER, " ".join(str(error).split()))


def refusal(refused: Refusal, missing: Look, action: str, resource: str) -> Look:
    """Return `missing` if the thing does not exist; else the denied action, or what AWS answered."""
    if refused.kind is RefusalKind.MISSING:
        return missing
    if refused.kind is RefusalKind.DENIED:
        return denied(action, resource)
    return unmet(f"AWS answered: {refused.message}", "run `aceite doctor` again; if it stays, ask AWS support")


def refusal_of_doctor(refused: Refusal, missing: Look, action: str, resource: str) -> Look:
    """Do the same for an action that only `aceite doctor` needs: a denial leaves the precondition unchecked."""
    if refused.kind is not RefusalKind.DENIED:
        return refusal(refused, missing, action, resource)
    return unchecked(
        f"it cannot be checked: {action} on {resource} is denied",
        f"allow {action} on {resource} as well; only `aceite doctor` needs it",
    )


def denied(action: str, resource: str) -> Look:
    return unmet(
        f"access denied: {action} on {resource}",
        f"allow {action} on {resource} to these credentials; `aceite policy all` prints the whole policy",
    )


def _kind(code: str, message: str) -> RefusalKind:
    if code in _DENIED:
        return RefusalKind.DENIED
    if code in _MISSING or (code == "InvalidRequestException" and "not found" in message):  # Athena's, of a workgroup
        return RefusalKind.MISSING
    return RefusalKind.OTHER


_DENIED = frozenset({
    "403", "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthorizationError",
})  # fmt: skip
_MISSING = frozenset({
    "404", "NotFound", "NoSuchBucket", "NoSuchKey", "ResourceNotFoundException", "EntityNotFoundException",
    "ParameterNotFound", "StateMachineDoesNotExist", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
})  # fmt: skip
