"""The gate's rules: what each says, in which order, and that nothing outweighs an objection or a doubt."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate import rules
from callgate.core import gate
from callgate.core.gate import CallRequest, Facts, Hit, ListState, Question, Scope, Unknown, Verdict
from callgate.core.law import Consent, Contacts, Related, by_region
from callgate.core.law.terms import Owner, Relation, Sector
from callgate.core.law.transfers import Signed
from callgate.core.policy import Campaign, Centre, Controller, ListRule, Mandate, Policy
from callgate.core.purpose import Purpose
from callgate.core.reasons import Reason

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""A Tuesday, 11:30 in Paris: no law says anything against the hour."""
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
        "tunis": Centre("tunis", "Tunis", "TN", "fr", Signed("SCC-7", date(2024, 1, 1), date(2027, 1, 1))),
        "dakar": Centre("dakar", "Dakar", "SN", "fr", Signed("SCC-8", date(2024, 1, 1), date(2026, 11, 23))),
        "london": Centre("london", "London", "GB", "en"),
        "boston": Centre("boston", "Boston", "US", "en", certified=frozenset({"DPF"})),
        "austin": Centre("austin", "Austin", "US", "en"),
        "bruges": Centre("bruges", "Bruges", "BE", "en"),
        "ghent": Centre("ghent", "Ghent", "BE", "en"),
        "mons": Centre("mons", "Mons", "BE", "fr"),
        "halted": Centre("halted", "Halted", "BE", "fr", suspended=True),
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
            sector=Sector.OTHER,
            caller_id_owner=Owner.PRINCIPAL,
        )
    },
    mandates={
        ("acme", name): mandate(name, date(2026, 11, 23) if name == "lapsed" else date(2030, 1, 1))
        for name in ("brussels", "casablanca", "tunis", "dakar", "lapsed", "london", "boston", "austin", "halted")
    }
    | {
        ("acme", "bruges"): replace(mandate("bruges"), sub_processors=frozenset({"ghent"})),
        ("acme", "ghent"): replace(mandate("ghent"), under="bruges"),
        ("acme", "mons"): replace(mandate("mons"), under="bruges"),
    },
    lists={"uk-tps": ListRule("uk-tps", "GB", 28)},
    law=by_region(rules.packs().values()),
    transfers=rules.transfers(),
)
REQUEST = CallRequest("pbx", "1.1", "PJSIP/a-1", FRENCH, "spring", "brussels", "alice")
FRESH = {"uk-tps": ListState("7", NOW - timedelta(days=1))}
CONSENT = Consent(NOW - timedelta(days=30))
LISTED, OBJECTED = Hit(Scope.NATIONAL, "uk-tps"), Hit(Scope.CONTROLLER, "objection")


def known(*hits: Hit, lists: dict[str, ListState] = FRESH) -> Facts:
    """Of a person who consented and was never called: what speaks against the call is in the store."""
    return Facts(hits, lists, CONSENT, Contacts())


def decide(request: CallRequest = REQUEST, facts: Facts | Unknown | None = None, now: datetime = NOW) -> Verdict:
    asked = gate.ask(request, POLICY, now)
    return asked if isinstance(asked, Verdict) else gate.answer(asked, facts or known(), now)


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
        ({"centre": "dakar"}, Reason.NO_TRANSFER_BASIS, "SCC-8 lapsed on 2026-11-23"),
        ({"centre": "tunis"}, Reason.CLEAR, ""),
        ({"centre": "london"}, Reason.CLEAR, ""),
        ({"centre": "boston"}, Reason.CLEAR, ""),
        ({"centre": "austin"}, Reason.NO_TRANSFER_BASIS, "adequate only under DPF"),
        ({"centre": "ghent"}, Reason.CLEAR, ""),
        ({"centre": "mons"}, Reason.NOT_MANDATED, "acme has not authorised mons as a sub-processor of bruges"),
        ({"centre": "halted"}, Reason.CENTRE_SUSPENDED, "halted is suspended"),
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
        (FRENCH, known(lists={}), Reason.CLEAR),
        (BRITISH, known(), Reason.CLEAR),
        (BRITISH, known(lists={}), Reason.LIST_MISSING),
        (BRITISH, known(lists={"uk-tps": ListState("7", NOW - timedelta(days=28))}), Reason.CLEAR),
        (BRITISH, known(lists={"uk-tps": ListState("7", NOW - timedelta(days=28, seconds=1))}), Reason.LIST_STALE),
        (BRITISH, known(LISTED)._replace(consent=None), Reason.NATIONAL_LIST),
        (FRENCH, known(OBJECTED), Reason.OBJECTION),
        (FRENCH, known(Hit(Scope.CAMPAIGN, "objection")), Reason.OBJECTION),
        (FRENCH, known(Hit(Scope.ALL, "objection")), Reason.OBJECTION),
        (BRITISH, known(LISTED, Hit(Scope.ALL, "objection")), Reason.OBJECTION),
        (FRENCH, known(Hit(Scope.ALL, "pattern")), Reason.PATTERN),
        (FRENCH, known(Hit(Scope.CONTROLLER, "pattern"), Hit(Scope.ALL, "objection")), Reason.OBJECTION),
        (FRENCH, known(Hit(Scope.CAMPAIGN, "what nobody knows")), Reason.OBJECTION),
        (FRENCH, known(OBJECTED, Hit(Scope.ERASED, "erased")), Reason.ERASED),
        (FRENCH, known(OBJECTED, Hit(Scope.RESTRICTED, "restricted")), Reason.RESTRICTED),
        (FRENCH, known(Hit(Scope.RESTRICTED, "restricted"), Hit(Scope.ERASED, "erased")), Reason.ERASED),
        (FRENCH, known()._replace(busy=True), Reason.IN_PROGRESS),
        (FRENCH, known(OBJECTED)._replace(busy=True), Reason.OBJECTION),
        (FRENCH, Unknown(Reason.STORE_UNAVAILABLE, "down"), Reason.STORE_UNAVAILABLE),
        (BRITISH, Unknown(Reason.STORE_NOT_READY, "behind"), Reason.STORE_NOT_READY),
    ],
)
def test_a_call_is_judged_by_what_the_store_knows(dialled: str, facts: Facts | Unknown, reason: Reason) -> None:
    assert decide(replace(REQUEST, dialled=dialled), facts).reason is reason


hits = st.lists(st.builds(Hit, st.sampled_from(Scope), st.just("x"))).map(tuple)


@given(hits, st.sampled_from([Scope.ALL, Scope.CONTROLLER, Scope.CAMPAIGN]))
def test_an_objection_is_never_outweighed(found: tuple[Hit, ...], scope: Scope) -> None:
    verdict = decide(facts=known(*found, Hit(scope, "objection")))
    assert not verdict.allowed


@given(st.sampled_from([reason for reason in Reason if reason not in (Reason.CLEAR, Reason.EMERGENCY)]))
def test_what_cannot_be_known_is_never_allowed(reason: Reason) -> None:
    assert not decide(facts=Unknown(reason, "")).allowed


def test_a_verdict_tells_every_rule_it_looked_at_and_no_number() -> None:
    verdict = decide(replace(REQUEST, dialled=BRITISH))
    assert [found.rule for found in verdict.trail] == [
        "number", "centre", "campaign", "contract", "transfer", "country", "list uk-tps", "objection",
        "one call at a time", "hours", "days-off", "claims-management", "pensions", "prior-consent", "consent-age",
        "uk-tps", "contact-cap", "after-refusal", "after-abandoned", "caller-id", "abandoned-calls", "clear",
    ]  # fmt: skip
    assert all(rule.passed for rule in verdict.trail)
    assert verdict.source == ""
    assert "2079460123" not in str(verdict.trail)


def test_deciding_again_begins_from_the_same_question() -> None:
    question = gate.ask(REQUEST, POLICY, NOW)
    assert isinstance(question, Question)
    first = gate.answer(question, known(), NOW)
    assert gate.answer(question, known(), NOW) == first
    assert not gate.answer(question, known(Hit(Scope.ALL, "objection")), NOW).allowed


# The law.

YEAR = timedelta(days=365)
FOUR = tuple(NOW - timedelta(days=days) for days in (1, 2, 3, 29))


@pytest.mark.parametrize(
    ("dialled", "change", "reason"),
    [
        (FRENCH, {}, Reason.CLEAR),
        (FRENCH, {"consent": None}, Reason.NO_CONSENT),
        (FRENCH, {"consent": Consent(NOW - YEAR)}, Reason.CONSENT_TOO_OLD),
        (FRENCH, {"consent": Consent(NOW - YEAR, NOW)}, Reason.NO_CONSENT),
        (FRENCH, {"contacts": None}, Reason.CONTACT_CAP),
        (FRENCH, {"contacts": Contacts(FOUR[:3])}, Reason.CLEAR),
        (FRENCH, {"contacts": Contacts(FOUR)}, Reason.CONTACT_CAP),
        (FRENCH, {"contacts": Contacts(last_refusal=NOW - timedelta(days=1))}, Reason.COOL_DOWN),
        (BRITISH, {"consent": None}, Reason.CLEAR),
        (BRITISH, {"hits": (LISTED,)}, Reason.CLEAR),
        (BRITISH, {"hits": (LISTED,), "consent": None}, Reason.NATIONAL_LIST),
    ],
)
def test_the_called_partys_law_decides(dialled: str, change: dict[str, object], reason: Reason) -> None:
    facts = known()._replace(**change)  # type: ignore[arg-type]
    assert decide(replace(REQUEST, dialled=dialled), facts).reason is reason


@pytest.mark.parametrize(
    ("moment", "reason", "retry_at"),
    [
        ("2026-11-24T12:15+00:00", Reason.OUTSIDE_HOURS, "2026-11-24T13:00+00:00"),
        ("2026-11-27T19:00+00:00", Reason.OUTSIDE_HOURS, "2026-11-30T09:00+00:00"),
        ("2026-12-25T10:30+00:00", Reason.DAY_OFF, "2026-12-28T09:00+00:00"),
    ],
)
def test_a_call_that_comes_too_early_is_told_when_to_come_again(moment: str, reason: Reason, retry_at: str) -> None:
    now = datetime.fromisoformat(moment)
    verdict = decide(now=now)
    assert verdict.reason is reason
    assert verdict.retry_at == datetime.fromisoformat(retry_at)
    assert decide(now=verdict.retry_at).allowed


def test_what_time_does_not_heal_gives_the_reason_and_no_moment_to_come_again() -> None:
    verdict = decide(facts=known()._replace(consent=None), now=datetime.fromisoformat("2026-11-24T22:00+00:00"))
    assert (verdict.reason, verdict.retry_at) == (Reason.NO_CONSENT, None)
    assert verdict.trail[-1].rule == "prior-consent"
    assert "L223-1" in verdict.source
    assert verdict.source in verdict.detail


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sector": Sector.ENERGY_RENOVATION}, Reason.SECTOR_BANNED),
        ({"sector": None}, Reason.SECTOR_BANNED),
        ({"caller_id_owner": Owner.CENTRE}, Reason.CALLER_ID),
        ({"caller_id_owner": None}, Reason.CALLER_ID),
        ({"caller_id": "+3225"}, Reason.CALLER_ID),
        ({"purpose": Purpose.SERVICE, "sector": None, "caller_id_owner": None}, Reason.CLEAR),
    ],
)
def test_what_a_campaign_does_not_say_fails_the_law_that_asks(change: dict[str, object], reason: Reason) -> None:
    campaign = replace(POLICY.campaigns["spring"], **change)  # type: ignore[arg-type]
    asked = gate.ask(REQUEST, replace(POLICY, campaigns={"spring": campaign}), NOW)
    assert isinstance(asked, Question)
    assert gate.answer(asked, known(), NOW).reason is reason


CONTRACT = Related(Relation.CONTRACT, "boiler", datetime(2025, 1, 1, tzinfo=UTC))
ENQUIRY = Related(Relation.ENQUIRY, "boiler", datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "facts", "reason"),
    [
        ({}, known()._replace(consent=None, related=(CONTRACT,)), Reason.NO_CONSENT),
        ({"about": "boiler"}, known()._replace(consent=None), Reason.NO_CONSENT),
        ({"about": "roof"}, known()._replace(consent=None, related=(CONTRACT,)), Reason.NO_CONSENT),
        ({"about": "boiler"}, known()._replace(consent=None, related=(CONTRACT,)), Reason.CLEAR),
        ({"about": "boiler"}, known()._replace(consent=None, related=(ENQUIRY,)), Reason.CLEAR),
        ({"about": "boiler"}, known(OBJECTED)._replace(related=(CONTRACT,)), Reason.OBJECTION),
        (
            {"about": "boiler", "sector": Sector.ENERGY_RENOVATION},
            known()._replace(related=(ENQUIRY,)),
            Reason.SECTOR_BANNED,
        ),
        (
            {"about": "boiler", "sector": Sector.ENERGY_RENOVATION},
            known()._replace(consent=None, related=(CONTRACT,)),
            Reason.CLEAR,
        ),
    ],
)
def test_a_relation_spares_a_call_where_the_law_says_so_and_the_campaign_is_about_it(
    change: dict[str, object], facts: Facts, reason: Reason
) -> None:
    campaign = replace(POLICY.campaigns["spring"], **change)  # type: ignore[arg-type]
    asked = gate.ask(REQUEST, replace(POLICY, campaigns={"spring": campaign}), NOW)
    assert isinstance(asked, Question)
    assert gate.answer(asked, facts, NOW).reason is reason


def test_a_country_without_a_pack_is_not_called_for_marketing() -> None:
    asked = gate.ask(REQUEST, replace(POLICY, law={}), NOW)
    assert isinstance(asked, Question)
    assert gate.answer(asked, known(), NOW).reason is Reason.LAW_UNKNOWN


def test_a_list_of_the_law_binds_although_the_campaign_does_not_name_it() -> None:
    campaign = replace(POLICY.campaigns["spring"], lists={})
    asked = gate.ask(replace(REQUEST, dialled=BRITISH), replace(POLICY, campaigns={"spring": campaign}), NOW)
    assert isinstance(asked, Question)
    assert "uk-tps" in asked.lists
    assert gate.answer(asked, known(lists={}), NOW).reason is Reason.LIST_MISSING
    assert gate.answer(asked, known(LISTED)._replace(consent=None), NOW).reason is Reason.NATIONAL_LIST


def test_a_verdict_names_the_policy_and_the_lists_that_made_it() -> None:
    assert decide().policy == "v1"
    assert decide(replace(REQUEST, dialled=BRITISH)).lists == {name: state.version for name, state in FRESH.items()}
    assert decide(facts=Unknown(Reason.STORE_UNAVAILABLE, "away")).lists == {}


def test_a_list_that_only_the_campaign_names_binds_whatever_it_calls_for() -> None:
    campaign = replace(POLICY.campaigns["spring"], purpose=Purpose.SERVICE)
    asked = gate.ask(replace(REQUEST, dialled=BRITISH), replace(POLICY, campaigns={"spring": campaign}), NOW)
    assert isinstance(asked, Question)
    assert gate.answer(asked, known(LISTED), NOW).reason is Reason.NATIONAL_LIST


def test_a_callee_who_answers_a_little_later_is_judged_by_the_moment_of_the_call() -> None:
    asked = gate.ask(REQUEST, POLICY, datetime.fromisoformat("2026-11-24T11:59:50+00:00"))
    assert isinstance(asked, Question)
    assert gate.answer(asked, known(), datetime.fromisoformat("2026-11-24T12:00:10+00:00")).allowed
