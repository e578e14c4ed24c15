"""`aceite doctor` finds what is wrong with credentials, AWS's things and the ledger, and says what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlalchemy as sa
from refusing_aws import RefusingAws, answers, hangs, refuses, refusing_aws
from repository import CONTRACTS, ROOT

from blocks.settings import SANDBOX_ACCESS_KEY, read_settings
from cli.doctor.clients import DoctorClients
from cli.doctor.looks.findings import Finding, Look, LookOutcome, met, unmet
from cli.doctor.looks.findings import advised as advice
from cli.doctor.looks.pipeline import crawler, event_bus, state_machine, workflow
from cli.doctor.plan import of_contracts, of_installation
from cli.doctor.runner import Precondition, look_at
from flows.installation.contracts import check_contracts, contract_variables, load_contracts
from sandbox.pipeline.provision import provision

KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "very-secret", "aws_region": "us-east-1"}


@pytest.fixture(scope="module")
def aws() -> Iterator[RefusingAws]:
    with refusing_aws() as layer:
        provision(session(), layer.endpoint, load_contracts(CONTRACTS, {}))
        yield layer


@pytest.fixture(scope="module")
def client(aws: RefusingAws) -> Callable[[str], Any]:
    made = session()
    return cache(lambda service: made.client(service, endpoint_url=aws.endpoint))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file .env, and no profile of whoever runs this."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def preconditions(aws: RefusingAws, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Precondition]]:
    """By name, with these settings beside the usual ones."""
    usual = {
        **KEYS,
        "aws_endpoint_url": aws.endpoint,
        "contracts": CONTRACTS,
        "home": tmp_path_factory.mktemp("h") / "home",
    }

    @cache
    def made(**changed: Any) -> dict[str, Precondition]:
        settings = read_settings(**{**usual, **changed})
        usable = load_contracts(settings.contracts, contract_variables(settings.landing_bucket))
        return {each.name: each for each in of_installation(settings, usable, DoctorClients(settings))}

    return made


@pytest.fixture
def look(preconditions: Callable[..., dict[str, Precondition]]) -> Callable[..., Look]:
    """Looks at the precondition of this name, with these settings beside the usual ones."""
    return lambda name, **changed: preconditions(**changed)[name].look()


def session() -> boto3.Session:
    return boto3.Session("testing", "testing", region_name="us-east-1")


def red(seen: Look, found: str, *remedy: str) -> None:
    assert seen.outcome is LookOutcome.RED, seen
    assert found in seen.found
    for part in remedy:
        assert part in seen.remedy
    assert "very-secret" not in seen.found + seen.remedy


def advised(seen: Look, found: str, *remedy: str) -> None:
    assert seen.outcome is LookOutcome.YELLOW, seen
    assert found in seen.found
    for part in remedy:
        assert part in seen.remedy


def green(seen: Look, found: str = "") -> None:
    assert seen.outcome is LookOutcome.GREEN, seen
    assert found in seen.found


def test_without_region_and_credentials_both_are_named_at_once(look):
    seen = look("profile and region", aws_region="", aws_access_key_id="", aws_secret_access_key="")
    red(seen, "no region is set, and there are no credentials", "set ACEITE_AWS_REGION", "set ACEITE_AWS_PROFILE")


def test_without_credentials_the_remedy_names_the_settings(look):
    seen = look("credentials", aws_access_key_id="", aws_secret_access_key="")
    red(seen, "there are no credentials for AWS", "ACEITE_AWS_PROFILE")


def test_a_profile_that_is_not_there_is_told_with_the_command_that_makes_it(look):
    seen = look("profile and region", aws_access_key_id="", aws_secret_access_key="", aws_profile="squad")
    red(seen, "squad", "aws configure --profile squad")


def test_without_a_region_the_remedy_names_the_setting(look):
    red(look("profile and region", aws_region=""), "no region", "ACEITE_AWS_REGION")


def test_an_expired_token_is_told_from_a_wrong_key(aws, look):
    with aws.answering(refuses("GetCallerIdentity", "ExpiredToken")):
        red(look("credentials"), "expired", "ACEITE_AWS_SESSION_TOKEN", "aceite apply")
    with aws.answering(refuses("GetCallerIdentity", "InvalidClientTokenId")):
        red(look("credentials"), "does not know the access key", "mistyped")
    with aws.answering(refuses("GetCallerIdentity", "SignatureDoesNotMatch")):
        red(look("credentials"), "the secret is not", "ACEITE_AWS_SECRET_ACCESS_KEY", "clock")
    green(look("credentials"), "arn:aws:iam::123456789012:user/a")


def test_credentials_of_another_account_are_told_with_both_accounts(look):
    red(
        look("account", aws_account_id="999999999999"),
        "123456789012",
        "999999999999",
        "ACEITE_AWS_ACCOUNT_ID=123456789012",
    )
    green(look("account", aws_account_id="123456789012"), "123456789012")


def test_an_endpoint_that_does_not_answer_is_told_with_the_setting(look):
    red(look("credentials", aws_endpoint_url="http://127.0.0.1:9"), "cannot be reached", "ACEITE_AWS_ENDPOINT_URL")


def test_a_clock_that_is_more_than_a_minute_off_is_told_with_its_direction(aws, look):
    green(look("clock", aws_access_key_id="", aws_secret_access_key=""), "agrees")
    wrong = {
        timedelta(minutes=3, seconds=30): "3 minutes behind",
        timedelta(minutes=-7, seconds=-30): "7 minutes ahead of",
    }
    for ahead, told in wrong.items():
        aws.ahead = ahead
        try:
            red(look("clock"), told, "w32tm /resync", "timedatectl")
        finally:
            aws.ahead = timedelta(0)


def test_a_missing_bucket_is_told_with_the_command_that_makes_it(look):
    red(
        look("evidence bucket", evidence_bucket="nowhere"),
        "no bucket nowhere",
        "aws s3 mb s3://nowhere --region us-east-1",
    )
    red(look("landing of sor-imdb-movies", landing_bucket="nowhere"), "no bucket nowhere", "movies.odcs.yaml")


def test_a_denied_bucket_is_told_with_the_action_that_is_needed(aws, look):
    with aws.answering(refuses("HEAD /landing", ""), refuses("GET /landing", "AccessDenied")):
        red(
            look("landing of sor-imdb-movies"),
            "access denied",
            "s3:ListBucket on arn:aws:s3:::landing",
            "aceite policy",
        )
    with aws.answering(refuses("HEAD /landing/", "")):
        red(look("landed files of sor-imdb-movies"), "s3:GetObject", "arn:aws:s3:::landing/business/imdb/")
    with aws.answering(refuses("PUT /evidence/", "AccessDenied")):
        red(look("putting evidence"), "s3:PutObject", "arn:aws:s3:::evidence/deliveries/")


def test_a_bucket_that_may_be_listed_below_its_prefix_only_is_enough(aws, look):
    with aws.answering(refuses("HEAD /landing", "")):
        green(look("landing of sor-imdb-movies"))


def test_a_bucket_of_another_region_is_told_with_both_regions(client, look):
    client("s3").create_bucket(Bucket="in-ireland", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    red(look("evidence bucket", evidence_bucket="in-ireland"), "eu-west-1", "ACEITE_AWS_REGION=eu-west-1", "us-east-1")


def test_looking_whether_evidence_may_be_put_puts_nothing(client, look):
    green(look("putting evidence"))
    assert client("s3").list_objects_v2(Bucket="evidence")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("demanded", "setting"), [("AES256", "AES256"), ("aws:kms", "arn:aws:kms:us-east-1:123456789012:key/1")]
)
def test_a_bucket_that_demands_an_encryption_is_told_with_the_setting_that_asks_for_it(aws, look, demanded, setting):
    def denies(request: Any) -> tuple[str, str, bytes] | None:
        if request.operation.startswith("PUT /evidence/") and request.encryption != demanded:
            return "403 Forbidden", "application/xml", b"<Error><Code>AccessDenied</Code></Error>"
        return None

    with aws.answering(denies):
        said = "KMS-KEY-ARN" if demanded == "aws:kms" else "AES256"
        red(look("putting evidence"), "x-amz-server-side-encryption", f"set ACEITE_EVIDENCE_ENCRYPTION={said}")
        green(look("putting evidence", evidence_encryption=setting))


def test_a_store_that_ignores_conditional_writes_cannot_keep_evidence(aws, look):
    def puts(request: Any) -> tuple[str, str, bytes] | None:
        return ("200 OK", "application/xml", b"") if request.operation.startswith("PUT /evidence/") else None

    with aws.answering(puts):
        red(look("putting evidence"), "ignores If-Match", "S3 itself")


def test_a_retention_without_object_lock_is_told_with_the_commands_that_turn_it_on(client, look):
    client("s3").create_bucket(Bucket="kept")
    seen = look("retention of evidence", evidence_bucket="kept")
    advised(seen, "versioning off, Object Lock off, and none is required", "ACEITE_EVIDENCE_RETENTION_DAYS")
    assert "aws " not in seen.in_sandbox
    seen = look("retention of evidence", evidence_bucket="kept", evidence_retention_days=30)
    red(seen, "without a lock", "put-bucket-versioning --bucket kept", "put-object-lock-configuration --bucket kept")
    client("s3").create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    green(look("retention of evidence", evidence_bucket="locked", evidence_retention_days=30), "GOVERNANCE for 30 days")
    green(look("retention of evidence", evidence_bucket="locked"), "versioning on, Object Lock on; none is required")


def test_a_missing_function_or_one_that_may_not_be_invoked_is_told(aws, client, look):
    with aws.answering(refuses("POST /2015-03-31/functions/lambdastartjob", "AccessDeniedException")):
        red(look("function lambdastartjob"), "lambda:InvokeFunction on lambdastartjob", "aceite policy")
    green(look("function lambdastartjob"))
    client("lambda").delete_function(FunctionName="lambdastartjob")
    seen = look("function lambdastartjob")
    red(
        seen,
        "no Lambda function lambdastartjob in us-east-1",
        "aws lambda list-functions",
        "`invoke` in movies.odcs.yaml",
    )


def test_a_state_machine_that_is_missing_or_keeps_no_executions_is_told(client):
    states, sts = client("stepfunctions"), client("sts")
    asked = states, sts, "loads:PROD", "orders.odcs.yaml"
    red(state_machine(*asked), "no state machine loads:PROD in us-east-1", "list-state-machines", "orders.odcs.yaml")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = "arn:aws:iam::123456789012:role/sandbox-pipeline"
    made = {"definition": definition, "roleArn": role}
    states.create_state_machine(name="loads", **made)
    green(state_machine(*asked), "its executions can be awaited")
    states.create_state_machine(name="quick", type="EXPRESS", **made)
    red(state_machine(states, sts, "quick", "orders.odcs.yaml"), "express state machine", "use a standard one")


def test_a_missing_crawler_is_told(client):
    glue = client("glue")
    red(crawler(glue, "finds", "orders.odcs.yaml"), "no Glue crawler finds in us-east-1", "list-crawlers")
    glue.create_crawler(Name="finds", Role="r", DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://sor/t/"}]})
    green(crawler(glue, "finds", "orders.odcs.yaml"), "it exists, and is READY")


def test_a_missing_workflow_and_a_missing_event_bus_are_told(client):
    glue, events = client("glue"), client("events")
    red(workflow(glue, "loads", "orders.odcs.yaml"), "no Glue workflow loads in us-east-1", "`run_workflow` in orders")
    glue.create_workflow(Name="loads")
    green(workflow(glue, "loads", "orders.odcs.yaml"), "it exists, and its runs may be read")
    red(event_bus(events, "orders", "orders.odcs.yaml"), "no event bus orders in us-east-1", "`put_event` in orders")
    green(event_bus(events, "default", "orders.odcs.yaml"), "it exists")


def test_a_missing_job_is_told_with_its_region(client, look):
    green(look("Glue job jobstagetosoringestion"))
    client("glue").delete_job(JobName="jobstagetosoringestion")
    red(
        look("Glue job jobstagetosoringestion"),
        "in us-east-1",
        "aws glue list-jobs --region us-east-1",
        "movies.odcs.yaml",
    )


def test_a_missing_or_denied_table_is_told(aws, client, look):
    with aws.answering(refuses("AWSGlue.GetTable", "AccessDeniedException", "400 Bad Request")):
        red(look("table database_sor.movies_table"), "glue:GetTable", "aceite policy")
    green(look("table database_sor.movies_table"), "s3://sor/movies_table/")
    client("glue").delete_table(DatabaseName="database_sor", Name="movies_table")
    red(
        look("table database_sor.movies_table"),
        "no table database_sor.movies_table",
        "--database-name database_sor",
        "movies",
    )


def test_an_awaited_object_that_may_not_be_read_is_told_with_the_step(aws, client, look):
    green(look("step 2 of sor-imdb-movies"), "s3://stage/business/imdb/")
    with aws.answering(refuses("HEAD /stage/", "")):
        red(look("step 2 of sor-imdb-movies"), "s3:GetObject", "arn:aws:s3:::stage/business/imdb/")
    client("s3").delete_bucket(Bucket="stage")
    red(look("step 2 of sor-imdb-movies"), "no bucket stage", "aws s3 mb s3://stage", "movies.odcs.yaml")


def test_a_table_whose_bucket_is_gone_is_told(client, look):
    keys = [{"Name": "anomesdia", "Type": "int"}]
    table = {"Name": "flights", "StorageDescriptor": {"Location": "s3://gone/flights/"}, "PartitionKeys": keys}
    client("glue").update_table(DatabaseName="database_sor", TableInput=table)
    red(look("table database_sor.flights"), "s3://gone/flights/: there is no bucket gone", "aws s3 mb s3://gone")


def test_a_table_of_a_kind_that_cannot_be_judged_is_told(client, look):
    table = {"Name": "flights", "TableType": "VIRTUAL_VIEW", "StorageDescriptor": {"Columns": []}}
    client("glue").update_table(DatabaseName="database_sor", TableInput=table)
    green(look("table database_sor.flights"), "its objects are not listed: it is a view")
    table |= {"TableType": "EXTERNAL_TABLE", "Parameters": {"spark.sql.sources.provider": "delta"}}
    client("glue").update_table(DatabaseName="database_sor", TableInput=table)
    red(look("table database_sor.flights"), "it is a table of Delta Lake", "use a Hive table", "flights.odcs.yaml")
    table |= {"Parameters": {}, "PartitionKeys": [{"Name": "Country", "Type": "string"}]}
    client("glue").update_table(DatabaseName="database_sor", TableInput=table)
    red(look("table database_sor.flights"), "its partition keys are country, and those of the contract", "flights")


def test_a_missing_workgroup_is_told_and_one_whose_results_have_no_place_to_go(client, look, tmp_path):
    movies = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
    folder = tmp_path / "contracts"
    folder.mkdir()
    text = movies.replace("workgroup: ${ATHENA_WORKGROUP:-primary}", "workgroup: homeless")
    (folder / "movies.odcs.yaml").write_text(text, encoding="utf-8")
    red(look("workgroup homeless", contracts=folder), "no workgroup homeless", "create-work-group --name homeless")
    client("athena").create_work_group(Name="homeless", Configuration={})
    seen = look("workgroup homeless", contracts=folder)
    red(seen, "no output location", "aws athena update-work-group --work-group homeless", "stagingDir")
    green(look("workgroup primary"), "s3://athena-results/")


def test_what_only_doctor_may_not_look_at_is_not_taken_for_wrong(aws, look):
    with aws.answering(refuses("AmazonAthena.GetWorkGroup", "AccessDeniedException", "400 Bad Request")):
        seen = look("workgroup primary")
    assert seen.outcome is LookOutcome.GREY
    assert "allow athena:GetWorkGroup" in seen.remedy
    assert "only `aceite doctor` needs it" in seen.remedy


def test_a_missing_parameter_and_one_that_cannot_be_copied_are_told(client, look):
    ssm, name = client("ssm"), "/stage/imdb/movies"
    green(look(f"parameter {name}"), "a JSON object")
    ssm.put_parameter(Name=name, Value="very-secret, and no JSON", Overwrite=True)
    red(look(f"parameter {name}"), "no JSON object", "copy_of in movies.odcs.yaml")
    ssm.delete_parameter(Name=name)
    red(
        look(f"parameter {name}"), "no parameter", f"aws ssm put-parameter --name {name}", "copy_of in movies.odcs.yaml"
    )


def test_a_parameter_that_cannot_be_overridden_is_told(client, look):
    name = "/stage/nycflights13/flights/_test"
    green(look(f"parameter {name}"), "does not exist yet")
    client("ssm").put_parameter(Name=name, Value="a,b", Type="StringList")
    red(look(f"parameter {name}"), "StringList", f"aws ssm delete-parameter --name {name}")
    client("ssm").delete_parameter(Name=name)
    for _ in range(98):
        client("ssm").put_parameter(Name=name, Value="{}", Type="String", Overwrite=True)
    green(look(f"parameter {name}"), "runs restore it")
    client("ssm").label_parameter_version(Name=name, ParameterVersion=1, Labels=["prod"])
    red(look(f"parameter {name}"), "could not be restored", f"label-parameter-version --name {name} --labels prod")


def test_a_queue_that_is_not_there_is_told_with_its_setting(client, look):
    url = client("sqs").create_queue(QueueName="landed")["QueueUrl"]
    green(look("landing queue", landing_queue_url=url), "0 messages")
    red(look("landing queue", landing_queue_url=url + "-gone"), "no queue", "ACEITE_LANDING_QUEUE_URL")


JUDGE = "arn:aws:iam::123456789012:role/squad/judge"


def is_judge(_: object) -> str:
    return "<Arn>arn:aws:sts::123456789012:assumed-role/judge/me</Arn><Account>123456789012</Account>"


def simulation(*denied: str) -> Callable[[dict[str, list[str]]], str]:
    """IAM's answer, in which these actions are denied: for each action and resource a result."""

    def results(query: dict[str, list[str]]) -> str:
        assert query["PolicySourceArn"] == [JUDGE]
        actions = [query[name][0] for name in query if name.startswith("ActionNames.")]
        resources = [query[name][0] for name in query if name.startswith("ResourceArns.")]
        members = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
            f"<EvalDecision>{'implicitDeny' if action in denied else 'allowed'}</EvalDecision></member>"
            for action in actions
            for resource in resources
        )
        return f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"

    return results


def test_a_missing_permission_is_found_by_iam_s_simulation(aws, client, look):
    client("iam").create_role(RoleName="judge", Path="/squad/", AssumeRolePolicyDocument="{}")
    judge = answers("GetCallerIdentity", is_judge)
    with aws.answering(
        judge, answers("SimulatePrincipalPolicy", simulation("ssm:PutParameter", "athena:StopQueryExecution"))
    ):
        seen = look("permissions")
    parameter = "ssm:PutParameter on arn:aws:ssm:us-east-1:123456789012:parameter/stage/nycflights13/flights/_test"
    red(seen, parameter, "aceite policy", JUDGE)
    assert "athena:StopQueryExecution on arn:aws:athena:us-east-1:123456789012:workgroup/primary" in seen.found
    with aws.answering(judge, answers("SimulatePrincipalPolicy", simulation())):
        green(look("permissions"), JUDGE)


def test_where_iam_may_not_be_asked_nothing_is_green_and_it_is_said_what_nobody_tried(aws, look):
    judge = answers("GetCallerIdentity", is_judge)
    with aws.answering(judge, refuses("GetRole", "AccessDenied")):
        seen = look("permissions")
    assert (seen.outcome, "AccessDenied" in seen.found, "3 of ssm" in seen.found) == (LookOutcome.GREY, True, True)
    assert "iam:SimulatePrincipalPolicy" in seen.remedy and "aceite policy doctor" in seen.remedy
    green(look("permissions"), "allows arn:aws:iam::123456789012:user/a all")


def test_the_root_of_an_account_may_do_everything(aws, look):
    with aws.answering(
        answers(
            "GetCallerIdentity",
            lambda _: is_judge(_).replace("sts::", "iam::").replace("assumed-role/judge/me", "root"),
        )
    ):
        green(look("permissions"), "may do everything")


def test_a_ledger_that_cannot_be_written_is_told_and_looking_leaves_nothing_behind(look, tmp_path):
    (tmp_path / "file").write_text("no folder")
    red(look("ledger", home=tmp_path / "file" / "home"), "no ledger can be made", "--home", "ACEITE_LEDGER_URL")
    green(look("ledger", home=tmp_path / "home"), "can be made there")
    assert not (tmp_path / "home").exists()
    (tmp_path / "ledger.db").mkdir()
    red(look("ledger", home=tmp_path), "unable to open database file", "ACEITE_LEDGER_URL")
    red(look("ledger", ledger_url="postgresql://me:very-secret@127.0.0.1:9/a"), "127.0.0.1", "ACEITE_LEDGER_URL")


def test_looking_at_a_ledger_that_is_there_changes_nothing(look, tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'own.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger_version (version INTEGER)")
        connection.exec_driver_sql("INSERT INTO ledger_version VALUES (99)")
    red(look("ledger", ledger_url=f"sqlite:///{tmp_path / 'own.db'}"), "layout 99", "version of Aceite that wrote it")
    assert sa.inspect(engine).get_table_names() == ["ledger_version"]


def test_an_account_that_is_not_fixed_is_advice_that_names_it(look):
    advised(look("account"), "any other one would do", "set ACEITE_AWS_ACCOUNT_ID=123456789012")
    green(look("account", aws_account_id="123456789012"), "as ACEITE_AWS_ACCOUNT_ID requires")


def test_what_was_not_looked_at_names_the_first_thing_that_does_not_hold():
    first = Precondition("first", lambda: unmet("it is broken", "mend it"))
    middle = Precondition("middle", lambda: met("well"), ("first",))
    last = Precondition("last", lambda: met("well"), ("middle", "advice"))
    worth = Precondition("advice", lambda: advice("it could be better", "better it"))
    findings = {each.name: each for each in look_at([first, middle, last, worth], 10)}
    assert (findings["middle"].because, findings["last"].because) == (("first",), ("first",))
    assert findings["advice"].outcome is LookOutcome.YELLOW


def test_in_the_sandbox_no_remedy_is_a_command_for_aws(aws, preconditions):
    """Nothing that the contracts name is there, as in a sandbox of other contracts: it is all in another region."""
    of = {
        "aws_access_key_id": SANDBOX_ACCESS_KEY,
        "aws_region": "sa-east-1",
        "landing_bucket": "nowhere",
        "landing_queue_url": f"{aws.endpoint}/123456789012/hints",
    }
    seen = [each.look() for each in preconditions(**of).values() if each.asked == aws.endpoint]
    remedies = [look.in_sandbox or look.remedy for look in seen if not look.holds]
    assert len(remedies) > 10
    assert [remedy for remedy in remedies if "`aws " in remedy] == []
    assert any("`aceite up --sandbox`" in remedy for remedy in remedies)


def test_each_problem_of_a_contract_is_told_with_file_and_line(tmp_path):
    movies = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
    (tmp_path / "bad.odcs.yaml").write_text(movies.replace("invoke: lambdastartecstask", "invok: x"), encoding="utf-8")
    (tmp_path / "twice.odcs.yaml").write_text("id: a\nid: b\n", encoding="utf-8")
    findings = look_at(list(of_contracts(check_contracts([tmp_path], {}))), 10)
    assert {finding.outcome for finding in findings} == {LookOutcome.RED}
    line = movies[: movies.index("invoke: lambdastartecstask")].count("\n") + 1
    assert any(f"bad.odcs.yaml:{line}:" in finding.found for finding in findings)
    assert any("twice.odcs.yaml:2:" in finding.found for finding in findings)
    assert all("aceite contracts check" in finding.remedy for finding in findings)


def test_an_aws_that_never_answers_does_not_keep_the_others_waiting(aws, preconditions):
    wanted = (
        "ledger",
        "profile and region",
        "credentials",
        "account",
        "evidence bucket",
        "putting evidence",
        "workgroup primary",
    )
    with aws.answering(hangs("HEAD /evidence", aws.hangs)):
        findings = {each.name: each for each in look_at([preconditions()[name] for name in wanted], 1)}
    hung, after = findings["evidence bucket"], findings["putting evidence"]
    assert (hung.outcome, hung.found) == (LookOutcome.RED, f"no answer within 1 s from {aws.endpoint}")
    assert "HTTPS_PROXY" in hung.remedy
    why = "it was not looked at, because `evidence bucket` does not hold"
    assert after == Finding("putting evidence", LookOutcome.GREY, why, because=("evidence bucket",))
    assert findings["workgroup primary"].outcome is LookOutcome.GREEN


def test_the_command_ends_although_an_aws_hangs_and_says_who_did_not_answer(aws, tmp_path):
    told = {f"ACEITE_{name.upper()}": value for name, value in KEYS.items()}
    told |= {"ACEITE_AWS_ENDPOINT_URL": aws.endpoint, "ACEITE_HOME": str(tmp_path), "ACEITE_CONTRACTS": str(CONTRACTS)}
    environment = {**os.environ, **told, "PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": str(ROOT)}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "cli.main", "doctor", "--json", "--within", "6"]
    with aws.answering(hangs("HEAD /", aws.hangs)):
        said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    findings = {each["name"]: each for each in json.loads(said.stdout)["findings"]}
    assert said.returncode == 1
    assert findings["evidence bucket"]["found"] == f"no answer within 6 s from {aws.endpoint}"
    assert findings["Prefect server"]["found"] == "no Prefect server is chosen"
    assert findings["watcher"]["outcome"] == "grey"
