"""From what was dialled or written to one E.164 number, or a reason why it is none.

What people dial and what leads hold is messy (`0032…`, `+32…`, national, with an outside-line prefix); what the gate
decides about, the lists hold and the trunk dials is always one E.164 number.

    parse    what an agent or a dialer dials: strict, digits only
    read     what a lead holds: as people write numbers, in a range of numbers of its country
    listed   what a register holds: as `read`, but any number of a possible length, since a register may hold ranges
             that are not known elsewhere yet, and no suppression may be lost

Wherever `read` finds a number, `listed` finds the same.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from callgate.core import written
from callgate.core.plan import plan_of_code

NotANumber = written.NotANumber

DIALABLE = re.compile(r"\+?[0-9]{3,18}", re.ASCII)
"""ASCII digits only: `str.isdigit` would also let other scripts' digits through."""

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
            return _parse(candidate, home)
        except NotANumber as error:
            problem = error
    raise problem


def read(text: str, country: str) -> Number:
    """Read the number of a lead of `country` (ISO 3166), as people write numbers. Raises `NotANumber`.

    Separators, Unicode's digits, `tel:`, extensions and `(0)` after a calling code are understood; letters are not.
    """
    return _parse(written.plain(text, country), country)


def listed(text: str, country: str, bare: bool = False) -> int:
    """Read a number of a register of `country`: its E.164 digits as an integer. Raises `NotANumber`.

    `bare`: the register writes calling codes without a plus. The number need not be known as valid, only its length
    has to be possible in its country.
    """
    plain = written.plain(text, country)
    found = _found(f"+{plain}" if bare and plain[:1] not in ("", "+") else plain, country)
    possible = phonenumbers.is_possible_number_with_reason(found)
    if possible != ValidationResult.IS_POSSIBLE:
        raise NotANumber(_LENGTHS.get(possible, "no number of this length is possible in its country"))
    plan = plan_of_code(found.country_code)
    if found.italian_leading_zero and plan is not None and not plan.zero_leads:
        raise NotANumber(f"no number of +{found.country_code} begins with 0")
    return int(f"{found.country_code}{phonenumbers.national_significant_number(found)}")


_LENGTHS = {
    ValidationResult.TOO_SHORT: "too short for its country",
    ValidationResult.TOO_LONG: "too long for its country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
}


def _found(dialled: str, home: str) -> PhoneNumber:
    try:
        return phonenumbers.parse(dialled, home)
    except NumberParseException as error:
        raise NotANumber(f"not a telephone number as dialled in {home}: {error.args[0]}") from None


def _parse(dialled: str, home: str) -> Number:
    found = _found(dialled, home)
    kind = _KINDS.get(phonenumbers.number_type(found))
    if kind is None:  # which is what is_valid_number asks, at twice the price
        raise NotANumber(f"no range of numbers of +{found.country_code} contains it")
    country = phonenumbers.region_code_for_number(found) or ""
    return Number(phonenumbers.format_number(found, PhoneNumberFormat.E164), country, kind)


def mask(e164: str) -> str:
    """Hide a person's number: `+33 ••• 42`. Anything that is no E.164 number is hidden whole."""
    if not re.fullmatch(r"\+[0-9]{5,15}", e164):
        return "•••"
    try:
        code = phonenumbers.parse(e164).country_code
    except NumberParseException:
        return "•••"
    return f"+{code} ••• {e164[-2:]}"
