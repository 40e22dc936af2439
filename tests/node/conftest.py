"""A desk for each test that wants one, and an eye on what every test logs."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.node.fakes import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A node with stand-ins around it."""
    made = Desk(tmp_path)
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def _no_number_is_logged() -> Iterator[None]:
    with capture_logs() as logged:
        yield
    assert "99001234" not in str(logged)
