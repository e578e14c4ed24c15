"""A ledger has the layout of its version, whoever opens it; one of another version is refused, not changed."""

import threading

import pytest
import sqlalchemy as sa
from watched_bucket import NOON

from acceptance.errors import LedgerUnusable
from flows.ledger import open_ledger


def test_several_may_open_a_new_ledger_at_the_same_time(url):
    together, failed = threading.Barrier(4), []

    def open_it() -> None:
        together.wait()
        try:
            with open_ledger(url) as ledger:
                ledger.lease.take("any", NOON, NOON)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test says it
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("layout", [4, 99])
def test_a_ledger_of_another_layout_is_refused_with_what_to_do_and_left_as_it_is(url, layout):
    with open_ledger(url):
        pass
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE ledger_version SET version = {layout}")
    with pytest.raises(LedgerUnusable, match=f"has the layout {layout}, .* uses layout 7; .* rebuilds it from S3"):
        open_ledger(url).__enter__()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM ledger_version").scalar_one() == layout
    engine.dispose()


def test_tables_without_a_number_are_the_first_layout_and_refused_as_well(url):
    with open_ledger(url):
        pass
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE ledger_version")
    with pytest.raises(LedgerUnusable, match=r"has the layout 1, .* uses layout 7"):
        open_ledger(url).__enter__()
    assert not sa.inspect(engine).has_table("ledger_version")
    engine.dispose()
