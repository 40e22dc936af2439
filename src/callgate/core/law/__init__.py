"""The law as data: what the called party's country asks of a call, as values, and whether a call meets it.

A country's `Pack` is a list of `Rule`s. A rule says one thing (`terms`), with its source and how sure that is, from its
first day to its last, to those whom it binds. `assess` puts a `Situation` at a moment to the rules in force and gives a
`Finding` for each; the call may be made when all passed. `tighten` puts the operator's own rules over a pack.

Rules only ever take away. What is unknown is not allowed. The clock is the called party's, and where a number does not
tell it, the call must be allowed on each that it may be. Nothing here is legal advice.
"""

from callgate.core.law.assess import CapWindow, assess, cap_windows, next_moment
from callgate.core.law.finding import Finding
from callgate.core.law.rule import Callee, Origin, Pack, Rule, Status, Sure, Topic, by_region
from callgate.core.law.situation import (
    NEVER_CALLED,
    NOTHING,
    CallerId,
    Consent,
    Contacts,
    Listing,
    Related,
    Share,
    Situation,
)
from callgate.core.law.tighten import Refusal, tighten
from callgate.core.law.zones import zones

__all__ = [
    "NEVER_CALLED",
    "NOTHING",
    "Callee",
    "CallerId",
    "CapWindow",
    "Consent",
    "Contacts",
    "Finding",
    "Listing",
    "Origin",
    "Pack",
    "Refusal",
    "Related",
    "Rule",
    "Share",
    "Situation",
    "Status",
    "Sure",
    "Topic",
    "assess",
    "by_region",
    "cap_windows",
    "next_moment",
    "tighten",
    "zones",
]
