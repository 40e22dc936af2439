"""How a request stands is what was entered of it, and what is to be said of it is said once."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.events import REQUESTS, DataClass, Event, Json, Kind, class_of
from callgate.core.requests import Due, Request, Right, Stage, due, fold

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANNA = "+33199000042"
DUE = date(2026, 12, 2)


def event(kind: Kind, request: str = "r1", **said: Json) -> Event:
    payload = {"request": request, "by": "officer", **said}
    return Event(kind, NOW, None, ANNA, "acme", payload)


def opened(request: str = "r1", right: Right = Right.ERASURE) -> Event:
    said: dict[str, Json] = {"right": right, "masked": "+33 ••• 42", "country": "BE", "language": "fr"}
    return event(Kind.REQUEST_OPENED, request, received="2026-11-02", due=DUE.isoformat(), **said)


def stands(*events: Event, right: Right = Right.ERASURE) -> Request:
    return fold([opened(right=right), *events])["r1"]


ASKED = event(Kind.ERASURE_ASKED, partners=["north", "south"])
DONE, CLOSED = event(Kind.REQUEST_CARRIED_OUT, keys=2), event(Kind.REQUEST_CLOSED)


def answer(partner: str, said: str = "erased") -> Event:
    return event(Kind.ERASURE_ACKNOWLEDGED, partner=partner, answer=said)


@pytest.mark.parametrize(
    ("events", "stage", "outstanding"),
    [
        ([], Stage.OPEN, ()),
        ([ASKED], Stage.OPEN, ("north", "south")),
        ([ASKED, DONE], Stage.WAITING, ("north", "south")),
        ([ASKED, DONE, answer("south")], Stage.WAITING, ("north",)),
        ([ASKED, DONE, answer("south"), answer("south", "kept")], Stage.WAITING, ("north",)),
        ([ASKED, DONE, answer("nobody asked")], Stage.WAITING, ("north", "south")),
        ([ASKED, DONE, answer("south"), answer("north"), CLOSED], Stage.CLOSED, ()),
        ([event(Kind.REQUEST_REFUSED)], Stage.REFUSED, ()),
        ([CLOSED, event(Kind.REQUEST_REFUSED)], Stage.CLOSED, ()),
        ([event(Kind.REQUEST_REFUSED), CLOSED], Stage.REFUSED, ()),
    ],
)
def test_a_request_stands_as_its_events_say(events: list[Event], stage: Stage, outstanding: tuple[str, ...]) -> None:
    request = stands(*events)
    assert (request.stage, request.outstanding) == (stage, outstanding)


def test_the_first_answer_of_a_partner_counts() -> None:
    assert stands(ASKED, answer("south"), answer("south", "kept")).acknowledged["south"].answer == "erased"


def test_the_deadline_is_extended_once() -> None:
    more = event(Kind.REQUEST_EXTENDED, announced="2026-11-20", due="2027-02-02")
    again = event(Kind.REQUEST_EXTENDED, announced="2026-11-21", due="2027-05-02")
    limit = stands(more, again).deadline
    assert (limit.announced, limit.due) == (date(2026, 11, 20), date(2027, 2, 2))


def test_a_restriction_restricts_until_it_is_lifted() -> None:
    assert stands(DONE, CLOSED, right=Right.RESTRICTION).restricts
    assert not stands(DONE, CLOSED, event(Kind.RESTRICTION_LIFTED), right=Right.RESTRICTION).restricts
    assert not stands(DONE, CLOSED).restricts


def test_events_whose_content_is_gone_and_those_of_an_unknown_request_tell_of_nothing() -> None:
    gone = Event(Kind.REQUEST_CLOSED, NOW)
    assert fold([gone, event(Kind.REQUEST_CLOSED, "r9"), opened("r2")]).keys() == {"r2"}


def said_on(days: Iterable[int]) -> list[tuple[int, Due]]:
    """What is said when somebody looks on these days after receipt, each time entering it."""
    events, said = [opened()], []
    for day in days:
        found = due(fold(events)["r1"], date(2026, 11, 2) + timedelta(days=day))
        if found is not None:
            events.append(event(found.kind, days=found.days))
            said.append((day, found))
    return said


def test_reminders_come_at_7_14_and_21_days_and_the_escalation_when_it_is_late() -> None:
    assert said_on(range(45)) == [
        *((days, Due(Kind.REQUEST_REMINDED, days)) for days in (7, 14, 21)),
        (31, Due(Kind.REQUEST_ESCALATED, 31)),
    ]


@given(st.lists(st.integers(0, 60), max_size=40))
def test_nothing_is_said_twice_whenever_somebody_looks(days: list[int]) -> None:
    said = [found for _, found in said_on(sorted(days))]
    assert len(said) == len({(found.kind, found.days) for found in said})
    assert sum(found.kind is Kind.REQUEST_ESCALATED for found in said) <= 1


def test_of_reminders_that_nobody_could_give_only_the_last_is_given() -> None:
    assert said_on([15, 16]) == [(15, Due(Kind.REQUEST_REMINDED, 14))]


@pytest.mark.parametrize("end", [CLOSED, event(Kind.REQUEST_REFUSED)])
def test_of_a_request_that_was_answered_nothing_is_said(end: Event) -> None:
    assert due(stands(end), date(2027, 12, 1)) is None


def test_an_extension_moves_the_escalation() -> None:
    more = event(Kind.REQUEST_EXTENDED, announced="2026-11-20", due="2027-02-02")
    assert due(replace(stands(more), reminded=21), date(2027, 2, 2)) is None
    assert due(stands(more), date(2027, 2, 3)) == Due(Kind.REQUEST_ESCALATED, 93)


def test_what_tells_of_requests_is_proof() -> None:
    assert {class_of(kind) for kind in REQUESTS} == {DataClass.PROOF}
