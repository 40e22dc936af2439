"""What another policy would have decided about the calls that were made."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callgate.core.events import DataClass, Event, Kind
from callgate.core.gate import Facts, Hit, Question, Scope
from callgate.core.policy import Policy
from callgate.core.reasons import Reason
from callgate.office.rehearsal import Change, Report, rehearse
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from tests.core.test_gate import CONSENT, NOW, POLICY, mandate
from tests.stores.conftest import open_ledger

ANNA = "+33199001234"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await open_ledger(tmp_path)
    yield opened
    await opened.close()


def called(at: datetime, call: str = "c1", reason: Reason = Reason.CLEAR, number: str | None = ANNA) -> Event:
    said = {
        "outcome": "allow" if reason is Reason.CLEAR else "block",
        "reason": str(reason),
        "campaign": "spring",
        "purpose": "marketing",
        "centre": "brussels",
        "pbx": "pbx",
        "uniqueid": call,
    }
    return Event(Kind.VERDICT, at, call, number, "acme", dict(said))


async def facts(_: Question, __: tuple[str, ...]) -> Facts:
    return Facts((), {}, CONSENT)


async def objected(_: Question, __: tuple[str, ...]) -> Facts:
    return Facts((Hit(Scope.CONTROLLER, "objection"),), {}, CONSENT)


def without_contract() -> Policy:
    return replace(POLICY, version="v2", mandates={("acme", "brussels"): mandate("brussels", NOW.date())})


async def rehearsed(ledger: Ledger, other: Policy, days: int = 7, until: datetime = NOW) -> Report:
    return await rehearse(
        ledger, POLICY, other, facts, since=until - timedelta(days=days), until=until + timedelta(days=3)
    )


async def test_a_policy_is_no_different_from_itself(ledger: Ledger) -> None:
    await ledger.append([called(NOW, "c1"), called(NOW, "c2", Reason.NO_CONSENT)])
    report = await rehearsed(ledger, POLICY)
    assert (report.calls, report.alike, report.reproduced, report.changes) == (2, 2, 1, {})


async def test_what_would_be_decided_otherwise_is_counted_with_examples(ledger: Ledger) -> None:
    await ledger.append([called(NOW, "c1")])
    await ledger.append([called(NOW + timedelta(days=1), f"d{n}", number=f"+3319900123{n}") for n in range(4)])
    report = await rehearsed(ledger, without_contract())
    change = Change("spring", Reason.CLEAR, Reason.NO_CONTRACT)
    assert (report.calls, report.alike, dict(report.changes)) == (5, 1, {change: 4})
    assert report.examples[change] == ["d0", "d1", "d2"]


async def test_calls_before_the_days_asked_for_count_as_attempts_and_no_more(ledger: Ledger) -> None:
    await ledger.append([called(NOW - timedelta(days=12 - day), f"c{day}") for day in range(5)])
    before, after = await rehearsed(ledger, POLICY), await rehearsed(ledger, POLICY, days=8)
    assert (before.calls, before.reproduced) == (0, 0)
    assert (after.calls, after.reproduced) == (1, 0), "the fifth within 30 days is past the cap, by either policy"


async def test_what_is_on_file_now_counts_for_both_alike(ledger: Ledger) -> None:
    await ledger.append([called(NOW)])
    report = await rehearse(ledger, POLICY, without_contract(), objected, since=NOW, until=NOW + timedelta(days=1))
    assert (report.alike, report.reproduced) == (1, 0)


@pytest.mark.parametrize("reason", [Reason.STORE_UNAVAILABLE, Reason.CALLGATE_TIMEOUT, Reason.INTERNAL_ERROR])
async def test_calls_about_which_nothing_was_known_are_passed_over(ledger: Ledger, reason: Reason) -> None:
    await ledger.append([called(NOW, reason=reason)])
    report = await rehearsed(ledger, without_contract())
    assert (report.calls, dict(report.passed_over)) == (0, {"no policy decided": 1})


async def test_people_who_were_erased_and_what_was_no_number_are_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.append([called(NOW, "c1"), called(NOW, "c2", Reason.BAD_NUMBER, None)])
    await ledger.erase(ANNA, "acme", list(DataClass), NOW, by="officer", journal=Journal(tmp_path / "erasures"))
    report = await rehearsed(ledger, without_contract())
    assert (report.calls, dict(report.passed_over)) == (0, {"no number is on file": 2})


async def test_more_calls_than_are_read_at_once_are_all_asked_about(ledger: Ledger) -> None:
    await ledger.append([called(NOW, f"c{n}", Reason.NO_CONSENT, f"+331990{n:05}") for n in range(2100)])
    assert (await rehearsed(ledger, POLICY)).calls == 2100
