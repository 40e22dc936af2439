"""The lab's phones, one calling the other on loopback: what one does reaches the other, exactly, and is known of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote

import pytest

from lab import audio
from lab.audio import has_tone, tone, tone_spans
from lab.sip import By, Call, CallEnded, MediaError, Refused, Unsendable, UserAgent
from lab.sip.rtp import parse as parse_rtp
from lab.sip.sdp import Direction
from lab.sip.udp import Udp

SOON = 3.0
"""Seconds in which everything here has long happened."""


@dataclass
class Pair:
    """Two phones; the calls that reach the callee wait in `arrived` for what the test decides."""

    caller: UserAgent
    callee: UserAgent
    arrived: asyncio.Queue[Call] = field(default_factory=asyncio.Queue)

    async def dial(self, user: str = "100") -> tuple[Call, Call]:
        """Calls; gives both ends before anything is decided."""
        call = await self.caller.dial(user, (self.callee.host, self.callee.port))
        async with asyncio.timeout(SOON):
            return call, await self.arrived.get()

    async def connect(self) -> tuple[Call, Call]:
        """Both ends of an answered call."""
        call, other = await self.dial()
        await other.answer()
        await call.until_answered(SOON)
        return call, other


@asynccontextmanager
async def two_phones(t1: float = 0.5) -> AsyncIterator[Pair]:
    pair = Pair(UserAgent("127.0.0.1", 0, user="agent", t1=t1), UserAgent("127.0.0.1", 0, user="callee", t1=t1))
    pair.callee.on_invite = pair.arrived.put
    async with pair.caller, pair.callee:
        yield pair


@pytest.fixture
async def phones() -> AsyncIterator[Pair]:
    async with two_phones() as pair:
        yield pair


# Calls begin and end.


async def test_a_call_rings_and_is_answered(phones: Pair) -> None:
    call, other = await phones.dial()
    await other.ring()
    await call.until_response(180, SOON)
    assert call.answered_at is None
    await other.answer()
    await call.until_answered(SOON)
    assert [reply.status for reply in call.responses] == [100, 180, 200]


async def test_an_invite_is_written_down_with_all_it_says(phones: Pair) -> None:
    address = (phones.callee.host, phones.callee.port)
    headers = {"P-Asserted-Identity": "<sip:900@example.org>", "X-Campaign": "a"}
    await phones.caller.dial("100", address, headers=headers, caller="901", display='A "firm"'.replace('"', r"\""))
    invite = await phones.callee.until_invites(1, SOON)
    said = (invite.user, invite.caller, invite.display, invite.identity, invite.headers.get("x-campaign"))
    assert said == ("100", "901", 'A "firm"', "<sip:900@example.org>", "a")
    assert invite.source == (phones.caller.host, phones.caller.port)


@pytest.mark.parametrize("user", ["1324%40carrier%26PJSIP%2f1900", "1@carrier&PJSIP/2@x", "1,2,3", "a b", "é<>\"'$|"])
async def test_the_user_part_goes_out_exactly_as_given(phones: Pair, user: str) -> None:
    _, other = await phones.dial(user)
    assert other.invite
    assert other.invite.user == user
    assert phones.callee.unreadable == []


@pytest.mark.parametrize("user", ["1\r\nX: y", "1\n2", "1\0"])
async def test_a_user_part_that_would_break_its_line_is_not_sent(phones: Pair, user: str) -> None:
    with pytest.raises(Unsendable, match="CR, LF or NUL"):
        await phones.caller.dial(user, (phones.callee.host, phones.callee.port))


async def test_the_caller_hangs_up(phones: Pair) -> None:
    call, other = await phones.connect()
    await call.hangup()
    ended = await other.until_ended(SOON)
    assert (call.ended and call.ended.by, ended.by, ended.status) == (By.US, By.PEER, 200)


async def test_the_callee_hangs_up(phones: Pair) -> None:
    call, other = await phones.connect()
    await other.hangup()
    ended = await call.until_ended(SOON)
    assert (other.ended and other.ended.by, ended.by, ended.status) == (By.US, By.PEER, 200)


async def test_a_caller_who_hangs_up_while_it_rings_cancels(phones: Pair) -> None:
    call, other = await phones.dial()
    await other.ring()
    await call.until_response(180, SOON)
    await call.hangup()
    ended = await other.until_ended(SOON)
    assert call.ended
    assert (call.ended.by, call.ended.status, ended.by, ended.status) == (By.US, 487, By.PEER, 487)


async def test_a_cancelled_call_cannot_be_answered(phones: Pair) -> None:
    call, other = await phones.dial()
    await call.hangup()
    await other.until_ended(SOON)
    with pytest.raises(CallEnded):
        await other.answer()


async def test_a_rejection_reaches_the_caller_with_its_status_and_cause(phones: Pair) -> None:
    call, other = await phones.dial()
    await other.reject(403, {"Reason": 'Q.850;cause=21;text="blocked, here"'})
    ended = await call.until_ended(SOON)
    assert (ended.by, ended.status, ended.cause) == (By.PEER, 403, 21)


async def test_a_phone_that_takes_no_calls_says_so(phones: Pair) -> None:
    phones.callee.on_invite = None
    call = await phones.caller.dial("100", (phones.callee.host, phones.callee.port))
    assert (await call.until_ended(SOON)).status == 480
    assert len(phones.callee.invites) == 1


async def test_a_phone_that_vanished_sends_nothing_more_and_the_other_gives_up() -> None:
    async with two_phones(t1=0.01) as phones:
        call, other = await phones.connect()
        other.tone(440)
        await call.until_hears(440, SOON)
        other.vanish()
        await call.until_silence(0.2, SOON)
        assert call.media.receiver.arrivals[-1].at < asyncio.get_running_loop().time() - 0.1
        assert (await call.request("OPTIONS")).status == 408
        await call.hangup()
        assert other.requests == []


async def test_an_answer_that_nobody_acknowledges_ends_the_call() -> None:
    async with two_phones(t1=0.01) as phones:
        call, other = await phones.dial()
        call.vanish()
        with pytest.raises(CallEnded, match="before an ACK: by nobody"):
            await other.answer()


async def test_nobody_at_the_other_end_times_out() -> None:
    async with two_phones(t1=0.01) as phones:
        await phones.callee.stop()
        call = await phones.caller.dial("100", (phones.callee.host, phones.callee.port))
        ended = await call.until_ended(SOON)
        assert (ended.by, ended.status) == (By.NOBODY, 408)
        await phones.callee.start()


async def test_every_datagram_may_be_lost_once() -> None:
    async with two_phones(t1=0.02) as phones:
        for phone in (phones.caller, phones.callee):
            lose_each_datagram_once(phone)
        call, other = await phones.connect()
        await call.hold()
        await call.hangup()
        assert (await other.until_ended(SOON)).by is By.PEER
        assert len(phones.callee.invites) == 1


def lose_each_datagram_once(phone: UserAgent) -> None:
    seen: set[bytes] = set()
    udp: Udp = phone._udp

    def send(data: bytes, to: tuple[str, int]) -> None:
        if data in seen:
            udp.send(data, to)
        seen.add(data)

    phone._transactions.send = send


async def test_what_is_no_sip_is_kept_and_harms_nobody(phones: Pair) -> None:
    address = (phones.callee.host, phones.callee.port)
    for garbage in (b"hello\r\n\r\n", b"INVITE sip:1@x SIP/2.0\r\nVia: x\r\n\r\n", b"\xff\xfe"):
        phones.caller._udp.send(garbage, address)
    await phones.connect()
    assert len(phones.callee.unreadable) == 3
    assert len(phones.callee.invites) == 1


async def test_a_failing_callee_ends_its_call_and_is_heard_of_at_the_end() -> None:
    async def fails(call: Call) -> None:
        raise AssertionError("the callee expected something else")

    callee = UserAgent("127.0.0.1", 0, on_invite=fails)
    async with UserAgent("127.0.0.1", 0) as caller:
        await callee.start()
        call = await caller.dial("100", (callee.host, callee.port))
        assert (await call.until_ended(SOON)).status == 486
        with pytest.raises(ExceptionGroup, match="on_invite"):
            await callee.stop()


async def test_stopping_a_phone_ends_its_calls(phones: Pair) -> None:
    _, other = await phones.connect()
    await phones.caller.stop()
    assert (await other.until_ended(SOON)).by is By.PEER
    await phones.caller.start()


# Who waits is told.


async def test_waiting_for_what_does_not_come_says_what_did(phones: Pair) -> None:
    call, other = await phones.dial()
    await other.ring()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s.*100 Trying, 180 Ringing"):
        await call.until_answered(0.1)


async def test_waiting_ends_when_the_call_does(phones: Pair) -> None:
    call, other = await phones.connect()
    waiting = asyncio.create_task(call.until_hears(440, SOON))
    await other.hangup()
    with pytest.raises(CallEnded, match="ended before tone of 440 Hz"):
        await waiting


# What is said is heard.


async def test_each_hears_the_tone_of_the_other_and_not_his_own(phones: Pair) -> None:
    call, other = await phones.connect()
    call.tone(440)
    other.tone(620)
    await asyncio.gather(call.until_hears(620, SOON), other.until_hears(440, SOON))
    await call.hangup()
    assert (has_tone(call.heard(), 440), has_tone(other.heard(), 620)) == (False, False)


async def test_what_is_heard_lies_where_it_was_said(phones: Pair) -> None:
    call, other = await phones.connect()
    assert await other.play(tone(1000, 0.5)) is True
    began = asyncio.get_running_loop().time()
    await other.play(audio.silence(0.3))
    assert await other.play(tone(1500, 0.5)) is True
    await call.hangup()
    assert call.answered_at
    (first,), (second,) = tone_spans(call.heard(), 1000), tone_spans(call.heard(), 1500)
    assert first[1] == pytest.approx(began - call.answered_at, abs=0.1)
    assert second[0] - first[1] == pytest.approx(0.3, abs=0.1)
    assert second[1] - second[0] == pytest.approx(0.5, abs=0.1)


async def test_early_media_is_kept_apart(phones: Pair) -> None:
    call, other = await phones.dial()
    await other.progress()
    other.tone(425)
    await call.until_hears(425, SOON)
    assert call.answered_at is None
    other.tone(620)
    await other.answer()
    await call.until_hears(620, SOON)
    await call.hangup()
    assert has_tone(call.heard_early(), 425)
    assert not has_tone(call.heard(), 425)


async def test_silence_after_a_sound_is_noticed_and_not_before(phones: Pair) -> None:
    call, other = await phones.connect()
    playing = other.play(tone(440, 0.4))
    await call.until_hears(440, SOON)
    await call.until_silence(0.3, SOON)
    assert playing.done()
    assert not has_tone(call.heard()[-int(0.25 * audio.RATE) :], 440)


async def test_a_sound_that_does_not_stop_is_no_silence(phones: Pair) -> None:
    call, other = await phones.connect()
    other.tone(440)
    await call.until_hears(440, SOON)
    with pytest.raises(TimeoutError, match="no silence"):
        await call.until_silence(0.2, 0.5)


async def test_what_was_heard_before_can_be_waited_for(phones: Pair) -> None:
    call, other = await phones.connect()
    await other.play(tone(440, 0.4))
    await call.until_silence(0.1, SOON)
    await call.until_hears(440, SOON, since=call.answered_at)


async def test_calls_beside_each_other_do_not_mix(phones: Pair) -> None:
    ends = [await phones.connect() for _ in range(4)]
    tones = [500, 700, 900, 1100]
    for (_, other), hz in zip(ends, tones, strict=True):
        other.tone(hz)
    await asyncio.gather(*(call.until_hears(hz, SOON) for (call, _), hz in zip(ends, tones, strict=True)))
    for (call, _), hz in zip(ends, tones, strict=True):
        assert [other for other in tones if has_tone(call.heard(), other)] == [hz]


# Keys.


async def test_many_keys_in_one_call_arrive_in_order_with_their_lengths(phones: Pair) -> None:
    call, other = await phones.connect()
    for key, ms in (("1", 160), ("9", 80), ("*", 100), ("*", 100), ("#", 40)):
        await call.press(key, ms)
    await other.until_digits("19**#", SOON)
    assert [(digit.key, digit.ms) for digit in other.received_digits] == [
        ("1", 160),
        ("9", 80),
        ("*", 100),
        ("*", 100),
        ("#", 40),
    ]


async def test_keys_share_source_and_sequence_with_the_audio_and_end_three_times(phones: Pair) -> None:
    call, other = await phones.connect()
    await call.press("5", 100)
    await call.hangup()
    packets = [packet for arrival in other.media.receiver.arrivals if (packet := parse_rtp(arrival.data))]
    events = [packet for packet in packets if packet.kind == 101]
    assert len({packet.ssrc for packet in packets}) == 1
    assert {b.sequence - a.sequence for a, b in pairwise(packets)} == {1}
    assert [packet.marker for packet in events] == [True] + [False] * 6
    assert len({packet.timestamp for packet in events}) == 1
    assert [packet.payload[1] >> 7 for packet in events] == [0, 0, 0, 0, 1, 1, 1]


async def test_the_moment_of_a_key_is_known(phones: Pair) -> None:
    call, other = await phones.connect()
    began = await call.press("1")
    (digit,) = other.received_digits
    assert digit.at == pytest.approx(began, abs=0.05)


async def test_a_key_by_info_is_a_request_that_names_it(phones: Pair) -> None:
    call, other = await phones.connect()
    await call.press_info("7", ms=120)
    (request,) = other.requests
    assert (request.method, request.headers.get("content-type")) == ("INFO", "application/dtmf-relay")
    assert request.body == b"Signal=7\r\nDuration=120\r\n"


async def test_a_key_in_band_is_two_tones_in_the_audio(phones: Pair) -> None:
    call, other = await phones.connect()
    await call.press_inband("7", ms=300)
    await call.hangup()
    await other.until_ended(5)
    assert [has_tone(other.heard(), hz) for hz in (852, 1209, 770)] == [True, True, False]
    assert other.received_digits == []


async def test_a_key_that_the_end_of_the_call_cut_off_is_not_reported_as_pressed(phones: Pair) -> None:
    call, _ = await phones.connect()
    pressing = asyncio.create_task(call.press("1", ms=5000))
    await asyncio.sleep(0)
    await call.hangup()
    with pytest.raises(CallEnded, match="key 1"):
        await pressing


async def test_a_key_before_any_media_was_agreed_is_our_mistake(phones: Pair) -> None:
    call, _ = await phones.dial()
    with pytest.raises(MediaError, match="press_info"):
        await call.press("1")


# Hold.


async def test_who_is_on_hold_knows_it_and_sends_nothing_until_resumed(phones: Pair) -> None:
    call, other = await phones.connect()
    other.tone(620)
    await call.until_hears(620, SOON)
    await call.hold()
    assert (other.held, other.media.sender.sending) == (True, False)
    await call.until_silence(0.3, SOON)
    await call.resume()
    assert (other.held, other.media.sender.sending) == (False, True)
    await call.until_hears(620, SOON)


async def test_who_holds_can_still_be_heard(phones: Pair) -> None:
    call, other = await phones.connect()
    call.tone(440)
    await call.hold()
    await other.until_hears(440, SOON)


async def test_the_callee_can_hold_too(phones: Pair) -> None:
    call, other = await phones.connect()
    await other.hold()
    assert call.held


async def test_two_proposals_at_once_are_refused_and_the_call_goes_on(phones: Pair) -> None:
    call, other = await phones.connect()
    results = await asyncio.gather(call.hold(), other.hold(), return_exceptions=True)
    assert {type(result) for result in results} <= {Refused, type(None)}
    assert any(isinstance(result, Refused) and "491" in str(result) for result in results)
    assert (call.ended, other.ended) == (None, None)


async def test_an_update_is_answered_like_a_new_offer(phones: Pair) -> None:
    call, other = await phones.connect()
    response = await call.request("UPDATE", body=call.media.offer(Direction.INACTIVE), kind="application/sdp")
    assert (response.status, b"a=inactive" in response.body, other.held) == (200, True, True)


async def test_what_the_phone_does_not_know_is_refused_by_name(phones: Pair) -> None:
    call, _ = await phones.connect()
    response = await call.request("MESSAGE")
    assert response.status == 405
    assert "BYE" in response.headers.get("Allow")


async def test_a_transfer_names_whom_to_call_and_which_call_to_replace(phones: Pair) -> None:
    call, other = await phones.connect()
    consulted, _ = await phones.connect()
    with pytest.raises(Refused):  # these phones are no exchange
        await call.transfer("62", consulted)
    (refer,) = [request for request in other.requests if request.method == "REFER"]
    replaces = consulted.dialog.replaces
    assert replaces.count(";") == 2
    assert refer.headers.get("Refer-To").startswith("<sip:62@127.")
    assert f"?Replaces={quote(replaces, safe='')}>" in refer.headers.get("Refer-To")
