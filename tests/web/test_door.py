"""Who comes in, how long they stay, and what keeps guessers and forgers out."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from callgate.core.access import Role
from callgate.core.events import Kind
from callgate.web.auth.lockout import Lockout
from callgate.web.auth.passwords import BadPassword, Passwords
from tests.stores.conftest import NOW
from tests.web.world import PASSWORD, World

pytestmark = pytest.mark.server

COOKIE = "callgate"


def cookies(world: World) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in world.client.session.cookie_jar}


async def status_of_me(world: World) -> int:
    return (await world.ask("GET", "/api/v1/session")).status


async def told(world: World, kind: Kind) -> list[dict[str, object]]:
    return [dict(entry.event.payload) for entry in await world.ledger.read(kinds=[kind])]


# In and out.


async def test_somebody_logs_in_is_known_and_logs_out(world: World) -> None:
    await world.user("boss", Role.OFFICER, frozenset({"acme"}))
    csrf = await world.log_in("boss")
    me = await (await world.ask("GET", "/api/v1/session")).json()
    assert (me["name"], me["role"], me["controllers"], me["scopes"]) == ("boss", "officer", ["acme"], None)
    assert me["csrf"] == csrf
    kept = cookies(world)[COOKIE]
    assert (await world.ask("DELETE", "/api/v1/session", X_CSRF_Token=csrf)).status == 204
    assert COOKIE not in cookies(world)
    assert (await world.ask("GET", "/api/v1/session", Cookie=f"{COOKIE}={kept}")).status == 401
    assert await told(world, Kind.LOGIN) == [{"by": "boss"}]
    assert (await told(world, Kind.ACT))[-1] == {"act": "logout", "by": "boss"}


async def test_the_cookie_is_for_this_host_and_out_of_reach_of_scripts(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    answer = await world.ask("POST", "/api/v1/session", json={"name": "boss", "password": PASSWORD})
    [cookie] = answer.headers.getall("Set-Cookie")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("name", "password"), [("boss", "wrong password"), ("nobody", PASSWORD), ("gone", PASSWORD), ("robot", PASSWORD)]
)
async def test_a_wrong_name_a_wrong_password_and_a_disabled_user_are_answered_alike(
    world: World, name: str, password: str
) -> None:
    await world.user("boss", Role.OFFICER)
    await world.user("gone", Role.OFFICER)
    await world.door.accounts.disable("gone", "test")
    await world.door.make_token("boss", "", frozenset(), timedelta(days=1), "test")
    answer = await world.ask("POST", "/api/v1/session", json={"name": name, "password": password})
    body = await answer.json()
    assert (answer.status, body["detail"]) == (401, "name and password do not go together")
    assert "Set-Cookie" not in answer.headers


async def test_a_name_that_is_not_there_costs_a_hash_like_any_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[str | None] = []
    matches = Passwords.matches

    async def counting(self: Passwords, hashed: str | None, password: str) -> bool:
        hashes.append(hashed)
        return await matches(self, hashed, password)

    monkeypatch.setattr(Passwords, "matches", counting)
    await world.user("boss", Role.OFFICER)
    for name in ("boss", "nobody"):
        assert (await world.ask("POST", "/api/v1/session", json={"name": name, "password": "wrong one"})).status == 401
    assert [hashed is None for hashed in hashes] == [False, True]


async def test_the_page_logs_in_by_its_form_and_goes_where_one_wanted(world: World) -> None:
    await world.user("boss", Role.SUPERVISOR)
    page = await (await world.ask("GET", "/login?next=/calls")).text()
    assert 'value="/calls"' in page
    sent = await world.client.post(
        "/login", data={"name": "boss", "password": PASSWORD, "next": "/calls"}, allow_redirects=False
    )
    assert (sent.status, sent.headers["Location"]) == (303, "/calls")
    assert (await world.ask("GET", "/")).status == 200
    wrong = await world.client.post("/login", data={"name": "boss", "password": "wrong", "next": "/calls"})
    assert (wrong.status, 'role="alert"' in await wrong.text()) == (401, True)


@pytest.mark.parametrize(
    "path", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "x", '/"><script>']
)
async def test_nobody_is_sent_elsewhere_after_logging_in(world: World, path: str) -> None:
    await world.user("boss", Role.SUPERVISOR)
    form = {"name": "boss", "password": PASSWORD, "next": path}
    sent = await world.client.post("/login", data=form, allow_redirects=False)
    assert sent.status == 303
    location = sent.headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    page = await (await world.client.get("/login", params={"next": path})).text()
    assert "<script>" not in page
    assert "elsewhere" not in page


# How long a session lasts.


async def test_a_session_that_is_not_used_ends(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    await world.log_in("boss")
    for _ in range(3):
        world.later(minutes=59)
        assert await status_of_me(world) == 200
    world.later(minutes=60)
    assert await status_of_me(world) == 401


async def test_a_session_ends_after_a_day_of_work_however_much_it_is_used(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    await world.log_in("boss")
    for _ in range(23):
        world.later(minutes=31)
        assert await status_of_me(world) == 200
    world.later(minutes=31)
    assert await status_of_me(world) == 401


async def test_a_new_password_ends_the_sessions_and_takes_the_old_one(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    csrf = await world.log_in("boss")
    for old, new, status in (
        ("not the old one", "another good one", 422),
        (PASSWORD, "another good one", 204),
    ):
        answer = await world.ask("POST", "/api/v1/session/password", json={"old": old, "new": new}, X_CSRF_Token=csrf)
        assert answer.status == status
    assert await status_of_me(world) == 401
    assert (await world.ask("POST", "/api/v1/session", json={"name": "boss", "password": PASSWORD})).status == 401
    await world.log_in("boss", "another good one")
    assert {"act": "password-set", "by": "boss", "user": "boss"} in await told(world, Kind.ACT)


async def test_a_disabled_user_is_out_at_once_with_every_token(world: World) -> None:
    token = await world.user("boss", Role.OFFICER)
    await world.log_in("boss")
    await world.door.accounts.disable("boss", "admin")
    assert await status_of_me(world) == 401
    assert (await world.ask("GET", "/api/v1/session", token)).status == 401
    await world.door.accounts.enable("boss", "admin")
    assert (await world.ask("GET", "/api/v1/session", token)).status == 401
    await world.log_in("boss")


async def test_a_stream_ends_with_the_session_that_opened_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callgate.web.stream.BEAT_S", 0.01)
    await world.user("boss", Role.SUPERVISOR)
    await world.log_in("boss")
    async with await world.ask("GET", "/api/v1/events") as stream:
        assert b"event: beat" in await stream.content.readuntil(b"\n\n")
        await world.door.accounts.disable("boss", "admin")
        async with asyncio.timeout(5):
            assert (await stream.content.read()).count(b"event:") < 1_000


# Tokens.


async def test_a_token_expires_and_can_be_taken_back(world: World) -> None:
    first = await world.user("robot", Role.MACHINE)
    second = await world.door.make_token("robot", "", frozenset(), timedelta(days=2), "test")
    assert first.startswith("cg_")
    world.later(days=1)
    assert (await world.ask("GET", "/api/v1/session", first)).status == 401
    assert (await world.ask("GET", "/api/v1/session", second)).status == 200
    [*_, newest] = await world.door.accounts.tokens("robot")
    await world.door.accounts.revoke(newest.id, "test")
    assert (await world.ask("GET", "/api/v1/session", second)).status == 401


async def test_neither_passwords_nor_sessions_nor_tokens_are_in_the_database(world: World) -> None:
    token = await world.user("boss", Role.OFFICER)
    await world.log_in("boss")
    held = b"".join(file.read_bytes() for file in world.ledger.backend.path.parent.glob("ledger.db*"))  # type: ignore[attr-defined]
    assert b"boss" in held
    for secret in (PASSWORD, token, token.removeprefix("cg_"), cookies(world)[COOKIE]):
        assert secret.encode() not in held


@pytest.mark.parametrize("given", ["Bearer cg_wrong", "Bearer", "Basic Ym9zczpib3Nz", "cg_wrong", "Bearer é"])
async def test_a_wrong_token_is_refused_where_nobody_need_be_known_too(world: World, given: str) -> None:
    answer = await world.ask("GET", "/healthz", Authorization=given)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# Guessing.


async def test_who_guesses_has_to_wait_longer_each_time_and_the_right_password_does_not_count_meanwhile(
    world: World,
) -> None:
    await world.user("boss", Role.OFFICER)
    wrong = {"name": "boss", "password": "a wrong guess"}
    for _ in range(5):
        assert (await world.ask("POST", "/api/v1/session", json=wrong)).status == 401
    waits = []
    for _ in range(3):
        refused = await world.ask("POST", "/api/v1/session", json=wrong | {"password": PASSWORD})
        assert refused.status == 429
        waits.append(int(refused.headers["Retry-After"]))
        world.later(seconds=waits[-1])
        assert (await world.ask("POST", "/api/v1/session", json=wrong)).status == 401
    assert waits == sorted(set(waits))
    world.later(seconds=60)
    await world.log_in("boss")
    assert (await world.ask("POST", "/api/v1/session", json=wrong)).status == 401


async def test_failed_log_ins_are_one_event_that_names_users_and_no_word_that_may_be_a_password(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    for name in ("boss", "my secret typed here", "boss"):
        await world.ask("POST", "/api/v1/session", json={"name": name, "password": "a wrong guess"})
    await world.door._tidy()
    await world.door._tidy()
    assert await told(world, Kind.LOGIN_FAILED) == [{"count": 3, "users": ["boss"], "addresses": ["127.0.0.1"]}]


def test_a_wait_ends_and_is_bounded_and_failures_are_forgotten() -> None:
    lockout, keys = Lockout(), (("user", "boss"), ("address", "192.0.2.1"))
    for _ in range(40):
        lockout.failed(keys, NOW)
    assert lockout.wait(keys, NOW) == timedelta(minutes=15)
    assert lockout.wait(keys, NOW + timedelta(minutes=15)) == timedelta()
    assert lockout.wait((("user", "other"),), NOW) == timedelta()
    lockout.failed(keys, NOW + timedelta(hours=25))
    assert lockout.wait(keys, NOW + timedelta(hours=25)) == timedelta()


def test_success_clears_the_user_and_not_the_address() -> None:
    lockout, keys = Lockout(), (("user", "boss"), ("address", "192.0.2.1"))
    for _ in range(20):
        lockout.failed(keys, NOW)
    lockout.succeeded("boss")
    assert lockout.wait((keys[0],), NOW) == timedelta()
    assert lockout.wait((keys[1],), NOW) > timedelta()


async def test_passwords_are_hashed_as_rfc_9106_recommends() -> None:
    passwords = Passwords()
    hashed = await passwords.hash(PASSWORD)
    assert extract_parameters(hashed) == RFC_9106_LOW_MEMORY
    assert await passwords.matches(hashed, PASSWORD)
    assert not await passwords.matches(hashed, PASSWORD + " ")
    assert not await passwords.matches(None, PASSWORD)
    assert not await passwords.matches("no hash", PASSWORD)


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
async def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(BadPassword):
        await Passwords().hash(password)


# Forgery.

OBJECTION = {"number": "+33199001201", "controller": "acme", "reason": "letter"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": "é"}, 403),
        ({"X-CSRF-Token": "right"}, 200),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": "right", "Origin": "https://elsewhere.example"}, 403),
        ({"X-CSRF-Token": "right", "Origin": "null"}, 403),
    ],
)
async def test_a_session_changes_something_only_from_our_own_pages(
    world: World, headers: dict[str, str], status: int
) -> None:
    await world.user("boss", Role.OFFICER)
    csrf = await world.log_in("boss")
    sent = {name: value.replace("right", csrf) for name, value in headers.items()}
    answer = await world.client.post("/api/v1/suppressions", json=OBJECTION, headers=sent)
    assert answer.status == status


async def test_another_sessions_csrf_token_is_none(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    before = await world.log_in("boss")
    await world.log_in("boss")
    answer = await world.ask("POST", "/api/v1/suppressions", json=OBJECTION, X_CSRF_Token=before)
    assert answer.status == 403


async def test_a_token_needs_no_csrf_token_and_no_page(world: World) -> None:
    token = await world.user("robot", Role.MACHINE)
    answer = await world.ask("POST", "/api/v1/suppressions", token, json=OBJECTION, Sec_Fetch_Site="cross-site")
    assert answer.status == 200


async def test_nobody_is_logged_in_from_a_page_elsewhere(world: World) -> None:
    await world.user("boss", Role.OFFICER)
    form = {"name": "boss", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        answer = await world.client.post("/login", data=form, headers=headers, allow_redirects=False)
        assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)


async def test_an_officer_takes_an_objection_back_in_person_and_nobody_else(world: World) -> None:
    body = OBJECTION | {"proof": "their own letter", "at_the_persons_request": True}
    token = await world.user("officer", Role.OFFICER)
    await world.user("boss", Role.SUPERVISOR)
    await world.user("futuras", Role.OFFICER, frozenset({"futura"}))
    assert (await world.ask("POST", "/api/v1/suppressions/removals", token, json=body)).status == 403
    for name, status in (("boss", 403), ("futuras", 403), ("officer", 200)):
        csrf = await world.log_in(name)
        answer = await world.ask("POST", "/api/v1/suppressions/removals", json=body, X_CSRF_Token=csrf)
        assert answer.status == status
        world.client.session.cookie_jar.clear()
    [removal] = await world.ledger.read(kinds=[Kind.OBJECTION_REMOVED])
    assert removal.event.payload["by"] == "officer"
    assert removal.event.personal == {"reason": "letter", "proof": "their own letter"}
