"""Somebody calls back the number that they were shown: for whom it is shown, who calls, and in which language to
answer.

A carrier says both numbers in its own way: with or without a plus, with `00`, or as they are dialled at home. The
caller's can be forged, so nothing that is said depends on what is known of the person."""

from dataclasses import dataclass

from callgate.core import phone
from callgate.core.phone import NotANumber, Number
from callgate.core.policy import Campaign, Policy


@dataclass(frozen=True, slots=True)
class CalledBack:
    """What to say to a caller: about which campaigns, in which language of theirs; and whether they can object by key,
    which takes a number that they show."""

    campaigns: tuple[str, ...]
    controllers: tuple[str, ...]
    language: str
    number: str | None


def called_back(called: str, caller: str, policy: Policy) -> CalledBack | None:
    """What to say to whoever calls `called`; None where no campaign shows that number."""
    forms = _forms(called, policy.home)
    showing = [campaign for campaign in policy.campaigns.values() if campaign.caller_id in forms]
    if not showing:
        return None
    number = caller_of(caller, policy.home)
    return CalledBack(
        tuple(campaign.id for campaign in showing),
        tuple(dict.fromkeys(campaign.controller for campaign in showing)),
        _language(showing, number, policy.home),
        number.e164 if number else None,
    )


def caller_of(shown: str, home: str) -> Number | None:
    """The caller's number as a carrier shows it on a PBX in `home`; None where it shows none that can be called.

    Digits that begin with the trunk's zero are read as dialled at home; others first as E.164 without its plus.
    """
    readings = (shown,) if shown.startswith(("0", "+")) else (f"+{shown}", shown)
    for reading in readings:
        try:
            return phone.parse(reading, home)
        except NotANumber:
            continue
    return None


def _forms(called: str, home: str) -> set[str]:
    """The E.164 numbers that it may stand for. A number that is shown need not be one that libphonenumber knows."""
    parsed = caller_of(called, home)
    return {called, f"+{called.removeprefix('00').removeprefix('+')}"} | ({parsed.e164} if parsed else set())


def _language(showing: list[Campaign], number: Number | None, home: str) -> str:
    """That of the caller's country or else of the PBX's, as the campaigns speak there, which all of them speak."""
    common = set.intersection(*(set(campaign.languages.values()) for campaign in showing))
    first = showing[0].languages
    wanted = (first.get(country) for country in (number.country if number else "", home))
    spoken = common or set(first.values())
    return next((language for language in wanted if language in spoken), min(spoken))
