"""On which clocks the called party may live.

The prefix of a fixed line tells; that of a mobile does not, and then every clock of its country counts: a call is made
only when it may be made on each. In North America numbers of both kinds share the area code, which is what the rules of
the United States go by; an area code that lies in two zones has both.

Overseas France has country codes of its own (262, 508, 590, 594, 596), mobiles included, and so its own clocks: a
number with +33 is one of metropolitan France. A person on a journey is not known of.
"""

from functools import cache
from zoneinfo import ZoneInfo

from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from callgate.core.phone import Number

_AREA = 4
"""Country code 1 and the three digits of the area code."""

_OVERLAYS = {"1364": "1270", "1448": "1850", "1458": "1541", "1930": "1812", "1986": "1208"}
"""Area codes laid over another that spans two zones (NANPA); the data knows the younger ones' zones less well."""

_NOTHING: frozenset[str] = frozenset()


def zones(number: Number, clocks: tuple[ZoneInfo, ...]) -> tuple[ZoneInfo, ...]:
    """The clocks, of those of the number's region, that may be the called party's; all of them where nothing tells."""
    if len(clocks) == 1:
        return clocks
    if number.digits.startswith("1"):
        told = _area(number.digits[:_AREA])
    else:
        told = _prefix(number.digits) if number.kind == "fixed" else _NOTHING
    return tuple(clock for clock in clocks if clock.key in told) or clocks


def _prefix(digits: str) -> frozenset[str]:
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        if found := TIMEZONE_DATA.get(digits[:length]):
            return frozenset(found)
    return _NOTHING


@cache
def _area(code: str) -> frozenset[str]:
    area = {_OVERLAYS.get(code, code), code}
    return frozenset(zone for prefix, zones in TIMEZONE_DATA.items() if prefix[:_AREA] in area for zone in zones)
