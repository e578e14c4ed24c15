"""One Trino for all tests of this folder."""

from collections.abc import Iterator

import pytest
from trino_server import Trino, missing, running_trino


@pytest.fixture(scope="session")
def engine_is_there() -> None:
    if lacks := missing():
        pytest.skip(lacks)


@pytest.fixture(scope="session")
def trino(engine_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trino]:
    with running_trino(tmp_path_factory.mktemp("trino")) as trino:
        yield trino
