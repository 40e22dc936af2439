"""Who hears whom, as bridges, Local channels and spies come and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.pbx.ami import Message
from callgate.pbx.bridges import Bridges
from callgate.pbx.channels import Channels
from tests.node.fakes import message


class Pbx:
    """Channels and bridges that follow the same events."""

    def __init__(self) -> None:
        self.channels = Channels()
        self.bridges = Bridges(self.channels)

    def see(self, event: str, **headers: str) -> None:
        told = message(event, **headers)
        self.channels.see(told)
        self.bridges.see(told)

    def enter(self, uniqueid: str, bridge: str, technology: str = "simple_bridge") -> None:
        self.see(
            "BridgeEnter",
            uniqueid=uniqueid,
            channel=f"PJSIP/x-{uniqueid}",
            bridgeuniqueid=bridge,
            bridgetechnology=technology,
        )


def test_those_in_one_bridge_hear_each_other_until_they_leave_it() -> None:
    pbx = Pbx()
    for uniqueid in "123":
        pbx.enter(uniqueid, "b")
    pbx.enter("4", "other")
    assert pbx.bridges.reach("1") == {"1", "2", "3"}
    pbx.see("BridgeLeave", uniqueid="2", bridgeuniqueid="b")
    pbx.see("Hangup", uniqueid="3")
    assert pbx.bridges.reach("1") == {"1"}


def test_a_channel_that_moved_is_in_its_new_bridge_whatever_comes_late_of_the_old_one() -> None:
    pbx = Pbx()
    pbx.enter("1", "a")
    pbx.enter("1", "b")
    pbx.see("BridgeLeave", uniqueid="1", bridgeuniqueid="a")
    assert pbx.bridges.bridge_of("1") == "b"


def test_nobody_hears_anybody_where_calls_are_held() -> None:
    pbx = Pbx()
    for uniqueid in "12":
        pbx.enter(uniqueid, "park", "holding_bridge")
    assert pbx.bridges.reach("1") == {"1"}
    assert pbx.bridges.holds("1")


def test_a_local_channel_joins_two_bridges() -> None:
    pbx = Pbx()
    for uniqueid, half in (("8", "1"), ("9", "2")):
        pbx.see("Newchannel", uniqueid=uniqueid, channel=f"Local/66@agents-00000001;{half}")
    pbx.enter("1", "a")
    pbx.see("BridgeEnter", uniqueid="8", channel="Local/66@agents-00000001;1", bridgeuniqueid="a")
    pbx.see("BridgeEnter", uniqueid="9", channel="Local/66@agents-00000001;2", bridgeuniqueid="b")
    pbx.enter("2", "b")
    assert pbx.bridges.reach("1") == {"1", "8", "9", "2"}


def test_a_spy_hears_whoever_the_spied_on_hears() -> None:
    pbx = Pbx()
    pbx.enter("1", "a")
    pbx.enter("2", "a")
    pbx.see("ChanSpyStart", spyeruniqueid="5", spyeeuniqueid="2")
    assert pbx.bridges.reach("1") == {"1", "2", "5"}
    pbx.see("ChanSpyStop", spyeruniqueid="5", spyeeuniqueid="2")
    assert pbx.bridges.reach("1") == {"1", "2"}


def test_a_snoop_of_ari_is_a_spy_from_the_beginning() -> None:
    pbx = Pbx()
    pbx.enter("17.1", "a")
    pbx.see("Newchannel", uniqueid="17.5", channel="Snoop/17.1-00000003")
    assert "17.5" in pbx.bridges.reach("17.1")


moves = st.tuples(
    st.sampled_from(["BridgeEnter", "BridgeLeave", "Hangup"]), st.sampled_from("12345"), st.sampled_from("ab")
)


@given(st.lists(moves))
def test_whoever_hears_is_heard(steps: list[tuple[str, str, str]]) -> None:
    pbx = Pbx()
    for event, uniqueid, bridge in steps:
        pbx.see(event, uniqueid=uniqueid, channel=f"PJSIP/x-{uniqueid}", bridgeuniqueid=bridge)
    for one in "12345":
        for other in pbx.bridges.reach(one):
            assert one in pbx.bridges.reach(other)


@pytest.mark.parametrize("bridge", ["", "a"])
def test_a_snapshot_is_what_there_is(bridge: str) -> None:
    pbx = Pbx()
    pbx.enter("1", "old")
    pbx.enter("2", "old")
    pbx.bridges.reset([message("CoreShowChannel", uniqueid="1", bridgeid=bridge)])
    assert pbx.bridges.bridge_of("1") == bridge
    assert pbx.bridges.reach("1") == {"1"}


def both_in(bridge: str) -> list[Message]:
    """What CoreShowChannels lists of two channels in one bridge."""
    return [message("CoreShowChannel", uniqueid=uniqueid, bridgeid=bridge) for uniqueid in "12"]


@pytest.mark.parametrize(
    ("technology", "heard"), [("holding_bridge", {"1"}), ("simple_bridge", {"1", "2"}), ("softmix", {"1", "2"})]
)
def test_a_list_of_bridges_tells_where_calls_are_held(technology: str, heard: set[str]) -> None:
    pbx = Pbx()
    pbx.bridges.reset(both_in("b"), [message("BridgeListItem", bridgeuniqueid="b", bridgetechnology=technology)])
    assert pbx.bridges.reach("1") == heard


def test_what_was_seen_of_a_bridge_is_known_after_a_gap_and_of_another_nothing_is() -> None:
    pbx = Pbx()
    pbx.enter("1", "park", "holding_bridge")
    pbx.bridges.reset(both_in("park"))
    assert pbx.bridges.reach("1") == {"1"}
    pbx.bridges.reset(both_in("other"))
    assert pbx.bridges.reach("1") == {"1", "2"}
