"""Why a call was allowed or blocked: the stable codes, and the sentence each says.

A code never changes its meaning, since ledgers, dialers and reports keep it for years.
"""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """A reason code. The same value goes to the dialplan, the ledger, the dashboard and the API."""

    CLEAR = "clear"
    EMERGENCY = "emergency"

    OBJECTION = "objection"
    PATTERN = "pattern"

    ERASED = "erased"
    RESTRICTED = "restricted"
    NATIONAL_LIST = "national-list"
    IN_PROGRESS = "in-progress"

    LAW_UNKNOWN = "law-unknown"
    OUTSIDE_HOURS = "outside-hours"
    DAY_OFF = "day-off"
    NO_CONSENT = "no-consent"
    CONSENT_TOO_OLD = "consent-too-old"
    CONTACT_CAP = "contact-cap"
    COOL_DOWN = "cool-down"
    CALLER_ID = "caller-id"
    SECTOR_BANNED = "sector-banned"
    ABANDONED_LIMIT = "abandoned-limit"

    BAD_NUMBER = "bad-number"
    UNKNOWN_CENTRE = "unknown-centre"
    CENTRE_SUSPENDED = "centre-suspended"
    UNKNOWN_CAMPAIGN = "unknown-campaign"
    NOT_MANDATED = "not-mandated"
    NO_CONTRACT = "no-contract"
    NO_TRANSFER_BASIS = "no-transfer-basis"
    COUNTRY_NOT_SERVED = "country-not-served"

    LIST_MISSING = "list-missing"
    LIST_STALE = "list-stale"
    STORE_UNAVAILABLE = "store-unavailable"
    STORE_NOT_READY = "store-not-ready"
    LEDGER_UNAVAILABLE = "ledger-unavailable"
    PBX_UNSEEN = "pbx-unseen"
    CALLGATE_STARTING = "callgate-starting"
    CALLGATE_UNAVAILABLE = "callgate-unavailable"
    CALLGATE_TIMEOUT = "callgate-timeout"
    INTERNAL_ERROR = "internal-error"


ALLOWING: Final = frozenset({Reason.CLEAR, Reason.EMERGENCY})

UNDECIDED: Final = frozenset(
    {
        Reason.STORE_UNAVAILABLE,
        Reason.STORE_NOT_READY,
        Reason.LEDGER_UNAVAILABLE,
        Reason.PBX_UNSEEN,
        Reason.CALLGATE_STARTING,
        Reason.CALLGATE_UNAVAILABLE,
        Reason.CALLGATE_TIMEOUT,
        Reason.INTERNAL_ERROR,
    }
)
"""Why a call is blocked about which nothing could be known (P6), whatever the policy says."""

SENTENCES: Final[dict[Reason, str]] = {
    Reason.CLEAR: "Nothing speaks against this call.",
    Reason.EMERGENCY: "An emergency number: always connected.",
    Reason.OBJECTION: "This person objected to calls from this company.",
    Reason.PATTERN: "Numbers that begin like this one are not called.",
    Reason.ERASED: "This person's data was erased at their request: who brought them back must take them off.",
    Reason.RESTRICTED: "This person had the use of their data restricted.",
    Reason.NATIONAL_LIST: "This number is on a national do-not-call list.",
    Reason.IN_PROGRESS: "Somebody is calling this person right now.",
    Reason.LAW_UNKNOWN: "The law of this country is not known to callgate.",
    Reason.OUTSIDE_HOURS: "This person may not be called at this hour.",
    Reason.DAY_OFF: "This person may not be called today: a holiday.",
    Reason.NO_CONSENT: "This person has not consented to be called.",
    Reason.CONSENT_TOO_OLD: "This person's consent is too old.",
    Reason.CONTACT_CAP: "This person was called too often.",
    Reason.COOL_DOWN: "This person is to be left in peace for now.",
    Reason.CALLER_ID: "The number that would be shown may not be shown.",
    Reason.SECTOR_BANNED: "This may not be offered by telephone.",
    Reason.ABANDONED_LIMIT: "Too many calls of this campaign found no agent.",
    Reason.BAD_NUMBER: "What was dialled is not one telephone number.",
    Reason.UNKNOWN_CENTRE: "This telephone belongs to no call centre that callgate knows.",
    Reason.CENTRE_SUSPENDED: "This call centre is suspended.",
    Reason.UNKNOWN_CAMPAIGN: "No such campaign.",
    Reason.NOT_MANDATED: "This call centre may not call for this company.",
    Reason.NO_CONTRACT: "There is no valid processor contract between the company and this call centre.",
    Reason.NO_TRANSFER_BASIS: "This call centre is outside the EEA and has no valid basis for the transfer of data.",
    Reason.COUNTRY_NOT_SERVED: "The campaign does not call this country.",
    Reason.LIST_MISSING: "A do-not-call list that this call needs was never loaded.",
    Reason.LIST_STALE: "A do-not-call list that this call needs is too old.",
    Reason.STORE_UNAVAILABLE: "The suppression lists cannot be reached.",
    Reason.STORE_NOT_READY: "The suppression lists are not completely loaded.",
    Reason.LEDGER_UNAVAILABLE: "The ledger cannot be written.",
    Reason.PBX_UNSEEN: "callgate does not see what the telephone exchange does.",
    Reason.CALLGATE_STARTING: "callgate is starting.",
    Reason.CALLGATE_UNAVAILABLE: "callgate cannot be reached.",
    Reason.CALLGATE_TIMEOUT: "callgate did not answer in time.",
    Reason.INTERNAL_ERROR: "callgate failed on this call.",
}
