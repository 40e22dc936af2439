"""Requests of persons, notes and partners over HTTP: done at the desk, by whom it is for, and what each is answered."""

import json
from typing import Any

import pytest
from aiohttp import ClientResponse

from callgate.core.access import Role
from callgate.core.events import Event, Kind
from callgate.core.vocabulary import SOURCES, Category
from tests.stores.conftest import ANNA, NOW, objection
from tests.web.world import World

pytestmark = pytest.mark.server

WHOSE = {"number": "+33 1 99 00 00 42", "controller": "acme", "because": "letter of 2026-11-20"}


class Officer:
    """An officer of acme's, and what they ask."""

    def __init__(self, world: World, token: str) -> None:
        self.world, self.token = world, token

    async def post(self, path: str, body: object = None, status: int = 200) -> Any:
        return await told(await self.world.ask("POST", f"/api/v1/{path}", self.token, json=body), status)

    async def get(self, path: str, status: int = 200) -> Any:
        return await told(await self.world.ask("GET", f"/api/v1/{path}", self.token), status)


async def told(answer: ClientResponse, status: int) -> Any:
    text = await answer.text()
    assert answer.status == status, text
    assert ANNA not in text or "/access" in str(answer.url)
    return json.loads(text) if text else None


@pytest.fixture
async def officer(world: World) -> Officer:
    return Officer(world, await world.user("carl", Role.OFFICER, frozenset({"acme"})))


def called(controller: str = "acme") -> Event:
    said = {"outcome": "allow", "campaign": "spring", "centre": "brussels", "agent": "alice"}
    return Event(Kind.VERDICT, NOW, "c1", ANNA, controller, dict(said))


async def test_an_erasure_is_opened_identified_done_acknowledged_and_certified(world: World, officer: Officer) -> None:
    await world.record(called())
    opened = await officer.post("requests", WHOSE | {"right": "erasure", "received": "2026-11-23"})
    path = f"requests/{opened['request']}"
    assert (opened["stage"], opened["person"], opened["by"]) == ("open", "+33 ••• 42", "carl")
    await officer.post(f"{path}/erasure", status=409)
    await officer.post(f"{path}/identity", {"how": "identity card seen"})
    waiting = await officer.post(f"{path}/erasure")
    assert (waiting["stage"], waiting["outstanding"]) == ("waiting", ["erp", "hook"])
    assert not world.services.archive.path("c1").exists()
    assert [item.what for item in await world.services.outbox.due("erp")] == ["objection", "erasure"]
    await officer.get(f"{path}/certificate", 409)
    for partner in ("erp", "hook"):
        closed = await officer.post(f"{path}/acknowledgement", {"partner": partner, "answer": "erased"})
    assert (closed["stage"], (await officer.get("requests"))["requests"]) == ("closed", [])
    certificate = await officer.get(f"{path}/certificate")
    assert json.loads(certificate["statement"])["request"] == opened["request"]
    page = await world.ask("GET", f"/api/v1/{path}/certificate?format=html", officer.token)
    assert page.content_type == "text/html"
    assert "script" not in page.headers["Content-Security-Policy"]
    shown = await officer.get(path)
    assert shown["events"][0] == {"at": NOW.isoformat().replace("+00:00", "Z"), "event": "request-opened", "by": "carl"}


async def test_access_is_given_once_as_document_and_page_and_counts_as_an_access(
    world: World, officer: Officer
) -> None:
    await world.ledger.append([called()])
    opened = await officer.post("requests", WHOSE | {"right": "access", "language": "nl"})
    path = f"requests/{opened['request']}"
    await officer.post(f"{path}/identity", {"how": "called back"})
    given = await officer.post(f"{path}/access")
    assert given["request"]["stage"] == "closed"
    assert (given["document"]["person"]["number"], len(given["document"]["calls"])) == (ANNA, 1)
    assert '<html lang="nl">' in given["page"]
    await officer.post(f"{path}/access", status=409)
    everyone = Officer(world, await world.user("admin", Role.ADMIN))
    survey = await everyone.get("breach?since=2026-11-01T00:00:00Z&until=2026-11-25T00:00:00Z")
    accesses = {row["what"] for row in next(s for s in survey["sections"] if s["title"] == "Each access")["rows"]}
    assert "request-carried-out" in accesses


async def test_what_is_done_at_once_is_closed_and_in_force(world: World, officer: Officer) -> None:
    for what, more in (
        ("objection", {}),
        ("restriction", {"ground": "accuracy"}),
        ("rectification", {"what": "language", "now": "fr"}),
    ):
        done = await officer.post(f"requests/{what}", WHOSE | more)
        assert (done["right"], done["stage"]) == (what, "closed")
    assert (await officer.post("suppressions/search", {"number": ANNA, "controller": "acme"}))["objects"]
    restriction = next(r for r in (await officer.get("requests?which=all"))["requests"] if r["restricts"])
    told = {"because": "it was right", "told": "letter of 2026-11-24"}
    lifted = await officer.post(f"requests/{restriction['request']}/lifting", told)
    assert not lifted["restricts"]
    await officer.post(f"requests/{restriction['request']}/lifting", told, status=409)


async def test_time_can_be_taken_a_request_refused_and_a_late_one_is_found(world: World, officer: Officer) -> None:
    one = await officer.post("requests", WHOSE | {"right": "erasure"})
    assert (await officer.post("requests", WHOSE | {"right": "erasure"}))["request"] == one["request"], "it is open"
    path = f"requests/{one['request']}"
    longer = await officer.post(f"{path}/extension", {"because": "many requests"})
    assert longer["extended"] and longer["due"] > one["due"]
    assert (await officer.get("requests?which=late"))["requests"] == []
    refused = await officer.post(f"{path}/refusal", {"because": "not of this person"})
    assert refused["stage"] == "refused"
    await officer.post("requests", WHOSE | {"controller": "futura", "right": "erasure"}, status=403)
    await officer.post("requests", WHOSE | {"number": "no number", "right": "erasure"}, status=422)
    await officer.post("requests", WHOSE | {"received": "2027-01-01", "right": "erasure"}, status=409)


async def test_what_arrived_nowhere_is_seen_masked_told_again_or_let_be_in_person(world: World) -> None:
    await world.ledger.append([objection(controller="acme"), objection("+33199000043", controller="acme")])
    outbox = world.services.outbox
    await outbox.catch_up(outbox.partners["erp"])
    items = await outbox.due("erp")
    await outbox.refused("erp", items, {item.id: "unknown company" for item in items})
    carl = Officer(world, await world.user("carl", Role.OFFICER, frozenset({"acme"})))
    states = (await carl.get("partners"))["partners"]
    assert [(one["partner"], one["dead"]) for one in states] == [("erp", 2)], "the others are not acme's alone"
    dead = (await carl.get("partners/erp/dead"))["items"]
    assert {one["why"] for one in dead} == {"unknown company"}
    assert [one["number"] for one in dead] == ["+33 ••• 42", "+33 ••• 43"]
    await carl.post("partners/erp/retry", {"ids": []}, status=403)
    headers = {"X-CSRF-Token": await world.log_in("carl")}
    one, other = (item["id"] for item in dead)
    retried = await world.client.post("/api/v1/partners/erp/retry", json={"ids": [one]}, headers=headers)
    assert (retried.status, await retried.json()) == (200, {"items": 1})
    body = {"ids": [one], "because": "told by letter"}
    gone = await world.client.post("/api/v1/partners/erp/drop", json=body, headers=headers)
    assert gone.status == 422, "it is dead no more"
    dropped = await world.client.post("/api/v1/partners/erp/drop", json=body | {"ids": [other]}, headers=headers)
    assert (dropped.status, await outbox.dead("erp")) == (200, [])
    [entry] = await world.ledger.read(kinds=[Kind.DELIVERY_DROPPED])
    assert (entry.event.payload["by"], entry.event.payload["because"]) == ("carl", "told by letter")


# Notes.


async def test_a_crm_hears_which_words_a_note_must_not_hold_and_the_ledger_nothing_of_them(world: World) -> None:
    crm = Officer(world, await world.user("crm", Role.MACHINE))
    fine = await crm.post("notes/screen", {"text": "souhaite un devis par courriel"})
    assert fine == {"ok": True, "findings": []}
    refused = await crm.post("notes/screen", {"text": "le client est malade", "languages": ["fr"]})
    assert refused["findings"] == [
        {"words": "malade", "category": "health", "source": SOURCES[Category.HEALTH]}
    ]  # fmt: skip
    await crm.post("notes/screen", {"text": "ziek", "languages": ["nl"]}, status=422)
    acts = [entry.event for entry in await world.ledger.read(kinds=[Kind.ACT])]
    assert "malade" not in str(acts)


async def test_an_outcome_is_entered_by_who_was_in_the_call_and_a_refusal_is_one_for_the_gate(world: World) -> None:
    await world.ledger.append([called()])
    agent = Officer(world, await world.user("alice", Role.AGENT, None, frozenset({"brussels"})))
    await agent.post("calls/c1/outcome", {"outcome": "no-interest"}, status=204)
    [entry] = await world.ledger.read(kinds=[Kind.OUTCOME])
    assert (entry.event.payload["by"], entry.event.payload["refusal"]) == ("alice", True)
    member = await world.cache.redis.zrange(world.cache.contacts.person(ANNA, "acme").calls, 0, -1)
    assert member == [b"c1 !refused"]
    problem = await agent.post("calls/c1/outcome", {"outcome": "sale", "note": "takes it"}, status=422)
    assert problem["type"] == "urn:callgate:problem:note-refused"
    await agent.post("calls/c1/outcome", {"outcome": "unheard-of"}, status=422)
    other = Officer(world, await world.user("bob", Role.AGENT, None, frozenset({"lille"})))
    await other.post("calls/c1/outcome", {"outcome": "sale"}, status=404)
    assert len(await world.ledger.read(kinds=[Kind.OUTCOME])) == 1


async def test_the_register_is_given_as_its_reader_wants_it(world: World, officer: Officer) -> None:
    assert (await officer.get("register?controller=acme"))["title"] == "Register"
    await officer.get("register", 403)
    page = await world.ask("GET", "/api/v1/register?controller=acme&format=html", officer.token)
    assert (page.content_type, "acme" in await page.text()) == ("text/html", True)
    await officer.get("breach?since=2026-11-01T00:00:00Z", 403)
    everyone = Officer(world, await world.user("dpo", Role.OFFICER))
    await everyone.get("breach?since=2027-11-01T00:00:00Z", 422)
