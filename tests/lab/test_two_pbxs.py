"""Two PBXs with one ledger and one Redis behind both: what one of them learns holds at the other."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab.conversation import answered, asked, blocked, both_talk, hung_up, pressed, reason_is
from lab.pair import pair
from lab.scene import Result, Scene

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbxs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Scene, Scene]]:
    async with pair(lambda name: tmp_path_factory.mktemp(name) / "lab") as both:
        yield both


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
