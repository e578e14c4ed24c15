"""Tells from the error that AWS answers whether the thing that was asked for ran: one table for every service."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from botocore.exceptions import ClientError


class Effect(Enum):
    """The effect of a refused request, and whether it helps to send it again."""

    NOT_YET = "AWS did nothing, and a later request may succeed"
    NONE = "AWS did nothing, and the same request will be refused again"
    RAN = "what was asked for ran, and failed"
    UNKNOWN = "AWS may have done it"


def error_code(error: ClientError) -> str:
    """Return the error code of the response body, or the HTTP status as text if there is no body (HEAD)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def effect_of(error: ClientError) -> Effect:
    """Return what the refused request did. A code that no table names did nothing, if its status is not 5xx."""
    code = error_code(error)
    if known := _OF_OPERATION.get(error.operation_name, {}).get(code) or _OF_EVERY_SERVICE.get(code):
        return known
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Effect.UNKNOWN if status >= 500 else Effect.NONE


def _table(effects: Mapping[Effect, str]) -> Mapping[str, Effect]:
    return MappingProxyType({code: effect for effect, codes in effects.items() for code in codes.split()})


_OF_EVERY_SERVICE = _table(
    {
        Effect.NOT_YET: """
            BandwidthLimitExceeded ConcurrentRunsExceededException FederationSourceRetryableException
            LimitExceededException PriorRequestNotComplete
            ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled RequestThrottledException
            ResourceNumberLimitExceededException SlowDown Throttling ThrottledException ThrottlingException
            TooManyRequestsException TooManyUpdates TransactionInProgressException""",
        Effect.UNKNOWN: "OperationTimeoutException RequestTimeout RequestTimeoutException",
    }
)
"""The throttles that botocore knows (`botocore.retries.standard`), and those of Glue and SSM.

Sources: the errors of Glue's StartJobRun and of SSM's PutParameter in their API references.
"""
_OF_OPERATION = {
    "StartExecution": _table({Effect.NOT_YET: "ExecutionLimitExceeded"}),
    "Invoke": _table(
        {
            Effect.NOT_YET: """
                CodeArtifactUserPendingException EC2ThrottledException EFSMountConnectivityException
                EFSMountTimeoutException ENILimitReachedException ENINotReadyException ResourceConflictException
                ResourceNotReadyException S3FilesMountConnectivityException S3FilesMountTimeoutException
                SnapStartNotReadyException SnapStartTimeoutException SubnetIPAddressLimitReachedException""",
            Effect.NONE: """
                EC2AccessDeniedException EC2UnexpectedException InvalidRuntimeException
                InvalidSecurityGroupIDException InvalidSubnetIDException InvalidZipFileException
                KMSAccessDeniedException KMSDisabledException KMSInvalidStateException KMSNotFoundException""",
            Effect.RAN: "SnapStartException",
            Effect.UNKNOWN: "EFSIOException",
        }
    ),
}
"""Lambda could not set the function up, so the function's code did not run, though the status is 502.

An idle function answers so until it is active again. `SnapStartException` is an error of the function's own hook.
Source: the errors of Invoke in Lambda's API reference.
"""
