"""The office: the one that knows people. Decides, commits, remembers; see `boundary.Office` for what a node may ask.

The order of a decision is what P1 and P5 rest on: look up, decide, commit, and compare the ledger's mark as of the
commit with the cache's mark as of the lookup. Where the ledger is ahead, an objection may have come in between: catch
up, and decide again.

The lookup reserves the person for the call. A call that is blocked all the same, or whose verdict is not committed,
gives them back; one that is allowed keeps them until it is closed.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import structlog

from callgate.boundary import Decision, Heard, LateBlock, NotCommitted, OpenCall, RecordingKey, Said
from callgate.core import gate, phone
from callgate.core.calledback import CalledBack, called_back
from callgate.core.events import DataClass, Event, Json, Kind
from callgate.core.gate import CallRequest, Facts, Question, Unknown, Verdict
from callgate.core.law import Share
from callgate.core.objecting import Door, objection
from callgate.core.policy import Policy
from callgate.core.reasons import Reason
from callgate.office import verdicts
from callgate.office.meanwhile import Line, said_meanwhile
from callgate.stores.cache.contacts import HELD, Attempt, counts
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import Behind, LedgerUnavailable, NotReady, StoreUnavailable
from callgate.stores.ledger import Committed, Ledger, vault
from callgate.stores.ledger.sealing import Person
from callgate.stores.schema import Entry

log = structlog.stdlib.get_logger()

DECISIONS = 3
"""How often one call is decided anew because objections keep coming in."""


@dataclass(slots=True)
class _Call:
    """What the office remembers of a call: its own, never a node's. `live`: it is not over, as far as is known.

    `seq` is that of its verdict in the ledger.
    """

    number: str
    controller: str
    question: Question | None
    seq: int
    objected: bool = False
    live: bool = True


@dataclass(frozen=True, slots=True)
class _Known:
    """What a lookup said, up to which mark of the ledger it holds, and whether the person is reserved for the call."""

    facts: Facts | Unknown
    mark: int
    reserved: bool = False


class LocalOffice:
    """The office in this process, over the ledger and the suppression cache."""

    def __init__(
        self,
        ledger: Ledger,
        cache: SuppressionCache,
        *,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        doubt: Callable[[str], None],
        alarm: Callable[[str], None],
        shares: Callable[[str], Mapping[int | None, Share]] = lambda _: {},
    ) -> None:
        self._ledger = ledger
        self._cache = cache
        self._policy = policy
        self._clock = clock
        self._doubt = doubt
        self._alarm = alarm
        self._shares = shares
        self._calls: dict[str, _Call] = {}

    # The gate.

    async def decide(self, request: CallRequest) -> Decision:
        """May this call be made? Commits the verdict; see `boundary.Office.decide`."""
        policy = self._policy()
        question = gate.ask(request, policy, self._clock())
        call = secrets.token_hex(8)
        try:
            if isinstance(question, Verdict):
                told, _ = await self._commit(call, request, question)
                return told
            told, committed = await self._decide(call, request, question)
        except LedgerUnavailable as error:
            return self._uncommitted(call, question, str(error))
        if told.allowed:
            seq = committed.entries[0].seq
            self._calls[call] = _Call(question.number.e164, question.campaign.controller, question, seq)
        return told

    async def _decide(self, call: str, request: CallRequest, question: Question) -> tuple[Decision, Committed]:
        told: Decision | None = None
        try:
            told, committed = await self._decide_reserved(call, request, question)
        finally:
            # Where Redis is away nothing can be given back, and the agent is not kept waiting to find that out again.
            if told is None or not (told.allowed or told.reason is Reason.STORE_UNAVAILABLE):
                await self._release(call, question.number.e164, question.campaign.controller, question.campaign.id)
        return told, committed

    async def _decide_reserved(self, call: str, request: CallRequest, question: Question) -> tuple[Decision, Committed]:
        known = await self._look_up(call, question)
        for _ in range(DECISIONS):
            verdict = gate.answer(question, known.facts, self._clock())
            if verdict.allowed and not known.reserved:
                break
            told, committed = await self._commit(call, request, verdict)
            if not told.allowed or known.mark >= committed.mark:
                return told, committed
            known = await self._look_up(call, question, at_least=committed.mark)
        doubt = _in_doubt("what is known of the person changed faster than it could be looked up")
        return await self._commit(call, request, gate.answer(question, doubt, self._clock()))

    async def _commit(self, call: str, request: CallRequest, verdict: Verdict) -> tuple[Decision, Committed]:
        """Commit a verdict: what the node is told of it, and where it stands in the ledger."""
        told = verdicts.decision(call, verdict)
        return told, await self._ledger.append([verdicts.event(told, request, verdict, self._clock())])

    async def _look_up(self, call: str, question: Question, at_least: int = 0) -> _Known:
        """Ask the cache, and reserve the person; where it has not reached the mark `at_least`, it catches up first."""
        campaign = question.campaign
        attempt = Attempt(call, question.at, question.caps, counts(campaign.purpose))
        query = Query(question.number.e164, campaign.controller, campaign.id, question.lists, attempt)
        try:
            if at_least:
                await self._cache.catch_up(self._ledger)
            found = await self._cache.lookup(query)
        except StoreUnavailable as error:
            self._doubt(str(error))
            return _Known(Unknown(Reason.STORE_UNAVAILABLE, str(error)), at_least)
        except (NotReady, Behind) as error:
            self._doubt(str(error))
            return _Known(_in_doubt(str(error)), at_least)
        return _Known(found.facts._replace(abandoned=self._shares(campaign.id)), found.mark, found.reserved)

    async def _release(self, call: str, number: str, controller: str, not_made_for: str = "") -> None:
        """Give the person back. Where Redis is away the reservation ends by itself, and an attempt too many counts."""
        try:
            await self._cache.contacts.release(call, self._cache.contacts.person(number, controller), not_made_for)
        except StoreUnavailable as error:
            self._doubt(str(error))

    def _uncommitted(self, call: str, question: Question | Verdict, detail: str) -> Decision:
        if isinstance(question, Verdict):
            return verdicts.decision(call, question, committed=False)
        unknown = Unknown(Reason.LEDGER_UNAVAILABLE, detail)
        return verdicts.decision(call, gate.answer(question, unknown, self._clock()), committed=False)

    async def answered(self, call: str) -> Reason:
        """Look up once more, as of now (P1)."""
        known_call = self._calls.get(call)
        if known_call is None or known_call.question is None:
            return Reason.INTERNAL_ERROR
        committed = await self._append(self._event(Kind.ANSWERED, call, {}))
        known = await self._look_up(call, known_call.question)
        if known.mark < committed.mark:
            known = await self._look_up(call, known_call.question, at_least=committed.mark)
        return gate.answer(known_call.question, known.facts, self._clock()).reason

    # What people say.

    async def consent(self, call: str, heard: Heard) -> None:
        """Commit a consent with its proof."""
        proof: dict[str, Json] = {
            "key": heard.key,
            "at": heard.at.isoformat(),
            "monotonic": heard.monotonic,
            "channel": heard.channel,
            "heard": [dict(asdict(played)) for played in heard.prompts],
        }
        await self._append(self._event(Kind.CONSENT, call, proof))

    async def withdraw(self, call: str, by: str) -> None:
        """Commit a withdrawal, once."""
        await self._remember(call)  # so that it is found under the person
        if not await self._has(call, Kind.WITHDRAWAL):
            await self._append(self._event(Kind.WITHDRAWAL, call, {"by": by}))

    async def object(self, call: str, by: str) -> None:
        """Commit an objection to this controller's calls, once, and bring it into the cache."""
        known = await self._remember(call)
        if known is None:
            log.error("objection-to-unknown-call", call=call)
            return
        if known.objected or await self._has(call, Kind.OBJECTION):
            known.objected = True
            return
        at, controller = self._clock(), known.controller
        await self.suppress(objection(known.number, at, Door.CALL, by=by, controller=controller, call=call))
        known.objected = True

    async def called_back(self, called: str, caller: str) -> CalledBack | None:
        """What to say to whoever calls a number back."""
        return called_back(called, caller, self._policy())

    async def object_calling_back(self, called: str, caller: str) -> None:
        """Commit the objection of whoever calls back, to each company that shows the number."""
        found = called_back(called, caller, self._policy())
        if found is None or found.number is None:
            raise NotCommitted("nobody shows the number that was called, or the caller shows none")
        at, number = self._clock(), found.number
        await self.suppress(
            *(objection(number, at, Door.CALLED_BACK, by="caller", controller=one) for one in found.controllers)
        )

    async def object_by_form(self, number: str, controller: str) -> bool:
        """Commit what somebody entered in the public form; False where it cannot be."""
        try:
            await self.suppress(objection(number, self._clock(), Door.FORM, by="public form", controller=controller))
        except NotCommitted as error:
            log.error("objection-not-committed", error=str(error))
            return False
        return True

    async def suppress(self, *events: Event) -> None:
        """Commit objections, consents and what takes them back; in force on return. The one way in, by every door.

        Where the cache cannot take it now it is in force all the same: the ledger's mark is ahead of the cache's, and
        no call is allowed on a cache that is behind.
        """
        committed = await self._append(*events)
        try:
            try:
                await self._cache.apply(committed.entries)
            except Behind:
                await self._cache.catch_up(self._ledger)
        except (StoreUnavailable, NotReady, Behind, LedgerUnavailable) as error:
            log.warning("cache-behind", error=str(error))
            self._doubt(str(error))

    # What happened.

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        """Enter a fact. Nobody on the telephone waits for it, so it shares somebody's commit."""
        event = self._event(kind, call, facts)
        await self._append(event, patient=True)
        if kind is Kind.ABANDONED and call is not None and event.number is not None:
            await self._note_abandoned(call, event.number, event)

    async def recording_key(self, call: str) -> RecordingKey | None:
        """A fresh key for the recording of this call, wrapped under the person's; see `boundary.Office`.

        A recording of which the ledger knows nothing yet (it was away when it began) is entered first.
        """
        known = await self._remember(call)
        if known is None:
            raise NotCommitted("the ledger does not say whose recording it is")
        erased = any(entry.event.number is None for entry in await self._read(call, Kind.RECORDING_STARTED))
        if erased or await self._has(call, Kind.WITHDRAWAL):
            return None
        person = Person(known.number, known.controller, DataClass.RECORDING)
        try:
            given = await vault.new_key(self._ledger, person, call)
            if given is None:
                await self._append(self._event(Kind.RECORDING_STARTED, call, {"late": True}))
                given = await vault.new_key(self._ledger, person, call)
        except LedgerUnavailable as error:
            raise NotCommitted(str(error)) from None
        return RecordingKey(given.key, given.subject.hex(), given.wrapped.hex()) if given else None

    async def close(self, call: str, facts: dict[str, Json]) -> None:
        """Close a call. Whoever still speaks for its callee is found in the ledger."""
        await self._append(self._event(Kind.CLOSED, call, facts), patient=True)
        known = self._calls.pop(call, None)
        if known is not None and known.live:
            await self._release(call, known.number, known.controller)

    async def hold(self) -> None:
        """Say to all callgates that the calls of this one go on."""
        contacts = self._cache.contacts
        live = [
            (call, contacts.person(known.number, known.controller)) for call, known in self._calls.items() if known.live
        ]
        try:
            await contacts.hold(live)
        except StoreUnavailable as error:
            self._doubt(str(error))

    async def forget(self, number: str, controller: str) -> None:
        """Forget how often a person was called. Raises `StoreUnavailable`."""
        await self._cache.contacts.forget(number, controller)

    async def _note_abandoned(self, call: str, number: str, event: Event) -> None:
        contacts = self._cache.contacts
        try:
            await contacts.abandoned(call, contacts.person(number, event.controller or ""), event.at)
        except StoreUnavailable as error:
            contacts.lose()
            self._doubt(str(error))

    async def late(self, blocks: Sequence[LateBlock]) -> Sequence[LateBlock]:
        """Enter blocks that were made while callgate or its ledger was away (P5); those that were not there yet."""
        entered = []
        for block in blocks:
            if await self._read(call=block.key):
                continue
            try:
                number = phone.parse(block.request.dialled, self._policy().home, self._policy().outside_line).e164
            except phone.NotANumber:
                number = None
            campaign = self._policy().campaigns.get(block.request.campaign)
            controller = campaign.controller if campaign else None
            payload: dict[str, Json] = {
                "outcome": "block",
                "reason": block.reason,
                "late": True,
                "entered": self._clock().isoformat(),
                "pbx": block.request.pbx,
                "uniqueid": block.request.uniqueid,
                "centre": block.request.centre,
                "campaign": block.request.campaign,
                "agent": block.request.agent,
            }
            await self._append(Event(Kind.VERDICT, block.at, block.key, number, controller, payload))
            entered.append(block)
        return entered

    async def open_calls(self, pbx: str) -> Sequence[OpenCall]:
        """The calls of that PBX that the ledger holds as allowed and not closed."""
        try:
            calls = await self._ledger.open_calls()
        except LedgerUnavailable as error:
            raise NotCommitted(str(error)) from None
        opened = []
        for call, entries in calls.items():
            first = next(entry for entry in entries if entry.event.kind is Kind.VERDICT)
            verdict, ours = first.event, first.writer == self._ledger.writer
            if verdict.payload.get("pbx") == pbx and verdict.number:
                kinds = {entry.event.kind for entry in entries}
                question = verdicts.asked_again(verdict, self._policy())
                known = self._calls.get(call)
                if known is None or not known.live:
                    controller = verdict.controller or ""
                    self._calls[call] = _Call(verdict.number, controller, question, first.seq, Kind.OBJECTION in kinds)
                opened.append(replace(verdicts.open_call(call, verdict, kinds, question), ours=ours))
        return opened

    async def said(self, calls: Sequence[str], after: int | None) -> tuple[int, Sequence[Said]]:
        """What was said of these calls by other ways than the telephone, here or at another callgate."""
        known = {call: self._calls[call] for call in calls if call in self._calls}
        lines = {
            call: Line(one.number, one.controller, one.question.campaign.id if one.question else "", one.seq)
            for call, one in known.items()
        }
        try:
            return await said_meanwhile(self._ledger, lines, after)
        except LedgerUnavailable as error:
            raise NotCommitted(str(error)) from None

    # Helpers.

    def _event(self, kind: Kind, call: str | None, payload: dict[str, Json]) -> Event:
        known = self._calls.get(call) if call else None
        number, controller = (known.number, known.controller) if known else (None, None)
        return Event(kind, self._clock(), call, number, controller, payload)

    async def _append(self, *events: Event, patient: bool = False) -> Committed:
        try:
            return await self._ledger.append(events, patient=patient)
        except LedgerUnavailable as error:
            self._alarm("ledger-unavailable")
            raise NotCommitted(str(error)) from None

    async def _read(self, call: str, kind: Kind | None = None) -> list[Entry]:
        try:
            return await self._ledger.read(kinds=[kind] if kind else [], call=call, limit=1)
        except LedgerUnavailable as error:
            raise NotCommitted(str(error)) from None

    async def _has(self, call: str, kind: Kind) -> bool:
        return bool(await self._read(call, kind))

    async def _remember(self, call: str) -> _Call | None:
        """The call, from memory or from its verdict in the ledger."""
        if call not in self._calls:
            for entry in await self._read(call, Kind.VERDICT):
                if entry.event.number:
                    number, controller = entry.event.number, entry.event.controller or ""
                    self._calls[call] = _Call(number, controller, None, entry.seq, live=False)
        return self._calls.get(call)


async def keep_held(office: LocalOffice) -> None:
    """Hold the office's calls until cancelled."""
    while True:
        await office.hold()
        await asyncio.sleep(HELD.total_seconds() / 3)


def _in_doubt(detail: str) -> Unknown:
    return Unknown(Reason.STORE_NOT_READY, detail)
