"""The short way to read a number that comes with its country code, as a dialer and most agents dial it.

libphonenumber reads whatever a person may write, and that takes as long as all rules of a call. A country code and the
digits of a subscriber need none of it: it remains to see in which range of the country they are. The ranges are
libphonenumber's own, put together once for each country. Where it is not that simple (a national prefix that may have
to be taken off, a zero in front, a code of no country) or no range has the number, nothing is found here and
libphonenumber has the word; what is found is what it would find, and a test holds the two together.
"""

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers import PhoneNumberType as Kind
from phonenumbers.phonemetadata import PhoneNumberDesc

_NO_COUNTRY: Final = "001"
"""What libphonenumber has for a country where a code is no country's."""
_LONGEST_CODE: Final = 3
_CODED = re.compile(r"(?:\+|00)([1-9][0-9]{3,16})", re.ASCII)


class Found(NamedTuple):
    """A country (ISO 3166), the kind of line as libphonenumber has it, and the number in E.164."""

    country: str
    kind: int
    e164: str


class _Ranges:
    """The numbers of one kind: how many digits they have (none: any number of them), and their pattern."""

    def __init__(self, desc: PhoneNumberDesc | None) -> None:
        self.lengths = tuple(desc.possible_length) if desc else ()
        pattern = desc.national_number_pattern if desc else None
        self._match = re.compile(pattern).fullmatch if pattern else None

    def have(self, national: str) -> bool:
        if self._match is None or (self.lengths and len(national) not in self.lengths):
            return False
        return self._match(national) is not None


class _Country:
    """The ranges of one country, in the order in which libphonenumber looks through them."""

    def __init__(self, data: PhoneMetadata) -> None:
        self.id = data.id
        self._leading = re.compile(data.leading_digits) if data.leading_digits else None
        self._prefix = re.compile(data.national_prefix_for_parsing) if data.national_prefix_for_parsing else None
        self._all, self._fixed, self._mobile = map(_Ranges, (data.general_desc, data.fixed_line, data.mobile))
        self._both = data.same_mobile_and_fixed_line_pattern
        kinds = (
            (data.premium_rate, Kind.PREMIUM_RATE),
            (data.toll_free, Kind.TOLL_FREE),
            (data.shared_cost, Kind.SHARED_COST),
            (data.voip, Kind.VOIP),
            (data.personal_number, Kind.PERSONAL_NUMBER),
            (data.pager, Kind.PAGER),
            (data.uan, Kind.UAN),
            (data.voicemail, Kind.VOICEMAIL),
        )
        self._special = [(_Ranges(desc), kind) for desc, kind in kinds if desc and desc.national_number_pattern]

    def may_have_prefix(self, national: str) -> bool:
        """Whether digits begin as a number does before whose country code is dialled nothing."""
        return self._prefix is not None and self._prefix.match(national) is not None

    def claims(self, national: str) -> bool:
        """Whether a number is this country's, where several share a code."""
        return bool(self._leading.match(national)) if self._leading else self.kind(national) != Kind.UNKNOWN

    def kind(self, national: str) -> int:
        """The kind of line; `UNKNOWN` where no range has the number."""
        if not self._all.have(national):
            return Kind.UNKNOWN
        for ranges, kind in self._special:
            if ranges.have(national):
                return kind
        if self._fixed.have(national):
            return Kind.FIXED_LINE_OR_MOBILE if self._both or self._mobile.have(national) else Kind.FIXED_LINE
        return Kind.MOBILE if not self._both and self._mobile.have(national) else Kind.UNKNOWN


@cache
def _countries(code: str) -> tuple[_Country, ...]:
    """The countries that share a calling code, the main one first; none where a code is no country's."""
    regions = [region for region in COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ()) if region != _NO_COUNTRY]
    return tuple(_Country(data) for region in regions if (data := PhoneMetadata.metadata_for_region(region, None)))


@lru_cache(maxsize=1024)
def code_of(digits: str) -> str:
    """The calling code with which at most three digits begin; "" where there is none."""
    # A calling code is the beginning of no other (ITU-T E.164), so that the first that fits is the one.
    codes = (digits[:length] for length in range(1, _LONGEST_CODE + 1))
    return next((code for code in codes if int(code) in COUNTRY_CODE_TO_REGION_CODE), "")


@cache
def _dials_00(home: str) -> bool:
    """Whether 00 is what is dialled before country codes in `home` (ISO 3166), and nothing else is."""
    data = PhoneMetadata.metadata_for_region(home, None)
    return data is not None and data.international_prefix == "00"


def find(dialled: str, home: str) -> Found | None:
    """What was dialled in `home`, if it is a number with its country code and nothing about it is in doubt."""
    coded = _CODED.fullmatch(dialled)
    if coded is None or not (dialled[0] == "+" or _dials_00(home)):
        return None
    digits: str = coded[1]
    code = code_of(digits[:_LONGEST_CODE])
    countries = _countries(code)
    return _in(countries, digits, digits[len(code) :]) if countries else None


def _in(countries: tuple[_Country, ...], digits: str, national: str) -> Found | None:
    if national[:1] in ("", "0") or countries[0].may_have_prefix(national):
        return None
    if len(countries) == 1:
        (country,) = countries
    elif (claiming := next((country for country in countries if country.claims(national)), None)) is not None:
        country = claiming
    else:
        return None
    kind = country.kind(national)
    return None if kind == Kind.UNKNOWN else Found(country.id, kind, f"+{digits}")
