"""What the FastAGI reader takes from a peer, and what a command line becomes in Asterisk's hands."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callgate.pbx.agi.errors import LocalError, RemoteError
from callgate.pbx.agi.wire import MAX_COMMAND, MAX_WORDS, Event, HangUp, Reader, Reply, Request, command
from tests.wire.agi_peer import head

USAGE = (
    b"520-Invalid command syntax.  Proper usage follows:\n"
    b"Usage: SET VARIABLE <variablename> <value>\n\n\tSets a variable\n\n"
    b"520 End of proper usage.\n"
)
REPLIES: list[tuple[bytes, Reply]] = [
    (b"200 result=0\n", Reply(200, 0)),
    (b"200 result=-1\n", Reply(200, -1)),
    (b"200 result=1 (allow)\n", Reply(200, 1, "allow")),
    (b"200 result=1 ()\n", Reply(200, 1, "")),
    (b"200 result=1 (timeout)\n", Reply(200, 1, "timeout")),
    (b"200 result=1 (a) endpos=3 (b)\n", Reply(200, 1, "a) endpos=3 (b")),
    (b"200 result=49 endpos=16000\n", Reply(200, 49, None, 16000)),
    (b"200 result=0 (randomerror) endpos=8\n", Reply(200, 0, "randomerror", 8)),
    (b"510 Invalid or unknown command\n", Reply(510)),
    (b"511 Command Not Permitted on a dead channel or intercept routine\n", Reply(511)),
    (b"520 Invalid command syntax.  Proper usage not available.\n", Reply(520)),
    (USAGE, Reply(520)),
]
DIALOGUE = head() + b"".join(line for line, _ in REPLIES)


def read(data: bytes, size: int | None = None) -> list[Event]:
    reader = Reader()
    step = size or max(len(data), 1)
    return [event for start in range(0, len(data), step) for event in reader.feed(data[start : start + step])]


def test_a_head_says_who_asks() -> None:
    (request,) = read(head())
    assert isinstance(request, Request)
    assert request.script == "gate"
    assert request.arguments == ("33199001234", "spring")
    assert request.channel == "PJSIP/brussels-00000001"
    assert request.uniqueid == "1764000000.1"
    assert request.callerid == "100"
    assert request.extension == "33199001234"
    assert request.context == "callgate"
    assert request.language == "fr"
    assert request.variables["agi_type"] == "PJSIP"
    assert request.variables["agi_accountcode"] == ""


@pytest.mark.parametrize(
    ("url", "script"),
    [
        ("agi://127.0.0.1:4573/gate", "gate"),
        ("agi://127.0.0.1/gate?campaign=x/y", "gate"),
        ("hagi://pbx.example/gate", "gate"),
        ("agi://[::1]:4573/gate", "gate"),
        ("agi://127.0.0.1/a/b", "a/b"),
        ("agi://127.0.0.1", ""),
        ("agi://127.0.0.1/", ""),
    ],
)
def test_the_script_is_the_path_of_the_url(url: str, script: str) -> None:
    (request,) = read(head(request=url))
    assert isinstance(request, Request)
    assert request.script == script


def test_an_unknown_caller_has_no_number() -> None:
    (request,) = read(head(callerid="unknown"))
    assert isinstance(request, Request)
    assert request.callerid is None


def test_a_name_in_another_encoding_does_not_lose_the_call() -> None:
    (request,) = read(head(calleridname=b"Andr\xe9".decode("utf-8", "surrogateescape")))
    assert isinstance(request, Request)
    assert request.variables["agi_calleridname"] == "Andr\N{REPLACEMENT CHARACTER}"


def test_arguments_may_be_empty_and_may_be_none() -> None:
    (request,) = read(head(arguments=["", ": ", ""]))
    assert isinstance(request, Request)
    assert request.arguments == ("", ": ", "")
    (bare,) = read(head(arguments=[]))
    assert isinstance(bare, Request)
    assert bare.arguments == ()


def test_what_may_be_a_number_is_not_in_the_repr() -> None:
    (request,) = read(head(channel="Local/33199001234@callgate-00000001;2"))
    assert "33199001234" not in repr(request)
    assert "33199001234" not in repr(Reply(200, 1, "33199001234"))


@pytest.mark.parametrize(("line", "reply"), REPLIES)
def test_each_reply_is_understood(line: bytes, reply: Reply) -> None:
    assert read(head() + line)[1:] == [reply]


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7, 1000])
def test_chunks_do_not_matter(size: int | None) -> None:
    assert read(DIALOGUE, size)[1:] == [reply for _, reply in REPLIES]


def test_a_dialogue_cut_anywhere_gives_its_complete_events_and_no_other() -> None:
    ends = [len(head())]
    for line, _ in REPLIES:
        ends.append(ends[-1] + len(line))
    for cut in range(len(DIALOGUE)):
        assert len(read(DIALOGUE[:cut])) == sum(end <= cut for end in ends)


def test_a_hang_up_is_an_event_of_its_own_between_any_two_lines() -> None:
    lines = DIALOGUE[len(head()) :].splitlines(keepends=True)
    for place in range(len(lines) + 1):
        with_hang_up = head() + b"".join([*lines[:place], b"HANGUP\n", *lines[place:]])
        events = read(with_hang_up, 5)
        assert events.count(HangUp()) == 1
        assert [event for event in events[1:] if event != HangUp()] == [reply for _, reply in REPLIES]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"agi_network: yes\r\n",
        b"agi_request: agi://127.0.0.1/gate\n",
        b"\n",
        b"\x16\x03\x01\x00",
        b"agi_network: yes\n\n",
        b"agi_network: yes\nchannel: x\n",
        b"agi_network: yes\nagi_channel\n",
        b"agi_network: yes\nHANGUP\n",
        head(request="gate"),
        head() + b"agi_accountcode: \n",
        head() + b"200\n",
        head() + b"200 result=\n",
        head() + b"200 result=1 (open\n",
        head() + "200 result=١\n".encode(),
        head() + b"200 result=1 \0\n",
        head() + b"\n",
        head() + head(),
        head() + b"HANGUP \n",
        head() + b"999 no such code\n",
    ],
)
@pytest.mark.parametrize("size", [None, 1])
def test_what_no_asterisk_sends_is_the_peers_error(data: bytes, size: int | None) -> None:
    with pytest.raises(RemoteError):
        read(data, size)


@pytest.mark.parametrize(
    "headers",
    [
        {"extension": "33199001234\nagi_context: callgate-internal"},
        {"extension": "33199001234\nagi_channel: PJSIP/lille-00000002"},
        {"extension": "33199001234\nagi_arg_1: 33199005678"},
        {"extension": "33199001234\nagi_arg_3: yes"},
        {"extension": "33199001234\nagi_arg_1: 33199005678\n\n200 result=1"},
        {"calleridname": "x\nagi_extension: 112"},
        {"dnid": "1\n\n"},
    ],
)
def test_a_dialled_line_feed_forges_nothing(headers: dict[str, str]) -> None:
    with pytest.raises(RemoteError):
        read(head(**headers))


def test_an_error_does_not_repeat_what_the_peer_sent() -> None:
    with pytest.raises(RemoteError) as caught:
        read(head(extension="x\n33199001234: y"))
    assert "33199001234" not in str(caught.value)


def test_a_line_may_have_as_many_bytes_as_the_limit_and_no_more() -> None:
    prefix = "agi_accountcode: "
    assert len(read(head(accountcode="x" * (1024 - len(prefix))))) == 1
    with pytest.raises(RemoteError, match="1024 bytes"):
        read(head(accountcode="x" * (1025 - len(prefix))))


def test_a_line_without_end_is_refused_before_it_ends() -> None:
    reader = Reader()
    assert reader.feed(b"x" * 1024) == []
    with pytest.raises(RemoteError, match="1024 bytes"):
        reader.feed(b"x")


def test_a_head_may_have_as_many_lines_as_the_limit_and_no_more() -> None:
    fixed = head(arguments=[]).count(b"\n") - 1
    assert len(read(head(arguments=["x"] * (128 - fixed)))) == 1
    with pytest.raises(RemoteError, match="128 lines"):
        read(head(arguments=["x"] * (129 - fixed)))


def test_a_usage_text_without_end_is_refused() -> None:
    with pytest.raises(RemoteError, match="128 lines"):
        read(head() + b"520-Usage\n" + b"more\n" * 129)


@given(st.binary(max_size=300), st.integers(0, len(DIALOGUE)), st.integers(1, 64))
def test_bytes_of_any_kind_raise_nothing_but_remote_error(noise: bytes, place: int, size: int) -> None:
    data = DIALOGUE[:place] + noise + DIALOGUE[place:]
    outcomes = []
    for step in (size, None):
        try:
            outcomes.append(read(data, step))
        except RemoteError:
            outcomes.append([])
    assert outcomes[0] == outcomes[1]


def parse_args(line: bytes) -> list[bytes]:
    """What Asterisk's parse_args (res_agi.c 4158) makes of a line, step by step as it goes, MAX_ARGS and all."""
    words: list[bytearray] = []
    quoted = escaped = False
    whitespace = True
    for byte in line:
        char = bytes([byte])
        if char == b'"' and not escaped:
            quoted = not quoted
            if quoted and whitespace:
                words.append(bytearray())
                whitespace = False
        elif char in b" \t" and not quoted and not escaped:
            whitespace = True
        elif char == b"\\" and not escaped:
            escaped = True
        else:
            if whitespace:
                if len(words) >= 127:
                    continue
                words.append(bytearray())
                whitespace = False
            words[-1] += char
            escaped = False
    assert len(words) <= 127, "written behind argv"
    return [bytes(word) for word in words]


def asterisk_reads(sent: bytes) -> list[list[bytes]]:
    """The commands that run_agi (res_agi.c 4408) gets from these bytes: fgets into 8,192 bytes, cut at a NUL."""
    commands = []
    while sent:
        end = min(sent.find(b"\n") + 1 or len(sent), 8191)
        line, sent = sent[:end], sent[end:]
        commands.append(parse_args(line.split(b"\0")[0].removesuffix(b"\n")))
    return commands


def can_be_sent(words: list[str]) -> bool:
    text = "".join(words)
    if not 1 <= len(words) <= MAX_WORDS or any(mark in text for mark in "\r\n\0\ud800"):
        return False
    quotes_and_spaces = 3 * len(words)
    return len(text.encode()) + text.count('"') + text.count("\\") + quotes_and_spaces <= MAX_COMMAND


@given(st.lists(st.text(max_size=40), max_size=8))
@example(["SET", "VARIABLE", "X", 'a" "b\\'])
@example(["SET", "VARIABLE", "X", '\\"\nHANGUP'])
@example(["SET", "VARIABLE", "X", "\t \r"])
@example(["SET", "", "", "\\\\"])
@example(["failure"])
@example(["X"] * MAX_WORDS)
@example(["X"] * (MAX_WORDS + 1))
@example(["X", "é" * 5000])
@example(["X", "\ud800"])
def test_asterisk_takes_a_command_apart_into_the_words_that_went_in(words: list[str]) -> None:
    if not can_be_sent(words):
        with pytest.raises(LocalError):
            command(*words)
        return
    sent = command(*words)
    assert asterisk_reads(sent) == [[word.encode() for word in words]]
    assert not sent.lower().startswith(b"failure")


@given(st.text(alphabet='a "\\\t\n\r\0', max_size=20))
def test_no_argument_runs_a_second_command(argument: str) -> None:
    if set(argument) & set("\n\r\0"):
        with pytest.raises(LocalError):
            command("SET", "VARIABLE", "X", argument)
        return
    assert asterisk_reads(command("SET", "VARIABLE", "X", argument)) == [[b"SET", b"VARIABLE", b"X", argument.encode()]]


def test_a_command_may_fill_asterisks_buffer_and_no_more() -> None:
    room = MAX_COMMAND - len(command("X", ""))
    assert asterisk_reads(command("X", "y" * room)) == [[b"X", b"y" * room]]
    with pytest.raises(LocalError, match="8192 bytes"):
        command("X", "y" * (room + 1))


def test_an_error_of_ours_does_not_repeat_the_argument() -> None:
    for argument in ("33199001234\n", "33199001234" * 1000):
        with pytest.raises(LocalError) as caught:
            command("SET", "VARIABLE", "NUMBER", argument)
        assert "33199001234" not in str(caught.value)


def test_the_model_of_asterisks_parser_splits_where_asterisk_does() -> None:
    table = [
        (b"a b\tc", [b"a", b"b", b"c"]),
        (b'a "b c" d', [b"a", b"b c", b"d"]),
        (b"a\\ b", [b"a b"]),
        (b'a""b', [b"ab"]),
        (b'""', [b""]),
        (b'"a\\"b"', [b'a"b']),
        (b'a"b c"', [b"ab c"]),
    ]
    for line, words in table:
        assert parse_args(line) == words
    assert asterisk_reads(b"a\nb\n") == [[b"a"], [b"b"]]
    assert len(asterisk_reads(b"a" * 8191 + b" b\n")) == 2
