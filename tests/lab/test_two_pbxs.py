"""Two PBXs, each with a callgate beside it, and one ledger and one Redis behind both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from lab.conversation import answered, asked, blocked, both_talk, hung_up, pressed, reason_is
from lab.place import Place, somewhere
from lab.postgres import PostgresServer
from lab.scene import Result, Scene
from lab.world import Lab

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


def sharing(ledger: str, name: str, first: Place | None) -> Callable[[Place], None]:
    """A PBX of that name, with that ledger; the second one has the Redis and the keys of the first."""

    def adapt(place: Place) -> None:
        text = place.config.read_text()
        text = text.replace('name = "lab"', f'name = "{name}"')
        text = text.replace(f'url = "sqlite:///{place.state}/ledger.db"', f'url = "{ledger}"\nwriter = "{name}"')
        if first is not None:
            text = text.replace(f"redis://{place.redis}/", f"redis://{first.redis}/")
            for key in ("ledger-keys", "hmac-key"):
                text = text.replace(f"{place.secrets}/{key}", f"{first.secrets}/{key}")
        place.config.write_text(text)

    return adapt


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbxs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Scene, Scene]]:
    server = PostgresServer()
    async with AsyncExitStack() as stack:
        stack.callback(server.end)
        ledger = server.new_database()
        scenes: list[Scene] = []
        for name in ("north", "south"):
            place = stack.enter_context(somewhere(tmp_path_factory.mktemp(name) / "lab"))
            first = scenes[0].lab.place if scenes else None
            lab = await stack.enter_async_context(Lab(place, adapt=sharing(ledger, name, first)))
            scenes.append(await stack.enter_async_context(Scene.of(lab)))
        yield scenes[0], scenes[1]


async def test_an_objection_at_one_pbx_holds_at_the_other(pbxs: tuple[Scene, Scene]) -> None:
    north, south = pbxs
    talk = await answered(north, Result("north", "brussels", "0033199001410", ""))
    await north.listen(talk.callee, 1)
    await pressed(north, talk, "9")
    await talk.callee.until_ended(8)
    result = Result("south", "lille", "0033199001410", "")
    await blocked(south, result)
    reason_is(result, "objection")
    assert not result.failed


async def test_a_person_has_one_call_at_a_time_whichever_pbx_makes_it(pbxs: tuple[Scene, Scene]) -> None:
    north, south = pbxs
    talk = await asked(north, Result("north", "brussels", "0033199001411", ""))
    result = Result("south", "lille", "0033199001411", "")
    await blocked(south, result)
    reason_is(result, "in-progress")
    await pressed(north, talk, "2")
    await both_talk(talk, result)
    await hung_up(north, talk)
    assert not [failed for failed in result.failed if "carrier" not in failed]


async def test_a_callgate_that_was_killed_leaves_the_other_pbx_its_calls(pbxs: tuple[Scene, Scene]) -> None:
    north, south = pbxs
    result = Result("south", "brussels", "0033199001412", "")
    talk = await asked(south, result)
    await north.lab.callgate.kill()
    try:
        await pressed(south, talk, "1")
        await both_talk(talk, result)
        await hung_up(south, talk)
        await south.watcher.until("sealed", talk.since, call=talk.id)
    finally:
        await north.lab.callgate.start()
    await north.ready()
    again = await answered(north, Result("north", "brussels", "0033199001413", ""))
    await hung_up(north, again)
    assert not result.failed
