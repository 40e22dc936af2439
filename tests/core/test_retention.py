"""How long what the ledger says is kept."""

from datetime import UTC, datetime, timedelta

import pytest

from callgate.core.events import Kind
from callgate.core.retention import KEPT, RecordingTerms, Terms

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
