"""One lab with people in it for all tests that place calls, on a net of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab.place import somewhere
from lab.scenarios import restored
from lab.scene import Scene
from lab.world import Lab


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    with somewhere(tmp_path_factory.mktemp("calls") / "lab") as place:
        async with Lab(place) as lab, Scene.of(lab) as peopled:
            yield peopled
        complaints = [line for line in lab.asterisk.complaints() if not any(known in line for known in EXPECTED)]
        assert not complaints, "Asterisk complained:\n" + "\n".join(complaints)


@pytest_asyncio.fixture(loop_scope="session")
async def left_in_order(scene: Scene) -> AsyncIterator[None]:
    """Whatever became of a test, the next one finds everything running and nobody on the phone."""
    yield
    await restored(scene)
    await scene.quiet()


EXPECTED = (
    "failed for url 'agi://",  # callgate was stopped on purpose
    "FastAGI failed",
    "Abnormal 'Gosub(callgate-",  # a hang-up inside a subroutine of ours
    "connected to AudioSocket server",  # the guard hung the callee up
    "app_channelredirect.c: No such channel",  # agent and callee left in the same moment
    "File beep does not exist",  # who is transferred to by feature code would hear one; the lab has no such sounds
    "Unable to open beep",
)
"""What Asterisk says when it does what it should."""
