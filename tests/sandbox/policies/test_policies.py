"""Whoever signs with an access key that is bound to a policy may do what it says, and hears AWS's own "no"."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from polling import eventually

from sandbox.athena.values import RESULTS_BUCKET
from sandbox.policies.policy import BadPolicy, RequiredPermission, read_policy
from sandbox.policies.policy_gate import POLICIES_PATH
from sandbox.server import REGION, LocalAws

ACCOUNT = "123456789012"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def bound(aws: LocalAws, key: str, document: str, method: str = "PUT") -> str:
    request = urllib.request.Request(f"{aws.endpoint}{POLICIES_PATH}{key}", document.encode(), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


Allowed = Callable[..., Callable[[str], Any]]


@pytest.fixture
def allowed(aws: LocalAws) -> Iterator[Allowed]:
    """Makes clients of somebody who is allowed just this."""
    key = f"key{uuid.uuid4().hex}"

    def bind(*statements: dict[str, Any]) -> Callable[[str], Any]:
        bound(aws, key, policy(*statements))
        return lambda service: boto3.client(
            service, REGION, endpoint_url=aws.endpoint, aws_access_key_id=key, aws_secret_access_key="x"
        )

    yield bind
    bound(aws, key, "", "DELETE")


def denied(do: Callable[..., Any], **told: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        do(**told)
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")
    return caught.value


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3:::b/in/*", "arn:aws:s3:::b/in/a/b.csv", True),
        ("arn:aws:s3:::b/in/*", "arn:aws:s3:::b/out", False),
        ("arn:aws:s3:::b/????.csv", "arn:aws:s3:::b/2026.csv", True),
        ("arn:aws:s3:::b/????.csv", "arn:aws:s3:::b/202.csv", False),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/a", False),
        ("arn:aws:s3:::b/[ab]", "arn:aws:s3:::b/a", False),
        ("arn:aws:s3:::B", "arn:aws:s3:::b", False),
        ("*", "anything", True),
    ],
)
def test_a_resource_is_matched_as_iam_does(pattern: str, resource: str, matches: bool) -> None:
    read = read_policy(policy({"Action": "s3:GetObject", "Resource": pattern}))
    assert (read.refusal(RequiredPermission("s3:GetObject", resource)) == "") is matches


def test_an_action_is_matched_in_any_case_and_with_wildcards() -> None:
    read = read_policy(policy({"Action": ["s3:get*", "glue:GetTable"], "Resource": "*"}))
    assert [
        read.refusal(RequiredPermission(action, "x")) == "" for action in ("s3:GetObject", "glue:GetTables", "s3:Put")
    ] == [
        True,
        False,
        False,
    ]


def test_sts_and_iam_tell_who_somebody_is_and_what_their_policy_allows(allowed: Allowed, aws: LocalAws) -> None:
    mine = {"Action": ["s3:GetObject", "iam:SimulatePrincipalPolicy"], "Resource": "*"}
    client = allowed(mine, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::landing/secret"})
    arn = client("sts").get_caller_identity()["Arn"]
    told = {
        "ActionNames": ["s3:GetObject", "s3:PutObject"],
        "ResourceArns": ["arn:aws:s3:::landing/secret", "arn:aws:s3:::b/k"],
    }
    found = client("iam").simulate_principal_policy(PolicySourceArn=arn, **told)["EvaluationResults"]
    decisions = {(each["EvalActionName"], each["EvalResourceName"][13:]): each["EvalDecision"] for each in found}
    assert decisions == {
        ("s3:GetObject", "landing/secret"): "explicitDeny",
        ("s3:GetObject", "b/k"): "allowed",
        ("s3:PutObject", "landing/secret"): "implicitDeny",
        ("s3:PutObject", "b/k"): "implicitDeny",
    }
    nobody = boto3.client("iam", REGION, endpoint_url=aws.endpoint, aws_access_key_id="free", aws_secret_access_key="x")
    (found,) = nobody.simulate_principal_policy(PolicySourceArn=arn[: arn.rindex("/")] + "/free", ActionNames=["a:B"])[
        "EvaluationResults"
    ]
    assert found["EvalDecision"] == "allowed", "who is bound to no policy may do everything"
    denied(
        allowed({"Action": "s3:*", "Resource": "*"})("iam").simulate_principal_policy,
        PolicySourceArn=arn,
        ActionNames=["a:B"],
    )


def test_a_deny_is_stronger_than_any_allow() -> None:
    everything = {"Action": "*", "Resource": "*"}
    read = read_policy(policy(everything, {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}))
    assert read.refusal(RequiredPermission("s3:PutObject", "x")) == ""
    assert "explicit deny" in read.refusal(RequiredPermission("s3:DeleteObject", "x"))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected {"),
        (json.dumps({"Version": "2008-10-17", "Statement": []}), "2012-10-17"),
        (policy({"NotAction": "s3:*", "Resource": "*"}), "NotAction"),
        (policy({"Action": "s3:*", "Resource": "*", "Principal": "*"}), "Principal"),
        (policy({"Action": "s3:*", "Resource": "landing/*"}), "an ARN"),
        (policy({"Action": "GetObject", "Resource": "*"}), "service:Operation"),
        (policy({"Action": "s3:*"}), "Resource"),
        (policy({"Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"}), "variable"),
        (policy({"Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"s3:prefix": "a"}}}), "condition Bool"),
        (policy({"Action": "s3:*", "Resource": "*", "Condition": {"StringLike": {"aws:x": "a"}}}), "key aws:x"),
        (policy(*[{"Sid": "Twice", "Action": "s3:*", "Resource": "*"}] * 2), "unique in the document"),
        (policy({"Action": "s3:*", "Resource": ["arn:aws:s3:::" + "a" * 100] * 60}), "IAM allows 6,144"),
    ],
)
def test_a_document_that_says_more_than_is_evaluated_is_refused(told: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=said):
        read_policy(told)


def test_the_control_refuses_what_is_no_policy_and_shows_what_is_bound(aws: LocalAws) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        bound(aws, "somebody", policy({"NotAction": "s3:*", "Resource": "*"}))
    assert (refused.value.code, "NotAction" in refused.value.read().decode()) == (400, True)
    with pytest.raises(urllib.error.HTTPError) as absent:
        urllib.request.urlopen(f"{aws.endpoint}{POLICIES_PATH}somebody", timeout=10)
    assert absent.value.code == 404
    bound(aws, "somebody", policy({"Action": "s3:*", "Resource": "*"}))
    with urllib.request.urlopen(f"{aws.endpoint}{POLICIES_PATH}somebody", timeout=10) as shown:
        assert json.loads(shown.read())["Statement"][0]["Action"] == "s3:*"
    bound(aws, "somebody", "", "DELETE")


def test_a_listing_is_allowed_for_its_prefixes(allowed: Allowed, s3: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"1")
    condition = {"StringLike": {"s3:prefix": ["in/", "out/*"]}}
    arn = f"arn:aws:s3:::{bucket}"
    who = allowed(
        {"Action": "s3:ListBucket", "Resource": arn, "Condition": condition},
        {"Action": "s3:GetObject", "Resource": f"{arn}/in/*"},
    )("s3")
    assert who.list_objects_v2(Bucket=bucket, Prefix="in/")["KeyCount"] == 1
    assert who.list_objects_v2(Bucket=bucket, Prefix="out/2026")["KeyCount"] == 0
    for told in ({}, {"Prefix": ""}, {"Prefix": "in"}, {"Prefix": "in/a"}):
        denied(who.list_objects_v2, Bucket=bucket, **told)
    assert who.get_object(Bucket=bucket, Key="in/a")["Body"].read() == b"1"
    # Of the prefix a GET knows nothing, so that it is not told what is not there.
    denied(who.get_object, Bucket=bucket, Key="in/b")
    denied(who.head_object, Bucket=bucket, Key="in/b")
    error = denied(who.put_object, Bucket=bucket, Key="in/b", Body=b"")
    assert error.response["Error"]["Message"].startswith(f"User: arn:aws:iam::{ACCOUNT}:user/key")
    assert f"is not authorized to perform: s3:PutObject on resource: {arn}/in/b" in str(error)
    for do in (who.delete_object, who.get_object_tagging, who.get_object_acl):
        denied(do, Bucket=bucket, Key="in/a")
    denied(who.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "in/a"}]})
    denied(who.copy_object, Bucket=bucket, Key="in/c", CopySource=f"{bucket}/in/a")
    denied(who.list_buckets)


def test_who_may_list_a_bucket_is_told_what_is_not_there(allowed: Allowed, s3: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    who = allowed({"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [arn, f"{arn}/*"]})("s3")
    with pytest.raises(who.exceptions.NoSuchKey):
        who.get_object(Bucket=bucket, Key="absent")


def test_what_a_put_asks_for_besides_is_asked_of_the_policy(allowed: Allowed, s3: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put = {"Bucket": bucket, "Key": "a", "Body": b"1"}
    arn = f"arn:aws:s3:::{bucket}/*"
    who = allowed({"Action": "s3:PutObject", "Resource": arn})("s3")
    etag = who.put_object(**put)["ETag"]
    denied(who.put_object, **put, IfMatch=etag)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2100-01-01"}
    denied(who.put_object, **put, **lock)
    who = allowed({"Action": ["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject"], "Resource": arn})("s3")
    who.put_object(**put, **lock, IfMatch=etag)


def test_parameters_are_allowed_one_by_one_whatever_their_version(
    allowed: Allowed, client: Callable[[str], Any]
) -> None:
    client("ssm").put_parameter(Name="/app/one", Value="1", Type="String")
    client("ssm").put_parameter(Name="/app/two", Value="2", Type="String")
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/one"
    who = allowed({"Action": "ssm:GetParameter*", "Resource": arn})("ssm")
    assert who.get_parameter(Name="/app/one:1")["Parameter"]["Value"] == "1"
    denied(who.get_parameter, Name="/app/two")
    denied(who.get_parameters, Names=["/app/one", "/app/two"])
    denied(who.put_parameter, Name="/app/one", Value="2", Type="String", Overwrite=True)
    denied(who.describe_parameters)


def test_a_parameter_under_a_key_of_yours_takes_a_right_on_the_key(
    allowed: Allowed, client: Callable[[str], Any]
) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
    client("ssm").put_parameter(Name="/app/secret", Value="1", Type="SecureString", KeyId=key)
    read = {"Action": "ssm:GetParameter", "Resource": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/secret"}
    asked = {"Name": "/app/secret", "WithDecryption": True}
    assert "kms:Decrypt" in str(denied(allowed(read)("ssm").get_parameter, **asked))
    via = {"StringEquals": {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}}
    decrypt = {"Action": "kms:Decrypt", "Resource": key, "Condition": via}
    assert allowed(read, decrypt)("ssm").get_parameter(**asked)["Parameter"]["Value"] == "1"


def test_who_somebody_is_is_told_to_anybody(allowed: Allowed) -> None:
    assert allowed({"Action": "s3:GetObject", "Resource": "*"})("sts").get_caller_identity()["Account"] == ACCOUNT


def test_a_signature_in_the_address_is_nobody_s_way_round_the_policy(
    allowed: Allowed, lake: str, aws: LocalAws
) -> None:
    url = allowed({"Action": "sqs:SendMessage", "Resource": "*"})("s3").generate_presigned_url(
        "list_objects_v2", Params={"Bucket": lake}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=10)
    assert refused.value.code == 403


def _catalog(*names: str) -> list[str]:
    return [f"arn:aws:glue:{REGION}:{ACCOUNT}:{name}" for name in ("catalog", "database/default", *names)]


def _outcome(athena: Any, sql: str) -> str:
    """The state, with the reason if there is one."""
    started = athena.start_query_execution(QueryString=sql)["QueryExecutionId"]

    def ended() -> str:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return "" if status["State"] in ("QUEUED", "RUNNING") else status["State"] + status.get("StateChangeReason", "")

    return eventually(ended, "the end of the query", every_s=0.04)


def test_athena_fills_a_table_of_iceberg_in_somebody_s_name_if_they_may(
    allowed: Allowed, lake: str, ask: Callable[..., Any]
) -> None:
    pytest.importorskip("pyiceberg", reason="the sandbox writes tables of Iceberg by it")
    iced = "CREATE TABLE lake.{0} (a int) LOCATION 's3://lake/{0}/' TBLPROPERTIES ('table_type'='ICEBERG')"
    assert ask(iced.format("iced")).state == "SUCCEEDED"
    of_athena = {"Action": "athena:*", "Resource": "*"}
    results = {"Action": "s3:*", "Resource": [f"arn:aws:s3:::{RESULTS_BUCKET}", f"arn:aws:s3:::{RESULTS_BUCKET}/*"]}
    look = {"Action": "glue:Get*", "Resource": _catalog("database/lake", "table/lake/iced", "table/lake/other")}
    commit = {"Action": "glue:UpdateTable", "Resource": _catalog("database/lake", "table/lake/iced")}
    read = {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]}
    put = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/iced/*"}
    everything = [of_athena, results, look, commit, read, put]
    insert = "INSERT INTO lake.iced VALUES (1)"
    for lacking, said in (
        (commit, "is not authorized to perform: glue:UpdateTable"),
        (put, "Permission denied on S3 path: s3://lake/iced/data"),
        (read, "Permission denied on S3 path: s3://lake/iced"),
    ):
        assert said in _outcome(allowed(*(each for each in everything if each != lacking))("athena"), insert)
    assert ask("SELECT * FROM lake.iced").rows == []
    who = allowed(*everything)("athena")
    assert _outcome(who, insert) == "SUCCEEDED"
    assert ask("SELECT * FROM lake.iced").rows == [("1",)]
    assert "Permission denied on S3 path: s3://lake/other/data" in _outcome(who, iced.format("other"))
    assert "glue:DeleteTable" in _outcome(who, "DROP TABLE lake.iced")
    drop = {"Action": "glue:DeleteTable", "Resource": _catalog("database/lake", "table/lake/iced")}
    who = allowed(*everything, drop)("athena")
    assert "Permission denied on S3 path: s3://lake/iced/" in _outcome(who, "DROP TABLE lake.iced")
    assert ask("SELECT * FROM lake.iced").rows == [("1",)]
    assert ask("DROP TABLE lake.iced").state == "SUCCEEDED"


def test_athena_does_in_somebody_s_name_what_they_may_do(
    allowed: Allowed, lake: str, s3: Any, ask: Callable[..., Any]
) -> None:
    s3.put_object(Bucket=lake, Key="t/a.csv", Body=b"1\n")
    assert ask("CREATE EXTERNAL TABLE lake.t (a int) ROW FORMAT DELIMITED LOCATION 's3://lake/t/'").state == "SUCCEEDED"
    results = f"arn:aws:s3:::{RESULTS_BUCKET}"
    athena = {"Action": "athena:*", "Resource": f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/primary"}
    find, keep = ({"Action": "s3:*", "Resource": results + suffix} for suffix in ("", "/*"))
    tables = {"Action": "glue:Get*", "Resource": _catalog("database/lake", "table/lake/t")}
    folder = {
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::lake",
        "Condition": {"StringLike": {"s3:prefix": "t/"}},
    }
    files = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/t/*"}
    everything = [athena, find, keep, tables, folder, files]
    select = "SELECT * FROM lake.t"
    assert _outcome(allowed(*everything)("athena"), select) == "SUCCEEDED"
    for lacking, said in (
        (find, "Unable to verify/create output bucket"),
        (keep, "Access denied when writing output to url"),
        (tables, "is not authorized to perform: glue:GetDatabase"),
        (folder, "Permission denied on S3 path: s3://lake/t"),
        (files, "Permission denied on S3 path: s3://lake/t/a.csv"),
    ):
        assert said in _outcome(allowed(*(each for each in everything if each != lacking))("athena"), select)
    denied(allowed(*everything[1:])("athena").start_query_execution, QueryString=select)
    who = allowed(*everything)("athena")
    for sql, action in (
        ("DROP TABLE lake.t", "DeleteTable"),
        ("DROP DATABASE lake", "DeleteDatabase"),
        ("CREATE DATABASE pond", "CreateDatabase"),
        ("CREATE TABLE lake.u AS SELECT 1 AS a", "glue:"),
    ):
        said = _outcome(who, sql)
        assert said.startswith("FAILED") and (action in said or "Access denied" in said), said
    assert ask("SELECT * FROM lake.t").rows == [("1",)]


def test_glue_is_asked_for_catalog_database_and_table(allowed: Allowed, glue: Any, lake: str) -> None:
    glue.create_table(DatabaseName=lake, TableInput={"Name": "g"})
    who = allowed({"Action": "glue:GetTable", "Resource": _catalog("database/lake", "table/lake/g")})("glue")
    assert who.get_table(DatabaseName=lake, Name="g")["Table"]["Name"] == "g"
    denied(who.get_table, DatabaseName=lake, Name="t")
    denied(who.delete_table, DatabaseName=lake, Name="g")
    denied(who.get_tables, DatabaseName=lake)
    denied(who.start_job_run, JobName="j")
    denied(
        allowed({"Action": "glue:*", "Resource": _catalog("table/lake/g")})("glue").get_table,
        DatabaseName=lake,
        Name="g",
    )


def test_a_function_is_allowed_by_its_name_and_its_alias(allowed: Allowed) -> None:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:one"
    who = allowed({"Action": "lambda:InvokeFunction", "Resource": [arn, f"{arn}:live"]})("lambda")
    for told in ({"FunctionName": "one"}, {"FunctionName": "one", "Qualifier": "live"}):
        with pytest.raises(who.exceptions.ResourceNotFoundException):
            who.invoke(**told)
    denied(who.invoke, FunctionName="two")
    denied(who.invoke, FunctionName="one", Qualifier="test")
    denied(who.list_functions)
