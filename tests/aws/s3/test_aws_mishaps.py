"""An S3 that refuses, does not answer, or whose answer is lost."""

import json

import boto3
import pytest

from acceptance.errors import StepFailed
from aws.s3 import objects as s3_calls
from aws.s3 import writes


@pytest.fixture
def s3(local_aws):
    return local_aws.client("s3")


def test_a_service_that_does_not_answer_is_a_failed_step_and_not_a_stack_trace(local_aws):
    nobody = local_aws.session.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=boto3.session.Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(StepFailed, match=r"look for s3://b/k: .*127\.0\.0\.1:9"):
        s3_calls.object_exists(nobody, "s3://b/k")


def test_an_object_that_is_forbidden_is_not_taken_for_absent(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(DENY_READING).replace("BUCKET", bucket))
    with pytest.raises(StepFailed, match=r"403.*s3:ListBucket"):
        s3_calls.object_exists(s3, f"s3://{bucket}/secret.csv")


DENY_READING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/*"}],
}


def test_a_put_that_meets_another_one_under_way_is_tried_again(mishaps, bucket, stepped):
    aws, layer = mishaps
    layer.answers.extend(["conflict", "conflict"])
    assert writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1", clock=stepped.clock)
    assert stepped.slept_s == pytest.approx([0.1, 0.1125])


def test_a_put_that_never_gets_through_the_others_is_a_failed_step(mishaps, bucket, stepped):
    aws, layer = mishaps
    layer.answers.extend(["conflict"] * 50)
    with pytest.raises(StepFailed, match="ConditionalRequestConflict"):
        writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1", clock=stepped.clock)


def test_a_claim_whose_answer_was_lost_is_still_ours(mishaps, bucket):
    aws, layer = mishaps
    layer.answers.append("answer lost")
    assert writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1")
    assert layer.requests == 3, "the lost one, the repetition that met it, and the look at whose it is"


def test_a_claim_whose_request_was_lost_after_another_won_is_not_ours(mishaps, s3, bucket):
    aws, layer = mishaps
    writes.put_once(s3, bucket, "claim.json", b"run 2")
    layer.answers.append("answer lost")
    assert not writes.put_once(aws.client("s3"), bucket, "claim.json", b"run 1")
