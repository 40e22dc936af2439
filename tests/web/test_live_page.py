"""The live page in a real Chromium: what a supervisor sees, and that nothing is lost and nothing seen twice."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from callgate.core.access import Principal, Role
from callgate.core.events import Json, Kind
from tests.stores.conftest import NOW
from tests.web.world import World, a_world, verdict

pytestmark = pytest.mark.server

ACME = {"controller": "acme", "centre": "brussels", "campaign": "spring"}
FUTURA = {"controller": "futura", "centre": "lille", "campaign": "autumn"}


def block(world: World, n: int, reason: str = "objection", **whose: str) -> None:
    facts = {**ACME, "agent": f"PJSIP/b-{n}", "detail": f"block {n}", **whose}
    world.live.tell("block", call=f"{n:016x}", number="+33 ••• 42", reason=reason, **facts)


@pytest.fixture
async def page(world: World, browser: Browser) -> AsyncIterator[Page]:
    """A page of an officer's browser."""
    await world.user("olga", Role.OFFICER)
    context = await browser.new_context(locale="en", reduced_motion="reduce")
    await world.enter(context, "olga")
    opened = await context.new_page()
    yield opened
    await context.close()


async def go(page: Page, world: World, path: str = "/") -> None:
    await page.goto(world.at(path))
    await expect(page.locator("#connection")).to_have_text("Live")


async def seen(page: Page) -> list[str]:
    """The agents of the blocks on the page, the newest first."""
    cells = page.locator("#blocked td:nth-child(4)")
    found: list[str] = await cells.evaluate_all("all => all.map(one => one.firstChild.textContent)")
    return found


async def test_a_block_is_seen_with_why_for_whom_and_by_whom(world: World, page: Page) -> None:
    await go(page, world)
    block(world, 1)
    row = page.locator("#blocked tr")
    for text in ("This person objected", "+33 ••• 42", "spring", "PJSIP/b-1", "brussels", "block 1"):
        await expect(row).to_contain_text(text)
    await expect(page.locator("#n-blocked")).to_have_text("1")
    await expect(row.locator("a")).to_have_attribute("href", f"/calls/{1:016x}")


async def test_what_was_before_the_page_was_opened_stands_on_it(world: World, page: Page) -> None:
    block(world, 1)
    world.live.tell("call", call="c1", number="+33 ••• 42", stage="talking", agent="PJSIP/a", **ACME)
    await go(page, world)
    assert await seen(page) == ["PJSIP/b-1"]
    await expect(page.locator("#calls tr")).to_contain_text("talking")


async def test_a_call_is_followed_through_its_stages_until_it_ends(world: World, page: Page) -> None:
    await go(page, world)
    for stage, word in (
        ("ringing", "ringing"),
        ("identifying", "notice"),
        ("asking", "question"),
        ("recording", "recording"),
    ):
        world.live.tell("call", call="c1", number="+33 ••• 42", stage=stage, agent="PJSIP/a", **ACME)
        await expect(page.locator("#calls .stage")).to_have_text(word)
    await expect(page.locator("#n-recording")).to_have_text("1")
    world.live.tell("call", call="c1", stage="closed", **ACME)
    await expect(page.locator("#no-calls")).to_be_visible()


def told(world: World, what: str, call: str = "c1", **facts: Json) -> None:
    world.live.tell(what, call=call, number="+33 ••• 42", agent="PJSIP/a", **ACME, **facts)


async def test_what_happened_in_calls_is_said_in_words(world: World, page: Page) -> None:
    await go(page, world)
    await expect(page.locator("#no-moments")).to_be_visible()
    for what, facts, says in (
        ("objection", {}, "Objection in force at every centre"),
        ("withdrawal", {}, "Consent withdrawn"),
        ("sealed", {"seconds": 34.4}, "Recording sealed, 34 s"),
        ("call", {"stage": "paused", "on": "paused"}, "Recording paused by the agent"),
        ("call", {"stage": "recording", "on": "resumed"}, "Recording goes on"),
    ):
        told(world, what, **facts)
        first = page.locator("#moments li").first
        await expect(first.locator("strong")).to_have_text(says)
        await expect(first).to_contain_text("+33 ••• 42 · PJSIP/a · brussels · spring")
        await expect(first.locator("a")).to_have_attribute("href", "/calls/c1")
    world.live.tell("emergency", agent="PJSIP/x", centre="lille")
    await expect(page.locator("#moments li").first).to_contain_text("Emergency call, passed")
    world.live.tell("called-back", campaigns=["spring"], objected=True)
    await expect(page.locator("#moments li").first).to_contain_text("called back and objected")
    await page.select_option("select[name=centre]", "lille")
    await expect(page.locator("#moments li")).to_have_count(1)


async def test_what_an_agent_says_for_the_person_of_a_call_is_told_to_the_live_page(world: World, page: Page) -> None:
    await world.user("alice", Role.AGENT)
    await world.ledger.append([verdict("a1" * 8, "clear")])
    await world.services.office._remember("a1" * 8)
    told(world, "call", "a1" * 8, stage="talking")
    await go(page, world)
    async with await world.visit("alice", "POST", "/agent", {"call": "a1" * 8}) as answer:
        assert answer.status == 303
    await expect(page.locator("#calls tr")).to_contain_text("objected")
    await expect(page.locator("#moments li")).to_contain_text("Objection in force at every centre")


async def test_a_call_keeps_its_place_and_its_link_the_focus_when_its_stage_changes(world: World, page: Page) -> None:
    for n in range(4):
        world.later(seconds=1)
        told(world, "call", f"c{n}", stage="ringing")
    await go(page, world)
    link = page.locator("#calls a[href='/calls/c1']")
    await link.focus()
    other = await page.locator("#calls a[href='/calls/c2']").element_handle()
    told(world, "call", "c1", stage="talking")
    await expect(page.locator("#calls .stage.talking")).to_have_count(1)
    await expect(link).to_be_focused()
    links = page.locator("#calls a")
    assert await links.evaluate_all("all => all.map(one => one.getAttribute('href'))") == [
        f"/calls/c{n}" for n in (3, 2, 1, 0)
    ]
    assert other is not None
    assert await other.evaluate("link => link.isConnected"), "a row that did not change is the same row"
    told(world, "call", "c2", stage="closed")
    await expect(page.locator("#calls tr")).to_have_count(3)
    await expect(link).to_be_focused()


async def test_a_filter_stands_in_the_address_and_holds_after_a_reload(world: World, page: Page) -> None:
    await go(page, world)
    block(world, 1)
    block(world, 2, "national-list", **FUTURA)
    await expect(page.locator("#blocked tr")).to_have_count(2)
    await page.select_option("select[name=centre]", "lille")
    assert await seen(page) == ["PJSIP/b-2"]
    assert "centre=lille" in page.url
    await page.reload()
    await expect(page.locator("#blocked tr")).to_have_count(1)
    await page.locator("#clear").click()
    await expect(page.locator("#blocked tr")).to_have_count(2)
    await page.fill("input[name=q]", "b-1 objection")
    assert await seen(page) == ["PJSIP/b-1"]


async def test_while_it_is_paused_the_rows_stand_still_and_alarms_do_not(world: World, page: Page) -> None:
    await go(page, world)
    await page.get_by_role("button", name="Pause").click()
    block(world, 1)
    world.live.tell("alarm", alarm="bypass", agent="PJSIP/x")
    await expect(page.locator("#alarms li")).to_contain_text("went round the gate")
    await expect(page.locator("#waiting")).to_have_text("1 new, waiting")
    assert await seen(page) == []
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#blocked tr")).to_have_count(1)


async def test_an_alarm_stands_until_somebody_takes_it_and_the_ledger_says_who(world: World, page: Page) -> None:
    world.live.tell("alarm", alarm="bypass", agent="PJSIP/x")
    await go(page, world)
    await page.reload()
    await expect(page.locator("#headline")).to_contain_text("Alarms that nobody has taken: 1")
    await page.get_by_role("button", name="I take it").click()
    await expect(page.locator("#alarms-section")).to_be_hidden()
    (taken,) = await world.ledger.read(kinds=[Kind.ALARM_TAKEN])
    assert (taken.event.payload["alarm"], taken.event.payload["by"]) == ("bypass", "olga")


async def test_a_supervisor_sees_nothing_of_another_company(world: World, page: Page) -> None:
    await world.user("sam", Role.SUPERVISOR, frozenset({"acme"}))
    await world.enter(page.context, "sam")
    block(world, 1, **FUTURA)
    await go(page, world)
    block(world, 2, **FUTURA)
    block(world, 3)
    await expect(page.locator("#blocked tr")).to_have_count(1)
    assert await seen(page) == ["PJSIP/b-3"]
    await expect(page.locator("#n-blocked")).to_have_text("1")
    assert "lille" not in await page.content()


async def test_a_lost_connection_loses_nothing_and_doubles_nothing(world: World, page: Page) -> None:
    await go(page, world)
    for n in range(10):
        block(world, n)
    await expect(page.locator("#blocked tr")).to_have_count(10)
    await page.context.set_offline(True)
    await expect(page.locator("#connection")).to_contain_text("NOT LIVE")
    await expect(page.locator("#headline")).to_have_text("What happens now is not known to this page.")
    await expect(page.locator("#connection")).to_contain_text(re.compile(r"is [1-9]\d* s old"))
    for n in range(10, 20):
        block(world, n)
    await page.context.set_offline(False)
    await expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)
    block(world, 20)
    await expect(page.locator("#blocked tr")).to_have_count(21)
    assert await seen(page) == [f"PJSIP/b-{n}" for n in range(20, -1, -1)]
    await expect(page.locator("#n-blocked")).to_have_text("21")


async def test_a_restart_of_callgate_is_said_and_the_state_is_loaded_anew(tmp_path: Path, browser: Browser) -> None:
    context = await browser.new_context(locale="en")
    page = await context.new_page()
    async with a_world(tmp_path) as before:
        await before.user("olga", Role.OFFICER)
        await before.enter(context, "olga")
        port = before.client.port
        await go(page, before)
        block(before, 1)
        await expect(page.locator("#blocked tr")).to_have_count(1)
    await expect(page.locator("#connection")).to_contain_text("NOT LIVE")
    async with a_world(tmp_path, port=port) as after:
        after.live.board.block(NOW, {**ACME, "agent": "PJSIP/b-1", "reason": "objection", "call": "1"})
        block(after, 2)
        await expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)
        await expect(page.locator("#spoken")).to_contain_text("callgate was restarted")
        block(after, 3)
        await expect(page.locator("#blocked tr")).to_have_count(3)
        assert await seen(page) == ["PJSIP/b-3", "PJSIP/b-2", "PJSIP/b-1"]
    await context.close()


async def test_a_gap_larger_than_what_is_kept_is_said_and_the_state_is_loaded_anew(
    tmp_path: Path, browser: Browser
) -> None:
    context = await browser.new_context(locale="en")
    page = await context.new_page()
    async with a_world(tmp_path, kept=20) as world:
        await world.user("olga", Role.OFFICER)
        await world.enter(context, "olga")
        await go(page, world)
        await context.set_offline(True)
        await expect(page.locator("#connection")).to_contain_text("NOT LIVE")
        for n in range(50):
            block(world, n)
        await context.set_offline(False)
        await expect(page.locator("#blocked tr")).to_have_count(50, timeout=20_000)
        await expect(page.locator("#spoken")).to_contain_text("Too much happened")
    await context.close()


async def test_what_was_followed_and_what_is_loaded_anew_are_the_same(world: World, page: Page) -> None:
    """The state is folded by callgate and by the page: both come to the same."""
    await go(page, world)
    for n in range(12):
        world.later(seconds=1)
        whose = ACME if n % 3 else FUTURA
        block(world, n, ("objection", "national-list", "list-stale")[n % 3], **whose)
        world.live.tell("allow", call=f"call-{n}", number="+33 ••• 42", agent="PJSIP/a", reason="clear", **whose)
        stage = ("ringing", "talking", "recording", "closed")[n % 4]
        world.live.tell("call", call=f"call-{n}", number="+33 ••• 42", stage=stage, agent="PJSIP/a", **whose)
        world.live.tell("alarm", alarm="bypass", agent=f"PJSIP/{n % 5}")
    world.live.tell("objection", call="call-1", **ACME)
    told(world, "sealed", "call-2", seconds=12.5)
    told(world, "call", "call-2", stage="paused", on="paused")
    told(world, "call", "call-2", stage="recording", on="resumed")
    world.later(seconds=1)
    world.live.tell("emergency", agent="PJSIP/x", centre="brussels")
    taken = next(iter(world.live.board.alarms(Principal("olga", Role.OFFICER))))
    world.live.tell("alarm-taken", id=taken.id, by="olga")
    await expect(page.locator("#alarms li")).to_have_count(4)
    await expect(page.locator("#n-blocked")).to_have_text("12")
    await page.locator("summary").click()
    followed = await page.locator("main").inner_text()
    await page.reload()
    await expect(page.locator("#n-blocked")).to_have_text("12")
    await page.locator("summary").click()
    assert await page.locator("main").inner_text() == followed


async def test_many_blocks_leave_a_bounded_page(world: World, page: Page) -> None:
    await go(page, world)
    for n in range(1_000):
        block(world, n)
    await expect(page.locator("#n-blocked")).to_have_text("1,000")
    assert (await seen(page))[0] == "PJSIP/b-999"
    assert await page.locator("#blocked tr").count() <= 100


async def test_the_headline_says_what_stops_all_calls(world: World, page: Page) -> None:
    await go(page, world)
    bad: Json = {"part": "redis", "name": "", "state": "bad", "says": "Redis cannot be reached"}
    world.live.tell("health", parts=[bad])
    await expect(page.locator("#headline")).to_contain_text("All calls are blocked")
    await expect(page.locator("#health")).to_contain_text("Redis cannot be reached")


async def test_an_age_of_a_list_is_said_in_days(world: World, page: Page) -> None:
    part: dict[str, Json] = {"part": "list", "name": "be-dncm", "state": "warning", "says": "", "max_days": 5}
    world.live.tell("health", parts=[{**part, "true_at": (NOW - timedelta(days=3)).isoformat()}])
    await go(page, world)
    await expect(page.locator("#health")).to_contain_text("3 of 5 days old")


async def test_who_is_logged_out_meanwhile_is_told_to_log_in_again(world: World, page: Page) -> None:
    await go(page, world)
    await world.door.accounts.disable("olga", "test")
    await page.context.set_offline(True)
    await page.context.set_offline(False)
    await expect(page.locator("#connection")).to_contain_text("log in again", timeout=20_000)


async def reach(page: Page, what: str) -> None:
    """Go on by Tab until this has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.locator(what).first.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{what} is not reached by Tab")


async def test_all_that_the_page_offers_is_done_by_keyboard(world: World, page: Page) -> None:
    for agent in ("PJSIP/x", "PJSIP/y"):
        world.live.tell("alarm", alarm="bypass", agent=agent)
    block(world, 1)
    block(world, 2, "national-list", **FUTURA)
    told(world, "call", stage="talking")
    await go(page, world)
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await reach(page, "#pause")
    await page.keyboard.press("Space")
    await expect(page.locator("#connection")).to_contain_text("Paused")
    await page.keyboard.press("Space")
    await reach(page, "#alarms button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#alarms li")).to_have_count(1)
    await expect(page.locator("#alarms button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#alarms-section")).to_be_hidden()
    await expect(page.locator("main")).to_be_focused()
    await reach(page, "select[name=centre]")
    await page.keyboard.type("lille")
    await expect(page.locator("#blocked tr")).to_have_count(1)
    await reach(page, "#clear")
    await page.keyboard.press("Enter")
    await expect(page.locator("#blocked tr")).to_have_count(2)
    await reach(page, ".tall")
    await reach(page, "button[data-span=day]")
    await page.keyboard.press("Enter")
    await expect(page.locator("#bars svg")).to_have_attribute("aria-label", re.compile("last day"))
    await reach(page, "summary")
    await page.keyboard.press("Enter")
    await expect(page.locator("#reasons tr")).to_have_count(2)
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await reach(page, "#blocked a")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/calls/"))


@pytest.mark.parametrize("state", ["live", "dead"])
@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [
        ("en", "light", 1280),
        ("en", "dark", 390),
        ("nl", "dark", 1280),
        ("nl", "light", 390),
        ("fr", "light", 390),
        ("de", "dark", 390),
    ],
)
async def test_axe_finds_nothing(
    world: World, browser: Browser, language: str, theme: str, width: int, state: str
) -> None:
    await world.user("olga", Role.OFFICER)
    block(world, 1)
    for stage in ("ringing", "identifying", "asking", "talking", "recording", "paused", "leaving"):
        told(world, "call", stage, stage=stage, on=stage)
    told(world, "withdrawal")
    world.live.tell("emergency", agent="PJSIP/x", centre="brussels")
    world.live.tell("alarm", alarm="bypass", agent="PJSIP/x")
    world.live.tell("health", parts=[{"part": "redis", "name": "", "state": "bad", "says": "away"}])
    context = await browser.new_context(
        locale=language,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
        bypass_csp=True,  # axe is run by evaluating it
    )
    await world.enter(context, "olga")
    page = await context.new_page()
    await page.goto(world.at("/"))
    await page.locator('#standing[data-state="live"]').wait_for()
    if state == "dead":
        await context.set_offline(True)
        await page.locator('#standing[data-state="dead"]').wait_for()
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


@pytest.mark.parametrize(
    ("language", "says"), [("nl", "Nu geblokkeerd"), ("fr", "Bloqués en ce moment"), ("de", "Jetzt gesperrt")]
)
async def test_it_speaks_the_language_of_the_browser(world: World, browser: Browser, language: str, says: str) -> None:
    context = await browser.new_context(locale=language)
    await world.user("olga", Role.OFFICER)
    await world.enter(context, "olga")
    page = await context.new_page()
    await page.goto(world.at("/"))
    await expect(page.locator("#blocked-title")).to_contain_text(says)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    block(world, 1)
    await expect(page.locator("#blocked tr")).not_to_contain_text(re.compile("objected"))
    await context.close()
