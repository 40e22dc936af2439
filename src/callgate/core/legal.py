"""The law at the gate: what it is asked about a call, and what its findings come to.

All rules that bind are looked at, so that the trail is whole. Where several speak against a call, the first that time
does not heal gives the reason, or else the first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from callgate.core import phone
from callgate.core.law import (
    NOTHING,
    CallerId,
    Consent,
    Contacts,
    Finding,
    Listing,
    Pack,
    Related,
    Share,
    Situation,
    Topic,
)
from callgate.core.law.terms import Owner, Relation
from callgate.core.phone import Number
from callgate.core.policy import Campaign, Dialling
from callgate.core.purpose import Purpose
from callgate.core.reasons import Reason

_REASONS: Final[Mapping[Topic, Reason]] = {
    Topic.PACK: Reason.LAW_UNKNOWN,
    Topic.HOURS: Reason.OUTSIDE_HOURS,
    Topic.DAYS_OFF: Reason.DAY_OFF,
    Topic.PRIOR_CONSENT: Reason.NO_CONSENT,
    Topic.CONSENT_AGE: Reason.CONSENT_TOO_OLD,
    Topic.CONTACT_CAP: Reason.CONTACT_CAP,
    Topic.COOL_DOWN: Reason.COOL_DOWN,
    Topic.CALLER_ID: Reason.CALLER_ID,
    Topic.SECTOR_BAN: Reason.SECTOR_BANNED,
    Topic.ABANDONED: Reason.ABANDONED_LIMIT,
}
"""Topic → reason, but of lists, where it depends on what is wrong with one."""

_NO_COUNTRY: Final = "ZZ"
"""Caller IDs are written with their country."""


def situation(
    number: Number,
    campaign: Campaign,
    *,
    consent: Consent | None = None,
    relations: Mapping[Relation, datetime] = NOTHING,
    contacts: Contacts | None = None,
    lists: Mapping[str, Listing] = NOTHING,
    abandoned: Mapping[int | None, Share] = NOTHING,
) -> Situation:
    """The call as the law sees it."""
    return Situation(
        number,
        campaign.purpose,
        campaign.callee,
        campaign.sector,
        relations,
        consent,
        contacts=contacts,
        caller_id=_caller_id(campaign),
        automated=campaign.dialling is not Dialling.MANUAL,
        agent_waiting=campaign.dialling is not Dialling.PREDICTIVE,
        abandoned=abandoned,
        lists=lists,
    )


def _caller_id(campaign: Campaign) -> CallerId | None:
    return _shown(campaign.caller_id, campaign.caller_id_owner)


@lru_cache(maxsize=1024)
def _shown(caller_id: str, owner: Owner | None) -> CallerId | None:
    """What the callee sees; a number that is none tells them as little as no number."""
    try:
        return CallerId(caller_id, phone.known(caller_id, _NO_COUNTRY).kind, owner)
    except phone.NotANumber:
        return None


def relations(campaign: Campaign, related: Iterable[Related], at: datetime) -> Mapping[Relation, datetime]:
    """The relations that count for a campaign at a moment, and since when: the last where there are several.

    Only what is about the same as the campaign does: a law that spares customers spares calls about their contract, or
    about products like those that they have.
    """
    counting = sorted(
        (one.since, one.relation)
        for one in related
        if one.about == campaign.about and one.since <= at and (one.until is None or at < one.until)
    )
    return {relation: since for since, relation in counting} if campaign.about else NOTHING


def lists_of(book: Mapping[str, Pack], country: str, campaign: Campaign) -> tuple[str, ...]:
    """The lists that a law names for calls into a country, whether or not each binds this one."""
    pack = book.get(country)
    return _lists(pack) if pack is not None and campaign.purpose is Purpose.MARKETING else ()


@lru_cache(maxsize=64)
def _lists(pack: Pack) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.name for rule in pack.of(Topic.LIST)))


def deciding(findings: Sequence[Finding]) -> Finding | None:
    """The finding that gives the reason; None where all passed."""
    if not (failed := [finding for finding in findings if not finding.passed]):
        return None
    return next((finding for finding in failed if finding.retry_at is None), failed[0])


def reason_of(finding: Finding, lists: Mapping[str, Listing]) -> Reason:
    """Why a call is blocked to which this finding speaks."""
    if finding.topic is not Topic.LIST:
        return _REASONS[finding.topic]
    listing = lists.get(finding.rule)
    if listing is None:
        return Reason.LIST_MISSING
    return Reason.NATIONAL_LIST if listing.listed else Reason.LIST_STALE
