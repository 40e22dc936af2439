"""How long what the ledger says is kept."""

from datetime import UTC, datetime, timedelta

import pytest

from callgate import rules
from callgate.core.events import DataClass, Kind
from callgate.core.law import by_region
from callgate.core.retention import KEPT, RecordingTerms, Terms, asked_by_law, unlike

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LIMITS = Terms(timedelta(days=1), timedelta(days=2), timedelta(days=3)).limits(NOW)


@pytest.mark.parametrize(
    ("kind", "days"), [(Kind.VERDICT, 1), (Kind.CLOSED, 1), (Kind.RECORDING_SEALED, 2), (Kind.CONSENT, 3)]
)
def test_a_kind_has_the_term_of_its_class(kind: Kind, days: int) -> None:
    assert LIMITS[kind] == NOW - timedelta(days=days)


@pytest.mark.parametrize("kind", [Kind.OBJECTION, Kind.OBJECTION_REMOVED, Kind.ERASURE, Kind.RETENTION])
def test_what_must_hold_has_none(kind: Kind) -> None:
    assert kind not in LIMITS


def test_every_other_kind_has_one() -> None:
    assert LIMITS.keys() == set(Kind) - KEPT


@pytest.mark.parametrize(("campaign", "days"), [("spring", 30), ("autumn", 7), ("", 30)])
def test_no_campaigns_term_is_longer_than_the_keys(campaign: str, days: int) -> None:
    terms = RecordingTerms(timedelta(days=30), {"autumn": timedelta(days=7)})
    assert terms.of(campaign) == timedelta(days)
    assert RecordingTerms(timedelta(3), terms.campaigns).of(campaign) == timedelta(3)


DAY = timedelta(days=1)
BY_LAW = asked_by_law(by_region(rules.packs().values()), DataClass.PROOF)


def test_proof_is_kept_for_five_years_in_germany_and_three_in_france_overseas_too() -> None:
    assert set(BY_LAW) == {"DE", "FR", "GP", "BL", "MF", "MQ", "GF", "RE", "YT", "PM"}
    assert BY_LAW["DE"] == 1827 * DAY  # UWG § 7a
    assert BY_LAW["FR"] == BY_LAW["RE"] == 1096 * DAY  # décret 2026-662


def test_records_of_calls_are_kept_for_five_years_in_the_united_states() -> None:
    assert asked_by_law(by_region(rules.packs().values()), DataClass.CONTACT) == {"US": 1827 * DAY}


@pytest.mark.parametrize(
    ("country", "of_the_operator", "days"),
    [
        ("DE", 365, 1827),
        ("FR", 365, 1096),
        ("BE", 365, 365),  # where the law is silent, the operator's own
        ("JE", 365, 365),
        ("FR", 1500, 1500),  # at least as long as the law asks
        ("DE", 3000, 3000),
        ("", 365, 1827),  # unknown: as long as any law asks
    ],
)
def test_the_term_of_proof_is_the_laws_where_that_is_longer_than_the_operators(
    country: str, of_the_operator: int, days: int
) -> None:
    terms = Terms(DAY, DAY, of_the_operator * DAY, BY_LAW)
    assert terms.proof_in(country) == days * DAY
    longer = {country: NOW - days * DAY} if days > of_the_operator else {}
    assert {key: since for key, since in terms.kept_by_law(NOW).items() if key == country} == longer


def test_without_laws_the_operators_term_is_all() -> None:
    terms = Terms(DAY, DAY, 365 * DAY)
    assert terms.proof_in("") == 365 * DAY
    assert terms.kept_by_law(NOW) == {}


@pytest.mark.parametrize(
    ("country", "contact", "recording", "rules_unlike"),
    [
        ("US", 365, 365, ["records"]),  # 16 CFR 310.5: five years at least
        ("US", 1827, 365, []),
        ("BE", 365, 28, []),
        ("BE", 365, 29, ["recordings"]),
        ("FR", 1095, 180, []),
        ("FR", 1096, 181, ["recordings", "prospects"]),
        ("AT", 9999, 9999, []),
        ("JE", 365, 365, []),  # which has no pack
    ],
)
def test_a_term_that_is_unlike_the_laws_is_named(
    country: str, contact: int, recording: int, rules_unlike: list[str]
) -> None:
    kept = {DataClass.CONTACT: contact, DataClass.RECORDING: recording}
    found = list(unlike(by_region(rules.packs().values()), kept, [country]))
    assert [one.rule.name for one in found] == rules_unlike
    assert {one.days for one in found} <= {contact, recording}
