"""What another policy would have decided about the calls of the last days: a rehearsal on what really happened.

Both policies, the one in force and the other, are asked about every call of the ledger again: its number, campaign and
centre, at its own moment, with the attempts that were made before it. Consents, objections and lists are as they are on
file now, for both alike; so a difference is the policy's, and nothing else's. Nothing is entered or reserved.

What no policy decided is passed over: calls that were blocked because something was away, what was dialled and was no
number, and people who were erased since.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from callgate.core import gate
from callgate.core.events import Event, Kind
from callgate.core.gate import CallRequest, Facts, Question, Verdict
from callgate.core.law import Contacts
from callgate.core.policy import Policy
from callgate.core.reasons import UNDECIDED, Reason
from callgate.stores.cache.contacts import counts
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question as LedgerQuestion

REMEMBERED = timedelta(days=62)
"""How far back attempts are counted: no cap of a pack looks further, but those that never end."""
EXAMPLES = 3

FactsOf = Callable[[Question, tuple[str, ...]], Awaitable[Facts]]
"""What is on file about the person of a question, with these lists. Raises what the stores raise."""


class Change(NamedTuple):
    """What was decided so by one policy and is decided otherwise by the other."""

    campaign: str
    before: Reason
    after: Reason


@dataclass(slots=True)
class Report:
    """How many calls were asked about, how many are decided alike, which are not, with the ids of a few of each.

    `passed_over` counts by why. `reproduced`: of how many the policy in force gives the reason that the ledger has.
    """

    calls: int = 0
    alike: int = 0
    reproduced: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    examples: dict[Change, list[str]] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)

    def take(self, event: Event, before: Verdict, after: Verdict) -> None:
        """Note one call."""
        self.calls += 1
        self.reproduced += before.reason == event.payload.get("reason")
        if before.reason is after.reason:
            self.alike += 1
            return
        change = Change(str(event.payload.get("campaign", "")), before.reason, after.reason)
        self.changes[change] += 1
        examples = self.examples.setdefault(change, [])
        if len(examples) < EXAMPLES:
            examples.append(str(event.call))


class _Past:
    """The attempts before each call, by person and company, as far as any cap looks."""

    def __init__(self) -> None:
        self._made: defaultdict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        self._abandoned: dict[tuple[str, str], datetime] = {}

    def note(self, event: Event) -> None:
        """Something happened to a person."""
        who = (event.number or "", event.controller or "")
        if event.kind is Kind.ABANDONED:
            self._abandoned[who] = event.at
        elif event.payload.get("outcome") == "allow" and counts(str(event.payload.get("purpose"))):
            self._made[who].append((event.at, str(event.payload.get("campaign"))))

    def before(self, number: str, controller: str, campaign: str) -> Contacts:
        """What came before the next event."""
        made = self._made[number, controller]
        return Contacts(
            tuple(at for at, _ in made),
            tuple(at for at, of in made if of == campaign),
            last_abandoned=self._abandoned.get((number, controller)),
        )


async def rehearse(
    ledger: Ledger,
    in_force: Policy,
    other: Policy,
    facts: FactsOf,
    *,
    since: datetime,
    until: datetime,
    on_event: Callable[[int], None] = lambda _: None,
) -> Report:
    """Ask both policies about the verdicts from `since` to before `until`. `on_event` is told each event's seq.

    Raises `LedgerUnavailable`, and what `facts` raises.
    """
    report, past = Report(), _Past()
    async for seq, event in _events(ledger, since - REMEMBERED, until):
        on_event(seq)
        if event.kind is Kind.VERDICT and event.at >= since:
            if why := _not_asked(event):
                report.passed_over[why] += 1
            else:
                before, after = await _both(event, in_force, other, facts, past)
                report.take(event, before, after)
        if event.number is not None:
            past.note(event)
    return report


async def _events(ledger: Ledger, since: datetime, until: datetime) -> AsyncIterator[tuple[int, Event]]:
    asked = LedgerQuestion(since=since, until=until, kinds=(Kind.VERDICT, Kind.ABANDONED))
    while found := await ledger.search(asked):
        for entry in found:
            yield entry.seq, entry.event
        asked = replace(asked, after_seq=found[-1].seq)


def _not_asked(event: Event) -> str:
    """Why a verdict is passed over; "" where it is not."""
    if event.payload.get("reason") in UNDECIDED:
        return "no policy decided"
    return "" if event.number is not None else "no number is on file"


async def _both(event: Event, in_force: Policy, other: Policy, facts: FactsOf, past: _Past) -> tuple[Verdict, Verdict]:
    asked = [gate.ask(_request(event.payload, event.number or ""), policy, event.at) for policy in (in_force, other)]
    lists = tuple(dict.fromkeys(name for one in asked if isinstance(one, Question) for name in one.lists))
    before, after = [await _answer(one, lists, facts, past) for one in asked]
    return before, after


async def _answer(asked: Question | Verdict, lists: tuple[str, ...], facts: FactsOf, past: _Past) -> Verdict:
    if isinstance(asked, Verdict):
        return asked
    campaign = asked.campaign
    contacts = past.before(asked.number.e164, campaign.controller, campaign.id)
    return gate.answer(asked, (await facts(asked, lists))._replace(contacts=contacts, busy=False), asked.at)


def _request(said: Mapping[str, object], number: str) -> CallRequest:
    pbx, uniqueid, campaign, centre, agent = (
        str(said.get(key, "")) for key in ("pbx", "uniqueid", "campaign", "centre", "agent")
    )
    return CallRequest(pbx, uniqueid, "", number, campaign, centre, agent)
