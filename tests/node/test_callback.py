"""Whoever calls back hears it twice, objects at any moment, and is told "noted" only when it is."""

import pytest

from callgate.node import reception
from callgate.pbx.agi import ChannelGone, Played, RemoteError
from tests.node.fakes import WHOLE, Desk, FakeSession, message, pressed

NOT_PLAYED = Played(digit=None, endpos=0, finished=False, failed=True)


async def calls_back(
    desk: Desk, *plays: Played | Exception, keys: str = "", called: str = "3225550199", caller: str = "33199001234"
) -> FakeSession:
    await desk.watch.on_event(message("Newchannel", uniqueid="1.7", channel="PJSIP/carrier-7"))
    session = FakeSession("inbound", called, caller, uniqueid="1.7", channel="PJSIP/carrier-7")
    session.plays.extend(plays)
    session.keys.extend(keys)
    return await desk.ask(session)


def told(desk: Desk) -> list[object]:
    return [happening.facts["objected"] for happening in desk.live.after(0) if happening.what == "called-back"]


@pytest.mark.parametrize(
    ("plays", "keys", "heard"),
    [
        ([pressed("9", 300)], "", ["callback/spring", "callee/objected"]),
        ([WHOLE], "9", ["callback/spring", "callee/objected"]),
        ([WHOLE, pressed("9", 300)], "5", ["callback/spring", "callback/spring", "callee/objected"]),
    ],
)
async def test_the_key_objects_whenever_it_is_pressed(
    desk: Desk, plays: list[Played], keys: str, heard: list[str]
) -> None:
    session = await calls_back(desk, *plays, keys=keys)
    assert desk.done == ["object calling back"]
    assert session.heard == [f"/fr/{name}" for name in heard]
    assert session.variables["CALLGATE_DONE"] == "done:1.7"
    assert told(desk) == [True]


async def test_whoever_presses_nothing_hears_it_twice_and_objects_to_nothing(desk: Desk) -> None:
    session = await calls_back(desk)
    assert session.heard == ["/fr/callback/spring"] * 2
    assert (desk.done, told(desk)) == ([], [False])


async def test_what_could_not_be_committed_is_not_thanked_for(desk: Desk) -> None:
    desk.office.refuses.add("object calling back")
    session = await calls_back(desk, pressed("9", 300))
    assert session.heard[-1] == "/fr/callee/dropped"
    assert told(desk) == [False]


async def test_whoever_shows_no_number_is_told_so(desk: Desk) -> None:
    session = await calls_back(desk, pressed("9", 300), caller="")
    assert session.heard[-1] == "/fr/callee/no-number"
    assert desk.done == []


async def test_a_number_that_nobody_shows_is_an_alarm_and_the_caller_hears_of_a_fault_from_the_dialplan(
    desk: Desk,
) -> None:
    session = await calls_back(desk, called="3225550100")
    assert (session.heard, session.variables) == ([], {})
    assert desk.alarms() == ["called-back-unknown"]


@pytest.mark.parametrize(("ends", "error"), [(NOT_PLAYED, RemoteError), (ChannelGone(), ChannelGone)])
async def test_a_prompt_that_is_not_played_says_nothing_as_done(
    desk: Desk, ends: Played | Exception, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await calls_back(desk, ends)
    assert desk.done == []


async def test_a_channel_that_is_not_live_objects_to_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "SEEN_WITHIN_S", 0)
    session = FakeSession("inbound", "3225550199", "33199001234", uniqueid="7.7")
    session.plays.append(pressed("9", 300))
    await desk.ask(session)
    assert (desk.done, session.variables, desk.alarms()) == ([], {}, ["agi-not-believed"])


async def test_no_number_is_on_the_live_page(desk: Desk) -> None:
    await calls_back(desk, pressed("9", 300))
    assert "99001234" not in str([happening.facts for happening in desk.live.after(0)])
