"""An operator adds and tightens; loosening the law is refused by name, and filling a gap is the operator's decision."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate import rules
from callgate.core.law import Callee, CallerId, Consent, Contacts, Listing, Origin, Pack, Refusal, Rule, Status, Sure
from callgate.core.law import assess as the_law
from callgate.core.law.loosens import loosens
from callgate.core.law.terms import (
    AbandonedLimit,
    CallerIdTerms,
    ConsentAge,
    ContactCap,
    CoolDown,
    Counted,
    DaysOff,
    Event,
    Hours,
    ListDuty,
    MonthDay,
    Owner,
    PriorConsent,
    Relation,
    Sector,
    SectorBan,
    Terms,
    Unless,
    Window,
    YieldsTo,
)
from callgate.core.law.tighten import tighten
from callgate.core.purpose import Purpose
from tests.core.law.calls import BELGIAN, FRENCH, GERMAN, SPANISH, at, call

NOON = at("2026-11-24 12:00", "Europe/Paris")
EXCEPTION = Unless("somebody said so", relation=Relation.CUSTOMER)


def own(name: str, terms: Terms, start: date = date.min, end: date = date.max, **more: object) -> Rule:
    rule = Rule(name, terms, Status.NONE_FOUND, "the operator's reason", Sure.READ, start, end, origin=Origin.OPERATOR)
    return replace(rule, **more)  # type: ignore[arg-type]


def weekdays(*windows: tuple[int, int], **more: object) -> Hours:
    day = tuple(Window(start * 60, end * 60) for start, end in windows)
    return replace(Hours((day, day, day, day, day, (), ())), **more)  # type: ignore[arg-type]


def pack(country: str) -> Pack:
    return rules.packs()[country]


def tightened(country: str, *own_rules: Rule) -> Pack:
    found = tighten(pack(country), own_rules)
    assert isinstance(found, Pack), found
    return found


def refused(country: str, *own_rules: Rule) -> tuple[Refusal, ...]:
    found = tighten(pack(country), own_rules)
    assert not isinstance(found, Pack)
    return found


def against(dialled: str, of: Pack, moment: datetime = NOON, **known: object) -> list[str]:
    situation = call(dialled, moment, **known)
    return [f.rule for f in the_law({situation.number.country: of}, situation, moment) if not f.passed]


def test_loosening_the_hours_of_france_names_the_rule_and_its_source() -> None:
    (refusal, *others) = refused("FR", own("hours", weekdays((10, 20))))
    assert (refusal.name, refusal.source) == ("hours", "Code de la consommation, art. D223-9 (décret 2022-1313)")
    assert "Mon is 10:00-20:00; no more than 10:00-13:00, 14:00-20:00" in refusal.says
    assert any("2026-662" in other.source for other in others)


def test_tighter_hours_bind_beside_the_laws() -> None:
    found = tightened("FR", own("hours", weekdays((11, 13), (14, 18))))
    assert against(FRENCH, found, at("2026-11-24 10:30", "Europe/Paris")) == ["hours"]
    assert against(FRENCH, found, at("2026-11-24 09:30", "Europe/Paris")) == ["hours", "hours"]
    assert against(FRENCH, found, at("2026-11-24 12:30", "Europe/Paris")) == []


def test_a_version_of_the_law_that_is_over_does_not_stand_against_a_rule_that_begins_later() -> None:
    lapsed = own("after-refusal", CoolDown(Event.REFUSAL, days=30), start=date(2026, 1, 1), end=date(2026, 8, 10))
    (refusal,) = refused("FR", lapsed)
    assert "décret 2022-1313" in refusal.source
    tightened("FR", own("after-refusal", CoolDown(Event.REFUSAL), start=date(2026, 8, 11)))


def test_filling_what_no_law_says_is_the_operators_decision() -> None:
    decided = tightened("BE", own("hours", weekdays((8, 22))))
    late = at("2026-11-24 21:00", "Europe/Brussels")
    assert against(BELGIAN, pack("BE"), late) == ["hours"]
    assert against(BELGIAN, decided, late) == []
    (hours,) = (rule for rule in decided.rules if rule.name == "hours")
    assert (hours.origin, hours.status) == (Origin.OPERATOR, Status.NONE_FOUND)
    assert "hours" in {rule.name for rule in pack("BE").undecided}
    assert "hours" not in {rule.name for rule in decided.undecided}


def test_a_code_may_be_departed_from_and_the_finding_says_who_did() -> None:
    found = tightened("DE", own("contact-cap-day", ContactCap(5, 1)))
    (rule,) = (rule for rule in found.rules if rule.name == "contact-cap-day")
    assert (rule.origin, rule.status, rule.terms) == (Origin.OPERATOR, Status.CODE, ContactCap(5, 1))
    attempts = Contacts(tuple(NOON - timedelta(minutes=minutes) for minutes in range(5)))
    assert against(GERMAN, found, contacts=attempts) == ["contact-cap-day"]


def test_what_has_a_new_name_is_added() -> None:
    found = tightened("ES", own("fiestas-of-madrid", DaysOff(True, dates=frozenset({date(2026, 11, 9)}))))
    assert against(SPANISH, found, at("2026-11-09 12:00", "Europe/Madrid")) == ["fiestas-of-madrid"]
    assert against(SPANISH, found, at("2026-11-10 12:00", "Europe/Madrid")) == []


@pytest.mark.parametrize("attempts", [0, 2])
def test_a_cap_of_none_lets_nobody_be_called(attempts: int) -> None:
    found = tightened("BE", own("nobody", ContactCap(0, 30)))
    contacts = Contacts((NOON - timedelta(days=1),) * attempts)
    assert against(BELGIAN, found, contacts=contacts) == ["nobody"]


def test_every_refusal_is_named_at_once() -> None:
    found = refused(
        "FR",
        own("hours", weekdays((10, 20)), start=date(2026, 8, 11)),
        own("contact-cap", ContactCap(9, 30)),
        own("consent-age", ConsentAge(400)),
        own("contact-cap-business", ContactCap(9, 30), end=date(2027, 1, 1)),
        own("prior-consent", ConsentAge(10)),
    )
    assert [refusal.name for refusal in found[:-1]].count("hours") == 5
    assert {"contact-cap", "consent-age", "contact-cap-business", "prior-consent"} <= {each.name for each in found}


@pytest.mark.parametrize(
    ("rules_of_the_operator", "says"),
    [
        ((own("hours", weekdays((9, 20)), binds=frozenset({Callee.CONSUMER})),), "no rule about hours binds a trader"),
        ((own("mine", ConsentAge(10)), own("mine", ConsentAge(20))), "two versions of mine"),
        ((own("caps", ContactCap(3, 7)), own("hours", ContactCap(1, 1))), "is a rule about hours; use another name"),
    ],
)
def test_what_cannot_stand_is_refused(rules_of_the_operator: tuple[Rule, ...], says: str) -> None:
    assert any(says in str(refusal) for refusal in refused("BE", *rules_of_the_operator))


@pytest.mark.parametrize(
    ("looser", "law", "says"),
    [
        (
            weekdays((9, 21), days={MonthDay(12, 5): (Window(0, 1200),)}),
            weekdays((9, 21), days={MonthDay(12, 5): (Window(0, 1110),)}),
            "12-05 is cut to 00:00-18:30",
        ),
        (weekdays((9, 21)), weekdays((9, 21), eves=(Window(600, 1140),)), "the day before a day off is cut"),
        (weekdays((10, 12), yields_to=YieldsTo.CONSENT), weekdays((9, 21)), "yields to consent"),
        (DaysOff(False), DaysOff(True), "lets calls pass on public holidays"),
        (DaysOff(True, national=False), DaysOff(True), "lets calls pass on public holidays"),
        (DaysOff(True, regions=("BY",)), DaysOff(True, regions=("BY", "BE")), "leaves out the holidays of BE"),
        (DaysOff(True), DaysOff(True, also=frozenset({MonthDay(5, 15)})), "leaves out 05-15"),
        (PriorConsent(False), PriorConsent(True), "needs no prior consent"),
        (PriorConsent(True, automated_only=True), PriorConsent(True), "only calls that a machine dials"),
        (PriorConsent(True, (EXCEPTION,)), PriorConsent(True), "an exception that the law does not have: somebody"),
        (ConsentAge(366), ConsentAge(365), "days = 366; at most 365"),
        (ContactCap(5, 30), ContactCap(4, 30), "max = 5; at most 4"),
        (ContactCap(4, 29), ContactCap(4, 30), "days = 29; at least 30"),
        (ContactCap(4, 90), ContactCap(4), "days = 90; at least all"),
        (ContactCap(4, 30, Counted.CAMPAIGN), ContactCap(4, 30), "counts per campaign"),
        (CoolDown(Event.REFUSAL, days=59), CoolDown(Event.REFUSAL, days=60), "is shorter"),
        (CoolDown(Event.REFUSAL, days=3650), CoolDown(Event.REFUSAL), "is shorter"),
        (CoolDown(Event.ABANDONED, days=60), CoolDown(Event.REFUSAL, days=60), "follows abandoned"),
        (
            CoolDown(Event.ABANDONED, days=5, lifted_by_agent=True),
            CoolDown(Event.ABANDONED, days=5),
            "lifted by an agent",
        ),
        (CoolDown(Event.ABANDONED, days=5), CoolDown(Event.ABANDONED, days=5, then_agent=True), "no guaranteed agent"),
        (CallerIdTerms(anonymous_forbidden=False), CallerIdTerms(), "lets a call be anonymous"),
        (CallerIdTerms(), CallerIdTerms(owners=frozenset({Owner.CENTRE})), "other numbers be shown than the centre's"),
        (
            CallerIdTerms(required_prefixes=frozenset({"+344"})),
            CallerIdTerms(required_prefixes=frozenset({"+34400"})),
            "other prefixes than +34400",
        ),
        (
            CallerIdTerms(forbidden_prefixes=frozenset({"+336"})),
            CallerIdTerms(forbidden_prefixes=frozenset({"+336", "+337"})),
            "does not forbid +337",
        ),
        (CallerIdTerms(), CallerIdTerms(forbidden_kinds=frozenset({"premium"})), "does not forbid premium numbers"),
        (CallerIdTerms(automated_only=True), CallerIdTerms(), "only calls that a machine dials"),
        (
            SectorBan(frozenset({Sector.PENSIONS})),
            SectorBan(frozenset({Sector.PENSIONS, Sector.PRESS})),
            "does not ban press",
        ),
        (SectorBan(frozenset({Sector.PRESS}), (EXCEPTION,)), SectorBan(frozenset({Sector.PRESS})), "an exception"),
        (AbandonedLimit(3, 30), AbandonedLimit(0, 30), "percent = 3; at most 0"),
        (AbandonedLimit(3, 90), AbandonedLimit(3), "counts over 90 days; the rule counts over all"),
        (ListDuty("l", 29), ListDuty("l", 28), "max_age_days = 29; at most 28"),
        (ListDuty("m", 28), ListDuty("l", 28), "is about the list m"),
        (ListDuty("l", 28, YieldsTo.CONSENT), ListDuty("l", 28, YieldsTo.LATER_CONSENT), "yields to consent"),
        (ListDuty("l", 28, unless=(EXCEPTION,)), ListDuty("l", 28), "an exception"),
    ],
)
def test_each_way_to_ask_for_less_is_seen(looser: Terms, law: Terms, says: str) -> None:
    (found,) = loosens(own("r", looser), own("r", law))
    assert says in found
    assert not list(loosens(own("r", law), own("r", law)))


def test_whom_and_which_calls_a_rule_binds_is_part_of_what_it_asks() -> None:
    law = own("r", ConsentAge(10), purposes=frozenset({Purpose.MARKETING, Purpose.SERVICE}))
    fewer = own("r", ConsentAge(10), binds=frozenset({Callee.CONSUMER}))
    assert list(loosens(fewer, law)) == ["does not bind a company, trader", "does not bind service calls"]


days = st.lists(st.tuples(st.integers(0, 23), st.integers(1, 24)), max_size=2).map(
    lambda pairs: tuple(Window(a * 60, b * 60) for a, b in sorted(pairs) if a < b)
)
hours = st.builds(Hours, st.tuples(*[days] * 7), st.just({}), st.none(), st.sampled_from(YieldsTo))
callees = st.frozensets(st.sampled_from(Callee), min_size=1)
operators_rules = st.one_of(
    st.builds(own, st.sampled_from(["hours", "hours-business", "mine"]), hours, binds=callees),
    st.builds(
        own, st.sampled_from(["days-off", "free"]), st.builds(DaysOff, st.booleans(), st.booleans()), binds=callees
    ),
    st.builds(own, st.sampled_from(["consent-age", "age"]), st.builds(ConsentAge, st.integers(1, 800))),
    st.builds(
        own,
        st.sampled_from(["contact-cap", "contact-cap-day", "cap"]),
        st.builds(ContactCap, st.integers(0, 9), st.sampled_from([None, 1, 30, 60]), st.sampled_from(Counted)),
    ),
    st.builds(
        own,
        st.sampled_from(["prior-consent", "consent"]),
        st.builds(PriorConsent, st.booleans(), st.sampled_from([(), (EXCEPTION,)]), st.booleans()),
        binds=callees,
    ),
    st.builds(
        own,
        st.sampled_from(["after-refusal", "peace"]),
        st.builds(CoolDown, st.sampled_from(Event), st.none(), st.sampled_from([None, 1, 60, 90])),
    ),
    st.builds(
        own,
        st.sampled_from(["caller-id", "shown"]),
        st.builds(
            CallerIdTerms,
            st.booleans(),
            st.frozensets(st.sampled_from(Owner)),
            st.just(frozenset()),
            st.sampled_from([frozenset(), frozenset({"+346", "+347"})]),
        ),
    ),
    st.builds(
        own,
        st.sampled_from(["be-dncm", "es-robinson"]),
        st.just(ListDuty("be-dncm", 3)) | st.just(ListDuty("es-robinson", 30, YieldsTo.CONSENT)),
    ),
)
moments = st.datetimes(datetime(2026, 6, 1), datetime(2026, 12, 31)).map(
    lambda naive: naive.replace(tzinfo=NOON.tzinfo)
)


@st.composite
def knowledge(draw: st.DrawFn, moment: datetime) -> dict[str, object]:
    ago = st.integers(0, 800).map(lambda days: moment - timedelta(days=days))
    consents = st.none() | st.builds(Consent, ago, st.none(), st.none() | st.just(moment))
    contacts = st.builds(
        Contacts, st.lists(ago, max_size=5).map(tuple), st.lists(ago, max_size=5).map(tuple), st.none() | ago, st.none()
    )
    shown = st.builds(
        CallerId, st.sampled_from(["+34400123456", "+34612345678"]), st.just("fixed"), st.sampled_from(Owner)
    )
    listed = st.builds(Listing, ago, st.booleans(), st.none())
    return {
        "consent": draw(consents),
        "contacts": draw(st.none() | contacts),
        "caller_id": draw(st.none() | shown),
        "callee": draw(st.none() | st.sampled_from(Callee)),
        "relations": draw(st.sampled_from([{}, {Relation.CUSTOMER: moment - timedelta(days=9)}])),
        "lists": {"be-dncm": draw(listed), "es-robinson": draw(listed)},
    }


@given(
    st.sampled_from([BELGIAN, FRENCH, GERMAN, SPANISH]),
    st.lists(operators_rules, min_size=1, max_size=3),
    moments,
    st.data(),
)
def test_no_operator_makes_lawful_what_a_statute_forbids(
    dialled: str, own_rules: list[Rule], moment: datetime, data: st.DataObject
) -> None:
    """And what an operator does not put in the place of a rule that is no statute stays as the pack has it."""
    situation = call(dialled, moment, **data.draw(knowledge(moment)))
    before = pack(situation.number.country)
    after = tighten(before, tuple(own_rules))
    if not isinstance(after, Pack):
        return
    decided = {(rule.topic, rule.name) for rule in own_rules}
    now_failed = {
        (f.topic, f.rule, f.origin)
        for f in the_law({situation.number.country: after}, situation, moment)
        if not f.passed
    }
    for finding in the_law({situation.number.country: before}, situation, moment):
        statute = finding.status is Status.STATUTORY
        if not finding.passed and (statute or (finding.topic, finding.rule) not in decided):
            assert (finding.topic, finding.rule, Origin.PACK) in now_failed
