"""A real browser logs in: cookies, where it says that a form came from, and the content policy, as Chromium has it."""

import pytest
from playwright.async_api import ConsoleMessage, async_playwright

from callgate.core.access import Role
from tests.web.world import PASSWORD, World

pytestmark = pytest.mark.server


def _is_fault(said: ConsoleMessage) -> bool:
    """What the browser complains of, but that there is no icon."""
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


async def test_a_supervisor_logs_in_by_the_form_and_sees_the_live_page_live(world: World) -> None:
    await world.user("boss", Role.SUPERVISOR)
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("console", lambda said: wrong.append(said.text) if _is_fault(said) else None)
        await page.goto(str(world.client.make_url("/")))
        assert page.url.endswith("/login?next=/")
        await page.fill("#name", "boss")
        await page.fill("#password", PASSWORD)
        await page.click("button")
        await page.wait_for_selector('#standing[data-state="live"]')
        assert page.url == str(world.client.make_url("/"))
        await browser.close()
    assert wrong == []
