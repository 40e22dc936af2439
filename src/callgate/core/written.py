"""Numbers as people write them, down to a plus and ASCII digits: `+44 (0)20 7946-0123 ext. 4` → `+442079460123`.

What may stand between digits is dropped: spaces, dashes, dots, slashes, parentheses, marks that cannot be seen. An
extension is cut off, since the trunk dials the line before it. Anything else makes the text no number: a letter may be
a mistyped digit, and nobody is called on a guess.

    read     what a lead holds: in a range of numbers of its country
    listed   what a register holds: any number of a possible length, since a register may hold ranges that are not known
             elsewhere yet, and no suppression may be lost

Wherever `read` finds a number, `listed` finds the same.

The numbering plans are NumPy's tables, and who answers calls reads a number now and then without needing them: so they
are loaded where they are needed.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import ValidationResult

from callgate.core.phone import NotANumber, Number, found, known

SEPARATORS = " -./()"
"""What may stand between digits, in ASCII."""
_INVISIBLE = {"Zs", "Pd", "Cf"}
"""Unicode's other spaces, dashes, and marks of direction or joining."""
_PLUSES = "+\N{FULLWIDTH PLUS SIGN}"

_SCHEME = re.compile(r"\s*tel:", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(?:;ext=|[\s,;]*(?:ext(?:ensi[oó]n|n)?\b|x|#)[\s.:=]*)\d{1,7}\s*$", re.IGNORECASE
)  # RFC 3966, section 3
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")


def read(text: str, country: str) -> Number:
    """Read the number of a lead of `country` (ISO 3166), as people write numbers. Raises `NotANumber`.

    Separators, Unicode's digits, `tel:`, extensions and `(0)` after a calling code are understood; letters are not.
    """
    return known(plain(text, country), country)


def listed(text: str, country: str, bare: bool = False) -> int:
    """Read a number of a register of `country`: its E.164 digits as an integer. Raises `NotANumber`.

    `bare`: the register writes calling codes without a plus. The number need not be known as valid, only its length
    has to be possible in its country.
    """
    digits = plain(text, country)
    number = found(f"+{digits}" if bare and digits[:1] not in ("", "+") else digits, country)
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE:
        raise NotANumber(_LENGTHS.get(possible, "no number of this length is possible in its country"))
    from callgate.core.plan import plan_of_code  # noqa: PLC0415

    plan = plan_of_code(number.country_code)
    if number.italian_leading_zero and plan is not None and not plan.zero_leads:
        raise NotANumber(f"no number of +{number.country_code} begins with 0")
    return int(f"{number.country_code}{phonenumbers.national_significant_number(number)}")


_LENGTHS = {
    ValidationResult.TOO_SHORT: "too short for its country",
    ValidationResult.TOO_LONG: "too long for its country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
}


def plain(text: str, country: str) -> str:
    """A plus where there is one, and the digits. `country` (ISO 3166) is where it was written. Raises `NotANumber`."""
    start = scheme.end() if (scheme := _SCHEME.match(text)) else 0
    body = _EXTENSION.sub("", text)
    zero = _TRUNK_ZERO.search(body)
    if zero is not None and _keeps_no_zero(_bare(body[start : zero.start()], start), country):
        # As many characters as before, so that a fault is named where it is.
        body = body[: zero.start()] + " " * len(zero.group()) + body[zero.end() :]
    digits = _bare(body[start:], start)
    if digits in ("", "+"):
        raise NotANumber("no digit")
    return digits


def _bare(text: str, before: int) -> str:
    kept: list[str] = []
    for at, char in enumerate(text.rstrip(), start=before + 1):
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            kept.append(str(digit))
        elif char in _PLUSES and not kept:
            kept.append("+")
        elif not (char in SEPARATORS or unicodedata.category(char) in _INVISIBLE or (char.isspace() and not kept)):
            raise NotANumber(f"{_name(char)} at {at}")
    return "".join(kept)


def _keeps_no_zero(before: str, country: str) -> bool:
    """Whether a zero in parentheses after `before` is a trunk prefix that is not dialled behind a calling code."""
    from callgate.core.plan import CODES, plan_of, plan_of_code  # noqa: PLC0415

    home = plan_of(country)
    if before.startswith("+"):
        code = before[1:]
    elif home is not None and home.international and before.startswith(home.international):
        code = before.removeprefix(home.international)
    else:
        return False
    if not code or len(code) > 3 or CODES[int(code.ljust(3, "0"))] != int(code):
        return False
    plan = plan_of_code(int(code))
    return plan is not None and not plan.zero_leads


def _name(char: str) -> str:
    if char.isalpha():
        return "a letter"
    return f"a {char!r}" if char.isprintable() else f"U+{ord(char):04X}"
