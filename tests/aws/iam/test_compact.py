"""The compact policy allows what the exact one does, and little more: in the folders and databases of the contracts."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from builders import a_contract

from acceptance.contract.contract import Contract, Override, Table
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.steps import AwaitObject, Invoke, RunGlueJob
from aws.iam.arns import Account
from aws.iam.duty import Duty
from aws.iam.policy import PolicyContext, compact_statements, statements
from aws.iam.statements import Statement, characters
from sandbox.policies.policy import RequiredPermission, read_policy

TEAMS = ("sales", "crm", "risk", "pricing", "logistics", "marketing")
HOUR = timedelta(hours=1)
HERE = Account("123456789012", "sa-east-1")


def contract(number: int) -> Contract:
    team = TEAMS[number % len(TEAMS)]
    name = f"{team}-{number}"
    place = f"s3://landing/{team}/{{business_date:%Y%m%d}}/{name}/{{file}}.csv"
    return a_contract(
        name,
        template=KeyTemplate.parse(place),
        table=Table("awsdatacatalog", team, name.replace("-", "_"), "primary"),
        steps=(
            Invoke(f"start-{name}", {}, HOUR),
            AwaitObject(f"s3://stage/{team}/{name}/{{business_date:%Y%m%d}}/", HOUR),
            RunGlueJob(f"load-{name}", {}, HOUR),
        ),
        override=(Override(f"/{team}/{name}/test", f"/{team}/{name}", {}),),
    )


FIFTY = [contract(number) for number in range(50)]
CONTEXT = PolicyContext(
    HERE,
    locks_evidence=True,
    table_locations={f"{each.table.database}.{each.table.name}": f"s3://lake/{each.dataset}/" for each in FIFTY},
    result_locations={"primary": "s3://results/aceite/"},
)


def allows(granted: Sequence[Statement], action: str, resource: str, **context: str) -> bool:
    """Evaluate each statement as a policy of its own, as the sandbox does: together they may be too large for one."""
    said = tuple((key.replace("_", ":"), value) for key, value in context.items())
    required = RequiredPermission(action, resource, said)
    return any(not read_policy(_alone(each)).refusal(required) for each in granted)


def _alone(statement: Statement) -> str:
    said = statement.to_dict()
    return json.dumps({"Version": "2012-10-17", "Statement": [said]})


def requests(granted: Sequence[Statement]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield requests that only these statements allow, of each action, resource and prefix."""
    for statement in granted:
        prefixes = statement.condition.get("StringLike", {}).get("s3:prefix", [None])
        for action, resource in statement.pairs:
            for prefix in prefixes:
                yield action, one_of(resource), {"s3_prefix": one_of(prefix)} if prefix is not None else {}


def one_of(pattern: str) -> str:
    return re.sub(r"\*", "a/b-1", pattern.replace("?", "7"))


@pytest.mark.parametrize("duty", list(Duty))
@pytest.mark.parametrize("number", [1, 5, 50])
def test_what_the_exact_policy_allows_the_compact_one_does(number: int, duty: Duty) -> None:
    granted, _ = compact_statements(FIFTY[:number], CONTEXT, duty)
    small = [statement for statement in granted if len(_alone(statement)) < 6000]
    large = [statement for statement in granted if statement not in small]
    asked = list(requests(statements(FIFTY[:number], CONTEXT, duty)))
    assert asked
    for action, resource, context in asked:
        listed = any((action, resource) in statement.pairs for statement in large)
        assert listed or allows(small, action, resource, **context), (action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:GetObject", "arn:aws:s3:::payroll/sales/20260101/sales-0/a.csv", {}),
        ("s3:GetObject", "arn:aws:s3:::results/another/a.csv", {}),
        ("s3:PutObject", "arn:aws:s3:::landing/sales/20260101/sales-0/a.csv", {}),
        ("s3:PutObject", "arn:aws:s3:::evidence/reports/index.html", {}),
        ("s3:PutObject", "arn:aws:s3:::evidence/elsewhere", {}),
        ("s3:ListBucket", "arn:aws:s3:::payroll", {"s3_prefix": "sales/"}),
        ("glue:GetTable", "arn:aws:glue:sa-east-1:123456789012:table/payroll/salaries", {}),
        ("glue:GetTable", "arn:aws:glue:sa-east-1:123456789012:database/payroll", {}),
        ("glue:StartJobRun", "arn:aws:glue:sa-east-1:123456789012:job/load-sales-99", {}),
        ("lambda:InvokeFunction", "arn:aws:lambda:sa-east-1:123456789012:function:start-sales-99", {}),
        ("ssm:PutParameter", "arn:aws:ssm:sa-east-1:123456789012:parameter/sales/sales-99/test", {}),
        ("ssm:GetParameter", "arn:aws:ssm:sa-east-1:123456789012:parameter/sales/password", {}),
    ],
)
def test_no_bucket_table_function_job_or_parameter_of_others_is_allowed(
    action: str, resource: str, context: dict[str, str]
) -> None:
    granted, _ = compact_statements(FIFTY, CONTEXT)
    small = [statement for statement in granted if len(_alone(statement)) < 6000]
    assert not allows(small, action, resource, **context)
    for statement in granted:
        if statement not in small:
            assert not any("*" in each for each in statement.resources), statement.sid
            assert (action, resource) not in statement.pairs


def test_each_wildcard_is_told_with_what_it_stands_for() -> None:
    granted, widened = compact_statements(FIFTY, CONTEXT)
    told = {each.wildcard: each.stands_for for each in widened if each.purpose.sid == "ReadLanded"}
    assert told == {"arn:aws:s3:::landing/*": 50}
    by_team = {each.wildcard for each in widened if each.purpose.sid == "ReadCatalog"}
    assert by_team == {f"arn:aws:glue:sa-east-1:123456789012:table/{team}/*" for team in TEAMS}
    listed = {(each.place, each.wildcard) for each in widened if each.purpose.sid == "ListAwaited"}
    assert listed == {("arn:aws:s3:::stage", "*")}
    exact = {pair for each in statements(FIFTY, CONTEXT) for pair in each.pairs}
    wilder = {resource for each in granted for action, resource in each.pairs if (action, resource) not in exact}
    assert wilder == {each.wildcard for each in widened if not each.place}


def test_a_few_contracts_stay_exact_and_many_take_a_fraction() -> None:
    few, widened = compact_statements(FIFTY[:2], CONTEXT)
    assert widened == ()
    exact = statements(FIFTY[:2], CONTEXT)
    assert {(pair, str(each.condition)) for each in few for pair in each.pairs} == {
        (pair, str(each.condition)) for each in exact for pair in each.pairs
    }
    assert characters(compact_statements(FIFTY, CONTEXT)[0]) < 0.6 * characters(statements(FIFTY, CONTEXT))


def test_folders_that_contracts_share_stay_in_the_wildcard() -> None:
    of_sales = [each for each in FIFTY if each.dataset.startswith("sales-")]
    _, widened = compact_statements(of_sales, CONTEXT)
    assert {each.wildcard for each in widened if each.purpose.sid == "ReadLanded"} == {
        "arn:aws:s3:::landing/sales/????????/*"
    }
