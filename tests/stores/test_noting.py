"""Outcomes and notes of calls: what is kept, what is refused without a trace, what goes when the words grow."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from callgate import notes
from callgate.config.load import load, to_policy
from callgate.core.events import DataClass, Event, Kind
from callgate.core.policy import OUTCOMES, Policy
from callgate.core.screen import Finding
from callgate.core.vocabulary import Category
from callgate.office.noting import Failing, NoteRefused, Noting
from callgate.stores.errors import StoreUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.schema import events
from tests.core.test_config import GOOD
from tests.stores.conftest import ANNA, NOW

ILL = "prospect is ill"
FRIENDLY = "wants a quote by email"


@pytest.fixture
def ledger(either: Ledger) -> Ledger:
    return either


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "callgate.toml"
    path.write_text(GOOD.replace("[campaigns.spring]", "[campaigns.spring]\nnotes = true"))
    return to_policy(load(path, {}))


class Remembered:
    """Whom the gate takes for having refused."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, str, datetime]] = {}
        self.away = False

    async def refused(self, call: str, number: str, controller: str, at: datetime) -> None:
        if self.away:
            raise StoreUnavailable("Redis is away")
        self.calls[call] = number, controller, at

    async def not_refused(self, call: str, number: str, controller: str) -> None:
        assert self.calls.pop(call)[:2] == (number, controller)


@pytest.fixture
def noting(ledger: Ledger, policy: Policy) -> Noting:
    return Noting(ledger, lambda: policy, lambda: NOW, Remembered())


def call(name: str = "c1", outcome: str = "allow", campaign: str = "spring") -> Event:
    said = {"outcome": outcome, "campaign": campaign, "centre": "brussels", "agent": "PJSIP/7"}
    return Event(Kind.VERDICT, NOW, name, ANNA, "acme", said)


async def kept(ledger: Ledger) -> list[tuple[Kind, str]]:
    """Outcomes and the texts of notes, as far as they can be read."""
    entries = await ledger.read(kinds=[Kind.OUTCOME, Kind.NOTE])
    return [
        (entry.event.kind, str(entry.event.payload.get("outcome") or entry.event.personal.get("text")))
        for entry in entries
        if not entry.gone
    ]


async def test_an_outcome_and_a_note_are_kept_and_the_note_is_sealed(noting: Noting, ledger: Ledger) -> None:
    await ledger.append([call()])
    await noting.note("c1", "call-back", f"  {FRIENDLY} ", "agent")
    assert await kept(ledger) == [(Kind.OUTCOME, "call-back"), (Kind.NOTE, FRIENDLY)]
    [note] = await ledger.read(kinds=[Kind.NOTE])
    assert note.event.payload == {
        "campaign": "spring",
        "centre": "brussels",
        "by": "agent",
        "words": notes.digest(),
    }
    assert (note.event.number, note.event.controller) == (ANNA, "acme")


async def test_an_outcome_alone_is_enough_and_the_last_one_holds(noting: Noting, ledger: Ledger) -> None:
    await ledger.append([call()])
    for outcome in ("call-back", "sale"):
        await noting.note("c1", outcome, " ", "agent")
    assert await kept(ledger) == [(Kind.OUTCOME, "call-back"), (Kind.OUTCOME, "sale")]


async def test_what_the_screen_finds_is_refused_with_its_words_and_leaves_no_trace(
    noting: Noting, ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await ledger.append([call()])
    before = await ledger.last_seq()
    with pytest.raises(NoteRefused, match="health") as refused:
        await noting.note("c1", "no-interest", ILL, "agent")
    assert [finding.words for finding in refused.value.findings] == ["ill"]
    assert not {"ill", "prospect"} & set(str(refused.value).split())
    assert await ledger.last_seq() == before
    assert noting.refused == {Category.HEALTH: 1}
    assert not caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("name", "outcome", "text", "says"),
    [
        ("c2", "sale", "", "no call 'c2'"),
        ("blocked", "sale", "", "no call 'blocked' that was allowed"),
        ("c1", "dead", "", f"it has {', '.join(OUTCOMES)}"),
        ("old", "sale", "", "no longer configured"),
        ("c1", "sale", "long " * 1000, "2,000 characters at most"),
    ],
)
async def test_what_cannot_be_entered_is_refused_in_a_sentence(
    noting: Noting, ledger: Ledger, name: str, outcome: str, text: str, says: str
) -> None:
    await ledger.append([call(), call("blocked", "block"), call("old", campaign="winter")])
    with pytest.raises(NoteRefused, match=says):
        await noting.note(name, outcome, text, "agent")
    assert await kept(ledger) == []


async def test_a_campaign_takes_no_notes_unless_it_says_so(ledger: Ledger, policy: Policy) -> None:
    silent = replace(policy, campaigns={"spring": replace(policy.campaigns["spring"], notes=False)})
    await ledger.append([call()])
    noting = Noting(ledger, lambda: silent, lambda: NOW, Remembered())
    with pytest.raises(NoteRefused, match="takes no notes"):
        await noting.note("c1", "sale", FRIENDLY, "agent")
    assert await kept(ledger) == []
    assert noting.refused == {}


async def test_a_note_is_erased_with_the_person_and_none_is_kept_on_them_afterwards(
    noting: Noting, ledger: Ledger, journal: Journal
) -> None:
    await ledger.append([call()])
    await noting.note("c1", "sale", FRIENDLY, "agent")
    await ledger.erase(ANNA, "acme", [DataClass.CONTACT], NOW, by="officer", journal=journal)
    assert await kept(ledger) == []
    with pytest.raises(NoteRefused, match="erased"):
        await noting.note("c1", "sale", FRIENDLY, "agent")
    done = await noting.rescreen("officer", erase=True)
    assert (done.read, done.failing) == (0, ())


def grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the words of the screen have grown by one."""

    def screen(text: str, languages: Sequence[str]) -> list[Finding]:
        assert languages == ["en", "fr"]
        at = text.find("quote")
        return [Finding(Category.INSULT, at, at + 5, "quote")] if at >= 0 else []

    monkeypatch.setattr(notes, "screen", screen)


async def enter(noting: Noting, ledger: Ledger) -> None:
    """Three calls with a note each, of which the middle one passes whatever the screen has learnt."""
    for name, text in (("c1", FRIENDLY), ("c2", "asks for Tom"), ("c3", FRIENDLY)):
        await ledger.append([call(name)])
        await noting.note(name, "sale", text, "agent")


async def sealed_notes(ledger: Ledger) -> set[bytes]:
    query = sa.select(events.c.sealed).where(events.c.kind == Kind.NOTE, events.c.sealed.is_not(None))
    return {row.sealed for row in await ledger.rows(query)}


async def test_notes_go_through_the_screen_again_and_those_that_fail_are_named(
    noting: Noting, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(noting, ledger)
    grow(monkeypatch)
    done = await noting.rescreen("officer", erase=False)
    assert (done.read, done.removed) == (3, False)
    assert [(one.call, one.findings[0].words) for one in done.failing] == [("c1", "quote"), ("c3", "quote")]
    assert len(await kept(ledger)) == 6


async def test_notes_that_fail_are_removed_for_good_while_outcomes_and_the_chain_stay(
    noting: Noting, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(noting, ledger)
    sealed = await sealed_notes(ledger)
    grow(monkeypatch)
    done = await noting.rescreen("officer", erase=True)
    assert [type(one) for one in done.failing] == [Failing, Failing]
    assert (done.removed, done.overwritten) == (True, True)
    assert [text for kind, text in await kept(ledger) if kind is Kind.NOTE] == ["asks for Tom"]
    assert len([text for kind, text in await kept(ledger) if kind is Kind.OUTCOME]) == 3
    assert len(sealed) == 3
    assert len(await sealed_notes(ledger)) == 1
    [told] = await ledger.read(kinds=[Kind.RETENTION])
    assert told.event.payload["removed"] == {"note": 2}
    assert (told.event.payload["by"], told.event.payload["because"]) == ("officer", "rescreened")
    assert (await ledger.audit()).problems == ()
    again = await noting.rescreen("officer", erase=True)
    assert (again.read, again.failing) == (1, ())


async def test_that_notes_were_read_and_by_whom_and_of_how_many_people_is_in_the_ledger(
    noting: Noting, ledger: Ledger
) -> None:
    await enter(noting, ledger)
    await noting.rescreen("officer", erase=False)
    [told] = await ledger.read(kinds=[Kind.NOTES_RESCREENED])
    assert told.event.payload == {"by": "officer", "people": {"acme": 1}, "read": 3, "failing": 0, "erased": False}


async def test_an_outcome_that_refuses_is_remembered_by_the_gate_until_it_turns_out_to_be_none(
    ledger: Ledger, policy: Policy
) -> None:
    remembered = Remembered()
    noting = Noting(ledger, lambda: policy, lambda: NOW, remembered)
    await ledger.append([call()])
    await noting.note("c1", "other", "", "alice")
    assert remembered.calls == {}
    await noting.note("c1", "no-interest", "", "alice")
    assert remembered.calls == {"c1": (ANNA, "acme", NOW)}
    await noting.note("c1", "sale", "", "alice")
    assert remembered.calls == {}
    told = [entry.event.payload["refusal"] for entry in await ledger.read(kinds=[Kind.OUTCOME])]
    assert told == [False, True, False]


async def test_a_refusal_that_the_gate_cannot_be_told_is_not_entered_and_can_be_said_again(
    ledger: Ledger, policy: Policy
) -> None:
    remembered = Remembered()
    remembered.away = True
    noting = Noting(ledger, lambda: policy, lambda: NOW, remembered)
    await ledger.append([call()])
    with pytest.raises(StoreUnavailable):
        await noting.note("c1", "no-interest", "", "alice")
    assert await kept(ledger) == []
