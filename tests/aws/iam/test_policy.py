"""The policy has a statement for each thing that Aceite does with the contracts, and no wildcard but in keys."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import a_contract

from acceptance.contract.checks import Check, Metric, Reference
from acceptance.contract.contract import Contract, Marker, Override, Quiet, Table
from acceptance.contract.keys.signal_file import signal_template
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import Engine, PartitionHolds
from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, RunGlueJob
from aws.iam.arns import ANY, Account, key_pattern, pattern, text_pattern
from aws.iam.duty import Duty
from aws.iam.policy import PLACEHOLDER, PolicyContext, statements, tables_queried, unknown_locations
from aws.iam.statements import MOST_CHARACTERS, Permission, Purpose, characters, merge

HERE = Account("123456789012", "sa-east-1")
TOLD = PolicyContext(
    HERE,
    table_locations={"sor.orders": "s3://lake/orders/", "crm.customers": "s3://lake/customers"},
    result_locations={"primary": "s3://results/aceite/"},
)
HOUR = timedelta(hours=1)


def contract(dataset: str = "orders", **said: Any) -> Contract:
    template = KeyTemplate.parse(f"s3://landing/in/{dataset}/{{business_date:%Y%m%d}}/{{file}}.csv")
    table = Table("awsdatacatalog", "sor", "orders", "primary")
    return a_contract(dataset, **{"template": template, "table": table, **said})


def granted(*contracts: Contract, duty: Duty = Duty.ALL, context: PolicyContext = TOLD) -> dict[str, Any]:
    return {each.sid: each.to_dict() for each in statements(contracts or (contract(),), context, duty)}


def resources(sid: str, *contracts: Contract, **said: Any) -> list[str]:
    return granted(*contracts, **said).get(sid, {}).get("Resource", [])


def test_keys_of_a_template_are_of_its_length_and_its_texts() -> None:
    assert key_pattern(contract().template) == "in/orders/????????/*.csv"
    assert (
        key_pattern(KeyTemplate.parse("s3://landing/{region}{business_date:%Y-%m-%d}_a?b.csv"))
        == "*????-??-??_a${?}b.csv"
    )


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("stage/{key}", "stage/in/orders/????????/*.csv"),
        ("{bucket}-done/{prefix}{file}.ok", "landing-done/in/orders/*.ok"),
        ("t/day={business_date:%Y%m%d}/", "t/day=????????/"),
        ("{delivery_id}/$x", "*/${$}x"),
    ],
)
def test_texts_of_a_pipeline_are_of_any_delivery(text: str, pattern: str) -> None:
    assert text_pattern(contract(), text) == pattern


def test_signs_that_mean_more_in_a_policy_stand_for_themselves() -> None:
    assert pattern("a*b?c$d") == "a${*}b${?}c${$}d"
    assert pattern("a*", ANY, pattern("b?")) == "a${*}*b${?}"


def test_a_name_becomes_no_wildcard_wherever_it_stands() -> None:
    table = Table("c*", "d*", "t*", "w*", region="r*", output_location="s3://o*/p*")
    rule = Check("a", Metric.SQL, sql='SELECT count(*) FROM {object}, "x*"."y*"')
    steps = (Invoke("f*:*", {}, HOUR), Invoke("1*:function:f*", {}, HOUR), Invoke("arn:aws:lambda:*", {}, HOUR),
             RunGlueJob("j*", {}, HOUR), AwaitGlueJob("k*", HOUR), AwaitObject("s3://a*/b*", HOUR))  # fmt: skip
    hostile = contract(
        template=KeyTemplate("l*", "", KeyTemplate.parse("s3://any/{business_date:%Y%m%d}").segments),
        table=table,
        checks=(rule,),
        steps=steps,
        override=(Override("/p*", "/q*", {}),),
        engine=Engine.ATHENA,
        landed_table="m*.n*",
        partition_holds=PartitionHolds.ALL_DELIVERIES,
        completion=Quiet(HOUR, 1, HOUR),
    )
    hostile = replace(hostile, dataset="n*")
    told = PolicyContext(
        Account("a*", "r*", "p*"), "e*", "https://sqs.r*.amazonaws.com/1*/q*", True, ("arn:aws:kms:*",),
        {"d*.t*": "s3://y*/z*"}, {}, "arn:aws:iam::1:user/*",
    )  # fmt: skip
    resources = {name for duty in Duty for each in statements([hostile], told, duty) for name in each.resources}
    plain = {name.replace("${*}", "") for name in resources}
    objects = {name for name in plain if name.startswith("arn:p:s3:::")}
    assert len(objects) > 8 and len(plain - objects) == 21
    assert [name for name in plain - objects if "*" in name] == []
    assert [name for name in objects if "*" in name.partition("/")[0] or "*" in name[:-1]] == []


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("start", "arn:aws:lambda:sa-east-1:123456789012:function:start"),
        ("start:live", "arn:aws:lambda:sa-east-1:123456789012:function:start:live"),
        ("210987654321:function:start", "arn:aws:lambda:sa-east-1:210987654321:function:start"),
        ("arn:aws:lambda:eu-west-1:1:function:start", "arn:aws:lambda:eu-west-1:1:function:start"),
    ],
)
def test_a_function_may_be_named_in_every_way_of_lambda(name: str, arn: str) -> None:
    assert HERE.function(name) == arn


@pytest.mark.parametrize("name", ["load", "load:PROD", "arn:aws:states:sa-east-1:123456789012:stateMachine:load:7"])
def test_the_executions_of_a_state_machine_are_those_of_its_own_name(name: str) -> None:
    assert HERE.executions(name) == "arn:aws:states:sa-east-1:123456789012:execution:load:*"
    assert HERE.executions("l*") == "arn:aws:states:sa-east-1:123456789012:execution:l${*}:*"


@pytest.mark.parametrize("name", ["orders", "arn:aws:events:sa-east-1:123456789012:event-bus/orders"])
def test_an_event_bus_may_be_named_by_name_or_arn(name: str) -> None:
    assert HERE.event_bus(name) == "arn:aws:events:sa-east-1:123456789012:event-bus/orders"


@pytest.mark.parametrize(
    ("url", "arn"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/210987654321/hints", "arn:aws:sqs:eu-west-1:210987654321:hints"),
        ("http://127.0.0.1:5000/123456789012/hints", "arn:aws:sqs:sa-east-1:123456789012:hints"),
    ],
)
def test_a_queue_is_told_by_its_address(url: str, arn: str) -> None:
    assert resources("ReceiveHints", context=replace(TOLD, queue_url=url)) == [arn]


def test_the_watcher_may_list_what_it_watches_read_verdicts_and_record_what_was_cancelled() -> None:
    found = granted(duty=Duty.WATCHER)
    assert list(found) == ["ListLanding", "ListEvidence", "KeepEvidence"]
    assert found["ListLanding"]["Resource"] == ["arn:aws:s3:::landing"]
    assert found["ListLanding"]["Condition"] == {"StringLike": {"s3:prefix": ["in/orders/"]}}
    kept = ["arn:aws:s3:::evidence/deliveries/orders/*", "arn:aws:s3:::evidence/manifests/orders/*"]
    assert found["KeepEvidence"]["Resource"] == kept


@pytest.mark.parametrize("duty", [Duty.WATCHER, Duty.VALIDATOR, Duty.ALL])
@pytest.mark.parametrize("name", ["1234-abcd", "arn:aws:kms:sa-east-1:123456789012:key/1234-abcd"])
def test_the_key_that_seals_may_be_used_by_its_id_or_arn_if_one_is_named(duty: Duty, name: str) -> None:
    assert "SignEvidence" not in granted(duty=duty)
    found = granted(duty=duty, context=replace(TOLD, seal_key=name))["SignEvidence"]
    assert found["Resource"] == ["arn:aws:kms:sa-east-1:123456789012:key/1234-abcd"]
    assert found["Action"] == ["kms:Sign", "kms:GetPublicKey"]


def test_each_bucket_is_listed_by_its_own_prefixes() -> None:
    other = contract("b", template=KeyTemplate.parse("s3://other/b/{business_date:%Y%m%d}.csv"))
    found = granted(contract("a"), contract("c"), other, duty=Duty.WATCHER)
    listed = {each["Resource"][0]: each["Condition"]["StringLike"]["s3:prefix"]
              for sid, each in found.items() if sid.startswith("ListLanding")}  # fmt: skip
    assert listed == {"arn:aws:s3:::landing": ["in/a/", "in/c/"], "arn:aws:s3:::other": ["b/"]}


def test_uploads_are_listed_where_quiet_is_asked_for() -> None:
    quiet = contract(completion=Quiet(HOUR, 1, HOUR))
    assert resources("ListUploads", quiet) == ["arn:aws:s3:::landing"]
    marked = contract(completion=Marker(signal_template("_SUCCESS", contract().template), HOUR))
    assert "ListUploads" not in granted(marked) and "VerifyManifests" not in granted(marked)
    assert granted(marked)["ListLanding"]["Condition"]["StringLike"]["s3:prefix"] == ["in/orders/*"]


def test_files_are_not_fetched_where_athena_reads_them() -> None:
    big = contract(engine=Engine.ATHENA, landed_table="raw.Orders")
    assert "ReadLanded" not in granted(big)
    assert "arn:aws:s3:::landing/in/orders/*" in resources("ReadTables", big)
    assert "arn:aws:glue:sa-east-1:123456789012:table/raw/orders" in resources("ReadCatalog", big)
    others = replace(big, partition_holds=PartitionHolds.ALL_DELIVERIES)
    # Among the files of the table over them are those of other deliveries.
    assert "ReadLanded" not in granted(others)


def test_tables_that_checks_name_are_read_as_well() -> None:
    beside = "SELECT count(*) FROM {object} o JOIN Rates r ON r.id = o.id, WITH_DB.t"
    named = f"{beside} WHERE id IN (WITH c AS (SELECT 1 AS x) SELECT x FROM c)"
    checks = (
        Check("a", Metric.SQL, sql=named),
        Check("b", Metric.ORPHANED_VALUES, refers_to=Reference("crm", "customers", ("id",))),
    )
    found = contract(checks=checks)
    assert tables_queried(found) == (("sor", "orders"), ("sor", "rates"), ("with_db", "t"), ("crm", "customers"))
    assert "arn:aws:s3:::lake/customers/*" in resources("ReadTables", found)


def test_a_whole_bucket_is_listed_only_to_tell_an_absent_object_from_a_denied_one() -> None:
    exact = contract(steps=(AwaitObject("s3://stage/{key}", HOUR), AwaitObject("s3://done/x/", HOUR)))
    found = granted(exact)
    assert (found["ListAwaited"]["Resource"], "Condition" in found["ListAwaited"]) == (["arn:aws:s3:::stage"], False)
    assert found["ListAwaited2"]["Condition"] == {"StringLike": {"s3:prefix": ["x/"]}}
    assert found["AwaitObjects"]["Resource"] == ["arn:aws:s3:::stage/in/orders/????????/*.csv"]


def test_only_what_a_pipeline_starts_may_be_started() -> None:
    started = contract(steps=(RunGlueJob("convert", {}, HOUR), Invoke("start", {}, HOUR)))
    found = granted(started)
    assert "glue:StartJobRun" in found["RunJobs"]["Action"]
    assert "AwaitJobs" not in found
    assert found["InvokeFunctions"]["Resource"] == ["arn:aws:lambda:sa-east-1:123456789012:function:start"]


def test_locks_are_set_only_where_a_retention_is() -> None:
    assert {"ReadObjectLock", "LockEvidence"}.isdisjoint(granted())
    assert {"ReadObjectLock", "LockEvidence"} <= granted(context=replace(TOLD, locks_evidence=True)).keys()


def test_pages_are_published_by_the_watcher_alone_and_only_where_it_is_asked_to() -> None:
    publishing = replace(TOLD, publishes_reports=True)
    assert granted(duty=Duty.WATCHER, context=publishing)["PublishReports"]["Action"] == ["s3:PutObject"]
    assert resources("PublishReports", duty=Duty.ALL, context=publishing) == ["arn:aws:s3:::evidence/reports/*"]
    assert resources("PublishReports", duty=Duty.VALIDATOR, context=publishing) == []
    assert resources("PublishReports") == []


def test_keys_of_yours_are_used_through_the_services_alone() -> None:
    found = granted(context=replace(TOLD, keys=("arn:aws:kms:sa-east-1:123456789012:key/1",)))["UseKeys"]
    hosts = [f"{service}.sa-east-1.amazonaws.com" for service in ("s3", "ssm", "glue", "sqs")]
    assert found["Condition"] == {"StringEquals": {"kms:ViaService": hosts}}


def test_no_action_is_allowed_on_everything_and_none_is_named_by_a_wildcard() -> None:
    override = Override("/a/_test", "/a", {})
    found = granted(contract(override=(override,)))
    assert not [sid for sid, each in found.items() if "*" in each["Resource"]]
    assert not [action for each in found.values() for action in each["Action"] if "*" in action]


def test_what_nobody_told_is_a_placeholder_and_is_said() -> None:
    alone = PolicyContext(HERE)
    assert unknown_locations([contract()], alone) == (
        "the output location of the workgroup primary",
        "the location of the table sor.orders",
    )
    assert PLACEHOLDER in resources("ReadTables", context=alone)[0]
    assert unknown_locations([contract()], TOLD) == ()


def test_in_another_region_the_table_and_the_workgroup_are_that_region_s() -> None:
    there = contract(table=Table("awsdatacatalog", "sor", "orders", "primary", region="eu-west-1"))
    assert resources("RunQueries", there) == ["arn:aws:athena:eu-west-1:123456789012:workgroup/primary"]
    assert "arn:aws:glue:eu-west-1:123456789012:table/sor/orders" in resources("ReadCatalog", there)


READ, KEEP = Purpose("Read", "", ("s3:GetObject",)), Purpose("Keep", "", ("s3:GetObject", "s3:PutObject"))
LIST = Purpose("List", "", ("s3:ListBucket",), lists=True)


@pytest.mark.parametrize(
    ("permissions", "kept"),
    [
        ([Permission(READ, "arn:b/a/*"), Permission(KEEP, "arn:b/*")], ["Keep"]),
        ([Permission(READ, "arn:b/*"), Permission(KEEP, "arn:b/a/*")], ["Read", "Keep"]),
        ([Permission(READ, "arn:b/??"), Permission(READ, "arn:b/*")], ["Read"]),
        ([Permission(READ, "arn:b/*"), Permission(KEEP, "arn:b/?")], ["Read", "Keep"]),
        ([Permission(READ, "arn:b/a"), Permission(Purpose("Again", "", READ.actions), "arn:b/a")], ["Read"]),
        ([Permission(LIST, "arn:b", "in/"), Permission(Purpose("All", "", LIST.actions), "arn:b")], ["All"]),
    ],
)
def test_what_another_statement_grants_is_left_out(permissions: list[Permission], kept: list[str]) -> None:
    assert [each.sid for each in merge(permissions, "sa-east-1")] == kept


def test_a_wildcard_of_one_sign_does_not_cover_one_of_many() -> None:
    found = merge([Permission(READ, "arn:b/?"), Permission(READ, "arn:b/*x")], "sa-east-1")
    assert found[0].resources == ("arn:b/?", "arn:b/*x")


def test_the_size_is_that_without_white_space() -> None:
    few = statements([contract()], TOLD)
    many = statements([contract(f"dataset{number}") for number in range(60)], TOLD)
    assert characters(few) < MOST_CHARACTERS < characters(many)


def test_every_pair_of_a_statement_is_told() -> None:
    pairs = {pair for each in statements([contract()], TOLD) for pair in each.pairs}
    assert ("athena:StartQueryExecution", "arn:aws:athena:sa-east-1:123456789012:workgroup/primary") in pairs
    assert ("s3:PutObject", "arn:aws:s3:::evidence/manifests/orders/*") in pairs


def test_what_only_the_doctor_looks_at_is_no_part_of_the_others_policies() -> None:
    beside = {action for each in granted(duty=Duty.DOCTOR).values() for action in each["Action"]}
    assert {"athena:GetWorkGroup", "s3:GetBucketVersioning"} <= beside
    assert not beside & {action for each in granted().values() for action in each["Action"]}


def test_files_that_lake_formation_gives_out_need_no_right_of_s3() -> None:
    context = replace(TOLD, governed=frozenset({"sor.orders"}))
    assert resources("GetDataAccess", context=context) == ["*"]
    assert resources("ReadTables", context=context) == []
    assert resources("GetDataAccess") == []


def test_the_tables_behind_a_view_are_read_and_the_view_has_no_files() -> None:
    views = {"sor.orders": (("sor", "open_orders"),), "sor.open_orders": (("crm", "customers"),)}
    context = replace(TOLD, views=views)
    assert resources("ReadTables", context=context) == ["arn:aws:s3:::lake/customers/*"]
    arns = resources("ReadCatalog", context=context)
    assert {arn.partition("table/")[2] for arn in arns if ":table/" in arn} == {
        "sor/orders",
        "sor/open_orders",
        "crm/customers",
    }
    assert unknown_locations([contract()], context) == ()


@pytest.mark.parametrize(
    ("catalog", "arns"),
    [
        (
            "producer",
            ["210987654321:catalog", "210987654321:database/sor", "210987654321:table/sor/orders"],
        ),
        (
            "s3tablescatalog/lake",
            [
                *("123456789012:catalog", "123456789012:catalog/s3tablescatalog"),
                *("123456789012:catalog/s3tablescatalog/lake", "123456789012:database/s3tablescatalog/lake/sor"),
                "123456789012:table/s3tablescatalog/lake/sor/orders",
            ],
        ),
    ],
)
def test_a_table_of_another_catalog_has_the_arns_of_its_owner(catalog: str, arns: list[str]) -> None:
    theirs = contract(table=Table(catalog, "sor", "orders", "primary"))
    context = replace(TOLD, catalog_ids={"producer": "210987654321"})
    read = resources("ReadCatalog", theirs, context=context)
    assert read == [f"arn:aws:glue:sa-east-1:{arn}" for arn in arns]


def test_the_account_of_a_catalog_that_nobody_knows_is_a_note() -> None:
    theirs = contract(table=Table("producer", "sor", "orders", "primary"))
    assert "the account of the data catalog producer" in unknown_locations([theirs], TOLD)


def test_both_sides_of_a_resource_link_are_read() -> None:
    context = replace(TOLD, links={"sor.orders": ("210987654321", "shop", "all_orders")})
    arns = resources("ReadCatalog", context=context)
    assert "arn:aws:glue:sa-east-1:210987654321:table/shop/all_orders" in arns
    assert "arn:aws:glue:sa-east-1:123456789012:table/sor/orders" in arns


def test_keys_are_used_through_every_service_that_reads_for_aceite_in_its_partition() -> None:
    china = replace(TOLD, account=Account("123456789012", "cn-north-1", "aws-cn"), keys=("1234",))
    statement = granted(context=china)["UseKeys"]
    assert statement["Resource"] == ["arn:aws-cn:kms:cn-north-1:123456789012:key/1234"]
    through = [f"{service}.cn-north-1.amazonaws.com.cn" for service in ("s3", "ssm", "glue", "sqs")]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": through}}
    everything = granted(context=replace(china, keys=()), duty=Duty.ALL).values()
    assert {arn.split(":")[1] for each in everything for arn in each["Resource"]} == {"aws-cn"}


def test_results_go_where_a_workgroup_enforces_them_whatever_the_contract_says() -> None:
    table = Table("awsdatacatalog", "sor", "orders", "primary", output_location="s3://mine/results/")
    assert resources("KeepResults", contract(table=table)) == ["arn:aws:s3:::mine/results/*"]
    enforced = replace(TOLD, enforced=frozenset({"primary"}))
    assert resources("KeepResults", contract(table=table), context=enforced) == ["arn:aws:s3:::results/aceite/*"]


def test_results_that_athena_keeps_itself_need_no_bucket() -> None:
    managed = replace(TOLD, result_locations={}, managed_results=frozenset({"primary"}))
    found = granted(context=managed)
    assert not {"FindResults", "KeepResults"} & found.keys()
    assert "RunQueries" in found
    assert unknown_locations([contract()], managed) == ()
