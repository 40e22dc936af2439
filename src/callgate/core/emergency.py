"""The emergency numbers of a country: the one table for the gate, the dialplan and the guard (P7).

The numbers come from libphonenumber's short-number data. Exact matches only: 112 is an emergency, 1123 is not, and the
emergency number of another country is none here.
"""

from collections.abc import Iterable
from functools import cache
from itertools import product

from phonenumbers import PhoneMetadata, shortnumberinfo

from callgate.core.dialplan import Context, Variable

LONGEST = 6
"""Emergency numbers have two to six digits (ITU-T E.161.1 recommends three)."""


@cache
def numbers(country: str) -> tuple[str, ...]:
    """Every emergency number of `country` (ISO 3166), sorted. Raises `ValueError` for a country without data."""
    metadata = PhoneMetadata.short_metadata_for_region(country)
    if metadata is None or metadata.emergency is None:
        raise ValueError(f"no emergency numbers are known for the country {country!r}")
    lengths = [length for length in metadata.emergency.possible_length if 0 < length <= LONGEST]
    return tuple(
        candidate
        for length in lengths
        for candidate in map("".join, product("0123456789", repeat=length))
        if shortnumberinfo.is_emergency_number(candidate, country)
    )


def dialled_forms(country: str, outside_lines: Iterable[str] = ()) -> dict[str, str]:
    """As agents may dial them → the number itself: bare, and behind each outside-line prefix of the PBX."""
    forms = {number: number for number in numbers(country)}
    for prefix in outside_lines:
        for number in numbers(country):
            forms.setdefault(prefix + number, number)
    return forms


def context(country: str, outside_lines: Iterable[str] = ()) -> str:
    """callgate-emergency.conf: every dialled form dials the number itself, with the site's own caller ID."""
    lines = [
        f"; Emergency numbers of {country}, made by `callgate dialplan emergency`. Exact, at once, without notice or",
        "; recording, with the site's own caller ID, and even with callgate dead.",
        f"[{Context.EMERGENCY}]",
    ]
    for dialled, number in dialled_forms(country, outside_lines).items():
        lines += [
            f"exten => {dialled},1,Set(CALLERID(all)=<${{{Variable.SITE_CALLERID}}}>)",
            f" same => n,Dial(${{{Variable.TRUNK}}}{number}${{{Variable.TRUNK_TAIL}}})",
            " same => n,Hangup(${HANGUPCAUSE})",
        ]
    return "\n".join(lines) + "\n"
