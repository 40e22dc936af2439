"""Events as Asterisk 22 wrote them, and what a telephone can make of them by what it dials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.pbx.ami import Message
from callgate.pbx.ami.wire import Framer
from callgate.pbx.whole import FIELDS, Wholeness

NEWCHANNEL = """Event: Newchannel
Privilege: call,all
Channel: PJSIP/brussels-00000000
ChannelState: 4
ChannelStateDesc: Ring
CallerIDNum: {caller}
CallerIDName: Brussels
ConnectedLineNum: {connected}
ConnectedLineName: <unknown>
Language: en
AccountCode:
Context: agents
Exten: {exten}
Priority: 1
Uniqueid: 1795599499.0
Linkedid: 1795599499.0
ChanVariable: CALLGATE_ID=
ChanVariable: CALLGATE_TOKEN=
"""
DIALBEGIN = (
    NEWCHANNEL.replace("Newchannel", "DialBegin")
    + "".join(f"Dest{line}\n" for line in NEWCHANNEL.splitlines()[2:])
    + "DialString: 33199001201@carrier\n"
)
BRIDGEENTER = (
    """Event: BridgeEnter
BridgeUniqueid: 9a
BridgeTechnology: simple_bridge
"""
    + "\n".join(NEWCHANNEL.splitlines()[2:])
    + "\n"
)
CHANSPYSTART = "Event: ChanSpyStart\n" + "".join(
    f"{side}{line}\n" for side in ("Spyer", "Spyee") for line in NEWCHANNEL.splitlines()[2:]
)
BUFFER = 79
"""What fits into AST_MAX_EXTENSION and AST_CHANNEL_NAME beside the closing NUL."""


def watching() -> Wholeness:
    """One that has seen this PBX send the variables that it is configured to send."""
    is_whole = Wholeness()
    assert is_whole(heard(NEWCHANNEL)[0])
    return is_whole


def heard(template: str, exten: str = "s", caller: str = "alice", connected: str = "<unknown>") -> list[Message]:
    """What is read of an event into which these were dialled."""
    text = template.format(exten=exten, caller=caller, connected=connected)
    framer = Framer()
    framer.feed(b"Asterisk Call Manager/11.0.0\r\n")
    frames = framer.feed(text.replace("\r", "").replace("\n", "\r\n").encode() + b"\r\n")
    return [frame for frame in frames if isinstance(frame, Message)]


@pytest.mark.parametrize("template", [NEWCHANNEL, DIALBEGIN, BRIDGEENTER, CHANSPYSTART])
def test_what_asterisk_wrote_is_whole(template: str) -> None:
    [event] = heard(template)
    assert Wholeness()(event)


def test_a_dial_without_a_caller_is_whole() -> None:
    """Originate dials so."""
    head, _, callee = DIALBEGIN.partition("DestChannel:")
    [event] = heard("\n".join(head.splitlines()[:2]) + f"\nDestChannel:{callee}")
    assert Wholeness()(event)


def test_a_pbx_without_channelvars_is_believed_without_them() -> None:
    [event] = heard("\n".join(NEWCHANNEL.splitlines()[:-2]) + "\n")
    assert Wholeness()(event)
    assert not watching()(event)


def test_an_event_of_no_channel_is_not_looked_at() -> None:
    assert Wholeness()(Message({"event": ("FullyBooted",)}))


@pytest.mark.parametrize(
    "dialled",
    [
        "1\n\nEvent: Hangup\nUniqueid: 1795599499.7",
        "1\nPriority: 1\nUniqueid: 1\nLinkedid: 1\n\nEvent: Hangup\nPrivilege: call,all\n",
        "1\n\nEvent: Nonsense\nX: ",
        "1\nUniqueid: 1795599499.7",
        "1\nChanVariable: CALLGATE_ID=other",
        "1\n\n",
    ],
)
def test_what_cuts_an_event_or_adds_to_it_is_seen_in_its_first_piece(dialled: str) -> None:
    for template in (NEWCHANNEL, DIALBEGIN):
        first = heard(template, exten=dialled)[0]
        assert not watching()(first)
        assert first["Channel"] == "PJSIP/brussels-00000000"


WORDS = [f"{name}: x" for name in (*FIELDS, *(f"Dest{name}" for name in FIELDS), "ChanVariable", "Privilege")]
DIALLED = st.lists(st.sampled_from([*WORDS, "Event: Hangup", "Event: DialBegin", "", "1"]), max_size=8).map(
    lambda lines: "\n".join(lines)[:BUFFER]
)


@given(DIALLED, DIALLED, DIALLED)
def test_nothing_that_fits_into_a_buffer_makes_a_second_whole_event(exten: str, caller: str, connected: str) -> None:
    for template in (NEWCHANNEL, DIALBEGIN):
        events = heard(template, exten, caller, connected)
        is_whole = watching()
        kinds = ("Newchannel", "Hangup", "DialBegin")
        whole = [event for event in events if event.get("Event") in kinds and is_whole(event)]
        assert len(whole) <= 1
        for event in whole:
            assert len(events) == 1
            assert event["Uniqueid"] == "1795599499.0"
            assert event["Event"] == heard(template)[0]["Event"]
