"""With each listed country as the PBX's: its emergency numbers pass, exact, at once; another country's do not (P7)."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callgate.core import emergency
from lab.conversation import AFTER, AGENT
from lab.scene import Scene
from lab.world import COUNTRY

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="session")]

COUNTRIES = ("AT", "BE", "DE", "ES", "FR", "GB", "IE", "IT", "LU", "NL", "US")
ANYWHERE = {number for country in COUNTRIES for number in emergency.numbers(country)}


async def stands_in(scene: Scene, country: str) -> None:
    """The PBX stands there: one table for dialplan, gate and guard."""
    place = scene.lab.place
    (place.etc / "callgate-emergency.conf").write_text(emergency.context(country))
    text, changed = re.subn(r'(?<=\[site\]\ncountry = ")[A-Z]+', country, place.config.read_text())
    assert changed == 1
    place.config.write_text(text)
    await scene.lab.asterisk.cli("dialplan reload")
    await scene.lab.callgate.stop()
    await scene.lab.callgate.start()


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def back_home(scene: Scene) -> AsyncIterator[None]:
    yield
    await stands_in(scene, COUNTRY)


async def passes(scene: Scene, number: str) -> None:
    """Both sides hear each other at once."""
    agent = await scene.dial("brussels", number)
    callee = await scene.callee(number)
    await callee.answer()
    await agent.until_answered(3)
    callee.tone(AFTER)
    agent.tone(AGENT)
    await callee.until_hears(AGENT, 3)
    await agent.until_hears(AFTER, 3)
    await agent.hangup()
    await callee.until_ended(5)


async def is_refused(scene: Scene, number: str) -> None:
    agent = await scene.dial("brussels", number)
    ended = await agent.until_ended(15)
    assert (number, ended.status) == (number, 403)


@pytest.mark.parametrize("country", COUNTRIES)
async def test_its_emergency_numbers_pass_and_no_others(scene: Scene, country: str) -> None:
    await stands_in(scene, country)
    own = set(emergency.numbers(country))
    before, rang = scene.watcher.mark(), len(scene.carrier.invites)
    async with asyncio.TaskGroup() as calls:
        for number in own:
            calls.create_task(passes(scene, number))
        for number in ANYWHERE - own:
            calls.create_task(is_refused(scene, number))
    assert {invite.user for invite in scene.carrier.invites[rang:]} == own
    assert [fact for fact in scene.watcher.facts[before:] if fact.get("alarm") == "bypass"] == []
    await scene.lab.no_channels()
