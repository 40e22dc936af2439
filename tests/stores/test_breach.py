"""What was accessed by whom in a window: read from the ledger, whatever the kind of event."""

import json
from datetime import datetime, timedelta

import pytest

from callgate.accountability import breach
from callgate.accountability.breach import Act, Window, survey
from callgate.accountability.breachreport import report
from callgate.core.document import TO_FILL_IN, as_html, as_json, as_markdown
from callgate.core.events import ACCESSES, DataClass, Event, Json, Kind
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.upkeep import retain
from tests.stores.conftest import ANNA, BRAM, NOW

HOUR = timedelta(hours=1)
DAY = Window(NOW, NOW + 24 * HOUR)


@pytest.fixture
def ledger(either: Ledger) -> Ledger:
    return either


def call(name: str, number: str = ANNA, agent: str = "PJSIP/7", outcome: str = "allow") -> Event:
    said = {"outcome": outcome, "agent": agent}
    return Event(Kind.VERDICT, NOW + HOUR, name, number, "acme", said)


def act(kind: Kind, by: str, at: datetime = NOW + HOUR, call: str | None = None, **said: Json) -> Event:
    number = ANNA if kind is Kind.NOTE else None
    return Event(kind, at, call, number, "acme" if call else None, {"by": by, **said})


async def test_acts_are_told_by_who_did_them_and_accesses_are_listed(ledger: Ledger) -> None:
    await ledger.append([call("c1"), act(Kind.NOTES_RESCREENED, "mallory", people={"acme": 40, "beta": 2})])
    await ledger.append([act(Kind.NOTE, "mallory", call="c1"), act(Kind.NOTE, "mallory", NOW + 2 * HOUR, call="c1")])
    found = await survey(ledger, DAY)
    assert {act: times.count for act, times in found.acts.items()} == {
        Act("PJSIP/7", "verdict", access=False): 1,
        Act("mallory", "notes-rescreened", access=True): 1,
        Act("mallory", "note", access=False): 2,
    }
    assert found.acts[Act("mallory", "note", access=False)].last == NOW + 2 * HOUR
    assert [access.what for access in found.accesses] == ["notes-rescreened"]
    assert found.people["acme"].named == {ANNA}
    assert (found.people["acme"].among_many, found.people["beta"].among_many) == (40, 2)


async def test_what_was_shown_over_http_and_given_to_a_person_is_access_and_what_was_only_done_is_not(
    ledger: Ledger,
) -> None:
    request: dict[str, Json] = {"request": "r-1", "by": "carl"}
    await ledger.append([
        act(Kind.ACT, "carl", act="calls-listed", shows=True, people={"acme": 7}),
        act(Kind.ACT, "carl", act="metrics-read"),
        Event(Kind.REQUEST_CARRIED_OUT, NOW + HOUR, None, ANNA, "acme", request | {"events": 12}),
        Event(Kind.REQUEST_CARRIED_OUT, NOW + HOUR, None, BRAM, "acme", request | {"keys": 3}),
    ])  # fmt: skip
    found = await survey(ledger, DAY)
    assert [access.what for access in found.accesses] == ["calls-listed", "request-carried-out"]
    assert found.people["acme"].among_many == 7
    rows = {row[1]: row[2] for row in report(found, NOW, {}).sections[0].rows if row[1] != "request-carried-out"}
    assert rows == {"calls-listed": "yes", "metrics-read": ""}


async def test_only_the_window_and_only_the_user_counts(ledger: Ledger) -> None:
    await ledger.append([call("c1"), call("c2", BRAM, "PJSIP/8")])
    await ledger.append([act(Kind.NOTE, "bob", NOW - HOUR), act(Kind.NOTE, "bob", DAY.until)])
    assert set(await _who(ledger, DAY)) == {"PJSIP/7", "PJSIP/8"}
    found = await survey(ledger, Window(NOW, DAY.until, "PJSIP/8"))
    assert ({act.who for act in found.acts}, found.people["acme"].named) == ({"PJSIP/8"}, {BRAM})


async def _who(ledger: Ledger, window: Window) -> list[str]:
    return [act.who for act in (await survey(ledger, window)).acts]


@pytest.mark.parametrize("by", ["callee-key", "schedule", "kept-by-pbx", ""])
async def test_keys_and_timers_are_nobody_and_a_blocked_call_shows_nobody_anything(ledger: Ledger, by: str) -> None:
    await ledger.append([act(Kind.WITHDRAWAL, by, call="c1"), call("c1", outcome="block")])
    assert await _who(ledger, DAY) == []


async def test_an_act_that_names_a_call_concerns_its_person_also_where_the_call_was_before(ledger: Ledger) -> None:
    await ledger.append([call("c1")])
    await ledger.append([act(Kind.RECORDING_DESTROYED, "mallory", NOW + 30 * HOUR, call="c1")])
    later = Window(NOW + 29 * HOUR, NOW + 31 * HOUR)
    found = await survey(ledger, later)
    assert found.people["acme"].named == {ANNA}
    assert found.data["acme"] == {DataClass.RECORDING: 1}


async def test_people_who_were_erased_since_are_counted_and_events_past_their_term_are_told(
    ledger: Ledger, journal: Journal
) -> None:
    await ledger.append([call("c1"), act(Kind.NOTE, "bob", call="c1"), call("c2", BRAM)])
    await ledger.erase(ANNA, "acme", [DataClass.CONTACT], NOW, by="officer", journal=journal)
    found = await survey(ledger, Window(NOW + HOUR, DAY.until))
    assert (found.people["acme"].named, found.people["acme"].erased) == ({BRAM}, 2)
    await retain(ledger, {Kind.NOTE: NOW + 2 * HOUR}, NOW, "schedule")
    again = await survey(ledger, Window(NOW + HOUR, DAY.until))
    assert (again.forgotten, "bob" in {act.who for act in again.acts}) == (1, False)


async def test_what_the_ledger_holds_is_the_most_that_could_be_seen(ledger: Ledger) -> None:
    await ledger.append([call("c1"), call("c2", BRAM), Event(Kind.CONSENT, NOW, "c1", ANNA, "acme", {})])
    found = await survey(ledger, Window(NOW + 40 * HOUR, NOW + 41 * HOUR))
    assert (found.people["acme"].held, found.people["acme"].at_most) == (2, 0)


async def test_what_is_more_than_can_be_listed_is_counted_and_pages_are_joined(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breach, "LISTED", 3)
    monkeypatch.setattr(breach, "PAGE", 2)
    await ledger.append([act(Kind.NOTES_RESCREENED, "bob", people={"acme": 1}) for _ in range(7)])
    found = await survey(ledger, DAY)
    assert (len(found.accesses), found.unlisted, found.people["acme"].among_many) == (3, 4, 7)


async def test_the_report_has_the_deadline_what_is_open_and_no_number(ledger: Ledger) -> None:
    await ledger.append([call("c1"), act(Kind.NOTES_RESCREENED, "mallory", people={"acme": 40})])
    document = report(await survey(ledger, DAY), NOW, {"acme": "A. Officer", "beta": None})
    told = json.loads(json.dumps(as_json(document)))
    assert told["notify_by"] == (NOW + 72 * HOUR).isoformat()
    assert told["people"]["acme"] == {
        "singly": 1,
        "in_acts_on_many": 40,
        "erased_since": 0,
        "at_most": 41,
        "held": 1,
    }
    assert any("beta" in line for line in told["open"])
    assert not any("officer of acme" in line for line in told["open"])
    for text in (as_markdown(document), as_html(document), json.dumps(told)):
        assert "mallory" in text
        assert TO_FILL_IN in text
        assert ANNA[1:] not in text


def test_every_access_is_a_kind_of_event() -> None:
    assert set(Kind) >= ACCESSES
