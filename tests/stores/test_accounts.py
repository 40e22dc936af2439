"""Users, sessions, tokens and kept answers, in each kind of database: beside the chain, and told by it."""

from datetime import datetime, timedelta

import pytest

from callgate.core.access import Role
from callgate.core.events import Event, Kind
from callgate.stores.accounts import AccountRefused, Accounts, Token, User
from callgate.stores.answers import Answer, Answers, KeyReused, UnderWay
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger, gap
from tests.stores.conftest import ANNA, NOW

BOSS = User("boss", Role.OFFICER, frozenset({"acme"}), frozenset({"lille", "brussels"}), "a hash")


class Clock:
    """Moved by the test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(either: Ledger, clock: Clock) -> Accounts:
    return Accounts(either, clock)


@pytest.fixture
def answers(either: Ledger, clock: Clock) -> Answers:
    return Answers(either, clock)


def token(life: timedelta = timedelta(days=1)) -> Token:
    return Token("t1", "boss", "crm", frozenset({"check"}), NOW, NOW + life)


async def acts(ledger: Ledger) -> list[tuple[object, object]]:
    found = await ledger.read(kinds=[Kind.ACT, Kind.LOGIN])
    return [(entry.event.payload.get("act", entry.event.kind), entry.event.payload["by"]) for entry in found]


async def test_a_user_is_kept_as_given_and_whoever_is_confined_to_nothing_is_not_unconfined(accounts: Accounts) -> None:
    nobodys = User("nobodys", Role.AGENT, frozenset(), None)
    for user in (BOSS, nobodys):
        await accounts.add(user, "root")
    [boss, other] = await accounts.users()
    assert (boss.principal, boss.password, boss.created, boss.disabled) == (BOSS.principal, "a hash", NOW, None)
    assert (other.controllers, other.centres, other.password) == (frozenset(), None, None)
    with pytest.raises(AccountRefused, match="already"):
        await accounts.add(BOSS, "root")


async def test_every_change_is_in_the_chain_with_who_made_it(accounts: Accounts, either: Ledger) -> None:
    await accounts.add(BOSS, "root")
    await accounts.begin_session(b"s1", "boss")
    await accounts.add_token(token(), b"t1", "admin")
    await accounts.revoke("t1", "admin")
    await accounts.set_password("boss", "another", "boss")
    await accounts.disable("boss", "admin")
    await accounts.enable("boss", "admin")
    assert await acts(either) == [
        ("user-added", "root"), ("login", "boss"), ("token-made", "admin"), ("token-revoked", "admin"),
        ("password-set", "boss"), ("user-disabled", "admin"), ("user-enabled", "admin"),
    ]  # fmt: skip
    assert (await either.audit()).problems == ()


async def test_a_change_that_is_not_committed_leaves_neither_change_nor_event(
    accounts: Accounts, either: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = either.backend.commit

    def torn(changes: object) -> None:
        commit([*changes, ("INSERT INTO nowhere VALUES (1)", [()])])  # type: ignore[misc]

    monkeypatch.setattr(either.backend, "commit", torn)
    with pytest.raises(LedgerUnavailable):
        await accounts.add(BOSS, "root")
    monkeypatch.undo()
    assert (await accounts.users(), await acts(either)) == ([], [])


async def test_a_session_is_there_until_it_is_ended_and_its_user_disabled(accounts: Accounts, clock: Clock) -> None:
    await accounts.add(BOSS, "root")
    for secret in (b"s1", b"s2"):
        await accounts.begin_session(secret, "boss")
    clock.now += timedelta(minutes=5)
    await accounts.see_session(b"s1")
    session = await accounts.session(b"s1")
    assert session is not None
    assert (session.user.principal, session.created, session.seen) == (BOSS.principal, NOW, clock.now)
    await accounts.end_session(b"s1", "boss")
    assert await accounts.session(b"s1") is None
    assert await accounts.session(b"s2") is not None
    await accounts.disable("boss", "root")
    assert await accounts.session(b"s2") is None


async def test_what_has_ended_by_itself_is_removed(accounts: Accounts, clock: Clock) -> None:
    await accounts.add(BOSS, "root")
    await accounts.begin_session(b"s1", "boss")
    await accounts.add_token(token(timedelta(hours=2)), b"t1", "root")
    for hours, left in ((1, 1), (2, 0)):
        clock.now = NOW + timedelta(hours=hours, seconds=1)
        await accounts.see_session(b"s1")
        await accounts.prune(timedelta(hours=1), timedelta(hours=2))
        assert len(await accounts.tokens("boss")) == left
        assert (await accounts.session(b"s1") is not None) is (left == 1)


async def test_a_token_is_its_users(accounts: Accounts, clock: Clock) -> None:
    await accounts.add(BOSS, "root")
    await accounts.add_token(token(), b"t1", "root")
    found = await accounts.token(b"t1")
    assert found is not None
    assert (found[0], found[1].principal) == (token(), BOSS.principal)
    assert await accounts.token(b"t2") is None
    clock.now += timedelta(days=1)
    assert await accounts.token(b"t1") is None


async def test_no_session_and_no_token_outlives_a_restore(accounts: Accounts, either: Ledger) -> None:
    await accounts.add(BOSS, "root")
    await accounts.begin_session(b"s1", "boss")
    await accounts.add_token(token(), b"t1", "root")
    await gap.mark(either, NOW)
    assert await accounts.session(b"s1") is None
    assert await accounts.token(b"t1") is None
    assert len(await accounts.users()) == 1


async def test_peoples_keys_stay_at_hand_when_only_users_change(accounts: Accounts, either: Ledger) -> None:
    """An append that follows has to find and open no key anew."""
    await either.append([Event(Kind.DIALLED, NOW, "c1", ANNA, "acme")])
    finds: list[object] = []
    find = either.backend.find
    either.backend.find = lambda tokens: finds.append(tokens) or find(tokens)  # type: ignore[func-returns-value, method-assign]
    await accounts.add(BOSS, "root")
    await either.append([Event(Kind.CLOSED, NOW, "c1", ANNA, "acme")])
    assert not any(finds)


# Answers.


async def test_an_answer_is_given_again_for_a_day(answers: Answers, clock: Clock) -> None:
    claim = await answers.claim("boss", "k", b"f")
    assert claim.given is None
    await answers.keep(claim, Answer(200, '{"é": 1}'))
    clock.now += timedelta(hours=23)
    assert (await answers.claim("boss", "k", b"f")).given == Answer(200, '{"é": 1}')
    clock.now += timedelta(hours=2)
    assert (await answers.claim("boss", "k", b"other")).given is None


async def test_a_key_that_is_being_answered_is_not_claimed_twice_but_after_its_process_died(
    answers: Answers, clock: Clock
) -> None:
    first = await answers.claim("boss", "k", b"f")
    with pytest.raises(UnderWay):
        await answers.claim("boss", "k", b"f")
    with pytest.raises(KeyReused):
        await answers.claim("boss", "k", b"other")
    assert (await answers.claim("deputy", "k", b"other")).given is None
    clock.now += timedelta(minutes=2)
    second = await answers.claim("boss", "k", b"f")
    await answers.keep(first, Answer(200, "late"))
    with pytest.raises(UnderWay):
        await answers.claim("boss", "k", b"f")
    await answers.forget(second)
    assert (await answers.claim("boss", "k", b"f")).given is None
