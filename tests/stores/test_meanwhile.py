"""What people on the line say by other ways, as each office finds it; and a call that another office decided."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from callgate.boundary import Said
from callgate.core.events import Event, Kind
from callgate.core.objecting import Door, objection
from callgate.core.reasons import Reason
from callgate.office.local import LocalOffice
from callgate.office.meanwhile import Line, said_meanwhile
from callgate.stores.ledger import Ledger
from tests.core.test_gate import NOW, REQUEST
from tests.stores.test_contacts import PERSON, Offices, clock, offices

__all__ = ["clock", "offices"]  # fixtures

pytestmark = pytest.mark.server

OTHER = "+33199005678"


def said_to(call: str) -> Said:
    return Said(call, Kind.OBJECTION)


async def started(offices: Offices) -> tuple[LocalOffice, str, int]:
    """A call under way, its office, and the mark up to which that has heard everything."""
    office = offices()
    call = (await office.decide(REQUEST)).call
    mark, said = await office.said([call], None)
    assert said == []
    return office, call, mark


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (objection(PERSON, NOW, Door.API, by="officer", controller="acme"), [Said("", Kind.OBJECTION)]),
        (objection(PERSON, NOW, Door.CLI, by="officer", controller=None), [Said("", Kind.OBJECTION)]),
        (
            objection(PERSON, NOW, Door.LETTER, by="officer", controller="acme", campaign="spring"),
            [Said("", Kind.OBJECTION, whole=False)],
        ),
        (objection(PERSON, NOW, Door.API, by="officer", controller="acme", campaign="autumn"), []),
        (objection(PERSON, NOW, Door.API, by="officer", controller="solaris"), []),
        (objection(OTHER, NOW, Door.API, by="officer", controller="acme"), []),
    ],
    ids=["company", "everyone", "campaign", "another campaign", "another company", "another person"],
)
async def test_an_objection_entered_elsewhere_is_told_once_of_the_calls_that_it_speaks_against(
    offices: Offices, event: Event, found: list[Said]
) -> None:
    office, call, mark = await started(offices)
    await offices().suppress(event)
    after, said = await office.said([call], mark)
    assert said == [replace(one, call=call) for one in found]
    assert after == mark + 1
    assert await office.said([call], after) == (after, [])


async def test_what_its_agent_entered_for_the_call_is_told_as_that(offices: Offices) -> None:
    office, call, mark = await started(offices)
    await offices().object(call, "alice")
    assert (await office.said([call], mark))[1] == [Said(call, Kind.OBJECTION, in_the_call=True)]


async def test_an_objection_that_is_taken_back_ends_nothing(offices: Offices) -> None:
    office, call, mark = await started(offices)
    back = objection(PERSON, NOW, Door.API, by="officer", controller="acme", kind=Kind.OBJECTION_REMOVED)
    await offices().suppress(back)
    assert await office.said([call], mark) == (mark + 1, [])


async def test_a_withdrawal_is_told_for_as_long_as_the_call_is_asked_for(offices: Offices, ledger: Ledger) -> None:
    office, call, mark = await started(offices)
    await offices().withdraw(call, "officer")
    for _ in range(2):
        assert await office.said([call], mark) == (mark, [Said(call, Kind.WITHDRAWAL)])
    assert await office.said([], mark) == (mark, ())
    (entry,) = await ledger.read(kinds=[Kind.WITHDRAWAL])
    assert entry.event.number == PERSON


async def test_who_takes_over_hears_what_was_said_since_the_oldest_call_began(offices: Offices) -> None:
    earlier = objection(OTHER, NOW, Door.API, by="officer", controller="acme")
    await offices().suppress(earlier)
    call = (await offices().decide(REQUEST)).call
    await offices().suppress(objection(PERSON, NOW, Door.FORM, by="public form", controller="acme"))
    heir = offices()
    await heir.open_calls(REQUEST.pbx)
    mark, said = await heir.said([call], None)
    assert said == [said_to(call)]
    assert await heir.said([call], mark) == (mark, [])


async def test_what_was_said_before_the_verdict_of_a_call_does_not_end_it(offices: Offices, ledger: Ledger) -> None:
    await offices().suppress(objection(PERSON, NOW, Door.API, by="officer", controller="acme"))
    seq = await ledger.last_seq()
    lines = {call: Line(PERSON, "acme", "spring", of) for call, of in (("before", seq - 1), ("after", seq))}
    assert await said_meanwhile(ledger, lines, None) == (await ledger.mark(), [said_to("before")])


async def test_with_no_call_under_way_what_comes_next_is_what_counts(offices: Offices) -> None:
    office = offices()
    await office.suppress(objection(PERSON, NOW, Door.API, by="officer", controller="acme"))
    mark, _ = await office.said([], None)
    assert await office.said([], mark) == (mark, ())


# A call that another office decided.


async def test_a_callee_who_answers_another_office_than_decided_is_looked_up_there(offices: Offices) -> None:
    decided = await offices().decide(REQUEST)
    heir = offices()
    (opened,) = await heir.open_calls(REQUEST.pbx)
    assert (opened.decision.digits, opened.decision.manner) == (decided.digits, decided.manner)
    assert not opened.parting
    assert not opened.dialled
    assert await heir.answered(decided.call) is Reason.CLEAR


async def objected(office: LocalOffice) -> None:
    await office.suppress(objection(PERSON, NOW, Door.API, by="officer", controller="acme"))


async def test_and_what_was_said_meanwhile_holds_there(offices: Offices) -> None:
    decided = await offices().decide(REQUEST)
    heir = offices()
    await heir.open_calls(REQUEST.pbx)
    await objected(offices())
    assert await heir.answered(decided.call) is Reason.OBJECTION


@pytest.mark.parametrize("kind", [Kind.CONSENT, Kind.OBJECTION, Kind.ABANDONED, Kind.DROPPED])
async def test_a_call_of_which_more_is_known_than_the_notice_does_not_begin_anew(
    offices: Offices, ledger: Ledger, kind: Kind
) -> None:
    call = (await offices().decide(REQUEST)).call
    await ledger.append([Event(kind, NOW, call, PERSON, "acme", {})])
    (opened,) = await offices().open_calls(REQUEST.pbx)
    assert opened.parting


async def test_a_call_of_a_campaign_that_is_gone_cannot_go_on(
    offices: Offices, policy_without_campaigns: Callable[[LocalOffice], None]
) -> None:
    decided = await offices().decide(REQUEST)
    heir = offices()
    policy_without_campaigns(heir)
    (opened,) = await heir.open_calls(REQUEST.pbx)
    assert opened.decision.digits == ""
    assert await heir.answered(decided.call) is Reason.INTERNAL_ERROR


@pytest.fixture
def policy_without_campaigns(monkeypatch: pytest.MonkeyPatch) -> Callable[[LocalOffice], None]:
    def take(office: LocalOffice) -> None:
        policy = office._policy()
        monkeypatch.setattr(office, "_policy", lambda: replace(policy, campaigns={}))

    return take
