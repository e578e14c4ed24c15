"""An error tells whether what was asked for ran: each one that Lambda documents for Invoke has its answer."""

import botocore.session
import pytest
from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.calls import aws_call, is_ambiguous, is_transient
from aws.error_codes import Effect, effect_of


def refused(code, status, operation="Invoke"):
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


ERRORS_OF_INVOKE = {
    error.name: int(error.metadata["error"]["httpStatusCode"])
    for error in botocore.session.get_session().get_service_model("lambda").operation_model("Invoke").error_shapes
}


def test_only_the_errors_that_say_nothing_of_the_function_leave_open_whether_it_ran():
    unclear = {code for code, status in ERRORS_OF_INVOKE.items() if effect_of(refused(code, status)) is Effect.UNKNOWN}
    assert unclear == {"ServiceException", "EFSIOException"}


@pytest.mark.parametrize(
    ("code", "status", "operation", "effect"),
    [
        ("CodeArtifactUserPendingException", 409, "Invoke", Effect.NOT_YET),
        ("ResourceConflictException", 409, "Invoke", Effect.NOT_YET),
        ("ResourceConflictException", 409, "CreateFunction", Effect.NONE),
        ("EC2ThrottledException", 502, "Invoke", Effect.NOT_YET),
        ("KMSAccessDeniedException", 502, "Invoke", Effect.NONE),
        ("ResourceNotFoundException", 404, "Invoke", Effect.NONE),
        ("SnapStartException", 400, "Invoke", Effect.RAN),
        ("502", 502, "Invoke", Effect.UNKNOWN),
        ("ConcurrentRunsExceededException", 400, "StartJobRun", Effect.NOT_YET),
        ("OperationTimeoutException", 400, "StartJobRun", Effect.UNKNOWN),
        ("FederationSourceRetryableException", 400, "GetTable", Effect.NOT_YET),
        ("FederationSourceException", 400, "GetTable", Effect.NONE),
        ("InternalServiceException", 500, "StartJobRun", Effect.UNKNOWN),
        ("ThrottlingException", 400, "StartQueryExecution", Effect.NOT_YET),
        ("TooManyUpdates", 400, "PutParameter", Effect.NOT_YET),
        ("ParameterMaxVersionLimitExceeded", 400, "PutParameter", Effect.NONE),
        ("SlowDown", 503, "PutObject", Effect.NOT_YET),
        ("NoSuchBucket", 404, "PutObject", Effect.NONE),
    ],
)
def test_the_effect_of_a_refused_request_decides_whether_it_is_sent_again(code, status, operation, effect):
    error = refused(code, status, operation)
    with pytest.raises(StepFailed) as failed, aws_call("ask"):
        raise error
    assert effect_of(error) is effect
    assert is_transient(failed.value) == (effect in {Effect.NOT_YET, Effect.UNKNOWN})
    assert is_ambiguous(failed.value) == (effect is Effect.UNKNOWN)
