"""What people read of an error of AWS: the remedy is for what AWS denied, and the same trouble is told as the same."""

from botocore.exceptions import ClientError

from aws.calls import describe_client_error, without_request_ids


def denied(message, request="1"):
    answer = {"Error": {"Code": "AccessDenied", "Message": message}, "ResponseMetadata": {"RequestId": request}}
    return describe_client_error(ClientError(answer, "GetObject"))


def test_the_right_that_aws_names_is_the_remedy_though_another_operation_was_asked_for():
    text = denied("User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on resource: k")
    assert "the credentials need kms:Decrypt (or" in text
    assert "the credentials need s3:GetObject (or" in denied("Access Denied")


def test_the_same_trouble_with_another_request_id_is_the_same_trouble():
    assert denied("Access Denied", "1") != denied("Access Denied", "2")
    assert without_request_ids(denied("Access Denied", "1")) == without_request_ids(denied("Access Denied", "2"))
    assert without_request_ids(denied("Access Denied")) != without_request_ids(denied("No"))
