"""The manager interface on the wire: framing, reading and writing."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callgate.pbx.ami.errors import LocalError
from callgate.pbx.ami.wire import (
    HEADER_LIMIT,
    LINE_LIMIT,
    MESSAGE_LIMIT,
    Banner,
    Dropped,
    Frame,
    Framer,
    Message,
    encode,
    unescape,
)
from tests.wire.fake_ami import BANNER, message

HELLO = Banner("Asterisk Call Manager/11.0.0")


def frames(*chunks: bytes) -> list[Frame]:
    """What a new framer makes of these chunks after the banner."""
    framer = Framer()
    framer.feed(BANNER)
    return [frame for chunk in chunks for frame in framer.feed(chunk)]


def read(*lines: str) -> Message:
    (frame,) = frames(message(*lines))
    assert isinstance(frame, Message)
    return frame


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


# Bytes that often hold what the framer looks for.
STREAMS = st.lists(
    st.one_of(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n\r\n", b": ", BANNER, b"Event: Hangup\r\n", "é€😀".encode()]),
        st.binary(max_size=20),
    ),
    max_size=30,
).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=20))
def test_frames_do_not_depend_on_how_the_bytes_were_cut(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Framer(), Framer()

    assert [frame for piece in cut(data, cuts) for frame in pieces.feed(piece)] == whole.feed(data)


@given(
    st.sampled_from([MESSAGE_LIMIT - 1, MESSAGE_LIMIT, MESSAGE_LIMIT + 1, MESSAGE_LIMIT + 4, 3 * MESSAGE_LIMIT]),
    st.lists(st.integers(0, 4 * MESSAGE_LIMIT), max_size=5),
)
@example(3 * MESSAGE_LIMIT, [3 * MESSAGE_LIMIT - 10])
def test_a_message_over_the_limit_is_dropped_however_it_was_cut(size: int, cuts: list[int]) -> None:
    name = b"Event: Newexten\r\nAppData: "
    data = name + b"x" * (size - len(name)) + b"\r\n\r\n" + message("Event: Next")

    first, then = frames(*cut(data, cuts))

    assert isinstance(first, Dropped) == (size > MESSAGE_LIMIT)
    assert isinstance(then, Message)
    assert then["Event"] == "Next"


def test_what_never_ends_is_not_kept() -> None:
    framer = Framer()
    framer.feed(BANNER)

    for _ in range(100):
        assert framer.feed(b"x" * MESSAGE_LIMIT) == []

    assert len(framer._buffer) <= 2 * MESSAGE_LIMIT


def test_every_byte_alone_makes_the_same_messages() -> None:
    data = BANNER + message("Event: Newchannel", "CallerIDName: René") + message("Response: Success")
    framer = Framer()

    assert [frame for byte in data for frame in framer.feed(bytes([byte]))] == [
        HELLO,
        Message({"event": ("Newchannel",), "calleridname": ("René",)}),
        Message({"response": ("Success",)}),
    ]


@pytest.mark.parametrize("size", range(len(message("Event: Hangup", "Cause: 16"))))
def test_a_truncated_message_is_no_message(size: int) -> None:
    assert frames(message("Event: Hangup", "Cause: 16")[:size]) == []


def test_a_character_cut_in_two_stays_whole() -> None:
    data = message("Event: Newchannel", "CallerIDName: René")
    middle = data.index("é".encode()) + 1

    (frame,) = frames(data[:middle], data[middle:])

    assert isinstance(frame, Message)
    assert frame["CallerIDName"] == "René"


def test_what_is_not_utf8_is_replaced() -> None:
    (frame,) = frames(b"Event: Newchannel\r\nCallerIDName: Ren\xe9\r\n\r\n")

    assert isinstance(frame, Message)
    assert frame["CallerIDName"] == "Ren�"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("BridgeId: ", "BridgeId", ""),
        ("BridgeId:", "BridgeId", ""),
        ("AppData: a: b", "AppData", "a: b"),
        ("AppData:  b ", "AppData", " b "),
        ("Message: one\ntwo", "Message", "one\ntwo"),
    ],
)
def test_a_value_is_what_stands_after_the_colon(line: str, name: str, value: str) -> None:
    assert read("Event: X", line)[name] == value


def test_lines_without_a_colon_and_empty_messages_are_nothing() -> None:
    assert frames(b"\r\n\r\n", message("garbage"), message("", "Event: X")) == [Message({"event": ("X",)})]


def test_headers_are_found_whatever_their_case() -> None:
    event = read("Event: Hangup", "Cause-txt: Normal Clearing")

    assert event["cause-TXT"] == "Normal Clearing"
    assert "CAUSE-txt" in event
    assert event.get("Nothing") == ""
    with pytest.raises(KeyError):
        event["Nothing"]


def test_repeated_headers_are_kept_in_order_and_the_first_one_counts() -> None:
    reply = read("Response: Success", "Output: one", "Output: two", "Response: Error")

    assert reply.all("output") == ("one", "two")
    assert reply["Output"] == "one"
    assert reply["Response"] == "Success"
    assert reply.all("Nothing") == ()


def test_channel_variables_are_read_as_they_were_set() -> None:
    event = read(
        "Event: DialBegin",
        "ChanVariable: CALLGATE_ID=",
        "DestChanVariable: CALLGATE_ID=42",
        r"DestChanVariable: NAME=a=b\, \"c\" \\n\n",
    )

    assert event.variables("ChanVariable") == {"CALLGATE_ID": ""}
    assert event.variables("DestChanVariable") == {"CALLGATE_ID": "42", "NAME": 'a=b\\, "c" \\n\n'}
    assert event.variables("Nothing") == {}


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [(r"\a\b\f\n\r\t\v", "\a\b\f\n\r\t\v"), (r"\\n", r"\n"), (r"\'\"\?", "'\"?"), ("\\", "\\"), (r"\x", r"\x")],
)
def test_c_escapes_are_undone(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain


def test_a_message_shows_no_number_when_it_is_printed() -> None:
    assert repr(read("Event: Newchannel", "CallerIDNum: +33199000001")) == "<Message Event='Newchannel'>"


def test_an_action_is_its_name_its_id_and_its_fields() -> None:
    fields = {"Channel": "Local/s@x", "Variable": ["A=1", "B=2"]}

    assert encode("Originate", "7", fields) == (
        b"Action: Originate\r\nActionID: 7\r\nChannel: Local/s@x\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"Channel": "x\r\n\r\nAction: Originate"}, "Channel contains CR, LF"),
        ({"Channel": "x\nAsync: true"}, "Channel contains LF"),
        ({"Channel": "x\0y"}, "Channel contains NUL"),
        ({"Channel": "x\udc80"}, "UTF-8"),
        ({"Channel": ["a", "b\r"]}, "Channel contains CR"),
        ({"Chan\r\nnel": "x"}, "no header name"),
        ({"Channel: x": "y"}, "no header name"),
        ({"": "y"}, "no header name"),
        ({"ActionID": "1"}, "'ActionID' of Hangup is set by the client"),
        ({"action": "Originate"}, "'action' of Hangup is set by the client"),
        ({"Variable": "A=1,B=2"}, "second variable"),
        ({"Variable": [f"V{n}=1" for n in range(HEADER_LIMIT - 1)]}, f"{HEADER_LIMIT + 1} lines"),
    ],
)
def test_what_asterisk_would_read_otherwise_is_refused(fields: dict[str, str | list[str]], complaint: str) -> None:
    with pytest.raises(LocalError, match=complaint):
        encode("Hangup", "1", fields)


@pytest.mark.parametrize("action", ["Ping\r\nAction: Originate", "Ping\n"])
def test_the_name_of_an_action_cannot_smuggle_another(action: str) -> None:
    with pytest.raises(LocalError):
        encode(action, "1", {})


@pytest.mark.parametrize("char", ["x", "é"])
def test_a_line_may_fill_asterisks_buffer_and_no_more(char: str) -> None:
    fits = (LINE_LIMIT - len("Data: ")) // len(char.encode()) * char

    assert fits.encode() in encode("Originate", "1", {"Data": fits})
    with pytest.raises(LocalError, match="shorten"):
        encode("Originate", "1", {"Data": fits + char})


def test_a_complaint_does_not_repeat_the_value() -> None:
    with pytest.raises(LocalError) as raised:
        encode("Originate", "1", {"Channel": "PJSIP/+33199000001@trunk\r\n"})

    assert "33199" not in str(raised.value)


@given(st.dictionaries(st.from_regex(r"[A-Z][a-z]{1,8}", fullmatch=True), st.text(max_size=40), max_size=5))
def test_what_is_sent_is_read_as_it_was_meant(fields: dict[str, str]) -> None:
    try:
        sent = encode("X", "1", fields)
    except LocalError:
        return
    (frame,) = frames(sent)

    assert isinstance(frame, Message)
    expected = {"action": ("X",), "actionid": ("1",)} | {name.lower(): (value,) for name, value in fields.items()}
    assert frame.headers == expected
