"""From what was dialled to one E.164 number, or a reason why it is none.

What people dial is messy (`0032…`, `+32…`, national, with an outside-line prefix); what the gate decides about, the
lists hold and the trunk dials is always one E.164 number. How people write numbers is `written`'s.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from callgate.core import ranges

DIALABLE = re.compile(r"\+?[0-9]{3,18}", re.ASCII)
"""ASCII digits only: `str.isdigit` would also let other scripts' digits through."""
_E164 = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)

_KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed-or-mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
KINDS = frozenset(_KINDS.values())
"""The kinds of line that there are."""


@dataclass(frozen=True, slots=True)
class Number:
    """One subscriber's number: E.164 with its plus, ISO 3166 country ("" where several share it), and kind of line."""

    e164: str
    country: str
    kind: str

    @property
    def digits(self) -> str:
        """E.164 without the plus."""
        return self.e164[1:]

    @property
    def masked(self) -> str:
        """What a log, a page or a terminal may show: country code and the last two digits."""
        return mask(self.e164)


class NotANumber(ValueError):
    """What was dialled or written names no single subscriber; the message says why and never repeats the digits."""


def parse(dialled: str, home: str, outside_line: str = "") -> Number:
    """Read what an agent or a dialer dialled on a PBX in country `home` (ISO 3166).

    `outside_line` is the prefix that the PBX wants before outside numbers; it is taken off where it is there and what
    follows is still a number. Raises `NotANumber`.
    """
    if not DIALABLE.fullmatch(dialled):
        raise NotANumber("only digits, and one plus before them, make a number")
    candidates = [dialled]
    if outside_line and dialled.startswith(outside_line):
        candidates.insert(0, dialled.removeprefix(outside_line))
    problem = NotANumber("no number")
    for candidate in candidates:
        try:
            return known(candidate, home)
        except NotANumber as error:
            problem = error
    raise problem


def found(dialled: str, home: str) -> PhoneNumber:
    """What libphonenumber makes of it, valid or not. Raises `NotANumber`."""
    try:
        return phonenumbers.parse(dialled, home)
    except NumberParseException as error:
        raise NotANumber(f"not a telephone number as dialled in {home}: {error.args[0]}") from None


def known(dialled: str, home: str) -> Number:
    """The subscriber's number, in a range that its country has given out. Raises `NotANumber`."""
    if short := ranges.find(dialled, home):
        return Number(short.e164, short.country, _KINDS[short.kind])
    number = found(dialled, home)
    kind = _KINDS.get(phonenumbers.number_type(number))
    if kind is None:  # which is what is_valid_number asks, at twice the price
        raise NotANumber(f"no range of numbers of +{number.country_code} contains it")
    country = phonenumbers.region_code_for_number(number) or ""
    return Number(phonenumbers.format_number(number, PhoneNumberFormat.E164), country, kind)


def country_of(e164: str) -> str:
    """The country (ISO 3166) of a number that was valid once; "" where none can be told, or none any more."""
    try:
        return known(e164, "").country
    except NotANumber:
        return ""


def mask(e164: str) -> str:
    """Hide a person's number: `+33 ••• 42`. Anything that is no E.164 number is hidden whole."""
    if not _E164.fullmatch(e164):
        return "•••"
    code = ranges.code_of(e164[1:4])
    return f"+{code} ••• {e164[-2:]}" if code else "•••"
