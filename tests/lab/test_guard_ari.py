"""The guard against ARI, which takes channels and their audio out of the dialplan's hands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio

from lab.conversation import Conversation, asked, both_talk, pressed
from lab.place import Place, somewhere
from lab.scene import Result, Scene
from lab.world import Lab

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

MODULES = (
    "res_http_websocket", "res_websocket_client", "res_stasis", "res_ari", "res_ari_model", "res_stasis_answer",
    "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop", "res_ari_applications", "res_ari_channels",
    "res_ari_bridges", "res_ari_events", "app_stasis",
)  # fmt: skip
PORT = 8088
PASSWORD = "for-this-test-only"


def with_ari(place: Place) -> None:
    """Asterisk serves ARI, and 58 gives a channel to it."""
    (place.etc / "http.conf").write_text(f"[general]\nenabled=yes\nbindaddr={place.pbx}\nbindport={PORT}\n")
    (place.etc / "ari.conf").write_text(f"[general]\nenabled=yes\n\n[lab]\ntype=user\npassword={PASSWORD}\n")
    with (place.etc / "modules.conf").open("a") as modules:
        modules.writelines(f"load = {module}.so\n" for module in MODULES)
    dialplan = place.etc / "extensions.conf"
    dialplan.write_text(dialplan.read_text().replace("exten => 61,1,", "exten => 58,1,Stasis(lab)\nexten => 61,1,", 1))


class Ari:
    """An application that registers, and asks for what a test wants."""

    def __init__(self, session: aiohttp.ClientSession, place: Place) -> None:
        self._session = session
        self._at = f"http://{place.pbx}:{PORT}/ari"

    async def register(self) -> aiohttp.ClientWebSocketResponse:
        """Without a connection there is no application, and Stasis() returns."""
        return await self._session.ws_connect(f"{self._at}/events?app=lab&api_key=lab:{PASSWORD}")

    async def post(self, what: str) -> None:
        async with self._session.post(f"{self._at}/{what}", params={"api_key": f"lab:{PASSWORD}"}) as response:
            assert response.status < 300, await response.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ari(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Scene, Ari]]:
    async with AsyncExitStack() as stack:
        place = stack.enter_context(somewhere(tmp_path_factory.mktemp("ari") / "lab"))
        lab = await stack.enter_async_context(Lab(place, adapt=with_ari))
        scene = await stack.enter_async_context(Scene.of(lab))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        application = Ari(session, place)
        await stack.enter_async_context(await application.register())
        yield scene, application


async def conversing(scene: Scene, number: str) -> Conversation:
    """A call in conversation, not recorded."""
    result = Result("ari", "brussels", number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    assert not result.failed
    return talk


async def callee_id(scene: Scene) -> str:
    """The UNIQUEID of the callee's channel."""
    shown = await scene.lab.asterisk.cli("core show channels concise")
    (line,) = [line for line in shown.splitlines() if line.startswith("PJSIP/carrier-")]
    return line.split("!")[-1]


async def test_a_callee_who_is_given_to_ari_is_hung_up(ari: tuple[Scene, Ari]) -> None:
    scene, _ = ari
    talk = await conversing(scene, "0033199001420")
    await talk.agent.transfer("58")
    await scene.watcher.until("alarm", talk.since, alarm="recording-without-consent", means="stasis")
    await talk.callee.until_ended(3)
    await scene.quiet()


async def test_a_callee_in_a_bridge_of_aris_is_hung_up(ari: tuple[Scene, Ari]) -> None:
    """It may be recorded there, by a channel that AMI does not show."""
    scene, application = ari
    talk = await conversing(scene, "0033199001421")
    await application.post("bridges/room?type=mixing")
    channel = await callee_id(scene)
    await talk.agent.transfer("58")
    for _ in range(50):
        try:
            await application.post(f"bridges/room/addChannel?channel={channel}")
        except AssertionError:  # it is not there yet
            await asyncio.sleep(0.01)
        else:
            break
    alarm = await scene.watcher.until("alarm", talk.since, alarm="recording-without-consent")
    assert alarm["means"] in ("bridge", "stasis")
    await talk.callee.until_ended(3)
    await scene.quiet()


async def test_a_snoop_on_a_callee_is_hung_up(ari: tuple[Scene, Ari]) -> None:
    scene, application = ari
    talk = await conversing(scene, "0033199001422")
    await application.post(f"channels/{await callee_id(scene)}/snoop?spy=both&app=lab")
    await scene.watcher.until("alarm", talk.since, alarm="recording-without-consent", means="channel")
    await scene.listen(talk.callee, 1)
    assert "Snoop/" not in await scene.lab.asterisk.cli("core show channels concise")
    assert talk.callee.ended is None
    await talk.agent.hangup()
    await scene.quiet()
