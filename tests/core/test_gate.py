"""The gate's rules: what each says, in which order, and that nothing outweighs an objection or a doubt."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core import gate
from callgate.core.gate import CallRequest, Facts, Hit, ListState, Question, Scope, Unknown, Verdict
from callgate.core.policy import Campaign, Centre, Controller, ListRule, Mandate, Policy, Purpose, TransferBasis
from callgate.core.reasons import Reason

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FRENCH, BRITISH = "0033199001234", "00442079460123"


def mandate(centre: str, expires: date = date(2030, 1, 1)) -> Mandate:
    return Mandate("acme", centre, f"DPA-{centre}", expires)


POLICY = Policy(
    version="v1",
    home="BE",
    outside_line="",
    controllers={"acme": Controller("acme", "Acme")},
    centres={
        "brussels": Centre("brussels", "Brussels", "BE", "en"),
        "casablanca": Centre("casablanca", "Casa", "MA", "fr"),
        "tunis": Centre("tunis", "Tunis", "TN", "fr", TransferBasis("scc-2021-914", "SCC-7", date(2027, 1, 1))),
        "dakar": Centre("dakar", "Dakar", "SN", "fr", TransferBasis("scc-2021-914", "SCC-8", date(2026, 11, 23))),
        "lapsed": Centre("lapsed", "Lapsed", "FR", "fr"),
        "stranger": Centre("stranger", "Stranger", "FR", "fr"),
    },
    campaigns={
        "spring": Campaign(
            "spring",
            "acme",
            Purpose.MARKETING,
            {"fr": "x"},
            {"FR": "fr", "GB": "en"},
            {"GB": ("uk-tps",)},
            "+3225550199",
        )
    },
    mandates={
        ("acme", name): mandate(name, date(2026, 11, 23) if name == "lapsed" else date(2030, 1, 1))
        for name in ("brussels", "casablanca", "tunis", "dakar", "lapsed")
    },
    lists={"uk-tps": ListRule("uk-tps", "GB", 28)},
)
REQUEST = CallRequest("pbx", "1.1", "PJSIP/a-1", FRENCH, "spring", "brussels", "alice")
FRESH = {"uk-tps": ListState("7", NOW - timedelta(days=1))}
NOTHING = Facts((), FRESH)


def decide(request: CallRequest = REQUEST, facts: Facts | Unknown = NOTHING, now: datetime = NOW) -> Verdict:
    asked = gate.ask(request, POLICY, now)
    return asked if isinstance(asked, Verdict) else gate.answer(asked, facts, now)


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({}, Reason.CLEAR, ""),
        ({"dialled": "12"}, Reason.BAD_NUMBER, ""),
        ({"dialled": "0033199001234@carrier"}, Reason.BAD_NUMBER, ""),
        ({"centre": "nowhere"}, Reason.UNKNOWN_CENTRE, "nowhere"),
        ({"centre": ""}, Reason.UNKNOWN_CENTRE, ""),
        ({"campaign": "autumn"}, Reason.UNKNOWN_CAMPAIGN, "autumn"),
        ({"centre": "stranger"}, Reason.NOT_MANDATED, "no processor contract between acme and stranger"),
        ({"centre": "lapsed"}, Reason.NO_CONTRACT, "DPA-lapsed lapsed on 2026-11-23"),
        ({"centre": "casablanca"}, Reason.NO_TRANSFER_BASIS, "standard contractual clauses are missing"),
        ({"centre": "dakar"}, Reason.NO_TRANSFER_BASIS, "SCC-8, lapsed on 2026-11-23"),
        ({"centre": "tunis"}, Reason.CLEAR, ""),
        ({"dialled": "0031201234567"}, Reason.COUNTRY_NOT_SERVED, "calls FR, GB"),
    ],
)
def test_a_call_is_judged_by_who_calls_whom_for_whom(change: dict[str, str], reason: Reason, says: str) -> None:
    verdict = decide(replace(REQUEST, **change))
    assert verdict.reason is reason
    assert says in verdict.detail


@pytest.mark.parametrize(
    ("dialled", "facts", "reason"),
    [
        (FRENCH, Facts((), {}), Reason.CLEAR),
        (BRITISH, Facts((), FRESH), Reason.CLEAR),
        (BRITISH, Facts((), {}), Reason.LIST_MISSING),
        (BRITISH, Facts((), {"uk-tps": ListState("7", NOW - timedelta(days=28))}), Reason.CLEAR),
        (BRITISH, Facts((), {"uk-tps": ListState("7", NOW - timedelta(days=28, seconds=1))}), Reason.LIST_STALE),
        (BRITISH, Facts((Hit(Scope.NATIONAL, "uk-tps"),), FRESH), Reason.NATIONAL_LIST),
        (FRENCH, Facts((Hit(Scope.CONTROLLER, "objection"),), {}), Reason.OBJECTION),
        (FRENCH, Facts((Hit(Scope.CAMPAIGN, "objection"),), {}), Reason.OBJECTION),
        (FRENCH, Facts((Hit(Scope.ALL, "objection"),), {}), Reason.OBJECTION),
        (BRITISH, Facts((Hit(Scope.NATIONAL, "uk-tps"), Hit(Scope.ALL, "objection")), FRESH), Reason.OBJECTION),
        (FRENCH, Unknown(Reason.STORE_UNAVAILABLE, "down"), Reason.STORE_UNAVAILABLE),
        (BRITISH, Unknown(Reason.STORE_NOT_READY, "behind"), Reason.STORE_NOT_READY),
    ],
)
def test_a_call_is_judged_by_what_the_store_knows(dialled: str, facts: Facts | Unknown, reason: Reason) -> None:
    assert decide(replace(REQUEST, dialled=dialled), facts).reason is reason


hits = st.lists(st.builds(Hit, st.sampled_from(Scope), st.just("x"))).map(tuple)


@given(hits, st.sampled_from([Scope.ALL, Scope.CONTROLLER, Scope.CAMPAIGN]))
def test_an_objection_is_never_outweighed(found: tuple[Hit, ...], scope: Scope) -> None:
    verdict = decide(facts=Facts((*found, Hit(scope, "objection")), FRESH))
    assert not verdict.allowed


@given(st.sampled_from([reason for reason in Reason if reason not in (Reason.CLEAR, Reason.EMERGENCY)]))
def test_what_cannot_be_known_is_never_allowed(reason: Reason) -> None:
    assert not decide(facts=Unknown(reason, "")).allowed


def test_a_verdict_tells_every_rule_it_looked_at_and_no_number() -> None:
    verdict = decide(replace(REQUEST, dialled=BRITISH))
    assert [rule.name for rule in verdict.trail] == [
        "number", "centre", "campaign", "contract", "transfer", "country", "list uk-tps", "objection", "clear",
    ]  # fmt: skip
    assert all(rule.passed for rule in verdict.trail)
    assert "2079460123" not in str(verdict.trail)


def test_deciding_again_begins_from_the_same_question() -> None:
    question = gate.ask(REQUEST, POLICY, NOW)
    assert isinstance(question, Question)
    first = gate.answer(question, Facts((), {}), NOW)
    assert gate.answer(question, Facts((), {}), NOW) == first
    assert not gate.answer(question, Facts((Hit(Scope.ALL, "objection"),), {}), NOW).allowed
