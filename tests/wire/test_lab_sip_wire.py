"""The lab's phones, without IO: SIP messages, session descriptions, and what a row of RTP packets amounts to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.audio import Codec, encode, tone, tone_spans
from lab.sip import rtp, sdp
from lab.sip.message import BadMessage, Headers, NameAddr, Request, Response, Uri, parse
from lab.sip.rtp import PACKET, Arrival, Packet
from lab.sip.sdp import Description, Direction, NotAcceptable
from lab.sip.transaction import reply

INVITE = (
    b"INVITE sip:100@127.0.0.1:5060 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bK1\r\n"
    b"VIA: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK0, SIP/2.0/UDP 127.0.0.8\r\n"
    b'f: "Brussels \\"A\\", <b>" <sip:brussels@127.0.0.2>;tag=a1\r\n'
    b"t: sip:100@127.0.0.1;user=phone\r\n"
    b"i: x@y\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Subject: folded\r\n"
    b"  over two lines\r\n"
    b"l: 4\r\n"
    b"\r\n"
    b"bodyand what does not belong to it"
)


def test_a_message_is_read_with_compact_and_folded_headers() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:100@127.0.0.1:5060", b"body")
    assert (message.branch, message.call_id, message.cseq) == ("z9hG4bK1", "x@y", (7, "INVITE"))
    assert (message.sender.display, message.sender.tag) == ('Brussels "A", <b>', "a1")
    assert (message.recipient.uri.user, message.recipient.tag) == ("100", None)
    assert message.headers.get("subject") == "folded over two lines"
    assert len(message.headers.all("via")) == 3


def test_a_reply_goes_back_along_all_vias_with_our_tag() -> None:
    request = parse(INVITE)
    assert isinstance(request, Request)
    response = parse(reply(request, 180, tag="b2").encode())
    assert isinstance(response, Response)
    assert response.headers.all("Via") == request.headers.all("Via")
    assert (response.status, response.reason, response.recipient.tag) == (180, "Ringing", "b2")
    assert (response.call_id, response.cseq) == (request.call_id, request.cseq)


@pytest.mark.parametrize("cut", range(len(INVITE) - 40))
def test_a_truncated_message_is_refused(cut: int) -> None:
    with pytest.raises(BadMessage):
        parse(INVITE[:cut])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"CSeq: 7 INVITE\r\n", b"", "no CSeq"),
        (b"CSeq: 7", b"CSeq: seven", "not a CSeq"),
        (b"i: x@y\r\n", b"", "no Call-ID"),
        (b"<sip:brussels@", b"<brussels@", "not a SIP URI"),
        (b":5060 SIP/2.0", b":99999 SIP/2.0", "not a port"),
        (b"SIP/2.0\r\nv:", b"SIP/3.0\r\nv:", "neither a request nor a response"),
        (b"INVITE sip:100@127.0.0.1:5060 SIP/2.0", b"SIP/2.0 999 Odd", "not a status"),
        (b"l: 4", b"l: 4000", "Content-Length"),
        (b"l: 4", b"l: -1", "Content-Length"),
        (b"Subject: ", b"Subject ", "not a header"),
    ],
)
def test_a_broken_message_is_refused_by_name(old: bytes, new: bytes, complaint: str) -> None:
    assert old in INVITE
    with pytest.raises(BadMessage, match=complaint):
        parse(INVITE.replace(old, new, 1))


@given(st.integers(0, len(INVITE)), st.binary(max_size=100), st.sampled_from([INVITE, b""]))
def test_any_bytes_are_refused_or_can_be_sent_again(at: int, junk: bytes, around: bytes) -> None:
    try:
        message = parse(around[:at] + junk + around[at:])
    except BadMessage:
        return
    assert parse(message.encode()).call_id == message.call_id


@given(user=st.text(st.characters(blacklist_characters="\r\n\0@", blacklist_categories=["Cs"]), max_size=30))
def test_any_user_part_survives_the_wire(user: str) -> None:
    headers = parse(INVITE).headers
    message = parse(Request(method="INVITE", uri=f"sip:{user}@h:1", headers=headers).encode())
    assert isinstance(message, Request)
    assert Uri.parse(message.uri).user == user


@pytest.mark.parametrize(
    ("text", "display", "user", "host", "port"),
    [
        ("<sip:1@h>", "", "1", "h", 5060),
        ('"a \\" b" <sips:1@h:70;transport=udp>;tag=x', 'a " b', "1", "h", 70),
        ("Plain Name <sip:h>", "Plain Name", "", "h", 5060),
        ("sip:1@h:5080;tag=y", "", "1", "h", 5080),
        ("<sip:1@2@h>", "", "1@2", "h", 5060),
    ],
)
def test_names_and_addresses(text: str, display: str, user: str, host: str, port: int) -> None:
    found = NameAddr.parse(text)
    assert (found.display, found.uri.user, found.uri.host, found.uri.port) == (display, user, host, port)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Q.850;cause=21", 21),
        ('SIP;cause=200;text="a, b", q.850 ;cause=16', 16),
        ("SIP;cause=200", None),
        ("Q.850;cause=x", None),
        ("", None),
    ],
)
def test_the_cause_of_a_hang_up(reason: str, cause: int | None) -> None:
    assert Request(method="BYE", uri="sip:h", headers=Headers([("Reason", reason)])).cause == cause


# Session descriptions.

OFFER = Description("127.0.0.2", 4000, (Codec.PCMA, Codec.PCMU), 96, Direction.SENDRECV)


@pytest.mark.parametrize("direction", Direction)
def test_a_description_reads_as_it_was_written(direction: Direction) -> None:
    written = Description("127.0.0.2", 4000, (Codec.PCMA, Codec.PCMU), 96, direction)
    assert sdp.parse(written.encode(1, 1)) == written


@pytest.mark.parametrize(
    ("offered", "willing", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
    ],
)
def test_an_answer_turns_the_direction_round(offered: str, willing: str, answered: str) -> None:
    offer = Description("127.0.0.2", 4000, (Codec.PCMA, Codec.PCMU), 96, Direction(offered))
    ours = sdp.answer(offer, "127.0.0.3", 5000, willing=Direction(willing))
    assert ours == Description("127.0.0.3", 5000, (Codec.PCMA,), 96, Direction(answered))


def test_an_address_of_zeroes_is_hold_as_it_used_to_be() -> None:
    text = OFFER.encode(1, 1).replace(b"c=IN IP4 127.0.0.2", b"c=IN IP4 0.0.0.0")
    assert sdp.parse(text).direction is Direction.INACTIVE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b" 8 0 96", b" 18 3"),
        (b"m=audio 4000", b"m=audio 0"),
        (b"m=audio", b"m=video"),
        (b"c=IN IP4 127.0.0.2", b"c=IN IP6 ::1"),
        (b"a=ptime:20\r\n", b"m=audio 4002 RTP/AVP 0\r\n"),
        (b"m=", b"x="),
    ],
)
def test_an_offer_that_we_cannot_agree_to_is_refused(old: bytes, new: bytes) -> None:
    text = OFFER.encode(1, 1)
    assert old in text
    with pytest.raises(NotAcceptable):
        sdp.parse(text.replace(old, new))


@given(st.binary(max_size=300))
def test_no_description_does_more_than_be_refused(data: bytes) -> None:
    for text in (data, OFFER.encode(1, 1) + data):
        try:
            sdp.parse(text)
        except NotAcceptable:
            continue


# Packets.


@given(st.binary(max_size=80))
def test_no_packet_does_more_than_be_passed_over(data: bytes) -> None:
    arrival = Arrival(0, ("h", 1), data)
    assert len(rtp.timeline([arrival], 0, 0.1)) == 800
    assert len(rtp.digits([arrival], {101})) <= 1
    packet = rtp.parse(data)
    assert packet is None or packet.kind < 128


def test_extension_sources_and_padding_are_not_payload() -> None:
    plain = rtp.build(0, marker=True, sequence=1, timestamp=2, ssrc=3, payload=b"")
    data = bytes([0x80 | 0x20 | 0x10 | 1]) + plain[1:] + b"csrc" + b"\0\0\0\1exte" + b"audio" + b"\0\0\3"
    assert rtp.parse(data) == Packet(0, True, 1, 2, 3, b"audio")


def test_rtcp_is_not_rtp() -> None:
    assert rtp.parse(bytes([0x80, 200]) + bytes(26)) is None


def packets(seconds: float, hz: float, *, ssrc: int = 7, timestamp: int = 0) -> list[bytes]:
    payload = encode(tone(hz, seconds), Codec.PCMU)
    return [
        rtp.build(
            0,
            marker=place == 0,
            sequence=place // PACKET,
            timestamp=(timestamp + place) % 2**32,
            ssrc=ssrc,
            payload=payload[place : place + PACKET],
        )
        for place in range(0, len(payload), PACKET)
    ]


def arrivals(row: list[bytes], start: float, late: list[float] | None = None) -> list[Arrival]:
    delays = late or [0.0] * len(row)
    return [
        Arrival(start + n * 0.02 + delay, ("h", 1), data)
        for n, (data, delay) in enumerate(zip(row, delays, strict=True))
    ]


@given(late=st.lists(st.floats(0, 0.09), min_size=24, max_size=24), timestamp=st.integers(0, 2**32 - 1))
def test_late_packets_change_nothing_of_what_was_heard(late: list[float], timestamp: int) -> None:
    row = packets(0.5, 440, timestamp=timestamp)
    on_time = rtp.timeline(arrivals(row, 1.0), 1.0, 1.5)
    assert np.array_equal(rtp.timeline(arrivals(row, 1.0, [0.0, *late]), 1.0, 1.5), on_time)


def test_a_new_source_begins_where_it_arrives() -> None:
    row = arrivals(packets(0.5, 440), 1.0) + arrivals(packets(0.5, 620, ssrc=8, timestamp=99999), 2.0)
    heard = rtp.timeline(row, 0.0, 3.0)
    assert tone_spans(heard, 440)[0] == pytest.approx((1.0, 1.5), abs=0.06)
    assert tone_spans(heard, 620)[0] == pytest.approx((2.0, 2.5), abs=0.06)


def test_what_did_not_arrive_is_silence() -> None:
    row = arrivals(packets(0.5, 440), 0.0)
    heard = rtp.timeline(row[:10] + row[15:], 0.0, 0.5)
    assert not heard[10 * PACKET : 15 * PACKET].any()
    assert heard[15 * PACKET :].any()


def test_what_came_outside_is_cut_off() -> None:
    row = arrivals(packets(1.0, 440), 0.0)
    whole = rtp.timeline(row, 0.0, 1.0)
    assert np.array_equal(rtp.timeline(row, 0.3, 0.7), whole[2400:5600])


def key(name: str, durations: list[int], timestamp: int, at: float = 0.0) -> list[Arrival]:
    payloads = [rtp.event(name, duration, end=False) for duration in durations]
    return [
        Arrival(at, ("h", 1), rtp.build(101, marker=False, sequence=0, timestamp=timestamp, ssrc=7, payload=payload))
        for payload in payloads
    ]


def test_repeated_and_reordered_packets_of_a_key_are_one_key() -> None:
    row = key("9", [160, 480, 320, 480, 480], 1000, at=2.0) + key("9", [800], 5000, at=3.0)
    assert [(digit.key, digit.at, digit.ms) for digit in rtp.digits(row, {101})] == [("9", 2.0, 60), ("9", 3.0, 100)]


def test_keys_under_another_payload_type_are_not_keys() -> None:
    assert rtp.digits(key("9", [160], 0), {96}) == []
