"""The lab with its Asterisk in a container, as `LAB=docker` runs it: the same calls, the same far end."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from lab.docker import Engine, engine
from lab.place import somewhere
from lab.scenarios import SCENARIOS
from lab.scene import Scene
from lab.world import Lab

pytestmark = [pytest.mark.docker, pytest.mark.asyncio(loop_scope="module")]

SHOWN = ("consented", "national-list", "gate-down")
"""Audio both ways and a file that both sides see; a block that the agent hears; the dialplan by itself."""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as serving, serving.bases(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("DOCKER_HOST", serving.environment.get("DOCKER_HOST", ""))
        environment.setenv("CALLGATE_ASTERISK", "docker")
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    del docker
    with somewhere(tmp_path_factory.mktemp("docker") / "lab") as place:
        async with Lab(place) as lab, Scene.of(lab) as peopled:
            yield peopled


@pytest.mark.parametrize("name", SHOWN)
async def test_a_call_through_a_dockerized_asterisk_ends_as_promised(scene: Scene, name: str) -> None:
    [scenario] = [scenario for scenario in SCENARIOS if scenario.name == name]
    result = await scenario.run(scene)
    assert not result.failed, "\n".join(result.failed)


async def test_its_container_is_gone_when_the_lab_is(docker: Engine, scene: Scene) -> None:
    ours = ("docker", "ps", "--all", "--quiet", "--filter", f"name=callgate-lab-{scene.lab.place.net}")
    assert docker.run(*ours)
    await scene.lab.asterisk.kill()
    assert not docker.run(*ours)
