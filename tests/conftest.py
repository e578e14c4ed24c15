"""One Prefect server for all tests, on SQLite in a folder of its own; its settings are those of the embedded server."""

from collections.abc import Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("repeatable", derandomize=True, print_blob=True)
hypothesis.settings.load_profile("repeatable")
"""What passes today passes tomorrow. `--hypothesis-profile default --hypothesis-seed random` looks for new failures."""

LONGEST = ("test_story.py", "test_burst_of_events.py", "test_demo.py", "test_watcher_death.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes begin first, one beside the other, and the short ones fill up."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API's address. The calling process uses the server as its own."""
    import prefect.settings
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(prefect.settings.get_current_settings().api.url)
