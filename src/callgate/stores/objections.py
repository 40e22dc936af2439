"""Whom an objection or a pattern names, and in whose calls: the one reading of it that ledger and cache share."""

import re
from dataclasses import dataclass

from callgate.core.events import PATTERNS, RESTRICTIONS, Event
from callgate.core.gate import Scope
from callgate.core.patterns import is_pattern

E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose calls an objection ends: everyone's (`ALL`), one controller's, or those of one of its campaigns.

    `ERASED` and `RESTRICTED` are marks of one controller: it erased the person's data, or may only keep them.
    """

    scope: Scope
    controller: str = ""
    campaign: str = ""


def audiences(controller: str, campaign: str) -> tuple[Audience, ...]:
    """Every audience to which a call for this campaign belongs; an objection in any of them blocks it."""
    return (
        Audience(Scope.ALL),
        Audience(Scope.CONTROLLER, controller),
        Audience(Scope.CAMPAIGN, controller, campaign),
    )


def marks(controller: str) -> tuple[Audience, ...]:
    """What else blocks a controller's calls to a person, besides objections."""
    return Audience(Scope.ERASED, controller), Audience(Scope.RESTRICTED, controller)


def audience_of(event: Event) -> Audience:
    """Read a suppressing event: `payload["scope"]` is `all`, `controller` (the default), `campaign` or `erased`.

    A restriction needs to say none.

    Raises ValueError where the event does not say enough to be acted on. The ledger refuses such an event, since it
    would be acknowledged and then suppress nobody.
    """
    whom = named(event)
    if event.kind in PATTERNS and not is_pattern(whom):
        raise ValueError(f"an event of kind {event.kind} needs a pattern: the beginning of E.164 numbers")
    if event.kind not in PATTERNS and (whom is None or not E164.fullmatch(whom)):
        raise ValueError(f"an event of kind {event.kind} needs the person's E.164 number")
    return audience_in(event)


def named(event: Event) -> str | None:
    """Whom a suppressing event names: an E.164 number, or a pattern. None where the person was erased."""
    return str(event.payload.get("pattern")) if event.kind in PATTERNS else event.number


def audience_in(event: Event) -> Audience:
    """The audience alone, also of a person who was erased since. Raises ValueError."""
    if event.kind in RESTRICTIONS and event.controller:
        return Audience(Scope.RESTRICTED, event.controller)
    match event.payload.get("scope", Scope.CONTROLLER), event.controller, event.payload.get("campaign"):
        case Scope.ALL, _, _:
            return Audience(Scope.ALL)
        case Scope.CONTROLLER, str(controller), _:
            return Audience(Scope.CONTROLLER, controller)
        case Scope.ERASED, str(controller), _:
            return Audience(Scope.ERASED, controller)
        case Scope.CAMPAIGN, str(controller), str(campaign):
            return Audience(Scope.CAMPAIGN, controller, campaign)
        case scope, controller, campaign:
            raise ValueError(f"scope {scope!r} with controller {controller!r} and campaign {campaign!r} names no calls")


def digits(number: str) -> int:
    """An E.164 number as the integer that the lists hold. Raises ValueError without repeating the number."""
    if not E164.fullmatch(number):
        raise ValueError("not an E.164 number: a plus and 2 to 15 digits are needed")
    return int(number[1:])
