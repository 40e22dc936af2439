"""Every way in which a PBX places a call passes the gate: AMI Originate, click-to-dial, call files; or is cut off."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asterisk.ami import AMIClient, SimpleAction

from lab import audio
from lab.config import secret
from lab.conversation import AFTER, BEFORE, KEY_HEARD_S
from lab.conversation import AGENT as AGENTS_TONE
from lab.scene import Scene
from lab.sip import Call
from lab.world import Lab

# asterisk-ami calls Condition.notifyAll with the lock held: turned into an error, the warning leaves it held for ever.
pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:notifyAll:DeprecationWarning"),
]

LISTED, CLEAN = "00442079460201", "0033199001320"
AGENT = {"CALLGATE_CENTRE": "brussels", "CALLGATE_CAMPAIGN": "spring", "CALLGATE_AGENT": "dialer"}
AS_AGENT = ",".join(f"__{name}={value}" for name, value in AGENT.items())
"""The same, as `Variable` of an Originate has it."""


async def originate(lab: Lab, **fields: str) -> None:
    """An Originate of the lab's own AMI account, which may."""

    def ask() -> None:
        client = AMIClient(address=lab.place.ami.host, port=lab.place.ami.port)
        try:
            client.login(username="lab", secret=secret(lab.place, "ami-lab")).response  # noqa: B018
            client.send_action(SimpleAction("Originate", Async="true", **fields)).response  # noqa: B018
        finally:
            client.logoff().response  # noqa: B018 - waits for the goodbye, after which the reading thread ends
            client.disconnect()

    await asyncio.to_thread(ask)


def called_by_file(lab: Lab, number: str) -> None:
    """A call file, moved into the spool whole."""
    lines = [f"Channel: Local/{number}@agents", "Application: Wait", "Data: 20", "MaxRetries: 0", "WaitTime: 30"]
    file = lab.place.asterisk / "spool" / "tmp" / f"{number}.call"
    file.write_text("\n".join([*lines, *(f"Setvar: __{name}={value}" for name, value in AGENT.items())]) + "\n")
    file.rename(lab.place.asterisk / "spool" / "outgoing" / file.name)


async def is_blocked(scene: Scene, since: int, reason: str, invites: int) -> None:
    await scene.watcher.until("block", since, within=8, reason=reason)
    await scene.lab.no_channels(8)
    assert len(scene.carrier.invites) == invites


async def hears_the_notice(scene: Scene, number: str, since: int) -> None:
    """The callee hears the notice, objects to nothing, and is let go."""
    callee = await scene.callee(number, within=8)
    await callee.answer()
    call = await scene.stage("asking", since)
    await callee.hangup()
    await scene.watcher.until("call", since, stage="closed", call=call)
    assert sum(end - start for start, end in audio.speech_spans(callee.heard())) > 3
    await scene.lab.no_channels(8)


@pytest.fixture
async def at_the_phone(scene: Scene) -> AsyncIterator[None]:
    """The agent of brussels answers when their own telephone rings."""
    phone = scene.agents["brussels"]
    phone.on_invite = lambda call: call.answer()
    yield
    phone.on_invite = None


@pytest.mark.usefixtures("at_the_phone")
async def test_click_to_dial_rings_the_agent_and_then_asks_the_gate(scene: Scene) -> None:
    dialled = {"Channel": "PJSIP/brussels", "Context": "agents", "Priority": "1"}
    since, invites = scene.watcher.mark(), len(scene.carrier.invites)
    await originate(scene.lab, **dialled, Exten=LISTED)
    await is_blocked(scene, since, "national-list", invites)
    since = scene.watcher.mark()
    await originate(scene.lab, **dialled, Exten="0033199001321")
    await hears_the_notice(scene, "33199001321", since)


async def test_an_originate_through_the_agents_context_passes_the_gate(scene: Scene) -> None:
    fields = {"Application": "Wait", "Data": "20", "Variable": AS_AGENT}
    since, invites = scene.watcher.mark(), len(scene.carrier.invites)
    await originate(scene.lab, Channel=f"Local/{LISTED}@agents", **fields)
    await is_blocked(scene, since, "national-list", invites)
    since = scene.watcher.mark()
    await originate(scene.lab, Channel=f"Local/{CLEAN}@agents", **fields)
    await hears_the_notice(scene, CLEAN[2:], since)


async def test_a_dialer_that_calls_first_is_joined_with_the_callee_after_the_notice(scene: Scene) -> None:
    """Who waits for the callee is half of a Local channel, as a dialer has it; an agent's telephone rings last."""
    rung: asyncio.Queue[Call] = asyncio.Queue()
    phone = scene.agents["brussels"]
    phone.on_invite = rung.put
    since = scene.watcher.mark()
    try:
        fields = {"Application": "Dial", "Data": "PJSIP/brussels", "Variable": AS_AGENT}
        await originate(scene.lab, Channel="Local/0033199001322@agents", **fields)
        callee = await scene.callee("33199001322", within=8)
        callee.tone(BEFORE)
        await callee.answer()
        call = await scene.stage("asking", since)
        await scene.listen(callee, KEY_HEARD_S)
        assert rung.empty()
        await callee.press("2")
        agent = await asyncio.wait_for(rung.get(), 10)
        callee.tone(AFTER)
        agent.tone(AGENTS_TONE)
        await agent.answer()
        await callee.until_hears(AGENTS_TONE, 5)
        await agent.until_hears(AFTER, 5)
        await agent.hangup()
        await callee.until_ended(5)
        await scene.watcher.until("call", since, stage="closed", call=call)
        await scene.lab.no_channels(8)
    finally:
        phone.on_invite = None


async def test_a_channel_whose_name_would_be_several_arguments_dials_nothing(scene: Scene) -> None:
    invites = len(scene.carrier.invites)
    fields = {"Application": "Wait", "Data": "20", "Variable": AS_AGENT}
    await originate(scene.lab, Channel="Local/odd,_GOSUB_RESULT=@agents", **fields)
    await scene.lab.no_channels(8)
    assert len(scene.carrier.invites) == invites
    # The same, where the name is one argument, reaches the carrier.
    since = scene.watcher.mark()
    await originate(scene.lab, Channel="Local/odd@agents", **fields)
    await hears_the_notice(scene, "33199001323", since)


async def test_an_originate_that_says_nothing_of_who_calls_is_blocked(scene: Scene) -> None:
    since, invites = scene.watcher.mark(), len(scene.carrier.invites)
    await originate(scene.lab, Channel=f"Local/{CLEAN}@agents", Application="Wait", Data="20")
    await is_blocked(scene, since, "unknown-centre", invites)


async def test_an_originate_straight_onto_the_trunk_is_hung_up_by_the_guard(scene: Scene) -> None:
    since = scene.watcher.mark()
    await originate(scene.lab, Channel=f"PJSIP/{CLEAN}@carrier", Application="Wait", Data="20")
    await scene.watcher.until("alarm", since, within=5, alarm="bypass")
    await scene.lab.no_channels(5)


async def test_a_call_file_passes_the_gate(scene: Scene) -> None:
    since, invites = scene.watcher.mark(), len(scene.carrier.invites)
    called_by_file(scene.lab, LISTED)
    await is_blocked(scene, since, "national-list", invites)
    since = scene.watcher.mark()
    called_by_file(scene.lab, CLEAN)
    await hears_the_notice(scene, CLEAN[2:], since)
