"""Somebody on the line says it by another way: what the API or the command line takes is done to the call at once."""

import asyncio

import aiohttp
import pytest

from lab import audio
from lab.conversation import (
    AGENT,
    Conversation,
    answered,
    asked,
    both_talk,
    hung_up,
    in_ledger,
    not_recorded,
    objects_from_now_on,
    pressed,
)
from lab.scene import Result, Scene
from lab.sip import By

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]


async def token(scene: Scene, scope: str) -> str:
    """An officer's, for the API."""
    return (await scene.callgate("users", "token", "officer", "--scope", scope)).strip()


async def posted(scene: Scene, path: str, token: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """What the API answers."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(f"http://{scene.lab.place.http}/api/v1/{path}", json=body or {}) as response,
    ):
        said: dict[str, object] = await response.json()
        assert response.status == 200, said
        return said


async def objected(scene: Scene, number: str, token: str) -> None:
    """An officer enters the person's objection by the API."""
    body: dict[str, object] = {"number": number, "controller": "acme", "scope": "controller", "reason": "asked"}
    await posted(scene, "suppressions", token, body)


async def conversing(scene: Scene, result: Result, key: str) -> Conversation:
    """A call in conversation, whose callee pressed `key`."""
    talk = await asked(scene, result)
    await pressed(scene, talk, key)
    await both_talk(talk, result)
    return talk


async def test_a_withdrawal_by_the_api_in_mid_call_stops_destroys_and_is_said_to_the_callee(scene: Scene) -> None:
    officer = await token(scene, "recordings")
    result = Result("withdrawn by the API", "brussels", "0033199001430", "")
    talk = await conversing(scene, result, "1")
    assert len([path for path in scene.spooled() if talk.id in path.name]) == 2
    talk.agent.silence()
    at = asyncio.get_running_loop().time()
    assert await posted(scene, f"recordings/{talk.id}/withdrawal", officer) == {"destroyed": False}
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    await talk.callee.until_speech(5, since=at)
    not_recorded(scene, result, talk.id)
    talk.agent.tone(AGENT)
    await talk.callee.until_hears(AGENT, 8, since=asyncio.get_running_loop().time())
    await hung_up(scene, talk)
    not_recorded(scene, result, talk.id)
    assert result.failed == []
    (withdrawal,) = await in_ledger(scene, talk.id, "withdrawal")
    assert withdrawal["by"] == "officer"
    assert len(await in_ledger(scene, talk.id, "recording-destroyed")) == 1


async def ends_thanked(scene: Scene, talk: Conversation, since: float, result: Result) -> None:
    """The callee is thanked and hung up from our side, and nobody calls them again."""
    ended = await talk.callee.until_ended(8)
    assert ended.by is By.PEER
    spoken = audio.speech_spans(talk.callee.heard_between(since, ended.at))
    assert sum(end - start for start, end in spoken) > 1
    await talk.agent.until_ended(8)
    await scene.stage("closed", talk.since)
    await objects_from_now_on(scene, result)
    assert result.failed == []
    assert await in_ledger(scene, talk.id, "objection") == []  # it was entered for the person, once


async def test_an_objection_by_the_api_in_mid_call_ends_it_as_the_callees_key_does(scene: Scene) -> None:
    officer = await token(scene, "suppressions")
    result = Result("objected by the API", "brussels", "0033199001431", "")
    talk = await conversing(scene, result, "2")
    talk.agent.silence()
    at = asyncio.get_running_loop().time()
    await objected(scene, result.dialled, officer)
    await ends_thanked(scene, talk, at, result)


async def test_an_objection_by_the_api_while_the_notice_plays_ends_the_call_likewise(scene: Scene) -> None:
    officer = await token(scene, "suppressions")
    result = Result("objected during the notice", "lille", "0033199001432", "")
    talk = await answered(scene, result)
    await objected(scene, result.dialled, officer)
    await scene.watcher.until("objection", talk.since, call=talk.id)
    await ends_thanked(scene, talk, asyncio.get_running_loop().time(), result)


async def test_an_objection_by_the_command_line_in_mid_call_ends_it_likewise(scene: Scene) -> None:
    result = Result("objected by the command line", "brussels", "0033199001433", "")
    talk = await conversing(scene, result, "2")
    talk.agent.silence()
    words = ("suppress", "add", "+33199001433", "--controller", "acme", "--reason", "by telephone")
    entering = asyncio.create_task(scene.callgate(*words))
    await scene.watcher.until("objection", talk.since, within=60, call=talk.id)
    await ends_thanked(scene, talk, asyncio.get_running_loop().time(), result)
    await entering
