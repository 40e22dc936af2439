"""What is made of the keys and the endings of prompts on a callee's channel."""

import asyncio
from dataclasses import replace

import pytest

from callgate.boundary import Heard as Proof
from callgate.core.call import On
from callgate.core.consent import HEARD_MS, REPEATS, Manner, Part
from callgate.pbx import interview
from callgate.pbx.agi import ChannelGone, LocalError, PeerGone, PeerTimeout, Played
from callgate.pbx.interview import Interview, Speech
from callgate.prompts.catalogue import Notice
from tests.node.fakes import NOW, WHOLE, FakeCatalogue, FakeSession, as_session, pressed

NOTICE = FakeCatalogue().notice("spring", "brussels", "fr")
NOT_PLAYED = Played(digit=None, endpos=0, finished=False, failed=True)
MANNER = Manner(languages={"4": "nl"})
ID, ASK = Part.IDENTIFICATION, Part.QUESTION


def speech(notice: Notice, manner: Manner) -> Speech:
    catalogue = FakeCatalogue()

    def in_language(language: str) -> Notice:
        return notice if language == "fr" else catalogue.notice("spring", "brussels", language)

    offers = catalogue.offers("spring", manner.languages)
    return Speech(in_language, "fr", manner, dict(zip(manner.languages, offers, strict=True)))


class Heard:
    """One interview and what it reported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, notice: Notice = NOTICE, manner: Manner = MANNER) -> None:
        self.session = FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1")
        monkeypatch.setattr(interview, "monotonic", self.session.monotonic)
        self.woken: list[str] = []
        self.interview = Interview(as_session(self.session), speech(notice, manner), self.wake, lambda: NOW)
        self.report: asyncio.Future[On]

    @property
    def proof(self) -> Proof:
        assert self.interview.heard is not None
        return self.interview.heard

    async def wake(self, key: str) -> None:
        self.woken.append(key)
        self.session.plays.append(pressed(key, 100))

    async def play(self, part: Part) -> On:
        self.report = asyncio.get_running_loop().create_future()
        self.interview.begin(part, self.report.set_result)
        async with asyncio.timeout(5):
            return await self.report


@pytest.mark.parametrize(
    ("part", "plays", "keys", "on"),
    [
        (ID, [WHOLE], [], On.IDENTIFIED),
        (ID, [pressed("9", 10)], [], On.OBJECTED),
        (ID, [NOT_PLAYED], [], On.FAILED),
        (ID, [ChannelGone()], [], On.ENDED),
        (ID, [PeerGone()], [], On.ENDED),
        (ID, [PeerTimeout()], [], On.FAILED),
        (ID, [LocalError()], [], On.FAILED),
        (ID, [WHOLE, pressed("4", 10)], [], On.SWITCHED),
        (ASK, [WHOLE], ["4"], On.SWITCHED),
        (ASK, [WHOLE], ["#", "1"], On.AGREED),
        (ASK, [pressed("1", 900)], [], On.AGREED),
        (ASK, [pressed("2", 900)], [], On.REFUSED),
        (ASK, [pressed("9", 0)], [], On.OBJECTED),
        (ASK, [WHOLE], ["1"], On.AGREED),
        (ASK, [WHOLE], ["2"], On.REFUSED),
        (ASK, [WHOLE], ["9"], On.OBJECTED),
        (ASK, [WHOLE], ["3", "#", "1"], On.AGREED),
        (ASK, [WHOLE], ["3"], On.SILENT),
        (ASK, [WHOLE], [], On.SILENT),
        (ASK, [WHOLE], [ChannelGone()], On.ENDED),
        (ASK, [NOT_PLAYED], [], On.FAILED),
        (ASK, [pressed("1", HEARD_MS - 1), WHOLE], [], On.SILENT),
    ],
)
async def test_a_part_ends_as(
    monkeypatch: pytest.MonkeyPatch, part: Part, plays: list[Played | Exception], keys: list[str | Exception], on: On
) -> None:
    heard = Heard(monkeypatch)
    heard.session.plays.extend(plays)
    heard.session.keys.extend(keys)
    assert await heard.play(part) is on


async def test_a_key_that_means_nothing_yet_leaves_the_question_playing_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = Heard(monkeypatch)
    heard.session.plays.extend([pressed("1", 200), pressed("2", 600)])
    assert await heard.play(ASK) is On.REFUSED
    assert heard.session.offsets == [0, 1_600]


async def test_a_campaign_that_does_not_record_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch, replace(NOTICE, question=None))
    assert await heard.play(ASK) is On.UNASKED
    assert heard.session.offsets == []


async def test_a_consent_holds_the_key_and_exactly_what_was_heard_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    await heard.play(ID)
    heard.session.plays.append(pressed("1", 700))
    await heard.play(ASK)
    proof = heard.proof
    assert (proof.key, proof.at, proof.channel) == ("1", NOW, "PJSIP/carrier-1")
    assert [(part.name, part.milliseconds, part.whole) for part in proof.prompts] == [
        ("identification", 1_000, True),
        ("language/4", 1_000, True),
        ("question", 700, False),
    ]


async def test_what_plays_is_stopped_by_a_key_that_no_telephone_has(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    heard.report = asyncio.get_running_loop().create_future()
    heard.interview.begin(ID, heard.report.set_result)
    heard.session.plays.append(pressed("D", 300))
    async with asyncio.timeout(5):
        await heard.interview.stop()
        assert await heard.report is On.FAILED
    assert heard.woken == ["D"]


async def test_only_this_channel_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    await heard.interview.connect()
    assert heard.session.variables["CALLGATE_HEARD"] == "connect:1.2"
    assert not heard.interview.is_open


async def test_a_dismissed_callee_is_never_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    await heard.interview.dismiss("agent/notice-failed")
    assert heard.session.variables == {"CALLGATE_TELL": "agent/notice-failed"}
    assert not heard.interview.is_open


async def test_each_prompt_extends_the_channels_timeout_by_its_own_length(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    await heard.play(ID)
    assert heard.session.variables["TIMEOUT(absolute)"] == "3.0"


@pytest.mark.parametrize(("times", "asked"), [(1, 1), (3, 3)])
async def test_silence_is_an_answer_once_it_was_asked_often_enough(
    monkeypatch: pytest.MonkeyPatch, times: int, asked: int
) -> None:
    heard = Heard(monkeypatch, manner=Manner(times=times, answer_s=2.0))
    assert await heard.play(ASK) is On.SILENT
    assert len(heard.session.offsets) == asked
    assert heard.session.now == asked * 2.0


async def test_a_key_at_the_second_asking_agrees_and_the_proof_holds_both(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch, manner=Manner(times=2))
    heard.session.plays.extend([WHOLE, pressed("1", 400)])
    assert await heard.play(ASK) is On.AGREED
    assert [(part.name, part.whole) for part in heard.proof.prompts] == [("question", True), ("question", False)]


async def test_a_part_that_is_repeated_begins_anew_a_few_times_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    heard.session.plays.extend([pressed("#", 500)] * (REPEATS + 2))
    assert await heard.play(ID) is On.IDENTIFIED
    assert heard.session.offsets == [0] * (REPEATS + 1) + [4_000, 4_000] + [0]


async def test_another_language_holds_for_the_notice_the_channel_and_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    heard.session.plays.append(pressed("4", 300))
    assert await heard.play(ID) is On.SWITCHED
    assert heard.session.variables["CALLGATE_CALLEE_LANGUAGE"] == "nl"
    assert await heard.play(ID) is On.IDENTIFIED
    heard.session.plays.append(pressed("1", 700))
    assert await heard.play(ASK) is On.AGREED
    assert [(part.name, part.language, part.whole) for part in heard.proof.prompts] == [
        ("identification", "fr", False),
        ("identification", "nl", True),
        ("question", "nl", False),
    ]


async def test_the_language_that_is_spoken_is_not_offered_and_its_key_is_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch, manner=Manner(languages={"4": "fr"}))
    heard.session.plays.append(pressed("4", 300))
    assert await heard.play(ID) is On.IDENTIFIED
    assert [part.name for part in heard.interview.played] == ["identification"]
