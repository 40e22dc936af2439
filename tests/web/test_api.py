"""What the API does: verdicts, calls of dialers, objections, consents, pages of calls; and how it fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from callgate.core import token as permits
from callgate.core.access import Area, Role
from callgate.core.events import DataClass, Event, Kind
from callgate.core.token import Permit
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.journal import Journal
from callgate.web.dialers import LASTS, RINGS_FOR
from tests.stores.conftest import NOW
from tests.web.world import World

pytestmark = pytest.mark.server

ANNA = "+33199001201"
CALL = {"number": "0033199001201", "campaign": "spring", "centre": "brussels", "agent": "alice"}
PERSON = {"number": "+33 1 99 00 12 01", "controller": "acme"}
WHY = {"reason": "letter of 2026-11-20"}


async def done(answer: ClientResponse, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    return await answer.json() if answer.content_type.endswith("json") else None


async def acts(world: World) -> list[object]:
    return [entry.event.payload["act"] for entry in await world.ledger.read(kinds=[Kind.ACT])]


# The gate.


async def test_a_check_is_the_gates_word_and_nothing_is_decided(world: World) -> None:
    token = await world.user("dialer", Role.MACHINE)
    judged = await done(await world.ask("POST", "/api/v1/check", token, json=CALL))
    assert (judged["outcome"], judged["reason"], judged["controller"]) == ("allow", "clear", "acme")
    assert judged["number"] == "+33 ••• 01"
    assert [rule["rule"] for rule in judged["trail"]][:3] == ["number", "centre", "campaign"]
    await done(await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY))
    judged = await done(await world.ask("POST", "/api/v1/check", token, json=CALL))
    assert (judged["outcome"], judged["reason"]) == ("block", "objection")
    assert await world.ledger.read(kinds=[Kind.VERDICT]) == []
    # A machine's: the first at once, what follows in its minute as a number (test_counted).
    assert (await acts(world)).count("call-checked") == 1


async def test_a_dialer_is_given_a_verdict_and_a_token_and_says_what_becomes_of_the_call(world: World) -> None:
    token = await world.user("dialer", Role.MACHINE)
    begun = await done(await world.ask("POST", "/api/v1/calls", token, json=CALL | {"reference": "lead-1"}))
    assert (begun["outcome"], begun["digits"], begun["caller_id"]) == ("allow", "33199001201", "+3225550199")
    permit = Permit("api:dialer", "lead-1", "33199001201", "spring", NOW + timedelta(seconds=permits.LIFE_SECONDS))
    assert permits.permits(bytes(32), begun["token"], permit)
    call = begun["call"]
    busy = await done(await world.ask("POST", "/api/v1/calls", token, json=CALL))
    assert (busy["outcome"], busy["reason"], busy["digits"], busy["token"]) == ("block", "in-progress", "", "")
    answered = await done(await world.ask("POST", f"/api/v1/calls/{call}/connected", token))
    assert answered["outcome"] == "go-on"
    await done(await world.ask("POST", f"/api/v1/calls/{call}/end", token), 204)
    await done(await world.ask("POST", f"/api/v1/calls/{call}/end", token), 404)
    kinds = [entry.event.kind for entry in await world.ledger.read(call=call)]
    assert kinds == [Kind.VERDICT, Kind.ANSWERED, Kind.CLOSED]
    assert [happening.what for happening in world.live.after(0)] == ["call", "block", "call", "call"]


async def test_who_objected_between_start_and_answer_is_dropped(world: World) -> None:
    token = await world.user("dialer", Role.MACHINE)
    call = (await done(await world.ask("POST", "/api/v1/calls", token, json=CALL)))["call"]
    await done(await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY))
    answered = await done(await world.ask("POST", f"/api/v1/calls/{call}/connected", token))
    assert (answered["outcome"], answered["reason"]) == ("drop", "objection")


async def test_an_objection_in_a_call_is_in_force_on_return(world: World) -> None:
    token = await world.user("dialer", Role.MACHINE)
    call = (await done(await world.ask("POST", "/api/v1/calls", token, json=CALL)))["call"]
    for _ in range(2):
        await done(await world.ask("POST", f"/api/v1/calls/{call}/objection", token), 204)
    assert (await done(await world.ask("POST", "/api/v1/check", token, json=CALL)))["reason"] == "objection"
    assert len(await world.ledger.read(kinds=[Kind.OBJECTION])) == 1


async def test_a_call_is_its_own_dialers_only(world: World) -> None:
    mine, others = await world.user("mine", Role.MACHINE), await world.user("others", Role.MACHINE)
    call = (await done(await world.ask("POST", "/api/v1/calls", mine, json=CALL)))["call"]
    for what in ("connected", "objection", "end"):
        await done(await world.ask("POST", f"/api/v1/calls/{call}/{what}", others), 404)


@pytest.mark.parametrize(("connected", "lasts"), [(False, RINGS_FOR), (True, LASTS)])
async def test_a_call_that_nobody_ends_is_closed_and_its_person_free(
    world: World, connected: bool, lasts: timedelta
) -> None:
    token = await world.user("dialer", Role.MACHINE)
    call = (await done(await world.ask("POST", "/api/v1/calls", token, json=CALL)))["call"]
    if connected:
        await done(await world.ask("POST", f"/api/v1/calls/{call}/connected", token))
    world.later(seconds=lasts.total_seconds())
    await world.services.dialers.look()
    assert await world.ledger.read(kinds=[Kind.CLOSED]) == []
    world.later(seconds=1)
    await world.services.dialers.look()
    [closed] = await world.ledger.read(kinds=[Kind.CLOSED])
    assert closed.event.payload["why"] == "the dialer did not end it"
    assert (await done(await world.ask("POST", "/api/v1/calls", token, json=CALL)))["outcome"] == "allow"


@pytest.mark.parametrize(("objected", "outcome"), [(False, "go-on"), (True, "drop")])
async def test_a_call_of_before_a_restart_is_taken_up_and_looked_up_when_it_is_answered(
    world: World, objected: bool, outcome: str
) -> None:
    token = await world.user("dialer", Role.MACHINE)
    said = {"outcome": "allow", "pbx": "api:dialer", "campaign": "spring", "centre": "brussels"}
    await world.ledger.append([Event(Kind.VERDICT, NOW, "before", ANNA, "acme", said)])
    if objected:
        await world.ledger.append([Event(Kind.OBJECTION, NOW, None, ANNA, "acme", {"scope": "controller"})])
    await world.services.dialers.take_up("dialer")
    answered = await done(await world.ask("POST", "/api/v1/calls/before/connected", token))
    assert answered["outcome"] == outcome
    await done(await world.ask("POST", "/api/v1/calls/before/end", token), 204)
    assert await world.ledger.open_calls() == {}


async def test_a_call_that_another_callgate_decided_is_left_to_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.user("dialer", Role.MACHINE)
    said = {"outcome": "allow", "pbx": "api:dialer", "campaign": "spring", "centre": "brussels"}
    await world.ledger.append([Event(Kind.VERDICT, NOW, "before", ANNA, "acme", said)])
    monkeypatch.setattr(world.ledger, "writer", "another")
    await world.services.dialers.take_up("dialer")
    await done(await world.ask("POST", "/api/v1/calls/before/end", token), 404)
    world.later(seconds=LASTS.total_seconds() + 1)
    await world.services.dialers.look()
    assert set(await world.ledger.open_calls()) == {"before"}


async def test_a_block_that_the_ledger_cannot_take_is_kept_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.user("dialer", Role.MACHINE)

    def away(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(world.ledger.backend, "commit", away)
    begun = await done(await world.ask("POST", "/api/v1/calls", token, json=CALL | {"reference": "lead-1"}))
    assert (begun["outcome"], begun["reason"]) == ("block", "ledger-unavailable")
    [(what, facts)] = world.kept
    assert (what, facts["key"], facts["reason"]) == ("block", "api:dialer-lead-1", "ledger-unavailable")


async def test_what_the_ledger_cannot_take_is_not_acknowledged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await world.user("officer", Role.OFFICER)

    def away(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(world.ledger.backend, "commit", away)
    for path, body in (("/api/v1/suppressions", PERSON | WHY), ("/api/v1/suppressions/search", PERSON)):
        problem = await done(await world.ask("POST", path, token, json=body), 503)
        assert problem["type"] == "urn:callgate:problem:unavailable"


# Objections and consents.


async def test_an_objection_is_entered_with_who_and_why_and_found_by_the_number(world: World) -> None:
    token = await world.user("officer", Role.OFFICER)
    entered = await done(await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY))
    assert (entered["event"], entered["number"], entered["scope"]) == ("objection", "+33 ••• 01", "controller")
    shown = await done(await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON))
    assert (shown["objects"], shown["otherwise"]) == (True, [])
    assert [(one["by"], one["reason"]) for one in shown["events"]] == [("officer", WHY["reason"])]
    futura = await done(
        await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON | {"controller": "futura"})
    )
    assert (futura["objects"], futura["events"]) == (False, [])
    [look, _] = [entry.event for entry in await world.ledger.read(kinds=[Kind.ACT]) if entry.event.number]
    assert (look.number, look.controller, look.payload["by"]) == (ANNA, "acme", "officer")


async def test_an_objection_to_one_campaign_leaves_the_companys_others(world: World) -> None:
    token = await world.user("officer", Role.OFFICER)
    body = PERSON | WHY | {"scope": "campaign", "campaign": "spring"}
    entered = await done(await world.ask("POST", "/api/v1/suppressions", token, json=body))
    assert entered["scope"] == "campaign"
    shown = await done(await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON))
    assert [(one["scope"], one["campaign"]) for one in shown["events"]] == [("campaign", "spring")]
    dialer = await world.user("dialer", Role.MACHINE)
    judged = await done(await world.ask("POST", "/api/v1/check", dialer, json=CALL))
    assert (judged["outcome"], judged["reason"]) == ("block", "objection")


async def test_an_objection_of_somebody_erased_is_still_told(world: World, tmp_path: Any) -> None:
    token = await world.user("officer", Role.OFFICER)
    await done(await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY))
    await world.ledger.erase(ANNA, "acme", [*DataClass], NOW, by="officer", journal=Journal(tmp_path / "journal"))
    shown = await done(await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON))
    assert (shown["objects"], shown["events"], shown["otherwise"]) == (True, [], ["controller"])
    consent = PERSON | {"given": "2026-11-23T10:00:00Z", "proof": "form 1", "lift_objection": True}
    await done(await world.ask("POST", "/api/v1/consents", token, json=consent), 409)


async def test_who_entered_what_concerns_everyone_is_not_told_to_one_company(world: World) -> None:
    all_of_them = await world.user("officer", Role.OFFICER)
    acmes = await world.user("acmes", Role.OFFICER, frozenset({"acme"}))
    body = {"number": ANNA, "scope": "all", "reason": "asked for it"}
    await done(await world.ask("POST", "/api/v1/suppressions", all_of_them, json=body))
    for token, by, reason in ((all_of_them, "officer", "asked for it"), (acmes, "", "")):
        shown = await done(await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON))
        assert [(one["scope"], one["by"], one["reason"]) for one in shown["events"]] == [("all", by, reason)]


async def test_a_consent_is_entered_shown_and_taken_back(world: World) -> None:
    token = await world.user("crm", Role.MACHINE)
    consent = PERSON | {"given": "2026-11-01T10:00:00+01:00", "proof": "form 1"}
    entered = await done(await world.ask("POST", "/api/v1/consents", token, json=consent))
    assert entered["event"] == "prior-consent"
    await done(await world.ask("POST", "/api/v1/consents/withdrawals", token, json=PERSON | WHY))
    shown = await done(await world.ask("POST", "/api/v1/consents/search", token, json=PERSON))
    assert [(one["event"], one["proof"], one["reason"]) for one in shown["events"]] == [
        ("prior-consent", "form 1", ""), ("prior-consent-withdrawn", "", WHY["reason"]),
    ]  # fmt: skip


async def test_a_consent_of_who_objects_is_refused_and_only_an_officer_lifts_the_objection(world: World) -> None:
    crm, officer = await world.user("crm", Role.MACHINE), await world.user("officer", Role.OFFICER)
    await done(await world.ask("POST", "/api/v1/suppressions", crm, json=PERSON | WHY))
    world.later(hours=2)
    consent = PERSON | {"given": "2026-11-24T13:00:00Z", "proof": "form 1"}
    lifting = consent | {"lift_objection": True}
    await done(await world.ask("POST", "/api/v1/consents", crm, json=consent), 409)
    await done(await world.ask("POST", "/api/v1/consents", crm, json=lifting), 403)
    earlier = lifting | {"given": "2026-11-23T13:00:00Z"}
    await done(await world.ask("POST", "/api/v1/consents", officer, json=earlier), 409)
    await done(await world.ask("POST", "/api/v1/consents", officer, json=lifting))
    assert (await done(await world.ask("POST", "/api/v1/check", crm, json=CALL)))["outcome"] == "allow"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"number": "no number"}, "/number"),
        ({"number": 33199001201}, "/number"),
        ({"controller": "nowhere"}, "/controller"),
        ({"reason": " "}, "/reason"),
        ({"reason": "a\x00b"}, "/reason"),
        ({"scope": "national"}, "/scope"),
        ({"scope": "campaign"}, "/campaign"),
        ({"campaign": "spring"}, "/campaign"),
        ({"scope": "campaign", "campaign": "nothing"}, "/campaign"),
        ({"reasn": "x"}, "/reasn"),
    ],
)
async def test_what_cannot_be_used_is_named_field_by_field_and_never_repeated(
    world: World, change: dict[str, object], pointer: str
) -> None:
    token = await world.user("officer", Role.OFFICER)
    answer = await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY | change)
    assert answer.content_type == "application/problem+json"
    problem = await done(answer, 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert "33199001201" not in json.dumps(problem)
    assert await world.ledger.read(kinds=[Kind.OBJECTION]) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b'{"number": "\xff"}', "application/json", 422),
        (b"[" * 50_000, "application/json", 422),
        (b"[]", "application/json", 422),
        (b"number=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413),
    ],
)
async def test_a_body_that_is_none_is_refused(world: World, body: bytes, kind: str, status: int) -> None:
    token = await world.user("officer", Role.OFFICER)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    answer = await world.client.post("/api/v1/suppressions", data=body, headers=headers)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def test_a_body_that_does_not_arrive_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callgate.web.sent.BODY_WITHIN_S", 0.01)
    token = await world.user("officer", Role.OFFICER)
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = await world.client.post("/api/v1/suppressions", data=body(), headers=headers)
    assert answer.status == 408


# Asked twice.


async def test_a_request_sent_twice_with_one_key_is_done_once_and_answered_alike(world: World) -> None:
    token = await world.user("dialer", Role.MACHINE)
    answers = [
        await (await world.ask("POST", "/api/v1/calls", token, json=CALL, Idempotency_Key="k1")).text()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert json.loads(answers[0])["outcome"] == "allow"
    assert len(await world.ledger.read(kinds=[Kind.VERDICT])) == 1
    again = await done(await world.ask("POST", "/api/v1/calls", token, json=CALL, Idempotency_Key="k2"))
    assert again["reason"] == "in-progress"


async def test_a_key_is_its_owners_for_one_request_and_for_a_day(world: World) -> None:
    one, two = await world.user("one", Role.OFFICER), await world.user("two", Role.OFFICER)
    body = PERSON | WHY
    await done(await world.ask("POST", "/api/v1/suppressions", one, json=body, Idempotency_Key="k"))
    other = await world.ask("POST", "/api/v1/suppressions", one, json=body | {"reason": "x"}, Idempotency_Key="k")
    assert (await done(other, 422))["type"] == "urn:callgate:problem:key-reused"
    await done(await world.ask("POST", "/api/v1/suppressions", two, json=body, Idempotency_Key="k"))
    world.later(days=1, seconds=1)
    token = await world.door.make_token("one", "", frozenset(Area), timedelta(days=1), "test")
    await done(await world.ask("POST", "/api/v1/suppressions", token, json=body, Idempotency_Key="k"))
    assert len(await world.ledger.read(kinds=[Kind.OBJECTION])) == 3


@pytest.mark.parametrize("key", ["", "k" * 65, "é"])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    token = await world.user("officer", Role.OFFICER)
    answer = await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY, Idempotency_Key=key)
    assert answer.status == 422


async def test_a_request_that_failed_may_be_sent_again_with_its_key(world: World) -> None:
    token = await world.user("officer", Role.OFFICER)
    consent = PERSON | {"given": "2026-11-24T20:00:00Z", "proof": "form 1"}
    await done(await world.ask("POST", "/api/v1/consents", token, json=consent, Idempotency_Key="k"), 422)
    world.later(hours=9)
    await done(await world.ask("POST", "/api/v1/consents", token, json=consent, Idempotency_Key="k"))


# What happened.


async def test_calls_come_in_pages_each_once(world: World) -> None:
    token = await world.user("boss", Role.SUPERVISOR, frozenset({"acme"}))
    said = {"outcome": "block", "reason": "objection", "centre": "brussels", "agent": "alice"}
    for number in range(25):
        whose = "acme" if number % 5 else "futura"
        await world.ledger.append([Event(Kind.VERDICT, NOW, f"c{number}", ANNA, whose, said)])
    seen: list[str] = []
    cursor = "0"
    while cursor:
        page = await done(await world.ask("GET", f"/api/v1/calls?limit=3&cursor={cursor}", token))
        assert len(page["calls"]) <= 3
        seen += [call["call"] for call in page["calls"]]
        cursor = page["next"]
    assert seen == [f"c{number}" for number in range(25) if number % 5]


async def test_a_call_is_shown_with_its_trail_and_what_happened_and_that_it_was_looked_at(world: World) -> None:
    dialer, boss = await world.user("dialer", Role.MACHINE), await world.user("boss", Role.SUPERVISOR)
    call = (await done(await world.ask("POST", "/api/v1/calls", dialer, json=CALL)))["call"]
    await done(await world.ask("POST", f"/api/v1/calls/{call}/end", dialer), 204)
    shown = await done(await world.ask("GET", f"/api/v1/calls/{call}", boss))
    assert (shown["outcome"], shown["number"], shown["agent"]) == ("allow", "+33 ••• 01", "alice")
    assert shown["trail"][0]["rule"] == "number"
    assert [step["event"] for step in shown["events"]] == ["closed"]
    [act] = [entry.event for entry in await world.ledger.read(kinds=[Kind.ACT]) if entry.event.payload["by"] == "boss"]
    assert (act.payload["act"], act.payload["call"], act.number) == ("call-shown", call, ANNA)


async def test_the_calls_to_a_person_are_found(world: World) -> None:
    dialer, officer = await world.user("dialer", Role.MACHINE), await world.user("officer", Role.OFFICER)
    call = (await done(await world.ask("POST", "/api/v1/calls", dialer, json=CALL)))["call"]
    found = await done(await world.ask("POST", "/api/v1/calls/search", officer, json=PERSON))
    assert [one["call"] for one in found["calls"]] == [call]
    others = PERSON | {"number": "+33199001202"}
    assert (await done(await world.ask("POST", "/api/v1/calls/search", officer, json=others)))["calls"] == []


async def test_what_another_configuration_would_change_is_told_and_not_done(world: World) -> None:
    token = await world.user("admin", Role.ADMIN)
    proposed = await done(await world.ask("GET", "/api/v1/policy/proposed", token))
    assert (proposed["version"], proposed["problems"]) == ("p2", [])
    assert proposed["changes"] == [{"where": "site.country", "now": "BE", "then": "FR"}]
    assert (await done(await world.ask("GET", "/api/v1/policy", token)))["version"] == "p1"


async def test_a_list_that_was_never_loaded_is_told_as_such(world: World) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    [of] = (await done(await world.ask("GET", "/api/v1/lists", token)))["lists"]
    assert (of["name"], of["age"], of["as_of"]) == ("be-dncm", "list-missing", None)


async def test_leads_that_are_refused_are_a_problem(world: World) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    headers = {"Authorization": f"Bearer {token}"}
    sifted = await world.client.post("/api/v1/scrub?campaign=spring", data=b"+33199001201\n", headers=headers)
    assert (sifted.status, await sifted.read(), sifted.headers["Callgate-Allowed"]) == (200, b"+33199001201\n", "1")
    refused = await world.client.post("/api/v1/scrub?campaign=spring", data=b"", headers=headers)
    assert (await done(refused, 422))["type"] == "urn:callgate:problem:leads-refused"


# When a store is away.


async def test_with_redis_away_a_check_blocks_and_what_cannot_be_known_is_a_problem(world: World) -> None:
    token = await world.user("officer", Role.OFFICER)
    await world.redis.stop()
    judged = await done(await world.ask("POST", "/api/v1/check", token, json=CALL))
    assert (judged["outcome"], judged["reason"]) == ("block", "store-unavailable")
    search = await world.ask("POST", "/api/v1/suppressions/search", token, json=PERSON)
    assert search.headers["Retry-After"] == "2"
    await done(search, 503)
    entered = await world.ask("POST", "/api/v1/suppressions", token, json=PERSON | WHY)
    assert entered.status == 200
    assert len(await world.ledger.read(kinds=[Kind.OBJECTION])) == 1
