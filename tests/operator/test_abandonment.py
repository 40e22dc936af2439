"""The share of answered calls that found no agent, by campaign, as far back as a law asks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callgate.core import gate
from callgate.core.events import Event, Kind
from callgate.core.gate import Facts, Question, Verdict
from callgate.core.law import Contacts, Share
from callgate.core.policy import Dialling, Policy
from callgate.core.reasons import Reason
from callgate.office.abandonment import KNOWN_FOR, Abandonment
from callgate.stores.ledger import Ledger
from tests.core.test_gate import BRITISH, CONSENT, FRENCH, FRESH, NOW, POLICY, REQUEST
from tests.stores.conftest import ANNA, open_ledger

SPRING = replace(POLICY.campaigns["spring"], dialling=Dialling.PREDICTIVE)
PREDICTIVE = replace(POLICY, campaigns={"spring": SPRING, "autumn": replace(SPRING, id="autumn")})


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await open_ledger(tmp_path)
    yield opened
    await opened.close()


class Scene:
    def __init__(self, ledger: Ledger, policy: Policy = PREDICTIVE) -> None:
        self.ledger, self.now = ledger, NOW
        self.abandonment = Abandonment(ledger, policy=lambda: policy, clock=lambda: self.now)
        self._calls = 0

    async def calls(self, *ends: Kind, at: datetime = NOW, campaign: str = "spring", outcome: str = "allow") -> None:
        """A call for each of `ends`: answered, and then that."""
        for end in ends:
            self._calls += 1
            call, said = f"c{self._calls}", {"outcome": outcome, "campaign": campaign}
            happened = [Event(Kind.VERDICT, at, call, ANNA, "acme", dict(said))]
            happened += [Event(kind, at, call) for kind in dict.fromkeys((Kind.ANSWERED, end, Kind.CLOSED))]
            await self.ledger.append(happened)

    def share(self, days: int | None = 30, campaign: str = "spring") -> Share | None:
        return self.abandonment.shares(campaign).get(days)


async def test_what_was_answered_and_what_was_abandoned_is_counted_for_each_campaign(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.calls(Kind.CONNECTED, Kind.ABANDONED, Kind.CONNECTED)
    await scene.calls(Kind.CONNECTED, campaign="autumn")
    await scene.abandonment.count()
    assert scene.share() == scene.share(days=None) == Share(1, 3)
    assert scene.share(campaign="autumn") == Share(0, 1)
    assert scene.share(campaign="winter") == Share(0, 0)


async def test_what_comes_later_is_taken_in_once(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.calls(Kind.CONNECTED)
    for _ in range(3):
        await scene.abandonment.count()
    await scene.calls(Kind.ABANDONED)
    await scene.abandonment.count()
    assert scene.share() == Share(1, 2)


async def test_calls_before_the_span_count_for_the_campaigns_life_only(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.calls(Kind.ABANDONED, at=NOW - timedelta(days=31))
    await scene.calls(Kind.CONNECTED, at=NOW - timedelta(days=29))
    await scene.abandonment.count()
    assert (scene.share(), scene.share(days=None)) == (Share(0, 1), Share(1, 2))


async def test_calls_that_were_blocked_are_none(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.calls(Kind.ABANDONED, outcome="block")
    await scene.abandonment.count()
    assert scene.share() == Share(0, 0)


async def test_a_share_that_was_not_counted_lately_is_not_known(ledger: Ledger) -> None:
    scene = Scene(ledger)
    assert scene.share() is None
    await scene.abandonment.count()
    scene.now += KNOWN_FOR
    assert scene.share() == Share(0, 0)
    scene.now += timedelta(seconds=1)
    assert scene.share() is None


async def test_where_no_campaign_can_abandon_a_call_nothing_is_counted(ledger: Ledger) -> None:
    scene = Scene(ledger, POLICY)
    await scene.abandonment.count()
    assert scene.share() is None


def judged(dialling: Dialling, share: Share | None, dialled: str, caller_id: str = SPRING.caller_id) -> Verdict:
    campaign = replace(SPRING, dialling=dialling, caller_id=caller_id)
    question = gate.ask(replace(REQUEST, dialled=dialled), replace(POLICY, campaigns={"spring": campaign}), NOW)
    assert isinstance(question, Question)
    known = {} if share is None else {30: share, None: share}
    return gate.answer(question, Facts((), FRESH, CONSENT, Contacts(), abandoned=known), NOW)


@pytest.mark.parametrize(
    ("dialling", "share", "reason"),
    [
        (Dialling.MANUAL, None, Reason.CLEAR),
        (Dialling.PROGRESSIVE, None, Reason.CLEAR),
        (Dialling.PREDICTIVE, None, Reason.ABANDONED_LIMIT),
        (Dialling.PREDICTIVE, Share(0, 100), Reason.CLEAR),
        (Dialling.PREDICTIVE, Share(1, 100), Reason.ABANDONED_LIMIT),
    ],
)
def test_a_dialler_that_calls_before_an_agent_is_free_is_held_to_the_limit(
    dialling: Dialling, share: Share | None, reason: Reason
) -> None:
    assert judged(dialling, share, BRITISH).reason is reason


@pytest.mark.parametrize(("dialling", "shows_it"), [(Dialling.MANUAL, True), (Dialling.PROGRESSIVE, False)])
def test_a_machine_that_dials_shows_no_number_that_is_kept_for_people(dialling: Dialling, shows_it: bool) -> None:
    verdict = judged(dialling, None, FRENCH, caller_id="+33639980001")
    (finding,) = (finding for finding in verdict.trail if finding.rule == "caller-id-automated")
    assert finding.passed is shows_it
