"""National lists that come over HTTP: whole or not at all, by whom it is for, and never instead of the version before
until they were read and checked."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.async_api import Browser, expect

from callgate.cli.bringing import told
from callgate.clock import system_clock
from callgate.core.access import Role
from callgate.core.events import Json, Kind
from callgate.listimport import Import, ListImports, NoImport, ProcessBring, Stage, Words
from callgate.registers.errors import ACCEPTED, Flaw
from callgate.registers.layouts import LAYOUTS
from callgate.stores.errors import LedgerUnavailable
from callgate.web.api.lists import Layout
from callgate.web.auth.door import csrf_of
from callgate.web.serving import COOKIE_ON_LOOPBACK, MOUNTED
from tests.registers.conftest import Command, command, redis_url
from tests.registers.test_import_command import in_force, lines
from tests.stores.servers import RedisServer
from tests.web.world import World

__all__ = ["RedisServer", "command", "redis_url"]
pytestmark = pytest.mark.server

PATH, PAGE = "/api/v1/lists/be-dncm/import", "/lists/be-dncm/import"
FILE = b"+3225550101\n+3225550102\n"


async def send(world: World, token: str, file: bytes = FILE, path: str = PATH) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with await world.client.post(path, data=file, headers=headers) as answer:
        return answer.status, await answer.json()


async def state(world: World, token: str, stage: Stage) -> dict[str, Any]:
    """How far the import is, once it is so far."""
    for _ in range(1000):
        found: dict[str, Any] = await (await world.ask("GET", PATH, token)).json()
        if found.get("stage") == stage:
            return found
        world.seconds += 1  # so that nobody is told to wait
    raise AssertionError(found)


async def acts(world: World) -> list[Mapping[str, Json]]:
    """What the ledger was told of imports."""
    payloads = [entry.event.payload for entry in await world.ledger.read(kinds=[Kind.ACT])]
    return [said for said in payloads if str(said["act"]).startswith("list-")]


def refuse(flaw: Flaw) -> Callable[[Import], None]:
    def end(one: Import) -> None:
        one.flaw, one.found = flaw, {"samples": ["line 2: 1 character"], "lines": 2, "broken": 1}
        one.ended(Stage.REFUSED, f"it is {flaw}")

    return end


# Over HTTP.


async def test_a_file_is_taken_as_it_is_and_comes_into_force(world: World) -> None:
    token = await world.user("olga", Role.OFFICER)
    status, begun = await send(world, token, path=f"{PATH}?format=csv&column=1&as_of=2026-11-20&max_broken=0.01")
    assert (status, begun["list"], begun["by"], begun["bytes"]) == (202, "be-dncm", "olga", len(FILE))
    done = await state(world, token, Stage.IN_FORCE)
    assert (done["version"], done["numbers"], done["refused"]) == ("v2", 3, None)
    assert world.bring.files == [FILE]
    [words] = world.bring.words
    wanted = {"format": "csv", "column": "1", "as-of": "2026-11-20", "max-broken": "0.010000", "accept-shrink": False}
    assert words.items() >= wanted.items()


async def test_who_sends_a_file_is_in_the_ledger(world: World) -> None:
    await send(world, await world.user("olga", Role.OFFICER))
    assert await acts(world) == [{"act": "list-import-begun", "by": "olga", "list": "be-dncm"}]


async def test_with_a_ledger_that_is_away_nothing_is_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await world.user("olga", Role.OFFICER)

    async def away(_: object) -> None:
        raise LedgerUnavailable("gone")

    monkeypatch.setattr(world.ledger, "append", away)
    assert (await send(world, token))[0] == 503
    assert world.bring.files == []


@pytest.mark.parametrize("flaw", Flaw)
async def test_a_refusal_has_a_type_for_programs_and_says_what_may_be_accepted(world: World, flaw: Flaw) -> None:
    world.bring.end = refuse(flaw)
    token = await world.user("olga", Role.OFFICER)
    await send(world, token)
    found = await state(world, token, Stage.REFUSED)
    expected = {"type": f"urn:callgate:problem:list-{flaw}", "detail": f"it is {flaw}"}
    assert found["refused"] == expected | {"may_be_accepted": flaw in ACCEPTED}
    assert found["samples"] == ["line 2: 1 character"]


async def test_what_shrank_is_taken_once_a_person_accepts_it_and_need_not_be_sent_again(world: World) -> None:
    world.bring.end = refuse(Flaw.SHRANK)
    token = await world.user("olga", Role.OFFICER)
    await send(world, token)
    await state(world, token, Stage.REFUSED)
    world.bring.end = lambda one: one.ended(Stage.IN_FORCE)
    assert (await world.ask("POST", f"{PATH}/acceptance", token)).status == 202
    await state(world, token, Stage.IN_FORCE)
    assert world.bring.files == [FILE, FILE]
    assert [words["accept-shrink"] for words in world.bring.words] == [False, True]
    assert (await world.ask("POST", f"{PATH}/acceptance", token)).status == 409
    entered = [act["act"] for act in await acts(world)]
    assert entered == ["list-import-begun", "list-import-accepted", "list-import-accepted"]


async def test_what_is_broken_is_not_accepted_by_anybody(world: World) -> None:
    world.bring.end = refuse(Flaw.BROKEN)
    token = await world.user("olga", Role.OFFICER)
    await send(world, token)
    await state(world, token, Stage.REFUSED)
    assert (await world.ask("POST", f"{PATH}/acceptance", token)).status == 409


async def test_one_list_is_imported_at_a_time_and_it_can_be_cancelled(world: World) -> None:
    world.bring.held = asyncio.Event()
    token = await world.user("olga", Role.OFFICER)
    await send(world, token)
    status, problem = await send(world, token)
    assert (status, problem["type"]) == (409, "urn:callgate:problem:under-way")
    assert (await world.ask("DELETE", PATH, token)).status == 200
    await state(world, token, Stage.CANCELLED)
    assert (await world.ask("DELETE", PATH, token)).status == 409
    world.bring.held = None
    assert (await send(world, token))[0] == 202


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("format=xls", "/format"), ("format=csv", ""), ("max_broken=2", "/max_broken"), ("as_of=tomorrow", "/as_of/date"),
     ("country=Belgium", "/country"), ("version=../x", "/version"), ("shrink=1", "/shrink")],
)  # fmt: skip
async def test_an_option_that_cannot_be_is_said_before_a_file_is_taken(world: World, query: str, pointer: str) -> None:
    status, problem = await send(world, await world.user("olga", Role.OFFICER), path=f"{PATH}?{query}")
    assert status == 422
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert world.bring.files == []


async def test_the_body_is_the_file_and_no_form_around_it(world: World) -> None:
    token = await world.user("olga", Role.OFFICER)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=x"}
    assert (await world.client.post(PATH, data=UPLOAD + END, headers=headers)).status == 415
    assert world.bring.files == []


async def test_a_list_that_is_not_configured_is_not_there(world: World) -> None:
    token = await world.user("olga", Role.OFFICER)
    assert (await send(world, token, path="/api/v1/lists/uk-tps/import"))[0] == 404
    assert (await world.ask("GET", PATH, token)).status == 404


async def test_a_file_that_breaks_off_is_not_read(world: World) -> None:
    token = await world.user("olga", Role.OFFICER)
    port = world.client.server.port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + FILE)
    await state(world, token, Stage.RECEIVING)
    writer.close()
    assert (await state(world, token, Stage.FAILED))["why"]
    assert world.bring.files == []


async def test_a_file_that_is_too_large_is_not_read(world: World) -> None:
    token = await world.user("olga", Role.OFFICER)
    mounted = {route.name: route for route in world.client.server.app[MOUNTED].values()}  # type: ignore[attr-defined]
    route = mounted["POST /api/v1/lists/{list}/import"]
    before = route.most
    object.__setattr__(route, "most", len(FILE) - 1)
    try:
        assert (await send(world, token))[0] == 413
    finally:
        object.__setattr__(route, "most", before)
    assert world.bring.files == []


# In the browser.


async def post(world: World, body: bytes, *, kind: str = "multipart/form-data; boundary=x", csrf: bool = True) -> int:
    """Send a form as it is, with a session of olga's; CSRF stands for her token."""
    secret = await world.session("olga")
    headers = {"Cookie": f"{COOKIE_ON_LOOPBACK}={secret}", "Content-Type": kind}
    token = csrf_of(secret) if csrf else "wrong"
    data = body.replace(b"CSRF", token.encode())
    async with world.client.post(PAGE, data=data, headers=headers, allow_redirects=False) as answer:
        return answer.status


def part(name: str, value: bytes, filename: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"


TOKEN, UPLOAD, END = part("csrf", b"CSRF"), part("file", FILE, "register.txt"), b"--x--\r\n"


async def test_a_form_with_a_file_is_taken_with_its_token_only(world: World) -> None:
    await world.user("olga", Role.OFFICER)
    assert await post(world, TOKEN + part("format", b"text") + UPLOAD + END) == 303
    assert world.bring.files == [FILE]
    assert await post(world, TOKEN + UPLOAD + END, csrf=False) == 403
    assert await post(world, UPLOAD + TOKEN + END) == 403
    assert world.bring.files == [FILE]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (TOKEN + UPLOAD, 400),
        (TOKEN + UPLOAD[:-9], 400),
        (TOKEN + UPLOAD[:30], 400),
        (TOKEN + b"--x\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n" + END, 400),
        (TOKEN + b"--x\r\nnonsense\r\n\r\n" + END, 400),
        (TOKEN + END, 400),
        (b"", 400),
        (TOKEN + part("format", b"\xff") + UPLOAD + END, 400),
        (TOKEN + part("format", b"t" * 5000) + UPLOAD + END, 400),
        (TOKEN + b"".join(part(f"f{n}", b"") for n in range(200)) + UPLOAD + END, 400),
        (TOKEN + part("format", b"xls") + UPLOAD + END, 422),
        (TOKEN + part("unknown", b"1") + UPLOAD + END, 422),
    ],
)
async def test_a_form_that_is_none_or_broke_off_is_not_read(world: World, body: bytes, status: int) -> None:
    await world.user("olga", Role.OFFICER)
    assert await post(world, body) == status
    assert world.bring.files == []


async def test_a_form_of_another_kind_is_not_taken(world: World) -> None:
    await world.user("olga", Role.OFFICER)
    assert await post(world, b"csrf=CSRF", kind="application/x-www-form-urlencoded") == 415
    assert await post(world, b"", kind="multipart/form-data") == 400


async def test_a_page_says_why_a_file_was_refused_and_what_to_do(world: World) -> None:
    await world.user("olga", Role.OFFICER)
    world.bring.end = refuse(Flaw.SHRANK)
    async with await world.visit("olga", "POST", PAGE, {"max_broken": "0.5", "as_of": ""}, file=FILE) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    assert world.bring.words[0]["max-broken"] == "0.005000"
    page = await (await world.visit("olga", "GET", PAGE)).text()
    for text in ("Refused. The version before stays in force.", "much smaller", "import it all the same", "line 2"):
        assert text in page
    world.bring.end = lambda one: one.ended(Stage.IN_FORCE)
    assert (await world.visit("olga", "POST", f"{PAGE}/accept", {})).status == 303
    assert "Version v2 is in force" in await (await world.visit("olga", "GET", PAGE)).text()


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without"])
async def test_a_file_is_sent_from_a_browser(world: World, browser: Browser, tmp_path: Path, script: bool) -> None:
    await world.user("olga", Role.OFFICER)
    (tmp_path / "register.txt").write_bytes(FILE)
    context = await browser.new_context(locale="en", java_script_enabled=script)
    await world.enter(context, "olga")
    page = await context.new_page()
    await page.goto(world.at("/lists"))
    await page.get_by_role("link", name="Import a version").click()
    await page.set_input_files("input[type=file]", tmp_path / "register.txt")
    await page.get_by_role("button", name="Send and import").click()
    await expect(page.locator("main")).to_contain_text("Version v2 is in force")
    assert (world.bring.files, page.url) == ([FILE], world.at(PAGE))
    await context.close()


async def test_what_cannot_be_sent_is_said_where_it_was_to_be_sent(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    await world.user("olga", Role.OFFICER)
    world.bring.held = asyncio.Event()
    (tmp_path / "register.txt").write_bytes(FILE)
    context = await browser.new_context(locale="en")
    await world.enter(context, "olga")
    page = await context.new_page()
    await page.goto(world.at(PAGE))
    assert (await world.visit("olga", "POST", PAGE, {}, file=FILE)).status == 303
    await page.set_input_files("input[type=file]", tmp_path / "register.txt")
    await page.get_by_role("button", name="Send and import").click()
    await expect(page.locator(".sending")).to_contain_text("A list is being imported already.")
    world.services.imports.cancel("be-dncm")
    await context.close()


async def test_who_is_confined_to_a_company_imports_nothing_and_is_offered_nothing(world: World) -> None:
    await world.user("odile", Role.OFFICER, frozenset({"acme"}))
    assert "/import" not in await (await world.visit("odile", "GET", "/lists")).text()
    assert (await world.visit("odile", "POST", PAGE, {}, file=FILE)).status == 403


def test_the_api_names_every_layout() -> None:
    assert set(get_args(Layout)) == set(LAYOUTS)


# The process.


async def body(text: str) -> AsyncIterator[bytes]:
    for at in range(0, len(text), 50):
        yield text[at : at + 50].encode()


async def begun() -> None:
    """Nobody is told."""


Then = Callable[[ListImports, Import], Awaitable[None]]


def imported(folder: Path, text: str, words: Words | None = None, then: Then | None = None) -> Import:
    """What became of a file; `then` happens as soon as it was received."""

    async def work() -> Import:
        imports = ListImports(folder, ProcessBring(folder / "callgate.toml"), system_clock)
        one = await imports.receive("uk-tps", words or {}, "olga", body(text), begun)
        if then is not None:
            await then(imports, one)
        assert imports._task is not None
        await imports._task
        return one

    return asyncio.run(work())


def test_a_process_of_its_own_brings_a_file_into_force_and_says_by_whom(tmp_path: Path, command: Command) -> None:
    one = imported(tmp_path, lines(10), {"version": "v1", "bare": False, "column": ""})
    assert (one.stage, one.found["numbers"], one.read, one.file) == (Stage.IN_FORCE, 10, one.size, None)
    assert in_force(command) == ("v1", 10)
    entries = json.loads(command("ledger", "show", "--json").stdout)
    assert "olga" in str(entries)


def test_a_refused_file_leaves_the_version_before_until_somebody_accepts_it(tmp_path: Path, command: Command) -> None:
    assert command("lists", "import", "-", "--list", "uk-tps", "--version", "v1", stdin=lines(10)).exit_code == 0

    async def work() -> None:
        imports = ListImports(tmp_path, ProcessBring(tmp_path / "callgate.toml"), system_clock)
        one = await imports.receive("uk-tps", {"version": "v2"}, "olga", body(lines(5)), begun)
        assert imports._task is not None
        await imports._task
        assert (one.stage, one.flaw, one.may_be_accepted) == (Stage.REFUSED, Flaw.SHRANK, True)
        imports.accept("uk-tps", "olga")
        await imports._task
        assert one.stage is Stage.IN_FORCE

    asyncio.run(work())
    assert in_force(command) == ("v2", 5)


async def cancel(imports: ListImports, one: Import) -> None:
    imports.cancel(one.list)


async def kill(_: ListImports, one: Import) -> None:
    while one.end is None:  # noqa: ASYNC110 - a process says nothing when it begins
        await asyncio.sleep(0)
    one.end.__self__.kill()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("then", "stage"), [(cancel, Stage.CANCELLED), (kill, Stage.FAILED)])
def test_an_import_that_is_cancelled_or_killed_leaves_the_version_before(
    tmp_path: Path, command: Command, then: Then, stage: Stage
) -> None:
    assert command("lists", "import", "-", "--list", "uk-tps", "--version", "v1", stdin=lines(10)).exit_code == 0
    ended = imported(tmp_path, lines(12), then=then)
    assert (ended.stage, ended.file) == (stage, None)
    assert in_force(command) == ("v1", 10)


def test_from_when_it_comes_into_force_it_is_not_ended_by_who_watches(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with told(None) as on_bytes:  # type: ignore[arg-type]
            on_bytes(3)
            on_bytes(4)
            assert signal.getsignal(signal.SIGTERM) is before
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capfd.readouterr().err.splitlines() == ['{"read": 3}', '{"read": 7}', '{"loading": true}']


def test_a_zip_file_and_what_cannot_be_done(tmp_path: Path, command: Command) -> None:
    del command
    assert imported(tmp_path, "PK\x03\x04 and no more").flaw is Flaw.DAMAGED
    failed = imported(tmp_path, lines(3), {"as-of": "yesterday"})
    assert failed.stage is Stage.FAILED
    assert "write it like" in failed.why


def test_what_is_coming_into_force_is_not_cancelled() -> None:
    imports = ListImports(Path("/nowhere"), ProcessBring(Path("/nowhere")), system_clock)
    imports._last["x"] = Import("x", {}, "olga", system_clock(), Stage.LOADING)
    with pytest.raises(NoImport):
        imports.cancel("x")
