"""The other pages: who may open them, whose calls they show, what can be done on them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from callgate.core.access import Principal, Role
from callgate.core.events import Kind
from callgate.web.pages.table import PAGES
from tests.stores.conftest import NOW
from tests.web.house import ACMES, AGENT, ANNA, BRUSSELS, OFFICER, Pages, verdict

MINE, THEIRS, BLOCKED = "a1" * 8, "b2" * 8, "c3" * 8

SHOWN = ["/", "/calls", f"/calls/{BLOCKED}", "/agent?agent=alice", "/person", "/lists", "/companies", "/ledger"]

MAY: dict[Role, set[str]] = {
    Role.AGENT: {"/agent"},
    Role.SUPERVISOR: {"/", "/live/state", "/agent", "/calls", "/calls/{call}", "/lists", "/companies"},
    Role.OFFICER: {
        "/",
        "/live/state",
        "/agent",
        "/calls",
        "/calls/{call}",
        "/person",
        "/lists",
        "/companies",
        "/ledger",
    },
    Role.ADMIN: {"/", "/live/state", "/lists", "/companies", "/ledger"},
    Role.MACHINE: set(),
}


@pytest.fixture(autouse=True)
async def calls(house: Pages) -> None:
    house.principal = OFFICER
    await house.ledger.append(
        [
            verdict(MINE, "clear"),
            verdict(BLOCKED, "outside-hours"),
            verdict(THEIRS, "objection", controller="futura", campaign="autumn", centre="lille", agent="luc"),
        ]
    )


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en")
    yield await context.new_page()
    await context.close()


async def body(house: Pages, http: ClientSession, path: str, status: int = 200) -> str:
    async with http.get(house.at(path)) as answer:
        assert answer.status == status
        return await answer.text()


@pytest.mark.parametrize("role", Role)
async def test_a_page_is_opened_by_the_roles_that_may_and_no_other(
    house: Pages, http: ClientSession, role: Role
) -> None:
    house.principal = Principal("x", role)
    shown = {one.path for one in PAGES if one.method == "GET"}
    assert {path for paths in MAY.values() for path in paths} == shown
    for path in shown:
        async with http.get(house.at(path.replace("{call}", BLOCKED))) as answer:
            assert answer.status == (200 if path in MAY[role] else 403), path


async def test_what_is_done_by_a_form_is_refused_to_other_roles(house: Pages, http: ClientSession) -> None:
    house.principal = Principal("x", Role.AGENT)
    for path in ("/person", "/person/object", "/ledger/verify", "/alarms/x/take"):
        async with http.post(house.at(path), data={"number": ANNA}) as answer:
            assert answer.status == 403


# Calls.


async def test_the_newest_call_comes_first_and_filters_narrow(house: Pages, http: ClientSession) -> None:
    found = re.findall(r"/calls/([0-9a-f]{16})", await body(house, http, "/calls"))
    assert found == [THEIRS, BLOCKED, MINE]
    assert re.findall(r"/calls/([0-9a-f]{16})", await body(house, http, "/calls?outcome=allow")) == [MINE]
    assert re.findall(r"/calls/([0-9a-f]{16})", await body(house, http, "/calls?agent=luc")) == [THEIRS]
    assert re.findall(r"/calls/([0-9a-f]{16})", await body(house, http, "/calls?reason=outside-hours")) == [BLOCKED]


async def test_a_page_of_calls_goes_on_where_it_ended(house: Pages, http: ClientSession) -> None:
    await house.ledger.append([verdict(f"{n:016x}", "no-consent") for n in range(60)])
    first = await body(house, http, "/calls?reason=no-consent")
    following = re.search(r"before=(\d+)", first)
    assert following is not None
    second = await body(house, http, f"/calls?reason=no-consent&before={following[1]}")
    found = [re.findall(r"/calls/([0-9a-f]{16})", one) for one in (first, second)]
    assert found[0] + found[1] == [f"{n:016x}" for n in range(59, -1, -1)]


@pytest.mark.parametrize("principal", [ACMES, BRUSSELS])
async def test_another_company_s_calls_are_as_if_they_were_not_there(
    house: Pages, http: ClientSession, principal: Principal
) -> None:
    house.principal = principal
    assert re.findall(r"/calls/([0-9a-f]{16})", await body(house, http, "/calls")) == [BLOCKED, MINE]
    theirs = await body(house, http, f"/calls/{THEIRS}", 404)
    nothing = await body(house, http, f"/calls/{'0' * 16}", 404)
    assert theirs.replace(THEIRS, "") == nothing.replace("0" * 16, "")


async def test_a_call_has_its_trail_its_legal_source_and_a_masked_number(house: Pages, http: ClientSession) -> None:
    page = await body(house, http, f"/calls/{BLOCKED}")
    for text in ("This person may not be called at this hour.", "Décret 2022-1313, art. 1", "fr-hours", "+33 ••• 42"):
        assert text in page
    assert ANNA[-8:] not in page


async def test_what_came_from_outside_is_text(house: Pages, http: ClientSession) -> None:
    evil = '"><script>alert(1)</script>'
    await house.ledger.append([verdict("d4" * 8, "unknown-campaign", campaign=evil, agent=evil)])
    for path in ("/calls", f"/calls/{'d4' * 8}", "/calls?agent=%22%3E%3Cscript%3E"):
        assert "<script>" not in await body(house, http, path)


async def test_no_page_shows_a_whole_number(house: Pages, http: ClientSession) -> None:
    for path in SHOWN:
        assert ANNA[1:] not in await body(house, http, path)


# The agent.


async def test_an_agent_sees_their_own_calls_whoever_they_name(house: Pages, http: ClientSession) -> None:
    house.principal = AGENT
    page = await body(house, http, "/agent?agent=luc")
    assert "Calls of alice" in page
    assert "This person may not be called at this hour." in page
    assert "This person objected" not in page


async def test_an_agent_objects_for_the_person_of_their_call_and_of_no_other(house: Pages, http: ClientSession) -> None:
    house.principal = AGENT
    for call, status in ((MINE, 303), (THEIRS, 404), (BLOCKED, 404), ("0" * 16, 404), ("", 404)):
        async with http.post(house.at("/agent"), data={"call": call}, allow_redirects=False) as answer:
            assert answer.status == status, call
    assert house.office.objected == [(MINE, "alice")]


async def test_after_a_shift_an_agent_no_longer_speaks_for_the_person(house: Pages, http: ClientSession) -> None:
    house.principal, house.now = AGENT, NOW + timedelta(hours=13)
    async with http.post(house.at("/agent"), data={"call": MINE}) as answer:
        assert answer.status == 404
    assert house.office.objected == []


# A person.


@pytest.mark.server
async def test_a_person_is_found_and_objects_and_their_number_is_in_no_address(house: Pages, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(house.at("/person"))
    await page.fill("input[name=number]", "+33 1 99 00 12 42")
    await page.locator("main button.main").click()
    await expect(page.locator("main")).to_contain_text("No objection is in force")
    await expect(page.locator("main")).to_contain_text("+33 ••• 42")
    await page.fill("input[name=reason]", "letter of 20 November")
    await page.get_by_role("button", name="Never call again").click()
    await expect(page.locator("main")).to_contain_text("An objection is in force: acme")
    await expect(page.locator("main")).to_contain_text("letter of 20 November")
    (entry,) = await house.ledger.read(kinds=[Kind.OBJECTION])
    assert (entry.event.number, entry.event.controller) == (ANNA, "acme")
    assert entry.event.payload["by"] == "olga"
    assert not [url for url in asked if "99001242" in url or "9900" in url]


async def test_an_officer_of_one_company_sees_and_enters_nothing_for_another(house: Pages, http: ClientSession) -> None:
    house.principal = Principal("odile", Role.OFFICER, frozenset({"acme"}))
    async with http.post(house.at("/person"), data={"number": ANNA}) as answer:
        found = await answer.text()
    assert THEIRS not in found
    assert "futura" not in found
    form = {"number": ANNA, "controller": "futura", "reason": "x"}
    async with http.post(house.at("/person/object"), data=form) as answer:
        assert answer.status == 404
    assert await house.ledger.read(kinds=[Kind.OBJECTION]) == []


@pytest.mark.parametrize("number", ["", "abc", "12", "+33 1 99 00 12 42 x y"])
async def test_what_is_no_number_is_said_and_not_repeated(house: Pages, http: ClientSession, number: str) -> None:
    async with http.post(house.at("/person"), data={"number": number}) as answer:
        assert answer.status == 422
        found = await answer.text()
    assert "not one telephone number" in found
    assert number == "" or f'"{number}"' not in found


# Lists, companies, the ledger.


async def test_a_list_that_was_never_loaded_is_the_first_to_be_seen(house: Pages, http: ClientSession) -> None:
    page = await body(house, http, "/lists")
    assert page.index("be-dncm") < page.index("fr-bloctel")
    assert "never loaded" in page


async def test_what_has_lapsed_comes_first_and_then_what_lapses_next(house: Pages, http: ClientSession) -> None:
    page = await body(house, http, "/companies")
    order = [page.index(text) for text in ("futura · casablanca", "acme · brussels", "futura · lille")]
    assert order == sorted(order)
    assert "15 days left" in page


async def test_a_company_sees_its_own_contracts_only(house: Pages, http: ClientSession) -> None:
    house.principal = ACMES
    page = await body(house, http, "/companies")
    assert "DPA-2026-1" in page
    assert "futura" not in page.lower()


@pytest.mark.server
async def test_the_ledger_is_verified_and_the_page_says_what_was_found(house: Pages, page: Page) -> None:
    await page.goto(house.at("/ledger"))
    await page.get_by_role("button", name="Verify everything").click()
    await expect(page.locator("main")).to_contain_text("The ledger is whole. 3 events verified", timeout=10_000)


async def test_a_ledger_that_is_away_is_said_on_a_page(house: Pages, http: ClientSession) -> None:
    await house.ledger.close()
    async with http.post(
        house.at("/person/object"), data={"number": ANNA, "controller": "acme", "reason": "x"}
    ) as answer:
        assert answer.status == 503
        assert "Nothing was changed" in await answer.text()


# For everyone.


@pytest.mark.server
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(house: Pages, browser: Browser, theme: str) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, bypass_csp=True, reduced_motion="reduce"
    )
    await context.add_cookies([{"name": "theme", "value": theme, "url": house.at("/")}])
    page = await context.new_page()
    for path in SHOWN:
        await page.goto(house.at(path))
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
    await context.close()


@pytest.mark.server
async def test_the_theme_and_the_language_are_chosen_on_any_page(house: Pages, page: Page) -> None:
    await page.goto(house.at("/lists"))
    await page.select_option("select[name=theme]", "dark")
    await page.select_option("select[name=language]", "nl")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.locator("h1")).to_have_text("Nationale bel-me-niet-lijsten")
    assert page.url.endswith("/lists")
