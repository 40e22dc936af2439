"""What holds for all tests.

`make test` runs them in several processes. A file stays in one of them, and with it what its tests share; whatever
needs a Docker engine shares one process, because two engines quarrel over the machine's firewall.
"""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs sets logging up for its process; the next test begins without that."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        together = "docker" if item.get_closest_marker("docker") else item.location[0]
        item.add_marker(pytest.mark.xdist_group(together))
    # Those that wait most begin first: the processors are the others'.
    items.sort(key=lambda item: (not item.get_closest_marker("docker"), not item.get_closest_marker("lab")))
