"""Erasure: what is gone, what is kept and why, who is asked, and that nobody comes back."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from callgate.boundary import LateBlock
from callgate.core.access import Principal, Role
from callgate.core.consentfile import Given
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import CallRequest
from callgate.core.law import Consent
from callgate.core.policy import Controller
from callgate.core.reasons import Reason
from callgate.core.requests import Answer, Ground, Request, Right, Stage
from callgate.core.retention import Terms
from callgate.node.later import LateFile
from callgate.office.consenting import Desk as ConsentDesk
from callgate.rights import erasing
from callgate.rights.certificate import statement
from callgate.rights.desk import NotAllowed, Unfit
from callgate.rights.erasing import carry_out, end_terms, erase, sweep
from callgate.rights.limiting import restrict
from callgate.rights.showing import visible
from callgate.stores.cache.readiness import rebuild
from callgate.stores.errors import StoreUnavailable
from callgate.stores.ledger.questions import Question
from callgate.stores.ledger.sqlite import SqliteBackend
from callgate.stores.ledger.upkeep import retain
from callgate.stores.objectors import read_objectors
from tests.rights.conftest import ANNA, BRAM, DAY, NOW, OFFICER, POLICY, VOICE, Place, asked, lived
from tests.stores.conftest import TOKENS, objection
from tests.stores.servers import RedisServer
from tests.stores.test_erasure import forms

pytestmark = pytest.mark.server


async def identified(place: Place, number: str = ANNA, controller: str = "acme") -> Request:
    request = await place.desk.open(OFFICER, Right.ERASURE, asked(number, controller))
    return await place.desk.identify(OFFICER, request, "identity card seen")


async def erased(place: Place, number: str = ANNA, controller: str = "acme") -> Request:
    return await erase(place.desk, OFFICER, await identified(place, number, controller))


async def held(place: Place, number: str = ANNA, controller: str = "acme") -> dict[str, int]:
    """How many events of each kind still say of whom they are."""
    found = await place.ledger.search(Question(number=number, controllers=(controller,)))
    kinds = [entry.event.kind.value for entry in found]
    return {kind: kinds.count(kind) for kind in kinds}


CONTACT = {"verdict", "dialled", "notice", "closed", "recording-started", "recording-sealed"}


async def test_what_a_company_held_is_gone_and_the_proof_and_the_request_are_kept(place: Place) -> None:
    request = await erased(place)
    assert request.stage is Stage.CLOSED
    assert set(await held(place)) == {
        *("prior-consent", "consent", "objection", "request-opened", "request-identified", "erasure-asked"),
        *("request-carried-out", "request-closed"),
    }
    assert request.done is not None
    assert (request.done.facts["keys"], request.done.facts["recordings"]) == (2, 1)
    assert request.asking["held"] == dict.fromkeys(sorted(CONTACT), 1)
    assert (await place.ledger.audit()).problems == ()


async def test_a_block_that_is_entered_late_belongs_to_the_company_of_its_campaign(place: Place) -> None:
    known = CallRequest("p", "1", "c", ANNA, "spring", "brussels", "x")
    for key, request in (("k1", known), ("k2", replace(known, campaign="no such"))):
        await place.office.late([LateBlock(key, NOW, request, "callgate-timeout")])
    blocks = (await place.ledger.read(kinds=[Kind.VERDICT]))[-2:]
    assert [block.event.controller for block in blocks] == ["acme", None]


async def test_another_companys_data_and_another_persons_are_untouched(place: Place) -> None:
    before = [await held(place, ANNA, "other"), await held(place, BRAM)]
    await erased(place)
    assert [await held(place, ANNA, "other"), await held(place, BRAM)] == before
    assert {path.name for path in (place.folder / "sealed").iterdir()} == {"a2.wav", "b1.wav"}


# That nothing is left, wherever one looks.


def material(folder: Path, controller: str) -> list[bytes]:
    """The wrapped keys of the contact and the recordings that the ledger holds for a controller."""
    query = "SELECT wrapped FROM subjects WHERE controller = ? AND class <> 'proof' AND wrapped IS NOT NULL"
    with closing(sqlite3.connect(folder / "ledger.db")) as direct:
        return [wrapped for (wrapped,) in direct.execute(query, (controller,))]


def traces(folders: list[Path], needles: list[bytes]) -> set[str]:
    """The files in which any of the needles lies."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if any(needle in path.read_bytes() for needle in needles)}


async def leave_traces_everywhere(place: Place) -> None:
    """Blocks that were kept on disk while callgate was away, calls that count, a recording in the spool."""
    (place.folder / "spool" / "a1.wav").write_bytes(VOICE + b"a1")
    late = LateFile(place.folder / "late.jsonl", place.office, place.time)
    call = {"pbx": "p", "uniqueid": "9.9", "channel": "c", "dialled": f"00{ANNA[1:]}"}
    facts: dict[str, Json] = {**call, "campaign": "spring", "centre": "brussels", "agent": "x"}
    late.keep("block", {"key": "p-9.9", "request": facts, "reason": "callgate-unavailable"})
    assert await late.give()
    nowhere = CallRequest("p", "8.8", "c", f"00{ANNA[1:]}", "no such campaign", "brussels", "x")
    await place.office.decide(nowhere)
    await place.reason()


async def traces_after_an_erasure(place: Place, server: RedisServer, redis: Redis) -> set[str]:
    await leave_traces_everywhere(place)
    of_all = material(place.folder, "acme") + material(place.folder, "")
    await erased(place, BRAM)
    await erased(place)
    await redis.save()
    return traces([place.folder, server.home], [*forms(ANNA), *of_all, VOICE + b"a1"])


async def test_after_an_erasure_no_file_yields_the_number_the_voice_or_a_key(
    place: Place, server: RedisServer, redis: Redis
) -> None:
    assert await traces_after_an_erasure(place, server, redis) == set()


@pytest.mark.parametrize("without", ["destroy_subject", "forget", "recordings", "nobodys"])
async def test_the_search_for_traces_finds_them_where_a_part_of_the_destruction_is_turned_off(
    place: Place, server: RedisServer, redis: Redis, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    async def spared(_: object) -> list[str]:
        return []

    if without == "recordings":
        place.desk = replace(place.desk, destroy_recordings=spared)
    elif without == "forget":
        monkeypatch.setattr(SqliteBackend, "forget", lambda _, thorough: True)
    elif without == "nobodys":
        monkeypatch.setattr(erasing, "NOBODYS", "acme")
    else:
        monkeypatch.setattr(SqliteBackend.sql, "destroy_subject", "UPDATE subjects SET destroyed = ? WHERE subject = ?")
    assert await traces_after_an_erasure(place, server, redis)


async def test_a_recording_is_destroyed_also_where_the_verdict_on_its_call_is_past_its_term(place: Place) -> None:
    limits = {Kind.VERDICT: NOW + DAY}
    await retain(place.ledger, limits, NOW, "night")
    await erased(place)
    assert {path.name for path in (place.folder / "sealed").iterdir()} == {"a2.wav", "b1.wav"}


async def test_how_often_an_erased_person_was_called_is_forgotten(place: Place, redis: Redis) -> None:
    assert await place.reason() == Reason.CLEAR
    calls = place.cache.contacts.person(ANNA, "acme").calls
    assert await redis.exists(calls)
    await erased(place)
    assert not await redis.exists(calls)


# That nobody comes back.


async def test_an_erased_person_is_not_called_with_a_reason_that_says_so_and_is_not_in_the_ledger_by_that(
    place: Place,
) -> None:
    assert await place.reason() == Reason.CLEAR
    await erased(place)
    before = await held(place)
    assert await place.reason() == Reason.ERASED
    assert await held(place) == before
    [verdict] = (await place.ledger.read(kinds=[Kind.VERDICT]))[-1:]
    assert verdict.event.payload["reason"] == Reason.ERASED
    assert await place.reason(BRAM) == Reason.CLEAR


async def test_a_cache_that_is_rebuilt_knows_who_was_erased_also_without_their_number(place: Place) -> None:
    await erased(place)
    place.time.now += 1828 * DAY
    assert await end_terms(place.desk, "watch", await place.desk.requests(OFFICER)) == 1
    assert await held(place) == {}
    assert await rebuild(place.cache, place.ledger) == ()
    place.time.now = NOW  # the law's answer apart
    assert await place.reason() == Reason.ERASED


async def test_the_consents_of_an_erased_person_are_gone_also_where_the_mark_is_lifted(place: Place) -> None:
    await erased(place)
    lifted = Event(Kind.OBJECTION_REMOVED, NOW, None, ANNA, "acme", {"scope": "erased"})
    await place.office.suppress(lifted)
    assert await place.reason() == Reason.NO_CONSENT


def consents(place: Place, objectors: object) -> ConsentDesk:
    return ConsentDesk(place.office, objectors, "acme", "officer", "import", place.time)  # type: ignore[arg-type]


async def test_an_import_of_consents_leaves_an_erased_person_out_and_says_so(place: Place) -> None:
    await erased(place)
    await place.ledger.append([objection(BRAM, "acme")])
    given = [Given(number, Consent(NOW), "form 8") for number in (ANNA, BRAM, "+33199000077")]
    desk = consents(place, await read_objectors(place.ledger, TOKENS))
    (batch,) = [batch async for batch in desk.enter(given)]
    assert (batch.entered, batch.objecting, batch.erased) == (1, 1, 1)


async def test_who_consents_anew_is_called_again_where_an_officer_says_so_and_is_swept_no_more(place: Place) -> None:
    request = await erased(place)
    place.time.now += DAY
    desk = consents(place, await read_objectors(place.ledger, TOKENS))
    await desk.add(Given(ANNA, Consent(place.time.now), "form 9"), lift_objection=True)
    assert await place.reason() == Reason.CLEAR
    assert await sweep(place.desk, "watch", [request]) == 0
    assert "verdict" in await held(place)
    verdicts = await place.ledger.read(kinds=[Kind.VERDICT])
    assert await visible(place.ledger, verdicts, Principal("admin", Role.ADMIN)) == verdicts


async def test_what_comes_of_a_person_after_their_erasure_is_swept(place: Place) -> None:
    request = await erased(place)
    await place.ledger.append([Event(Kind.CLOSED, NOW, "a1", ANNA, "acme"), *lived(BRAM, "acme", "b2")])
    await place.office.late([LateBlock("k", NOW, CallRequest("p", "1", "c", ANNA, "?", "?", "?"), "callgate-timeout")])
    assert set(await held(place)) & CONTACT == {"closed", "verdict"}
    assert await sweep(place.desk, "watch", [request]) == 1
    assert set(await held(place)) & CONTACT == set()
    assert await sweep(place.desk, "watch", [request]) == 0


# Until when proof is kept.


async def test_proof_goes_when_its_term_is_over_and_not_before(place: Place) -> None:
    request = await erased(place)
    assert request.done is not None
    assert request.done.facts["kept_until"] == "2031-11-25"
    place.time.now += 1827 * DAY - timedelta(seconds=1)
    assert await end_terms(place.desk, "watch", [request]) == 0
    place.time.now += timedelta(seconds=2)
    assert await end_terms(place.desk, "watch", [request]) == 1
    assert await held(place) == {}
    after = await place.desk.request(OFFICER, request.id)
    assert (after.number, after.masked, after.stage) == (None, "+33 ••• 42", Stage.CLOSED)
    assert await end_terms(place.desk, "watch", [after]) == 0


@pytest.mark.parametrize(
    ("by_law", "days"), [({"FR": 1096 * DAY, "DE": 1827 * DAY}, 1096), ({"DE": 1827 * DAY}, 365), ({}, 365)]
)
async def test_the_term_is_that_of_the_persons_country_and_the_certificate_says_so(
    place: Place, by_law: dict[str, timedelta], days: int
) -> None:
    place.desk = replace(place.desk, terms=Terms(365 * DAY, 365 * DAY, 365 * DAY, by_law))
    request = await erased(place)
    proof: Any = statement(request, "Acme", "a ledger")["kept"]
    assert proof[1]["until"] == (NOW + days * DAY).date().isoformat()
    place.time.now += days * DAY - timedelta(seconds=1)
    assert await end_terms(place.desk, "watch", [request]) == 0
    place.time.now += timedelta(seconds=2)
    assert await end_terms(place.desk, "watch", [request]) == 1


async def test_a_partner_that_answers_late_does_not_prolong_what_the_certificate_says(place: Place) -> None:
    place.partners.names = ["north"]
    request = await erased(place)
    place.time.now += 20 * DAY
    request = await place.desk.acknowledge(OFFICER, request, "north", Answer.ERASED)
    place.time.now = NOW + 1827 * DAY
    assert await end_terms(place.desk, "watch", [request]) == 1


async def test_proof_of_what_happened_since_keeps_it(place: Place) -> None:
    request = await erased(place)
    later = NOW + 400 * DAY
    await place.ledger.append([replace(event, at=later) for event in lived(ANNA, "acme", "a9")])
    place.time.now += 1900 * DAY
    assert await end_terms(place.desk, "watch", [request]) == 0
    place.time.now = later + 1828 * DAY
    assert await end_terms(place.desk, "watch", [request]) == 1


# Partners.


async def test_partners_that_received_the_data_hold_the_request_open_until_each_has_answered(place: Place) -> None:
    place.partners.names = ["south", "north", "south"]
    request = await erased(place)
    assert (request.stage, request.outstanding) == (Stage.WAITING, ("north", "south"))
    [ask] = await place.ledger.read(kinds=[Kind.ERASURE_ASKED])
    assert (ask.event.number, ask.event.payload["partners"]) == (ANNA, ["north", "south"])
    machine = Principal("partner feed", Role.MACHINE)
    request = await place.desk.acknowledge(machine, request, "north", Answer.ERASED)
    assert await place.desk.acknowledge(machine, request, "north", Answer.KEPT) == request
    with pytest.raises(Unfit, match="asked were north, south"):
        await place.desk.acknowledge(machine, request, "west", Answer.ERASED)
    request = await place.desk.acknowledge(OFFICER, request, "south", Answer.KEPT)
    assert request.stage is Stage.CLOSED
    with pytest.raises(Unfit, match="nothing is left to do"):
        await erase(place.desk, OFFICER, request)


async def test_a_request_that_waits_for_partners_is_not_erased_twice(place: Place) -> None:
    place.partners.names = ["north"]
    with pytest.raises(Unfit, match="waiting for north"):
        await erase(place.desk, OFFICER, await erased(place))


# What cannot be, and what broke off.


async def test_nobody_is_erased_who_was_not_identified(place: Place) -> None:
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    with pytest.raises(Unfit, match="was not identified"):
        await erase(place.desk, OFFICER, request)
    assert set(await held(place)) >= CONTACT


@pytest.mark.parametrize(
    "who",
    [
        Principal("agent", Role.AGENT),
        Principal("admin", Role.ADMIN),
        Principal("others", Role.OFFICER, frozenset({"other"})),
        Principal("centres", Role.OFFICER, None, frozenset({"brussels"})),
    ],
)
async def test_nobody_erases_but_an_officer_of_that_company(place: Place, who: Principal) -> None:
    request = await identified(place)
    with pytest.raises(NotAllowed):
        await erase(place.desk, who, request)
    assert set(await held(place)) >= CONTACT


async def test_whose_data_is_restricted_is_not_erased_before_that_is_lifted(place: Place) -> None:
    await restrict(place.desk, OFFICER, asked(), Ground.CLAIMS)
    with pytest.raises(Unfit, match="lift the restriction first"):
        await erased(place)


async def test_what_was_begun_is_not_refused_any_more_and_is_carried_out_by_whoever_comes_next(
    place: Place, server: RedisServer
) -> None:
    request = await identified(place)
    await server.stop()
    with pytest.raises(StoreUnavailable):
        await erase(place.desk, OFFICER, request)
    begun = await place.desk.request(OFFICER, request.id)
    assert (begun.stage, begun.asked) == (Stage.OPEN, ())
    with pytest.raises(Unfit, match="begun"):
        await place.desk.refuse(OFFICER, begun, "too late")
    await server.start()
    assert (await carry_out(place.desk, OFFICER, request.id)).stage is Stage.CLOSED


async def test_the_deadline_is_counted_from_receipt_and_extended_once(place: Place) -> None:
    wanted = replace(asked(), received=date(2026, 11, 20))
    request = await place.desk.open(OFFICER, Right.ERASURE, wanted)
    assert request.deadline.due == date(2026, 12, 20)
    longer = await place.desk.extend(OFFICER, request, "many calls")
    assert (longer.deadline.announced, longer.deadline.due) == (date(2026, 11, 24), date(2027, 2, 22))
    with pytest.raises(Unfit, match="already extended"):
        await place.desk.extend(OFFICER, longer, "still many")
    with pytest.raises(Unfit, match="still to come"):
        await place.desk.open(OFFICER, Right.ERASURE, replace(wanted, received=date(2026, 11, 25)))


@pytest.mark.parametrize(
    ("country", "due", "extended"),
    [
        ("", date(2027, 3, 17), date(2027, 5, 18)),  # the PBX stands in Belgium: Whit Monday
        ("IE", date(2027, 3, 18), date(2027, 5, 17)),  # Saint Patrick's
    ],
)
async def test_the_month_ends_by_the_holidays_of_the_controllers_country(
    place: Place, country: str, due: date, extended: date
) -> None:
    policy = replace(POLICY, controllers={"acme": Controller("acme", "Acme", country=country)})
    place.desk = replace(place.desk, policy=lambda: policy)
    place.time.now = datetime(2027, 2, 17, 12, tzinfo=UTC)
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    assert request.deadline.due == due
    longer = await place.desk.extend(OFFICER, request, "many calls")
    assert longer.deadline.due == extended
