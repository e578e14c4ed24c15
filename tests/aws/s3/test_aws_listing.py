import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from acceptance.errors import StepFailed
from aws.s3 import objects as s3_calls
from aws.s3.listing import keep_pages_unparsed, list_page

KEYS = ["in/a b+c%2Bd.csv", 'in/<Contents>&amp;"quoted".csv', "in/ação 电影 🎬.csv", "in/e\u0301.csv", "in/é.csv"]
ITEM = (
    "<Contents><LastModified>2026-01-02T13:00:00.500+01:00</LastModified><Size>5</Size><Key>a+b</Key>"
    '<ETag>"e"</ETag><Owner><ID>x</ID></Owner></Contents>'
)


@pytest.fixture
def s3(s3_server):
    return keep_pages_unparsed(s3_server.client("s3"))


@pytest.fixture
def bucket(s3_bucket):
    return s3_bucket


@contextmanager
def answering(local_aws, body: str, status: int = 200) -> Iterator[object]:
    """A client of an S3 that always says the same."""
    server = make_server("127.0.0.1", 0, lambda environ, start: Response(body, status)(environ, start))
    thread = threading.Thread(target=partial(server.serve_forever, 0.02))
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        session = local_aws.session
        yield keep_pages_unparsed(session.client("s3", endpoint_url=endpoint))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_page_holds_what_boto3_itself_reads_from_the_answer(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    page = list_page(s3, bucket, "in/", "", 1000)
    assert page.objects == tuple(s3_calls.list_objects(s3, bucket, "in/"))
    assert sorted(each.key for each in page.objects) == sorted(KEYS)
    assert not page.truncated
    assert list_page(s3, bucket, "in/", "", 2).truncated


def test_a_page_is_none_while_it_is_the_known_one(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    known = list_page(s3, bucket, "in/", "", 1000).digest
    assert list_page(s3, bucket, "in/", "", 1000, known) is None
    assert list_page(s3, bucket, "in/", "", 4, known) is not None
    s3.put_object(Bucket=bucket, Key=KEYS[0], Body=b"2")
    assert list_page(s3, bucket, "in/", "", 1000, known).digest != known


def test_boto3_parses_no_page_of_a_listing_even_in_search_of_errors(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    parsed = []
    # What is registered for before-parse.s3.* runs beside the handler of botocore that looks for errors.
    s3.meta.events.register("before-parse.s3.*", lambda response_dict, **_: parsed.append(response_dict["body"]))
    assert len(list_page(s3, bucket, "in/", "", 1000).objects) == len(KEYS)
    assert [b"<Contents>" in body for body in parsed] == [False]


def test_an_item_may_have_its_fields_in_any_order_and_others_besides(local_aws):
    with answering(local_aws, f"<ListBucketResult>{ITEM}<IsTruncated>true</IsTruncated></ListBucketResult>") as s3:
        page = list_page(s3, "landing", "", "", 1)
    (found,) = page.objects
    assert (found.key, found.etag, found.size) == ("a+b", "e", 5)  # no EncodingType: the key is as it is written
    assert found.last_modified == datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert page.truncated


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Welcome to the hotel's network</html>",
        "<ListBucketResult>",
        f"<Error><!--<ListBucketResult>-->{ITEM}</Error>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult>" + ITEM.replace(">5<", "><") + "</ListBucketResult>",
        "<ListBucketResult>" + ITEM.replace("2026-01-02T13", "yesterday") + "</ListBucketResult>",
    ],
)
def test_an_answer_that_is_no_listing_is_not_taken_for_an_empty_one(local_aws, body):
    with answering(local_aws, body) as s3, pytest.raises(StepFailed, match="list s3://landing/in/"):
        list_page(s3, "landing", "in/", "", 1000)


@pytest.mark.parametrize(
    ("keys", "after"), [("ba", ""), ("aa", ""), ("\U0001f3ac\ufffd", ""), ("ab", "a"), ("ab", "b")]
)
def test_a_listing_in_another_order_than_that_of_utf_8_is_refused(local_aws, keys, after):
    items = "".join(ITEM.replace("a+b", key) for key in keys)
    with (
        answering(local_aws, f"<ListBucketResult>{items}</ListBucketResult>") as s3,
        pytest.raises(StepFailed, match=r"list s3://landing/: .* not in the order of their UTF-8 bytes, .*directory"),
    ):
        list_page(s3, "landing", "", after, 1000)


def test_an_error_under_status_200_is_raised_with_its_code(local_aws):
    body = "<Error><Code>InternalError</Code><Message>We encountered an internal error</Message></Error>"
    with answering(local_aws, body) as s3, pytest.raises(StepFailed, match=r"list s3://landing/: InternalError"):
        list_page(s3, "landing", "", "", 1000)
