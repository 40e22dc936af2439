"""Whether an AMI event is whole: one that a telephone cut in two is told from one that Asterisk wrote.

Asterisk escapes names and variables in its events, and writes the number of a caller and what was dialled as they came
(manager_channels.c, ast_manager_build_channel_state_string_prefix). So a telephone that dials
`1%0D%0A%0D%0AEvent%3A%20Hangup…` ends the event that tells of it, and begins one of its own (seen on 22.10.1): it could
hang up other people's calls in callgate's eyes, or hide a leg from the guard.

What gives it away: the fields of a channel come always in the same order, each once, and what a telephone controls
stands in buffers of 80 bytes (res_pjsip.c, set_id_from_hdr; AST_MAX_EXTENSION). No piece of a cut event, with so few
bytes put in, has them all; and a field that was put in without a cut is there twice, or out of its order. The variables
of `channelvars` are part of that: the fields behind `Exten` alone would fit into a buffer. A PBX that was never seen to
send them lacks the setting, and is believed without: its guard takes every dial for a bypass as it is, and emergency
calls have to pass there too.
"""

from functools import lru_cache
from typing import Final

from callgate.core.dialplan import Variable
from callgate.pbx.ami import Message

FIELDS: Final = (
    "channel", "channelstate", "channelstatedesc", "calleridnum", "calleridname", "connectedlinenum",
    "connectedlinename", "language", "accountcode", "context", "exten", "priority", "uniqueid", "linkedid",
)  # fmt: skip
"""What Asterisk says of a channel, in its order; what `channelvars` names comes behind it."""

_Order = tuple[str, ...]


def _side(prefix: str) -> tuple[_Order, _Order]:
    """One channel's fields, without and with its variables."""
    fields = tuple(f"{prefix}{name}" for name in FIELDS)
    return fields, (*fields, f"{prefix}chanvariable")


_ONE: Final = frozenset(_side(""))
_SPY: Final = frozenset((*spyer, *spyee) for spyer in _side("spyer") for spyee in _side("spyee"))
_DIAL: Final = frozenset((*caller, *callee) for caller in ((), *_side("")) for callee in _side("dest"))
"""Originate dials without a caller's channel."""

ORDERS: Final = {
    **dict.fromkeys(
        (
            "newchannel", "hangup", "hanguprequest", "softhanguprequest", "mixmonitorstart", "mixmonitorstop",
            "bridgeenter", "bridgeleave", "coreshowchannel",
        ),
        _ONE,
    ),
    **dict.fromkeys(("chanspystart", "chanspystop"), _SPY),
    "dialbegin": _DIAL,
}  # fmt: skip
"""By event, in lower case, every order of the fields of channels that Asterisk writes."""

_KNOWN: Final = frozenset(name for orders in ORDERS.values() for order in orders for name in order)
_VARIABLES: Final = {f"{side}chanvariable": f"{side}channel" for side in ("", "dest", "spyer", "spyee")}
"""The header of each side's variables, and the one without which there is no such side."""
_OURS: Final = frozenset({Variable.ID.value, Variable.TOKEN.value})


def tells_of_a_channel(event: Message) -> bool:
    """Whether it is of a kind whose wholeness can be told. Others are not believed behind a cut one."""
    return event.get("Event").lower() in ORDERS


class Wholeness:
    """Tells whole events of one PBX from pieces."""

    def __init__(self) -> None:
        self._sends_variables = False

    def __call__(self, event: Message) -> bool:
        """Whether the event may be believed. One of a kind that tells of no channel may."""
        kind, headers = event.get("Event").lower(), event.headers
        if kind not in ORDERS:
            return True
        if not _is_in_order(kind, tuple(headers), tuple(map(len, headers.values()))):
            return False
        has_variables = all(_ours(headers.get(name, ())) for name, side in _VARIABLES.items() if side in headers)
        self._sends_variables |= has_variables
        return has_variables or not self._sends_variables


@lru_cache(maxsize=256)
def _is_in_order(kind: str, names: tuple[str, ...], counts: tuple[int, ...]) -> bool:
    """Whether an event with these headers, each so many times, has the fields of its channels in order and once.

    Asterisk writes a few such forms again and again.
    """
    known = [(name, count) for name, count in zip(names, counts, strict=True) if name in _KNOWN]
    order = tuple(name for name, _ in known)
    return order in ORDERS[kind] and all(count == 1 or name in _VARIABLES for name, count in known)


def _ours(variables: tuple[str, ...]) -> bool:
    return {value.partition("=")[0] for value in variables} >= _OURS
