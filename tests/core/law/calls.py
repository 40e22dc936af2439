"""Calls against which nothing speaks but what a test makes speak."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from callgate import rules
from callgate.core import phone
from callgate.core.law import (
    Callee,
    CallerId,
    Consent,
    Contacts,
    Finding,
    Listing,
    Pack,
    Situation,
    assess,
    by_region,
)
from callgate.core.law.terms import Owner, Sector
from callgate.core.purpose import Purpose

PACKS: Mapping[str, Pack] = by_region(rules.packs().values())

FRENCH, OVERSEAS, REUNION = "+33199001234", "+590590201234", "+262262123456"
FRENCH_MOBILE, REUNION_MOBILE = "+33612345678", "+262692123456"
BELGIAN, DUTCH, GERMAN, AUSTRIAN = "+3225550199", "+31201234567", "+4930123456", "+4313051234"
BRITISH, IRISH, IRISH_MOBILE = "+442079460123", "+35315550123", "+353851234567"
SPANISH, CANARIAN, SPANISH_MOBILE = "+34912345678", "+34928123456", "+34612345678"
ITALIAN, LUXEMBOURGISH = "+390612345678", "+35226123456"
NEW_YORK, HAWAII = "+12125550123", "+18085550123"

LISTS = tuple(rule.name for pack in PACKS.values() for rule in pack.rules if rule.topic == "list")
_OWNERS = {"AT": Owner.CENTRE, "DE": Owner.CENTRE}


def at(written: str, clock: str) -> datetime:
    """A moment, in UTC, as a clock on a wall shows it; the earlier one where an autumn night shows it twice."""
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(clock)).astimezone(UTC)


def call(dialled: str, moment: datetime, **known: object) -> Situation:
    """An agent's marketing call to a consumer who consented a month ago, with fresh lists, but for what is `known`."""
    number = phone.parse(dialled, "BE")
    shown = CallerId("+34400123456" if number.country == "ES" else "+3225550100", "fixed", Owner.PRINCIPAL)
    call = Situation(
        number,
        Purpose.MARKETING,
        Callee.CONSUMER,
        Sector.OTHER,
        {},
        Consent(moment - timedelta(days=30)),
        Contacts(),
        shown._replace(owner=_OWNERS.get(number.country, Owner.PRINCIPAL)),
        automated=False,
        agent_waiting=True,
        lists={name: Listing(moment, listed=False) for name in LISTS},
    )
    return call._replace(**known)  # type: ignore[arg-type]


def findings(dialled: str, moment: datetime, **known: object) -> dict[str, Finding]:
    """What the law says to `call`, by rule."""
    return {finding.rule: finding for finding in assess(PACKS, call(dialled, moment, **known), moment)}


def against(dialled: str, moment: datetime, **known: object) -> list[str]:
    """The rules that speak against `call`: none, and it may be made."""
    return [name for name, finding in findings(dialled, moment, **known).items() if not finding.passed]
