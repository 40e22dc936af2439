"""Erasure (GDPR Art. 17): what one controller holds on a person, at once and wherever it lies.

In this order, so that a process which dies anywhere leaves something that is taken up again and nothing that is lost:

1. One append marks the person as erased (nobody calls them any more, and no list brings them back) and says which
   partners are to erase too. From here on the request is begun, and cannot be refused.
2. Recordings are destroyed, while the ledger still knows which calls they are of.
3. The keys of what the ledger holds on the person are destroyed: of the contact and the recordings, the controller's
   own and what was entered for no controller. What is proof of a consent, a refusal, an objection or this request stays
   until its term is over, for the officer alone, and then goes too (Art. 17(3)(b), (e), 18(2)): a term that the law of
   the person's country may make longer.
4. What counts how often the person was called is forgotten.
5. It is entered that this was done. Without partners to wait for, the request is closed by the same append.

A call that is under way meanwhile says something of the person afterwards, and so does one that is blocked while nobody
can know that they were erased. `sweep` takes that away again; it is run every minute.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from callgate.core import phone
from callgate.core.access import Principal
from callgate.core.events import DataClass, Event, Json, Kind, class_of
from callgate.core.gate import Scope
from callgate.core.refusals import Refusal
from callgate.core.requests import Request, Right
from callgate.rights.desk import Desk, Unfit, present
from callgate.rights.holding import NOBODYS, Held, held_on
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.restrictions import Whose, read_restricted, subjects_of

AT_ONCE = (DataClass.CONTACT, DataClass.RECORDING)
AT_ITS_TERM = (DataClass.PROOF,)


async def erase(desk: Desk, principal: Principal, request: Request) -> Request:
    """Erase; the request is then closed, or waits for partners. Going on with what was begun is the same as beginning.

    Raises `NotAllowed`, `Unfit`, `NotCommitted`, `LedgerUnavailable`, `StoreUnavailable` and OSError: then what is left
    to do is done by whoever asks next, the daemon's watch at the latest.
    """
    desk.allow_identified(principal, request)
    if request.right is not Right.ERASURE:
        raise Unfit(Refusal.ANOTHER_RIGHT, request=request.id, right=request.right, wanted=Right.ERASURE)
    if request.done is not None:
        raise Unfit(Refusal.ERASED_WAITING, controller=request.controller, partners=", ".join(request.outstanding))
    number = present(request)
    if (number, request.controller) in await read_restricted(desk.ledger):
        raise Unfit(Refusal.IS_RESTRICTED)
    if request.asked is None:
        held = await held_on(desk.ledger, number, request.controller)
        await desk.enter(*await _beginning(desk, principal.name, request, held))
    return await carry_out(desk, principal, request.id)


async def carry_out(desk: Desk, principal: Principal, request_id: str) -> Request:
    """Steps 2 to 5, of a request that is begun. Raises what `erase` raises."""
    request = await desk.request(principal, request_id)
    if request.asked and request.begun is not None:
        # Before the number goes with its key.
        await desk.partners.ask(request.id, present(request), request.controller, request.begun)
    gone = await _destroy(desk, principal.name, present(request), request.controller)
    until = (desk.clock() + desk.terms.proof_in(phone.country_of(present(request)))).date()
    said: dict[str, Json] = {
        "keys": gone.keys,
        "recordings": len(gone.recordings),
        "overwritten": gone.overwritten,
        "kept_until": until.isoformat(),
    }
    events = [desk.event(principal.name, request, Kind.REQUEST_CARRIED_OUT, said)]
    if not request.outstanding:
        events.append(desk.event(principal.name, request, Kind.REQUEST_CLOSED))
    await desk.enter(*events)
    return await desk.request(principal, request_id)


async def sweep(desk: Desk, by: str, requests: Collection[Request]) -> int:
    """Destroy what came of erased people since their erasure; of how many there was something.

    Whoever let themselves be called again, by a consent and an officer, is left alone. Raises as `erase`.
    """
    erased = [(request, _whose(request)) for request in requests if is_erased(request)]
    everybody = frozenset[Whose]().union(*(whose for _, whose in erased))
    if not await subjects_of(desk.ledger, everybody, AT_ONCE):
        return 0
    swept = 0
    for request, whose in erased:
        if await subjects_of(desk.ledger, whose, AT_ONCE) and not await came_back(
            desk.ledger, present(request), request.controller
        ):
            await _destroy(desk, by, present(request), request.controller)
            swept += 1
    return swept


async def end_terms(desk: Desk, by: str, requests: Collection[Request]) -> int:
    """Destroy what was kept as proof of erased people where its term is over; of how many. Raises as `erase`."""
    ended = 0
    now = desk.clock()
    for request in filter(is_erased, requests):
        if await _proof_is_over(desk, request, now):
            number, journal = present(request), desk.journal
            await desk.ledger.erase(number, request.controller, AT_ITS_TERM, now, by=by, journal=journal)
            ended += 1
    return ended


def is_erased(request: Request) -> bool:
    """Whether it is an erasure that was carried out, of a person whose number is still known."""
    return request.right is Right.ERASURE and request.done is not None and request.number is not None


async def came_back(ledger: Ledger, number: str, controller: str) -> bool:
    """Whether the mark that the person was erased was lifted since. Raises `LedgerUnavailable`."""
    held = await held_on(ledger, number, controller)
    marks = [event.kind for event in held.events if event.payload.get("scope") == Scope.ERASED]
    return not marks or marks[-1] is Kind.OBJECTION_REMOVED


@dataclass(frozen=True, slots=True)
class _Gone:
    """What was destroyed; `overwritten`: no copy of a key is left in the ledger's log."""

    keys: int
    recordings: Sequence[str]
    overwritten: bool


async def _destroy(desk: Desk, by: str, number: str, controller: str) -> _Gone:
    held = await held_on(desk.ledger, number, controller)
    recordings = await desk.destroy_recordings(held.made)
    keys, overwritten = 0, True
    for whose in (controller, NOBODYS):
        count, clean = await desk.ledger.erase(number, whose, AT_ONCE, desk.clock(), by=by, journal=desk.journal)
        keys, overwritten = keys + count, overwritten and clean
    await desk.office.forget(number, controller)
    return _Gone(keys, recordings, overwritten)


async def _beginning(desk: Desk, by: str, request: Request, held: Held) -> list[Event]:
    """The mark, and what is asked of whom."""
    number = present(request)
    partners = await desk.partners.that_received(number, request.controller)
    mark: dict[str, Json] = {
        "scope": Scope.ERASED,
        "by": by,
        "source": request.id,
        "basis": "GDPR Art. 17(3)(b), 21(3)",
    }
    asking: dict[str, Json] = {
        "partners": [*sorted(set(partners))],
        "due": request.deadline.due.isoformat(),
        "held": dict[str, Json](held.of(AT_ONCE)),
        "kept": dict[str, Json](held.of(AT_ITS_TERM)),
        "calls": len(held.made),
        "recorded": len(held.recorded),
    }
    return [
        Event(Kind.OBJECTION, desk.clock(), None, number, request.controller, mark),
        desk.event(by, request, Kind.ERASURE_ASKED, asking),
    ]


async def _proof_is_over(desk: Desk, request: Request, now: datetime) -> bool:
    """Whether the term of proof is over of this request, and of all else of the person that is to be provable."""
    # No law makes the operator's term shorter, and of thousands of requests every minute few are that old.
    if request.done is None or request.done.at > now - desk.terms.proof:
        return False
    limit = now - desk.terms.proof_in(phone.country_of(present(request)))
    if request.done.at > limit:
        return False
    held = await held_on(desk.ledger, present(request), request.controller)
    return all(
        event.at <= limit
        for event in held.events
        if class_of(event.kind) is DataClass.PROOF
        and event.controller == request.controller
        and event.payload.get("request") != request.id
    )


def _whose(request: Request) -> frozenset[Whose]:
    """As whom the ledger may know the person."""
    number = present(request)
    return frozenset({(number, request.controller), (number, NOBODYS)})
