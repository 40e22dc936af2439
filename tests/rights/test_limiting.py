"""Restriction, rectification, objection by letter: what each binds, whom, and until when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from callgate.core.access import Principal, Role
from callgate.core.callback import NoCallBack
from callgate.core.events import Kind
from callgate.core.reasons import Reason
from callgate.core.requests import Correction, Ground, Right, Stage
from callgate.rights.desk import LONGEST, NotAllowed, Unfit
from callgate.rights.erasing import erase
from callgate.rights.limiting import lift, object_, rectify, restrict
from callgate.rights.showing import visible
from callgate.stores.cache.readiness import rebuild
from callgate.stores.ledger.projections import rebuild as rebuild_projections
from callgate.stores.ledger.questions import Question
from callgate.stores.ledger.upkeep import retain
from tests.rights.conftest import ANNA, BRAM, DAY, NOW, OFFICER, Place, asked, lived

pytestmark = pytest.mark.server


async def test_an_objection_by_letter_is_in_force_and_answered_on_return(place: Place) -> None:
    request = await object_(place.desk, OFFICER, asked())
    assert (request.right, request.stage) == (Right.OBJECTION, Stage.CLOSED)
    assert await place.reason() == Reason.OBJECTION
    assert await place.reason(BRAM) == Reason.CLEAR
    [objection] = await place.ledger.read(kinds=[Kind.OBJECTION])
    assert (objection.event.payload["source"], objection.event.controller) == ("letter", "acme")
    assert objection.event.personal["reason"] == "letter of 2026-11-20"


async def test_whose_data_is_restricted_is_not_called_until_that_is_lifted(place: Place) -> None:
    request = await restrict(place.desk, OFFICER, asked(), Ground.ACCURACY)
    assert request.restricts
    assert await place.reason() == Reason.RESTRICTED
    assert await place.reason(BRAM) == Reason.CLEAR
    with pytest.raises(Unfit, match="already"):
        await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    with pytest.raises(Unfit, match="word to the person is empty"):
        await lift(place.desk, OFFICER, request, because="settled", told=" ")
    lifted = await lift(place.desk, OFFICER, request, because="settled", told="letter of 2026-11-23")
    assert not lifted.restricts
    assert await place.reason() == Reason.CLEAR
    with pytest.raises(Unfit, match="restricts nothing"):
        await lift(place.desk, OFFICER, lifted, because="again", told="letter")


async def test_a_consent_outlives_a_restriction(place: Place) -> None:
    """Unlike an objection, a restriction takes nothing back: France asks for a consent, and it is there."""
    request = await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    assert await rebuild(place.cache, place.ledger) == ()
    await lift(place.desk, OFFICER, request, because="settled", told="letter")
    assert await rebuild(place.cache, place.ledger) == ()
    assert await place.reason() == Reason.CLEAR


async def test_a_restriction_to_one_company_leaves_another_alone(place: Place) -> None:
    await restrict(place.desk, OFFICER, asked(controller="other"), Ground.UNLAWFUL)
    assert await place.reason() == Reason.CLEAR


async def kept(place: Place, number: str) -> set[Kind]:
    """The kinds of events that still say of whom they are."""
    found = await place.ledger.search(Question(number=number, controllers=("acme",)))
    return {entry.event.kind for entry in found if not entry.gone}


async def test_retention_takes_nothing_of_a_restricted_person_meanwhile(place: Place) -> None:
    request = await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    late = NOW + 1900 * DAY
    limits = place.desk.terms.limits(late)
    before = await kept(place, ANNA)
    assert Kind.VERDICT in before
    await retain(place.ledger, limits, late, "night")
    assert await kept(place, ANNA) == before
    assert await kept(place, BRAM) == {Kind.PRIOR_CONSENT}
    await lift(place.desk, OFFICER, request, because="settled", told="letter")
    await retain(place.ledger, limits, late, "night")
    assert await kept(place, ANNA) == {Kind.PRIOR_CONSENT, Kind.RESTRICTION, Kind.RESTRICTION_LIFTED}


async def test_what_is_restricted_or_kept_as_proof_is_shown_to_officers_alone(place: Place) -> None:
    await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    request = await place.desk.open(OFFICER, Right.ERASURE, asked(BRAM))
    await erase(place.desk, OFFICER, await place.desk.identify(OFFICER, request, "seen"))
    entries = await place.ledger.read()
    shown = await visible(place.ledger, entries, Principal("admin", Role.ADMIN))
    assert {entry.event.controller for entry in shown if entry.event.number is not None} == {"other"}
    assert await visible(place.ledger, entries, OFFICER) == entries


async def test_a_rectification_is_a_dated_event_and_changes_none(place: Place) -> None:
    before = await place.ledger.read()
    wanted = replace(asked(), because="telephone of 2026-11-24")
    request = await rectify(place.desk, OFFICER, wanted, Correction.LEAD, "Anna Martin, not Martens")
    assert request.stage is Stage.CLOSED
    assert (await place.ledger.read())[: len(before)] == before
    [event] = [entry.event for entry in await place.ledger.read(kinds=[Kind.RECTIFICATION])]
    assert dict(event.personal) == {"now": "Anna Martin, not Martens", "because": "telephone of 2026-11-24"}
    assert event.payload["what"] == Correction.LEAD


async def test_an_objection_that_was_entered_for_a_wrong_number_is_taken_back_by_a_rectification(place: Place) -> None:
    await object_(place.desk, OFFICER, asked())
    await rectify(place.desk, OFFICER, asked(), Correction.OBJECTION, "the letter names +33199000047")
    assert await place.reason() != Reason.OBJECTION


async def test_a_language_that_no_letter_is_written_in_is_refused(place: Place) -> None:
    with pytest.raises(Unfit, match="nl, fr, de, en"):
        await rectify(place.desk, OFFICER, asked(), Correction.LANGUAGE, "it")


@pytest.mark.parametrize(
    ("because", "says"), [("", "is empty"), ("  ", "is empty"), ("x" * (LONGEST + 1), "1000 are kept")]
)
async def test_nothing_is_entered_without_a_reason_of_a_length_that_is_kept(
    place: Place, because: str, says: str
) -> None:
    with pytest.raises(Unfit, match=says):
        await object_(place.desk, OFFICER, asked(because=because))
    assert await place.desk.requests(OFFICER) == []


async def test_a_company_that_nobody_knows_is_asked_for_nothing(place: Place) -> None:
    with pytest.raises(Unfit, match="known are acme, other"):
        await object_(place.desk, OFFICER, asked(controller="nobody"))


async def test_an_officer_of_one_company_sees_and_does_nothing_of_another(place: Place) -> None:
    request = await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    others = Principal("others", Role.OFFICER, frozenset({"other"}))
    assert await place.desk.requests(others) == []
    with pytest.raises(Unfit, match="no request"):
        await place.desk.request(others, request.id)
    for act in (
        object_(place.desk, others, asked()),
        restrict(place.desk, others, asked(BRAM), Ground.CLAIMS),
        lift(place.desk, others, request, because="x", told="y"),
        rectify(place.desk, others, asked(), Correction.LEAD, "x"),
    ):
        with pytest.raises(NotAllowed, match="its data-protection officer may"):
            await act


async def test_requests_are_told_by_a_projection_that_can_be_made_anew(place: Place) -> None:
    await object_(place.desk, OFFICER, asked())
    await restrict(place.desk, OFFICER, asked(BRAM), Ground.CLAIMS)
    before = await place.desk.requests(OFFICER)
    await rebuild_projections(place.ledger)
    assert await place.desk.requests(OFFICER) == before
    assert len(before) == 2


async def test_a_person_is_called_back_once_a_day_where_calls_reached_them_lately(place: Place) -> None:
    place.time.now = NOW + timedelta(hours=1)
    request = await place.desk.open(OFFICER, Right.ACCESS, asked())
    request = await place.desk.call_back(OFFICER, request)
    assert len(request.call_backs) == 1
    with pytest.raises(NoCallBack, match="within the last day"):
        await place.desk.call_back(OFFICER, request)
    for_other = await place.desk.open(OFFICER, Right.ACCESS, asked(controller="other"))
    with pytest.raises(NoCallBack, match="within the last day"):
        await place.desk.call_back(OFFICER, for_other)
    place.time.now += DAY
    assert len((await place.desk.call_back(OFFICER, request)).call_backs) == 2


@pytest.mark.parametrize(
    ("number", "says"), [("+33899000042", "premium"), ("+33199000099", "was not called")], ids=["premium", "uncalled"]
)
async def test_a_number_that_costs_or_was_not_called_is_not_called_back(place: Place, number: str, says: str) -> None:
    if says == "premium":
        await place.ledger.append(lived(number, "acme", "p1"))
    request = await place.desk.open(OFFICER, Right.ACCESS, asked(number))
    with pytest.raises(NoCallBack, match=says):
        await place.desk.call_back(OFFICER, request)
    assert (await place.desk.request(OFFICER, request.id)).call_backs == ()
