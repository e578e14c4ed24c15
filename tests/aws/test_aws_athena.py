import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from acceptance.errors import QueryCause, QueryFailed, StepFailed
from aws.athena import connect, glue_catalog_id, run_query

MINUTE = timedelta(minutes=1)
SLOW = "SELECT count(*) FROM " + " CROSS JOIN ".join(f"unnest(sequence(1, 3000)) AS t{n}(x{n})" for n in range(4))


@pytest.fixture(scope="module")
def connection(local_aws):
    local_aws.client("s3").create_bucket(Bucket="results")
    local_aws.client("glue").create_database(DatabaseInput={"Name": "database_sor"})
    with connect(
        local_aws.session,
        endpoint_url=local_aws.endpoint,
        region=None,
        workgroup="primary",
        database="database_sor",
        output_location="s3://results/aceite",
    ) as connection:
        yield connection


def test_values_come_as_python_values(connection):
    sql = """SELECT 1 AS n, CAST(1.50 AS decimal(4,2)) AS d, DATE '2026-11-22' AS day,
             TIMESTAMP '2026-11-22 10:00:00.123' AS t, true AS yes, 1.5e0 AS x, 'ação' AS word,
             CAST(NULL AS bigint) AS missing"""
    answer = run_query(connection, sql, within=MINUTE)
    moment = datetime(2026, 11, 22, 10, 0, 0, 123000)  # noqa: DTZ001
    assert answer.rows == ((1, Decimal("1.50"), date(2026, 11, 22), moment, True, 1.5, "ação", None),)
    assert answer.columns == ("n", "d", "day", "t", "yes", "x", "word", "missing")


def test_an_answer_has_what_an_audit_asks_for(connection):
    answer = run_query(connection, "SELECT 1 AS one", within=MINUTE)
    assert answer.sql == "SELECT 1 AS one"
    assert answer.output_location == f"s3://results/aceite/{answer.query_id}.csv"
    assert (answer.workgroup, answer.engine_version) == ("primary", "Athena engine version 3")
    assert answer.started <= answer.ended
    assert answer.total_ms >= 0


def test_more_rows_than_one_page_all_come(connection):
    answer = run_query(connection, "SELECT n FROM unnest(sequence(1, 2500)) AS t(n) ORDER BY n", within=MINUTE)
    assert [row[0] for row in answer.rows] == list(range(1, 2501))


def test_a_percent_sign_in_the_sql_is_itself(connection):
    assert run_query(connection, "SELECT '100%' LIKE '%s' AS x, '%(a)s' AS y", within=MINUTE).rows == (
        (False, "%(a)s"),
    )


def test_a_query_that_athena_fails_keeps_athenas_text_and_id(connection):
    with pytest.raises(QueryFailed, match="COLUMN_NOT_FOUND") as failed:
        run_query(connection, "SELECT nope FROM (SELECT 1 AS n) AS t", within=MINUTE)
    assert failed.value.query_id in str(failed.value)


def test_a_query_that_fails_without_a_reason_says_so_and_its_state(connection):
    def forget(parsed, **_):
        parsed["QueryExecution"]["Status"].pop("StateChangeReason", None)

    events, place = connection.client.meta.events, "after-call.athena.GetQueryExecution"
    events.register(place, forget)
    try:
        with pytest.raises(QueryFailed, match=r"query [0-9a-f-]+: FAILED; Athena gave no reason$"):
            run_query(connection, "SELECT * FROM none_such", within=MINUTE)
    finally:
        events.unregister(place, forget)


@pytest.fixture
def answers(connection):
    """Changes what Athena answers of a query's state: by number of the query, and of the question about it."""
    events, place = connection.client.meta.events, "after-call.athena.GetQueryExecution"
    asked = {}

    def register(change):
        def changed(parsed, **_):
            execution = parsed["QueryExecution"]
            asked.setdefault(execution["QueryExecutionId"], []).append(1)
            change(execution["Status"], len(asked), len(asked[execution["QueryExecutionId"]]))

        events.unregister(place, unique_id="changed")
        events.register(place, changed, unique_id="changed")
        return asked

    yield register
    events.unregister(place, unique_id="changed")


def internal_error(status):
    reason = "GENERIC_INTERNAL_ERROR: a node is gone"
    status |= {"State": "FAILED", "StateChangeReason": reason, "AthenaError": {"Retryable": True, "ErrorCategory": 1}}


def test_a_query_that_athena_calls_retryable_is_put_again(connection, answers):
    asked = answers(lambda status, query, _: internal_error(status) if query < 3 else None)
    answer = run_query(connection, "SELECT 1 AS one", within=MINUTE)
    assert answer.rows == ((1,),)
    assert (*answer.failed_before, answer.query_id) == tuple(asked)


def test_a_query_is_put_three_times_at_most_and_once_if_it_is_not_retryable(connection, answers):
    asked = answers(lambda status, *_: internal_error(status))
    with pytest.raises(QueryFailed, match="GENERIC_INTERNAL_ERROR"):
        run_query(connection, "SELECT 1 AS one", within=MINUTE)
    assert len(asked) == 3
    asked.clear()
    answers(lambda status, *_: status.update(State="FAILED", StateChangeReason="HIVE_BAD_DATA: x"))
    with pytest.raises(QueryFailed, match="HIVE_BAD_DATA"):
        run_query(connection, "SELECT 1 AS one", within=MINUTE)
    assert len(asked) == 1


def test_the_time_in_athenas_queue_is_not_that_of_the_query(connection, answers, stepped):
    def change(status, _, question):
        if question < 40:
            status["State"] = "QUEUED"
        elif question < 65:
            status["State"] = "RUNNING"

    answers(change)
    answer = run_query(connection, "SELECT 1 AS one", within=MINUTE, clock=stepped.clock)
    assert answer.rows == ((1,),)
    assert stepped.time_s > 60, "a minute in the queue and a minute at work are allowed"


@pytest.mark.parametrize(
    ("state", "reason", "cause"),
    [
        ("CANCELLED", "Bytes scanned limit was exceeded", QueryCause.NEITHER),
        ("CANCELLED", "Query cancelled by user", QueryCause.NEITHER),
        ("FAILED", "Query timeout", QueryCause.NEITHER),
        ("FAILED", "Query exhausted resources at this scale factor", QueryCause.NEITHER),
        ("FAILED", "EXCEEDED_LOCAL_MEMORY_LIMIT: Query exceeded per-node memory limit", QueryCause.NEITHER),
        ("FAILED", "Access denied when writing output to url: s3://results/x.csv", QueryCause.NEITHER),
        ("FAILED", "Unable to verify/create output bucket results", QueryCause.NEITHER),
        ("FAILED", "PERMISSION_DENIED: Principal does not have any privilege", QueryCause.NEITHER),
        ("FAILED", "SYNTAX_ERROR: line 1:8: no", QueryCause.TEXT),
        ("FAILED", "HIVE_BAD_DATA: the text 'Query timeout' is no number", QueryCause.ROWS),
        ("FAILED", "HIVE_CANNOT_OPEN_SPLIT: Access Denied (Service: Amazon S3; Status Code: 403)", QueryCause.ROWS),
        ("FAILED", "DIVISION_BY_ZERO: / by zero", QueryCause.ROWS),
    ],
)
def test_a_failure_says_if_other_rows_or_another_text_could_help(connection, answers, state, reason, cause):
    answers(lambda status, *_: status.update(State=state, StateChangeReason=reason))
    with pytest.raises(QueryFailed) as failed:
        run_query(connection, "SELECT 1 AS one", within=MINUTE)
    assert failed.value.cause is cause


def test_a_query_that_athena_does_not_even_start_has_no_id(local_aws):
    nowhere = connect(
        local_aws.session, endpoint_url=local_aws.endpoint, region=None, workgroup="no-group", database="d"
    )
    with pytest.raises(QueryFailed, match=r"the query was not started: .*no-group") as failed:
        run_query(nowhere, "SELECT 1", within=MINUTE)
    assert failed.value.query_id is None


def state(local_aws, query_id):
    execution = local_aws.client("athena").get_query_execution(QueryExecutionId=query_id)
    return execution["QueryExecution"]["Status"]["State"]


def test_a_query_that_is_not_ready_in_time_is_stopped(connection, local_aws, stepped):
    with pytest.raises(QueryFailed, match=r"still (QUEUED|RUNNING) after 300 s, so Aceite stopped it") as failed:
        run_query(connection, SLOW, within=timedelta(minutes=5), clock=stepped.clock)
    assert 300 <= stepped.time_s < 302
    assert failed.value.cause is QueryCause.NEITHER
    assert state(local_aws, failed.value.query_id) == "CANCELLED"


def test_a_run_that_is_cancelled_while_it_waits_leaves_no_query_behind(connection, local_aws, stepped):
    class Cancelled(BaseException):
        pass

    def cancel(_):
        raise Cancelled

    stepped.then = cancel
    with pytest.raises(Cancelled):
        run_query(connection, SLOW, within=MINUTE, clock=stepped.clock)
    newest = local_aws.client("athena").list_query_executions(WorkGroup="primary")["QueryExecutionIds"]
    assert "CANCELLED" in {state(local_aws, query_id) for query_id in newest}


def test_no_data_frame_library_is_imported():
    code = "import sys, aws.athena, landed.file; sys.exit('pandas' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_glue_knows_a_data_catalog_by_its_id(local_aws):
    athena = local_aws.client("athena")
    athena.create_data_catalog(Name="producer", Type="GLUE", Parameters={"catalog-id": "210987654321"})
    athena.create_data_catalog(Name="hive", Type="LAMBDA", Parameters={"function": "f"})
    assert glue_catalog_id(athena, "AwsDataCatalog", "123456789012") == ""
    assert glue_catalog_id(athena, "producer", "123456789012") == "210987654321"
    assert glue_catalog_id(athena, "s3tablescatalog/lake", "123456789012") == "123456789012:s3tablescatalog/lake"
    with pytest.raises(StepFailed, match="the data catalog hive is of type LAMBDA; allowed: one of type GLUE"):
        glue_catalog_id(athena, "hive", "123456789012")
    with pytest.raises(StepFailed, match="the data catalog nobody is not there"):
        glue_catalog_id(athena, "nobody", "123456789012")


def test_a_query_that_is_longer_than_athena_takes_is_not_sent(connection):
    with pytest.raises(QueryFailed, match=r"it has 262,15\d bytes, and Athena takes 262,144 at most") as raised:
        run_query(connection, f"SELECT '{'x' * 262_144}'", within=MINUTE)
    assert (raised.value.query_id, raised.value.cause) == (None, QueryCause.NEITHER)
