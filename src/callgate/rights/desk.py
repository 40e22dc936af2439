"""The desk at which requests of persons are entered: what may be done with one, by whom, and what that is in events.

Every act is looked at against the request as the ledger tells it, and is one append: it happened whole, or not. The
number stands in the events, sealed under the person's key of the class PROOF, and their payload holds none of it.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from callgate.core import deadlines, phone
from callgate.core.access import Principal, Role
from callgate.core.callback import LATELY, may_call_back
from callgate.core.deadlines import CannotExtend
from callgate.core.events import Event, Json, Kind
from callgate.core.law.daysoff import national
from callgate.core.policy import Policy
from callgate.core.refusals import Refusal, Refused
from callgate.core.requests import IDENTIFIED, Answer, Request, Right, fold
from callgate.core.retention import Terms
from callgate.office.local import LocalOffice
from callgate.rights.holding import LANGUAGES, held_on
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.questions import Question

LONGEST = 1000
"""Characters of a text that somebody wrote."""

DestroyRecordings = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Destroys what was recorded of these calls, and gives those of which there was anything."""


class NotAllowed(Refused):
    """Whoever asks may not do that; the message says who may."""


class Unfit(Refused):
    """The request does not stand so that this could be done; the message says how it stands and what can be done."""


class Partners(Protocol):
    """The processors and other companies that hold data of their own."""

    async def recipients(self, controller: str) -> Sequence[str]:
        """The names of those that are told anything of this controller's people."""

    async def that_received(self, number: str, controller: str) -> Sequence[str]:
        """The names of those that received a person's data for this controller and erase it when they are asked to."""

    async def ask(self, request: str, number: str, controller: str, at: datetime) -> None:
        """Have them told to erase it, from a moment that names the asking. Asking twice is asking once."""

    async def answered(self, request: str) -> Mapping[str, Answer]:
        """What those that were asked have answered so far."""


class Holidays:
    """The public holidays of a country, as a container of dates."""

    def __init__(self, country: str) -> None:
        self._country = country

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day in national(self._country, day.year)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked which controller, and how: their E.164 number, the day on which it came (None: today), their language
    of letters ("": that of the calls to them), and what is to be known of it, such as which letter it was."""

    number: str
    controller: str
    because: str = ""
    received: date | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What requests need of the rest."""

    ledger: Ledger
    office: LocalOffice
    journal: Journal
    terms: Terms
    clock: Callable[[], datetime]
    policy: Callable[[], Policy]
    partners: Partners
    destroy_recordings: DestroyRecordings

    # Reading.

    async def requests(self, principal: Principal) -> list[Request]:
        """The requests that the principal may see, in the order in which they were opened."""
        found = await read_requests(self.ledger)
        return [request for request in found.values() if principal.sees(request.controller, None)]

    async def request(self, principal: Principal, request: str) -> Request:
        """The request with this id. Raises `Unfit` where there is none that the principal may see."""
        found = (await read_requests(self.ledger, request)).get(request)
        if found is None or not principal.sees(found.controller, None):
            raise Unfit(Refusal.NO_REQUEST, request=request)
        return found

    async def pending(self, principal: Principal, right: Right, number: str, controller: str) -> Request | None:
        """The request of this kind that is open for the person, if there is one."""
        for request in await self.requests(principal):
            whose = request.right, request.number, request.controller
            if whose == (right, number, controller) and not request.answered:
                return request
        return None

    # Acts.

    async def open(self, principal: Principal, right: Right, asked: Asked) -> Request:
        """Enter that a person asks for something; its time runs from then on. Raises `NotAllowed`, `Unfit`."""
        allowed(principal, asked.controller)
        event = await self.opening(principal, right, asked)
        await self.enter(event)
        return await self.request(principal, str(event.payload["request"]))

    async def opening(self, principal: Principal, right: Right, asked: Asked) -> Event:
        """The event with which a request begins. Raises `Unfit`."""
        policy = self.policy()
        if asked.controller not in policy.controllers:
            known = ", ".join(sorted(policy.controllers))
            raise Unfit(Refusal.NO_CONTROLLER, controller=asked.controller, known=known)
        country = policy.controllers[asked.controller].country or policy.home
        language = asked.language or (await held_on(self.ledger, asked.number, asked.controller)).language
        if language not in LANGUAGES:
            raise Unfit(Refusal.NO_LANGUAGE, language=language, known=", ".join(LANGUAGES))
        now = self.clock()
        came = asked.received or now.date()
        if came > now.date():
            raise Unfit(Refusal.STILL_TO_COME, day=came)
        said: dict[str, Json] = {
            "request": f"r-{secrets.token_hex(6)}",
            "right": right,
            "masked": phone.mask(asked.number),
            "received": came.isoformat(),
            "due": deadlines.deadline(came, Holidays(country)).due.isoformat(),
            "country": country,
            "language": language,
            "by": principal.name,
        }
        personal: dict[str, Json] = {"because": written("reason", asked.because)} if asked.because else {}
        return Event(Kind.REQUEST_OPENED, now, None, asked.number, asked.controller, said, personal=personal)

    async def identify(self, principal: Principal, request: Request, how: str) -> Request:
        """Enter that the person is who they say, and how that was seen. Raises `NotAllowed`, `Unfit`."""
        self.allow_open(principal, request)
        if request.identity is not None:
            raise Unfit(Refusal.IDENTIFIED_ALREADY, by=request.identity.by)
        personal: dict[str, Json] = {"how": written("identity check", how)}
        return await self._act(principal, request, Kind.REQUEST_IDENTIFIED, {}, personal)

    async def extend(self, principal: Principal, request: Request, because: str) -> Request:
        """Take two more months, of which the person is told today and why (GDPR Art. 12(3)). Raises `Unfit`."""
        self.allow_open(principal, request)
        today = self.clock().date()
        try:
            longer = deadlines.extend(request.deadline, today, Holidays(request.country))
        except CannotExtend as error:
            raise Unfit(error.refusal, **error.fields) from None
        said: dict[str, Json] = {"announced": today.isoformat(), "due": longer.due.isoformat()}
        return await self._act(principal, request, Kind.REQUEST_EXTENDED, said, {"because": written("reason", because)})

    async def refuse(self, principal: Principal, request: Request, because: str) -> Request:
        """Refuse a request, of which the person is told with the reason (GDPR Art. 12(4), (5)). Raises `Unfit`."""
        self.allow_open(principal, request)
        if request.asked is not None or request.done is not None:
            raise Unfit(Refusal.BEGUN)
        personal: dict[str, Json] = {"because": written("reason", because)}
        return await self._act(principal, request, Kind.REQUEST_REFUSED, {}, personal)

    async def acknowledge(self, principal: Principal, request: Request, partner: str, answer: Answer) -> Request:
        """Enter what a partner answered; the last answer closes the request. Saying it twice is saying it once.

        Raises `NotAllowed`, and `Unfit` where that partner was not asked.
        """
        allowed(principal, request.controller, also=Role.MACHINE)
        if partner in request.acknowledged:
            return request
        if partner not in (request.asked or ()):
            raise Unfit(Refusal.NOT_ASKED, partner=partner, asked=", ".join(request.asked or ()) or "none")
        said: dict[str, Json] = {"partner": partner, "answer": answer}
        events = [self.event(principal.name, request, Kind.ERASURE_ACKNOWLEDGED, said)]
        if request.done is not None and request.outstanding == (partner,):
            events.append(self.event(principal.name, request, Kind.REQUEST_CLOSED))
        await self.enter(*events)
        return await self.request(principal, request.id)

    async def call_back(self, principal: Principal, request: Request) -> Request:
        """Enter that the person is called back to see that the number is theirs; then it may be dialled.

        Raises `NotAllowed`, `Unfit`, and `NoCallBack` where the number is not to be called back.
        """
        self.allow_open(principal, request)
        number = present(request)
        now = self.clock()
        mine = Question(number=number, controllers=(request.controller,), kinds=(Kind.DIALLED,), since=now - LATELY)
        anybodys = Question(number=number, controllers=tuple(self.policy().controllers), kinds=(Kind.CALL_BACK,))
        called = [entry.event.at for entry in await self.ledger.search(mine)]
        called_back = [entry.event.at for entry in await self.ledger.search(anybodys)]
        may_call_back(phone.known(number, request.country).kind, called, called_back, now)
        return await self._act(principal, request, Kind.CALL_BACK, {})

    # What the acts of other modules are made of.

    def allow_open(self, principal: Principal, request: Request) -> None:
        """Raises `NotAllowed`, and `Unfit` for a request that was answered."""
        allowed(principal, request.controller)
        if request.answered:
            raise Unfit(Refusal.ANSWERED, request=request.id, stage=request.stage)

    def allow_identified(self, principal: Principal, request: Request) -> None:
        """As `allow_open`; raises `Unfit` too where the person must be identified first."""
        self.allow_open(principal, request)
        if request.right in IDENTIFIED and request.identity is None:
            raise Unfit(Refusal.NOT_IDENTIFIED, request=request.id, due=request.deadline.due)

    def event(
        self,
        by: str,
        request: Request,
        kind: Kind,
        said: dict[str, Json] | None = None,
        personal: dict[str, Json] | None = None,
    ) -> Event:
        """An event of this request."""
        payload: dict[str, Json] = {"request": request.id, "by": by, **(said or {})}
        of_person = (personal or {}) if request.number else {}
        return Event(kind, self.clock(), None, request.number, request.controller, payload, personal=of_person)

    async def enter(self, *events: Event) -> None:
        """Commit events, all or none; in force on return. Raises `NotCommitted`."""
        await self.office.suppress(*events)

    async def _act(
        self,
        principal: Principal,
        request: Request,
        kind: Kind,
        said: dict[str, Json],
        personal: dict[str, Json] | None = None,
    ) -> Request:
        await self.enter(self.event(principal.name, request, kind, said, personal))
        return await self.request(principal, request.id)


async def read_requests(ledger: Ledger, request: str | None = None) -> dict[str, Request]:
    """Requests by id: one, or all. Raises `LedgerUnavailable`."""
    found: dict[str, Request] = {}
    async for batch in ledger.requests(request):
        found = fold((entry.event for entry in batch), found)
    return found


def allowed(principal: Principal, controller: str, also: Role = Role.OFFICER) -> None:
    """Raises `NotAllowed` for whoever is no officer (nor of the role `also`) for this controller."""
    if principal.role not in (Role.OFFICER, also) or not principal.sees(controller, None):
        raise NotAllowed(Refusal.NOT_YOURS, by=principal.name, controller=controller)


def written(what: str, text: str) -> str:
    """A text that somebody wrote. Raises `Unfit` for one that says nothing or too much."""
    said = text.strip()
    if not said:
        raise Unfit(Refusal.EMPTY, what=what)
    if len(said) > LONGEST:
        raise Unfit(Refusal.TOO_LONG, what=what, length=len(said), most=LONGEST)
    return said


def present(request: Request) -> str:
    """The number. Raises `Unfit` once it was destroyed."""
    if request.number is None:
        raise Unfit(Refusal.NUMBER_DESTROYED, request=request.id)
    return request.number
