"""How long after an event the live page shows it: a real Chromium, 49 further clients, 100 events a second.

The server runs in a process of its own, as callgate does, and tells of blocks and of calls that change their stage, in
turn; each changes a row, but for the end of a call, which takes one away. The page says of each row when it was in the
document and a frame was drawn since (`requestAnimationFrame`, and a task after it); the row says when the event was
told. Both read the same machine's clock. The 49 further clients read whatever they are sent, and it is counted that
each was sent everything.

Beside it stands what the page itself takes: the same, for one event a second and no other client.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, CookieJar
from playwright.async_api import Page, async_playwright
from rich.console import Console

from bench.report import Figure, percentile
from callgate.web.serving import COOKIE_ON_LOOPBACK
from lab.process import LabError

CHROMIUM = "/usr/bin/chromium"
CLIENTS = 49
SECONDS = 30
RATE = 100
ROWS = 0.85
"""Of all events: those that change a row, and come one by one, so that no other is drawn in their place."""

_WATCH = """() => {
  window.late = [];
  const known = new WeakSet();
  const watch = new MutationObserver((changes) => {
    const told = [];
    for (const change of changes)
      for (const row of change.addedNodes) {
        if (!known.has(row)) told.push(Date.parse(row.dataset.at));
        known.add(row);
      }
    if (!told.length) return;
    requestAnimationFrame(() => setTimeout(() => {
      const now = Date.now();
      for (const at of told) window.late.push(now - at);
    }));
  });
  for (const rows of ["blocked", "calls"]) watch.observe(document.getElementById(rows), { childList: true });
}"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds from event to changed page, and how many events each further client was sent."""

    late: list[float]
    heard: list[int]


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with console.status("following the live page alone"):
        alone = await _followed(clients=0, rate=1, seconds=10)
    with console.status(f"{RATE} events a second, {CLIENTS} further clients"):
        crowd = await _followed(CLIENTS, RATE, SECONDS)
    told = RATE * SECONDS
    if min(crowd.heard) < told or len(crowd.late) < told * ROWS:
        raise LabError(f"of {told} events a client was sent {min(crowd.heard)}, and {len(crowd.late)} rows were drawn")
    median = percentile(crowd.late, 0.5)
    quiet = percentile(alone.late, 0.99)
    drawn = len(crowd.late)
    note = f"event to drawn page, {told} events, {drawn} rows; median {median:.0f} ms; every client was sent all"
    return [
        Figure("live.event_p99_ms", percentile(crowd.late, 0.99), "ms", "alone, 1 a second", quiet, "<= 250", note),
        Figure("live.event_p50_ms", median, "ms", "alone, 1 a second", percentile(alone.late, 0.5)),
    ]


async def _followed(clients: int, rate: int, seconds: int) -> Seen:
    async with (
        _server(rate, seconds) as (address, session, process),
        ClientSession(cookie_jar=CookieJar(unsafe=True), cookies={COOKIE_ON_LOOPBACK: session}) as http,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.context.add_cookies([{"name": COOKIE_ON_LOOPBACK, "value": session, "url": address}])
        await page.goto(address)
        await page.locator('#standing[data-state="live"]').wait_for()
        await page.evaluate(_WATCH)
        others = [asyncio.create_task(_heard(http, address)) for _ in range(clients)]
        await asyncio.sleep(1)
        _say(process, "go")
        late = await _late(page, process)
        _say(process, "end")
        heard = await asyncio.gather(*others)
        await browser.close()
        return Seen(late, heard)


async def _late(page: Page, process: asyncio.subprocess.Process) -> list[float]:
    if process.stdout is None or await process.stdout.readline() != b"told\n":
        raise LabError("the server of the live page ended before it had told everything")
    await asyncio.sleep(1)
    found: list[float] = await page.evaluate("window.late")
    return found


async def _heard(http: ClientSession, address: str) -> int:
    """How many events of the two kinds one client was sent."""
    events = 0
    with contextlib.suppress(ClientError):
        async with http.get(f"{address}api/v1/events") as stream:
            async for line in stream.content:
                events += line in (b"event: block\n", b"event: call\n")
    return events


@contextlib.asynccontextmanager
async def _server(rate: int, seconds: int) -> AsyncIterator[tuple[str, str, asyncio.subprocess.Process]]:
    words = ("-m", "bench.live_server", str(rate), str(seconds))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
    try:
        if process.stdout is None or not (address := (await process.stdout.readline()).decode().strip()):
            raise LabError("the server of the live page did not start")
        address, session = address.split()
        yield address, session, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _say(process: asyncio.subprocess.Process, word: str) -> None:
    if process.stdin is None:
        raise LabError("the server of the live page cannot be spoken to")
    process.stdin.write(f"{word}\n".encode())
