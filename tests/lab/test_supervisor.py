"""A real browser beside real calls: what a supervisor, an agent and an officer see of them, and what they do."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from secrets import token_urlsafe

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    answered,
    asked,
    blocked,
    both_talk,
    digits,
    hung_up,
    in_ledger,
    is_in_ledger,
    objects_from_now_on,
    pressed,
)
from lab.people import read_people
from lab.scene import Result, Scene

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]

AGENT_USER = "brussels-1"
"""The telephone of Brussels has this `CALLGATE_AGENT`."""

NOT_A_NUMBER = re.compile(r"\+?\d{6,}")

SEEN_MS = 10_000
"""How long a page may take on a loaded machine; what is asked of it on one that is not is measured by the bench."""

expect.set_options(timeout=SEEN_MS)

LogIn = Callable[[str], Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def log_in(scene: Scene, chromium: Browser) -> AsyncIterator[LogIn]:
    """Logs somebody in at a browser of their own, by the form."""
    contexts: list[BrowserContext] = []

    async def entered(name: str) -> Page:
        context = await chromium.new_context(locale="en", base_url=f"http://{scene.lab.place.http}")
        contexts.append(context)
        page = await context.new_page()
        await page.goto("/")
        await page.fill("#name", name)
        await page.fill("#password", await password(scene, name))
        await page.click("main button")
        await page.wait_for_url(re.compile(r"/(agent)?$"))
        return page

    yield entered
    for context in contexts:
        await context.close()


PASSWORDS: dict[str, str] = {}


async def password(scene: Scene, name: str) -> str:
    """The password of one of the lab's people, or of an agent, who is made first."""
    if name != AGENT_USER:
        return read_people(scene.lab.place)[name]
    if name not in PASSWORDS:
        PASSWORDS[name] = token_urlsafe(12)
        await scene.callgate("users", "add", name, "--role", "agent", stdin=f"{PASSWORDS[name]}\n")
    return PASSWORDS[name]


async def live(log_in: LogIn, name: str = "supervisor") -> Page:
    page = await log_in(name)
    await expect(page.locator("#connection")).to_have_text("Live")
    return page


async def shows(page: Page, call: str, stage: str) -> None:
    """The live page shows this call in this stage."""
    row = page.locator("#calls tr", has=page.locator(f'a[href="/calls/{call}"]'))
    await expect(row.locator(".stage")).to_have_text(stage)


async def calls_of(page: Page) -> list[str]:
    """The calls behind the blocks on the page, the newest first."""
    links = page.locator("#blocked a")
    found: list[str] = await links.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    return found


# The supervisor.


async def test_a_supervisor_sees_a_real_call_blocked_and_behind_it_the_law(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    result = Result("seen", "casablanca", "0033199001440", "")
    await blocked(scene, result)
    row = page.locator("#blocked tr").first
    for said in ("outside the EEA and has no valid basis", "+33 ••• 40", "spring", "casablanca-1", "casablanca"):
        await expect(row).to_contain_text(said)
    assert not NOT_A_NUMBER.search(await page.locator("main").inner_text())
    await row.locator("a").click()
    await expect(page.locator("h1")).to_contain_text("+33 ••• 40")
    await expect(page.locator("main")).to_contain_text("GDPR")
    await expect(page.locator(".trail li.failed")).to_have_count(1)
    assert not result.failed


async def test_a_call_is_seen_in_each_of_its_stages(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    result = Result("stages", "brussels", "0033199001441", "")
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", result.dialled)
    callee = await scene.callee(digits(result.dialled))
    call = await scene.stage("ringing", since)
    await shows(page, call, "ringing")
    await callee.answer()
    await shows(page, call, "notice")
    await shows(page, call, "question")
    await scene.listen(callee, 0.6)
    await callee.press("1")
    await agent.until_answered(20)
    await shows(page, call, "recording")
    await expect(page.locator("#n-recording")).to_have_text("1")
    await agent.press("*")
    await agent.press("7")
    await shows(page, call, "recording paused")
    await expect(page.locator("#moments li").first).to_contain_text("Recording paused by the agent")
    callee.tone(AFTER)
    await agent.until_hears(AFTER, 5)  # what the agent is told of the pause is over: keys are heard again
    await agent.press("*")
    await agent.press("8")
    await shows(page, call, "recording")
    await expect(page.locator("#moments li").first).to_contain_text("Recording goes on")
    await callee.press("*")
    await shows(page, call, "talking")
    await expect(page.locator("#moments")).to_contain_text("Consent withdrawn")
    await agent.hangup()
    await callee.until_ended(5)
    await expect(page.locator(f'#calls a[href="/calls/{call}"]')).to_have_count(0)
    assert not NOT_A_NUMBER.search(await page.locator("main").inner_text())


async def test_the_alarm_of_a_bypass_stands_until_a_supervisor_takes_it(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", "770033199001442")
    alarm = await scene.watcher.until("alarm", since, alarm="bypass")
    await agent.until_ended(8)
    item = page.locator("#alarms li", has=page.locator(f'[data-alarm="{alarm["id"]}"]'))
    await expect(item).to_contain_text("went round the gate and was cut off")
    await expect(item).to_contain_text("PJSIP/brussels")
    await page.reload()
    await expect(item).to_be_visible()
    await expect(page.locator("#headline")).to_contain_text("Alarms that nobody has taken")
    other = await live(log_in, "officer")
    await item.get_by_role("button").click()
    for each in (page, other):
        await expect(each.locator(f'[data-alarm="{alarm["id"]}"]')).to_have_count(0)
    taken = await scene.watcher.until("alarm-taken", since, id=alarm["id"])
    assert taken["by"] == "supervisor"


async def test_a_page_without_callgate_says_so_and_then_catches_up_without_loss_or_double(
    scene: Scene, log_in: LogIn
) -> None:
    page = await live(log_in)
    await blocked(scene, Result("", "casablanca", "0033199001443", ""))
    await expect(page.locator("#blocked tr").first).to_contain_text("+33 ••• 43")
    before = await calls_of(page)
    await scene.lab.callgate.kill()
    await expect(page.locator("#connection")).to_contain_text("NOT LIVE")
    await expect(page.locator("#headline")).to_have_text("What happens now is not known to this page.")
    agent = await scene.dial("brussels", "0033199001444")
    await agent.until_ended(15)
    await scene.lab.callgate.start()
    await expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
    meanwhile = page.locator("#blocked tr", has_text="callgate cannot be reached")
    await expect(meanwhile).to_have_count(1, timeout=30_000)
    await expect(meanwhile).to_contain_text("entered late")
    await blocked(scene, Result("", "casablanca", "0033199001445", ""))
    await expect(page.locator("#blocked tr").first).to_contain_text("+33 ••• 45")
    after = await calls_of(page)
    assert after[2:] == before
    assert len(set(after)) == len(after)


async def test_what_stops_all_calls_is_the_first_thing_said(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    await scene.lab.redis.stop()
    try:
        await expect(page.locator("#headline")).to_contain_text("All calls are blocked: Redis", timeout=20_000)
        await expect(page.locator("#health li", has_text="Redis, the lists in memory")).to_contain_text("bad")
        result = Result("", "brussels", "0033199001446", "")
        await blocked(scene, result)
        await expect(page.locator("#blocked tr").first).to_contain_text("The suppression lists cannot be reached.")
    finally:
        await scene.lab.redis.start()
    await scene.ready()
    await expect(page.locator("#headline")).not_to_contain_text("All calls are blocked", timeout=20_000)
    assert not result.failed


async def test_an_emergency_call_is_shown_as_passed_and_without_a_number(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    agent = await scene.dial("brussels", "112")
    callee = await scene.callee("112")
    await callee.answer()
    await agent.until_answered(3)
    moment = page.locator("#moments li").first
    await expect(moment).to_contain_text("Emergency call, passed")
    await expect(moment).to_contain_text("brussels")
    assert "112" not in await page.locator("#moments").inner_text()
    await agent.hangup()


async def test_the_live_page_of_a_real_call_is_walked_by_keyboard(scene: Scene, log_in: LogIn) -> None:
    page = await live(log_in)
    result = Result("walked", "brussels", "0033199001447", "")
    talk = await answered(scene, result)
    link = page.locator(f'#calls a[href="/calls/{talk.id}"]')
    await expect(link).to_be_visible()
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.getAttribute('href')") == f"/calls/{talk.id}":
            break
    await expect(link).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text("+33 ••• 47")
    await talk.agent.hangup()


# The agent.


async def test_an_agent_reads_why_their_own_call_was_blocked(scene: Scene, log_in: LogIn) -> None:
    result = Result("why", "brussels", "00442079460201", "")
    await blocked(scene, result)
    page = await log_in(AGENT_USER)
    card = page.locator(".cards > li").first
    for said in ("+44 ••• 01", "This number is on a national do-not-call list."):
        await expect(card).to_contain_text(said)
    assert (await page.goto("/calls")).status == 403  # type: ignore[union-attr]
    assert not result.failed


async def test_an_agent_objects_for_the_person_on_the_line(scene: Scene, log_in: LogIn) -> None:
    """The objection is in force while they still talk; the call itself ends when they are done."""
    watching = await live(log_in)
    result = Result("on-behalf", "brussels", "0033199001448", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    page = await log_in(AGENT_USER)
    card = page.locator(".cards > li").first
    await expect(card).to_contain_text("+33 ••• 48")
    await card.locator("summary").click()
    await card.get_by_role("button", name="Never call +33 ••• 48 again").click()
    await expect(page.get_by_role("status")).to_have_text("The objection is in force at every centre.")
    row = watching.locator("#calls tr", has=watching.locator(f'a[href="/calls/{talk.id}"]'))
    await expect(row).to_contain_text("objected")
    await expect(watching.locator("#moments li").first).to_contain_text("Objection in force at every centre")
    assert talk.callee.ended is None
    assert audio.has_tone(talk.callee.heard()[-audio.RATE :], AGENT)
    await hung_up(scene, talk)
    (objection,) = await in_ledger(scene, talk.id, "objection")
    assert objection["by"] == AGENT_USER
    await objects_from_now_on(scene, result)
    assert not result.failed


# The officer.


async def test_a_recording_that_was_agreed_to_sounds_and_who_heard_it_is_in_the_ledger(
    scene: Scene, log_in: LogIn
) -> None:
    result = Result("played", "brussels", "0033199001449", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await scene.listen(talk.callee, 1)
    await hung_up(scene, talk)
    await scene.watcher.until("sealed", talk.since, call=talk.id)
    page = await log_in("officer")
    await page.goto("/recordings")
    card = page.locator(".cards > li", has=page.locator(f'a[href="/calls/{talk.id}"]'))
    await expect(card).to_contain_text("agreed by key")
    assert not await is_in_ledger(scene, talk.id, "recording-played")
    player = card.locator("audio")
    await player.focus()
    await page.keyboard.press("Space")
    await page.wait_for_function("player => player.currentTime > 0", arg=await player.element_handle())
    assert await player.evaluate("player => player.error") is None
    assert await player.evaluate("player => player.duration") > 1
    assert [fact["by"] for fact in await in_ledger(scene, talk.id, "recording-played")] == ["officer"]
    assert not result.failed

    other = await log_in("admin")
    for path in ("/recordings", f"/api/v1/recordings/{talk.id}/audio"):
        refused = await other.goto(path)
        assert refused is not None
        assert refused.status == 403
    assert len(await in_ledger(scene, talk.id, "recording-played")) == 1
