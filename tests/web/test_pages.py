"""The pages: whose data they show, what can be done on them, and that everybody can use them."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.core.partners import What
from callgate.core.requests import Right
from callgate.rights.desk import Asked
from callgate.stores.ledger.questions import Question
from callgate.web.auth.door import csrf_of
from callgate.web.serving import COOKIE_ON_LOOPBACK
from tests.stores.conftest import NOW
from tests.web.world import ANNA, World, verdict

pytestmark = pytest.mark.server

MINE, THEIRS, BLOCKED = "a1" * 8, "b2" * 8, "c3" * 8
HEARD: Final[dict[str, Json]] = {"key": "1", "notice": "v1"}
SEALED: Final[dict[str, Json]] = {
    "seconds": 83.5, "sha256": "ab" * 32, "sealed_sha256": "cd" * 32, "format": "1", "whole": True, "agent": "alice",
    "campaign": "spring", "centre": "brussels",
}  # fmt: skip


@pytest.fixture(autouse=True)
async def peopled(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three calls, one of them recorded; an officer, an administrator, an agent; a request; an item that is dead."""
    # The file is not there, and this is about the page.
    monkeypatch.setattr("callgate.recordings.archive.Archive.has", lambda _, call: call == MINE)
    await world.ledger.append(
        [
            verdict(MINE, "clear"),
            Event(Kind.CONSENT, NOW, MINE, ANNA, "acme", HEARD),
            Event(Kind.RECORDING_SEALED, NOW, MINE, ANNA, "acme", SEALED),
            verdict(BLOCKED, "outside-hours"),
            verdict(THEIRS, "objection", controller="futura", campaign="autumn", centre="lille", agent="luc"),
        ]
    )
    for name, role in (("olga", Role.OFFICER), ("adam", Role.ADMIN), ("alice", Role.AGENT)):
        await world.user(name, role)
    await world.user("sam", Role.SUPERVISOR, frozenset({"acme"}))
    await world.user("berta", Role.SUPERVISOR, None, frozenset({"brussels"}))
    await world.user("odile", Role.OFFICER, frozenset({"acme"}))
    outbox = world.services.outbox
    await outbox.put_erasure(ANNA, "acme", "r-1", NOW)
    (item,) = await outbox.due("erp")
    await outbox.refused("erp", [item], {item.id: "410 Gone"})
    olga = Principal("olga", Role.OFFICER)
    opened = await world.services.desk.open(olga, Right.ERASURE, Asked(ANNA, "acme", "letter of 20 November"))
    return opened.id


def shown(request: str) -> dict[str, list[str]]:
    """Every page, by who opens it."""
    return {
        "olga": [
            "/", "/calls", f"/calls/{BLOCKED}", "/agent?agent=alice", "/person", "/requests", f"/requests/{request}",
            "/recordings", "/partners", "/lists", "/lists/be-dncm/import", "/companies", "/ledger",
        ],
        "adam": ["/users"],
        "alice": ["/agent"],
    }  # fmt: skip


@pytest.fixture
async def context(world: World, browser: Browser) -> AsyncIterator[BrowserContext]:
    made = await browser.new_context(locale="en", reduced_motion="reduce")
    await world.enter(made, "olga")
    yield made
    await made.close()


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


async def body(world: World, name: str, path: str, status: int = 200) -> str:
    async with await world.visit(name, "GET", path) as answer:
        assert answer.status == status, path
        return await answer.text()


async def send(world: World, name: str, path: str, form: Mapping[str, str]) -> tuple[int, str]:
    async with await world.visit(name, "POST", path, form) as answer:
        return answer.status, await answer.text()


def named(page: str) -> list[str]:
    return re.findall(r'href="/calls/([0-9a-f]{16})"', page)


# Calls.


async def test_the_newest_call_comes_first_and_filters_narrow(world: World) -> None:
    assert named(await body(world, "olga", "/calls")) == [THEIRS, BLOCKED, MINE]
    for query, found in (("outcome=allow", MINE), ("agent=luc", THEIRS), ("reason=outside-hours", BLOCKED)):
        assert named(await body(world, "olga", f"/calls?{query}")) == [found]


async def test_a_page_of_calls_goes_on_where_it_ended(world: World) -> None:
    await world.ledger.append([verdict(f"{n:016x}", "no-consent") for n in range(60)])
    first = await body(world, "olga", "/calls?reason=no-consent")
    following = re.search(r"before=(\d+)", first)
    assert following is not None
    second = await body(world, "olga", f"/calls?reason=no-consent&before={following[1]}")
    assert named(first) + named(second) == [f"{n:016x}" for n in range(59, -1, -1)]


@pytest.mark.parametrize("name", ["sam", "berta"])
async def test_another_company_s_calls_are_as_if_they_were_not_there(world: World, name: str) -> None:
    assert named(await body(world, name, "/calls")) == [BLOCKED, MINE]
    theirs = await body(world, name, f"/calls/{THEIRS}", 404)
    nothing = await body(world, name, f"/calls/{'0' * 16}", 404)
    assert theirs.replace(THEIRS, "") == nothing.replace("0" * 16, "")


async def test_a_call_has_its_trail_its_legal_source_and_a_masked_number(world: World) -> None:
    page = await body(world, "olga", f"/calls/{BLOCKED}")
    for text in ("This person may not be called at this hour.", "Décret 2022-1313, art. 1", "fr-hours", "+33 ••• 42"):
        assert text in page


async def test_what_came_from_outside_is_text(world: World) -> None:
    evil = '"><script>alert(1)</script>'
    await world.ledger.append([verdict("d4" * 8, "unknown-campaign", campaign=evil, agent=evil)])
    for path in ("/calls", f"/calls/{'d4' * 8}", "/calls?agent=%22%3E%3Cscript%3E"):
        assert "<script>" not in await body(world, "olga", path)


async def test_no_page_shows_a_whole_number(world: World, peopled: str) -> None:
    for name, paths in shown(peopled).items():
        for path in paths:
            assert ANNA[1:] not in await body(world, name, path), path


# The agent.


async def test_an_agent_is_sent_to_their_own_calls_whoever_they_name(world: World) -> None:
    async with await world.visit("alice", "GET", "/") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/agent")
    page = await body(world, "alice", "/agent?agent=luc")
    assert "Calls of alice" in page
    assert "This person may not be called at this hour." in page
    assert "This person objected" not in page


async def test_an_agent_objects_for_the_person_of_their_call_and_of_no_other(world: World) -> None:
    for call, status in ((MINE, 303), (THEIRS, 404), (BLOCKED, 404), ("0" * 16, 404), ("", 422)):
        assert (await send(world, "alice", "/agent", {"call": call}))[0] == status, call
    (entry,) = await world.ledger.read(kinds=[Kind.OBJECTION])
    assert (entry.event.number, entry.event.payload["by"]) == (ANNA, "alice")


async def test_after_a_shift_an_agent_no_longer_speaks_for_the_person(world: World) -> None:
    world.later(hours=13)
    assert (await send(world, "alice", "/agent", {"call": MINE}))[0] == 404


# A person, and what they ask for.


async def test_a_person_is_found_and_objects_and_their_number_is_in_no_address(world: World, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(world.at("/person"))
    await page.fill("input[name=number]", "+33 1 99 00 12 42")
    await page.locator("main button.main").click()
    await expect(page.locator("main")).to_contain_text("No objection is in force")
    await page.fill("input[name=because]", "letter of 20 November")
    await page.get_by_role("button", name="Enter it").click()
    await expect(page.locator("main")).to_contain_text("An objection is in force: acme")
    (entry,) = await world.ledger.read(kinds=[Kind.OBJECTION])
    assert (entry.event.number, entry.event.controller, entry.event.payload["by"]) == (ANNA, "acme", "olga")
    assert not [url for url in asked if "9900" in url]


async def test_an_objection_is_lifted_on_the_person_s_own_proof_and_by_nothing_less(world: World) -> None:
    objection = {"number": ANNA, "controller": "acme", "right": "objection", "because": "letter"}
    assert "Lift the objection" in (await send(world, "olga", "/person/wish", objection))[1]
    form = {"number": ANNA, "controller": "acme", "proof": "letter of 21 November", "because": "hers", "asked": "yes"}
    for missing in ("proof", "because", "asked"):
        less = {name: value for name, value in form.items() if name != missing}
        assert (await send(world, "olga", "/person/lift", less))[0] == 422
    assert (await send(world, "olga", "/person/lift", form | {"asked": "no"}))[0] == 422
    assert (await send(world, "odile", "/person/lift", form | {"controller": ""}))[0] == 403
    assert await world.ledger.read(kinds=[Kind.OBJECTION_REMOVED]) == []
    status, page = await send(world, "odile", "/person/lift", form)
    assert (status, "The objection is lifted." in page) == (200, True)
    [entry] = await world.ledger.read(kinds=[Kind.OBJECTION_REMOVED])
    assert (entry.event.number, entry.event.controller, entry.event.payload["by"]) == (ANNA, "acme", "odile")
    assert entry.event.personal == {"reason": "hers", "proof": "letter of 21 November"}


async def test_data_is_only_kept_and_something_is_put_right_from_a_person_s_page(world: World) -> None:
    of = {"number": ANNA, "controller": "acme", "because": "letter of 20 November"}
    _, page = await send(world, "olga", "/person/wish", of | {"right": "restriction", "ground": "claims"})
    assert "acme may only keep this person’s data." in page
    [restriction] = await world.ledger.read(kinds=[Kind.RESTRICTION])
    assert restriction.event.payload["ground"] == "claims"
    right = of | {"right": "rectification", "what": "language", "now": "fr"}
    assert "The correction is entered." in (await send(world, "olga", "/person/wish", right))[1]
    [entry] = await world.ledger.read(kinds=[Kind.RECTIFICATION])
    assert (entry.event.payload["what"], entry.event.personal["now"]) == ("language", "fr")
    assert "no language" in (await send(world, "olga", "/person/wish", right | {"now": "xx"}))[1]


async def test_an_officer_of_one_company_sees_and_enters_nothing_for_another(world: World) -> None:
    _, page = await send(world, "odile", "/person", {"number": ANNA})
    assert THEIRS not in page
    assert "futura" not in page
    form = {"number": ANNA, "controller": "futura", "right": "objection", "because": "x"}
    assert (await send(world, "odile", "/person/wish", form))[0] == 403
    assert await world.ledger.read(kinds=[Kind.OBJECTION]) == []


@pytest.mark.parametrize("number", ["", "abc", "12", "+33 1 99 00 12 42 x y"])
async def test_what_is_no_number_is_said_and_not_repeated(world: World, number: str) -> None:
    status, page = await send(world, "olga", "/person", {"number": number})
    assert status == 422
    assert "not one telephone number" in page
    assert number == "" or f'"{number}"' not in page


async def test_who_looked_at_a_person_is_in_the_ledger_under_that_person(world: World) -> None:
    await send(world, "olga", "/person", {"number": ANNA})
    question = Question(number=ANNA, controllers=["acme"], kinds=[Kind.ACT])
    said = [entry.event.payload for entry in await world.ledger.search(question)]
    assert ("person-shown", "olga", True) in [(act["act"], act["by"], act.get("shows")) for act in said]


async def test_an_erasure_goes_from_request_to_certificate(world: World, page: Page, peopled: str) -> None:
    await page.goto(world.at("/requests"))
    await page.get_by_role("link", name="Erasure").click()
    await expect(page.locator(".verdict")).to_contain_text("To be answered by")
    await page.fill("input[name=text] >> nth=0", "called back at the number")
    await page.get_by_role("button", name="The person is identified").click()
    await page.get_by_role("button", name="Erase").click()
    await expect(page.locator("h1")).to_contain_text("waits for partners")
    for _ in ("erp", "hook"):
        await page.get_by_role("button", name="Enter the answer").click()
    await expect(page.locator("h1")).to_contain_text("done")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Certificate of erasure").click()
    assert (await download.value).suggested_filename == f"{peopled}.zip"
    assert (await world.services.desk.request(Principal("olga", Role.OFFICER), peopled)).answered


async def test_what_a_request_does_not_allow_is_said_on_its_page(world: World, peopled: str) -> None:
    status, page = await send(world, "olga", f"/requests/{peopled}", {"step": "erase"})
    assert status == 409
    assert "was not identified yet" in page


async def test_why_something_is_refused_is_said_in_the_reader_s_language(world: World, peopled: str) -> None:
    secret = await world.session("olga")
    headers = {"Cookie": f"{COOKIE_ON_LOOPBACK}={secret}; language=fr"}
    data = {"csrf": csrf_of(secret), "step": "erase"}
    async with world.client.post(f"/requests/{peopled}", data=data, headers=headers) as answer:
        page = await answer.text()
    assert "La personne n’est pas encore identifiée" in page
    assert "was not identified" not in page


# Recordings, partners, users.


async def test_a_recording_has_a_player_and_the_consent_that_it_rests_on(world: World) -> None:
    page = await body(world, "olga", "/recordings")
    assert f'src="/api/v1/recordings/{MINE}/audio"' in page
    assert "1:23" in page
    assert "agreed by key" in page
    assert MINE in await body(world, "berta", "/recordings")
    await world.user("luis", Role.SUPERVISOR, frozenset({"futura"}))
    assert MINE not in await body(world, "luis", "/recordings")


async def test_what_did_not_arrive_is_told_again_or_let_be(world: World) -> None:
    page = await body(world, "odile", "/partners")
    assert "410 Gone" in page
    assert "+33 ••• 42" in page
    assert (await send(world, "odile", "/partners/retry", {"partner": "erp"}))[0] == 303
    (item,) = await world.services.outbox.due("erp")
    assert item.what is What.ERASURE
    await world.services.outbox.refused("erp", [item], {item.id: "410 Gone"})
    form = {"partner": "erp", "item": item.id, "because": "told by letter"}
    assert (await send(world, "odile", "/partners/drop", form))[0] == 303
    (dropped,) = await world.ledger.read(kinds=[Kind.DELIVERY_DROPPED])
    assert dropped.event.payload["by"] == "odile"


async def test_another_company_s_partner_is_as_if_it_were_not_there(world: World) -> None:
    await world.user("fred", Role.OFFICER, frozenset({"futura"}))
    assert "erp" not in await body(world, "fred", "/partners")
    assert (await send(world, "fred", "/partners/retry", {"partner": "erp"}))[0] == 404


async def test_a_user_is_made_and_their_token_is_shown_once(world: World) -> None:
    form = {"name": "robot", "role": "machine", "controllers": "acme"}
    assert (await send(world, "adam", "/users", form))[0] == 303
    _, page = await send(world, "adam", "/users/token", {"name": "robot", "area": "check", "days": "30"})
    token = re.search(r"<code>(cg_[^<]+)</code>", page)
    assert token is not None
    assert (await world.ask("GET", "/api/v1/session", token[1])).status == 200
    assert token[1] not in await body(world, "adam", "/users")
    assert (await send(world, "adam", "/users/change", {"name": "robot", "change": "disable"}))[0] == 303
    assert (await world.ask("GET", "/api/v1/session", token[1])).status == 401


@pytest.mark.parametrize(
    "form",
    [
        {"name": "x y", "role": "agent", "password": "long enough, I hope"},
        {"name": "bea", "role": "agent", "password": "short"},
        {"name": "bea", "role": "agent", "controllers": "nowhere", "password": "long enough, I hope"},
        {"name": "olga", "role": "agent", "password": "long enough, I hope"},
    ],
)
async def test_a_user_that_will_not_do_is_said_and_not_made(world: World, form: dict[str, str]) -> None:
    before = await world.door.accounts.users()
    assert (await send(world, "adam", "/users", form))[0] == 422
    assert await world.door.accounts.users() == before


# Lists, companies, the ledger.


async def test_a_list_that_was_never_loaded_is_said(world: World) -> None:
    page = await body(world, "olga", "/lists")
    assert "be-dncm" in page
    assert "never loaded" in page


async def test_what_has_lapsed_comes_first_and_then_what_lapses_next(world: World) -> None:
    page = await body(world, "olga", "/companies")
    order = [page.index(text) for text in ("futura · casablanca", "acme · brussels", "futura · lille")]
    assert order == sorted(order)


async def test_a_company_sees_its_own_contracts_only(world: World) -> None:
    page = await body(world, "sam", "/companies")
    assert "DPA-1" in page
    assert "futura" not in page.lower()


async def test_the_ledger_is_verified_and_the_page_says_what_was_found(world: World, page: Page) -> None:
    await page.goto(world.at("/ledger"))
    await page.get_by_role("button", name="Verify everything").click()
    await expect(page.locator("main")).to_contain_text("The ledger is whole.", timeout=10_000)


async def test_a_ledger_that_is_away_is_said_on_a_page(world: World) -> None:
    session = await world.session("olga")
    await world.ledger.close()
    form = {"number": ANNA, "controller": "acme", "right": "objection", "because": "x"}
    async with await world.visit("olga", "POST", "/person/wish", form, session) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert "Nothing was done" in await answer.text()


# For everyone.


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(world: World, browser: Browser, theme: str, peopled: str) -> None:
    for name, paths in {**shown(peopled), "": ["/login"]}.items():
        # Axe is run by evaluating it.
        made = await browser.new_context(
            viewport={"width": 390, "height": 844}, bypass_csp=True, reduced_motion="reduce"
        )
        await made.add_cookies([{"name": "theme", "value": theme, "url": world.at("/")}])
        if name:
            await world.enter(made, name)
        page = await made.new_page()
        for path in paths:
            await page.goto(world.at(path))
            found = await Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        await made.close()


async def test_the_theme_and_the_language_are_chosen_on_any_page(world: World, page: Page) -> None:
    await page.goto(world.at("/lists"))
    await page.select_option("select[name=theme]", "dark")
    await page.select_option("select[name=language]", "nl")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.locator("h1")).to_have_text("Nationale bel-me-niet-lijsten")
    assert page.url.endswith("/lists")


async def test_who_logs_out_is_out(world: World, page: Page) -> None:
    await page.goto(world.at("/lists"))
    await page.get_by_role("button", name="Log out").click()
    await expect(page.locator("h1")).to_have_text("Log in")
    await page.goto(world.at("/lists"))
    assert page.url.endswith("/login?next=/lists")
