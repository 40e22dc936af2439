"""What binds a controller without taking data away: restriction, rectification, objection (GDPR Art. 16, 18, 21).

Each is done at once, so its request is opened, carried out and closed by one append.
"""

from collections.abc import Mapping
from typing import NamedTuple

from callgate.core.access import Principal
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope
from callgate.core.objecting import Door, objection
from callgate.core.refusals import Refusal
from callgate.core.requests import Correction, Ground, Request, Right, fold
from callgate.rights.desk import Asked, Desk, Unfit, allowed, present, written
from callgate.rights.holding import LANGUAGES
from callgate.stores.ledger.restrictions import read_restricted


async def object_(desk: Desk, principal: Principal, asked: Asked) -> Request:
    """Enter an objection that came by letter; in force at every centre on return. No identity is asked for.

    Raises `Unfit`, `NotAllowed`, `NotCommitted`.
    """
    by, whose, because = principal.name, asked.controller, written("reason", asked.because)
    event = objection(asked.number, desk.clock(), Door.LETTER, by=by, controller=whose, reason=because)
    act = _Act(event.kind, event.payload, event.personal)
    return await _at_once(desk, principal, Right.OBJECTION, asked, act)


async def restrict(desk: Desk, principal: Principal, asked: Asked, ground: Ground) -> Request:
    """Let a controller only keep a person's data: no calls, nothing shown but to its officer, nothing deleted.

    Raises `Unfit` where that is so already, `NotAllowed`, `NotCommitted`.
    """
    if (asked.number, asked.controller) in await read_restricted(desk.ledger):
        raise Unfit(Refusal.RESTRICTED_ALREADY, controller=asked.controller)
    restriction = _Act(Kind.RESTRICTION, {"by": principal.name, "ground": ground})
    return await _at_once(desk, principal, Right.RESTRICTION, asked, restriction)


async def lift(desk: Desk, principal: Principal, request: Request, *, because: str, told: str) -> Request:
    """Lift a restriction, of which the person was told before: `told` says how (GDPR Art. 18(3)).

    Raises `Unfit`, `NotAllowed`, `NotCommitted`.
    """
    allowed(principal, request.controller)
    if not request.restricts:
        raise Unfit(Refusal.RESTRICTS_NOTHING, request=request.id)
    present(request)
    personal: dict[str, Json] = {"because": written("reason", because), "told": written("word to the person", told)}
    await desk.enter(desk.event(principal.name, request, Kind.RESTRICTION_LIFTED, {}, personal))
    return await desk.request(principal, request.id)


async def rectify(desk: Desk, principal: Principal, asked: Asked, what: Correction, now: str) -> Request:
    """Enter what is right from now on. What was entered before stays as it was, with its date: nothing is changed.

    An objection that was entered for a wrong number is taken back by it; `now` is then what is known of it. Raises
    `Unfit`, `NotAllowed`, `NotCommitted`.
    """
    if what is Correction.LANGUAGE and now not in LANGUAGES:
        raise Unfit(Refusal.NO_LANGUAGE, language=now, known=", ".join(LANGUAGES))
    because = written("reason", asked.because)
    personal: dict[str, Json] = {"now": written("correction", now), "because": because}
    acts = [_Act(Kind.RECTIFICATION, {"what": what, "by": principal.name}, personal)]
    if what is Correction.OBJECTION:
        said: dict[str, Json] = {"scope": Scope.CONTROLLER, "by": principal.name, "source": "rectification"}
        acts.append(_Act(Kind.OBJECTION_REMOVED, said, {"reason": because}))
    return await _at_once(desk, principal, Right.RECTIFICATION, asked, *acts)


class _Act(NamedTuple):
    """What a request comes to: an event without whom and when."""

    kind: Kind
    said: Mapping[str, Json]
    personal: Mapping[str, Json] = {}


async def _at_once(desk: Desk, principal: Principal, right: Right, asked: Asked, *acts: _Act) -> Request:
    """Open, carry out and close in one append. Each act is given the request's name."""
    allowed(principal, asked.controller)
    written("reason", asked.because)
    opening = await desk.opening(principal, right, asked)
    (request,) = fold([opening]).values()
    done = [
        Event(act.kind, opening.at, None, asked.number, asked.controller, said, personal=act.personal)
        for act in acts
        for said in [{"request": request.id, **act.said}]
    ]
    ended = (desk.event(principal.name, request, kind) for kind in (Kind.REQUEST_CARRIED_OUT, Kind.REQUEST_CLOSED))
    await desk.enter(opening, *done, *ended)
    return await desk.request(principal, request.id)
