"""What holds for all tests.

`make test` runs them in several processes. A file stays in one of them, and with it what its tests share; whatever
needs a Docker engine shares one process, because two engines quarrel over the machine's firewall.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from xdist.scheduler.loadscope import LoadScopeScheduling

DOCKER = "tests/docker/"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs sets logging up for its process; the next test begins without that."""
    yield
    structlog.reset_defaults()


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives a process one file after another."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return DOCKER if file.startswith(DOCKER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait most begin first: the processors are the others'."""
    items.sort(key=lambda item: (not item.nodeid.startswith(DOCKER), not item.get_closest_marker("lab")))
