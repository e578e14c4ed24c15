"""Files of a contract whose columns are the test's own, or the module's PAIR."""

import pytest
from landed_contract import contract

from landed.file import read_landed, rows_of_buckets


@pytest.fixture
def read(tmp_path, request):
    def read(content, *columns, **landing):
        (tmp_path / "landed").write_bytes(content.encode())
        return read_landed(tmp_path / "landed", contract(*(columns or request.module.PAIR), **landing), tmp_path)

    return read


@pytest.fixture
def texts(tmp_path, request):
    """All the rows, as they are compared, each as often as it landed."""

    def texts(content, *columns, **landing):
        (tmp_path / "landed").write_bytes(content.encode())
        of = contract(*(columns or request.module.PAIR), **landing)
        rows = rows_of_buckets(tmp_path / "landed", of, tmp_path, 1, {0})
        return [row for (_, row), times in rows.items() for _ in range(times)]

    return texts
