"""The rights of the story's own roles, which a sandbox that lets everybody do everything would not miss."""

import json
import os
from collections.abc import Iterator

import pytest
from account_aws import Account, environment_without, named, open_account
from account_deletion import Undo
from account_pipeline import made_pipeline, rights_of_functions, rights_of_job
from account_probe import NotWorking, prove_pipeline
from botocore.exceptions import ClientError

from sandbox.policies.policy_gate import bind_policy
from sandbox.server import REGION, LocalAws

BOOK = b"id,title,price,released\n1,Dom Casmurro,,1899-12-01\n"
MAKER, PIPELINE = "account", "pipeline"
"""Access keys: of who makes the pipeline, and that with which the sandbox runs functions and scripts."""


@pytest.fixture(scope="module")
def policed() -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch, LocalAws() as aws:
        for name in set(os.environ) - set(environment_without(os.environ, "AWS_", "ACEITE_")):
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", MAKER)
        patch.setenv("AWS_SECRET_ACCESS_KEY", "account")
        patch.setenv("AWS_REGION", REGION)
        yield open_account(os.environ, real=False)


def bind(access_key: str, *statements: object) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    bind_policy(os.environ["AWS_ENDPOINT_URL"], access_key, json.dumps(document))


def test_the_pipeline_works_with_the_rights_of_its_roles_and_not_without_one(policed: Account) -> None:
    with made_pipeline(policed, Undo()) as pipeline:
        rights = [*rights_of_functions(pipeline), *rights_of_job(pipeline)]
        bind(PIPELINE, *rights)
        prove_pipeline(pipeline, BOOK)
        bind(PIPELINE, *rights[1:])
        with pytest.raises(NotWorking, match="GetObject"):
            prove_pipeline(pipeline, BOOK, within_s=0)


def test_what_was_made_is_deleted_though_the_next_thing_cannot_be_made(policed: Account) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    bind(MAKER, everything, {"Effect": "Deny", "Action": "athena:CreateWorkGroup", "Resource": "*"})
    with pytest.raises(ClientError, match="athena:CreateWorkGroup"), made_pipeline(policed, Undo()):
        pytest.fail("it was made")
    assert named(policed, policed.name) == ([], [])
