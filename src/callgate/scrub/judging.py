"""Why a lead must not be called for a campaign: the gate's rules about the person, for many numbers at a time.

1. The number can be read (else who is it?).
2. The campaign calls its country.
3. The controller erased or restricted nobody there, and nobody objected: to it, to the campaign, or to everyone; and no
   pattern covers the number.
4. It is on no national list that binds calls to its country, and where the law wants a consent before the call there is
   one.

The reasons are the gate's, and so is their order. What concerns the call and not the person (the centre's contract, the
hour, earlier calls) is left to the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from callgate.core.bulk import Mask, Numbers
from callgate.core.gate import ListState
from callgate.core.law import Consent, Related
from callgate.core.plan import INDEX
from callgate.core.policy import Campaign, ListRule
from callgate.core.reasons import Reason

REASONS = (
    Reason.CLEAR,
    Reason.BAD_NUMBER,
    Reason.COUNTRY_NOT_SERVED,
    Reason.ERASED,
    Reason.RESTRICTED,
    Reason.OBJECTION,
    Reason.PATTERN,
    Reason.NATIONAL_LIST,
    Reason.LAW_UNKNOWN,
    Reason.NO_CONSENT,
    Reason.CONSENT_TOO_OLD,
)
PLACES = {reason: place for place, reason in enumerate(REASONS)}
"""Reasons by their index, and the other way round."""
CLEAR, BAD_NUMBER, NOT_SERVED, ERASED, RESTRICTED, OBJECTION, PATTERN, NATIONAL_LIST, *_ = range(len(REASONS))

Verdicts = NDArray[np.uint8]
"""Of each lead the index of its reason."""


class Listed(Protocol):
    """A national list."""

    def contains(self, numbers: Numbers) -> Mask:
        """Of each number whether it is on the list."""


class OnFile(NamedTuple):
    """What there is of one person for a campaign: the consent that counts, what connects them with its controller."""

    consent: Consent | None = None
    related: tuple[Related, ...] = ()


class Held(Protocol):
    """What is held of people for a campaign: what speaks against calling them, and what may speak for it.

    Both raise where that cannot be known.
    """

    async def against(self, numbers: Numbers) -> Verdicts:
        """Of each number what speaks against it: an objection, a pattern, a mark of its controller; or `CLEAR`."""

    async def on_file(self, numbers: Numbers) -> Mapping[int, OnFile]:
        """Of those of whom there is something, by the row of the number."""


class Law(Protocol):
    """What lists and the law say to calls to a person, whatever else speaks against them."""

    def unknown(self, country: str, listed: frozenset[str], numbers: Numbers) -> Verdicts:
        """Of numbers of a country that are on these lists, where nothing is on file."""

    def known(self, country: str, listed: frozenset[str], number: int, on_file: OnFile) -> int:
        """Of a number whose person has something on file."""


class Unscrubbable(Exception):
    """What is needed to judge cannot be used; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Judge:
    """`lists` are those to look into, by the country that is called; each that the campaign calls is in it."""

    lists: Mapping[str, Mapping[str, Listed]]
    held: Held
    law: Law

    async def verdicts(self, numbers: Numbers, owners: NDArray[np.uint16]) -> Verdicts:
        """Judge numbers (0: none) of countries (their index in `plan.COUNTRIES`)."""
        verdicts = np.full(len(numbers), NOT_SERVED, np.uint8)
        verdicts[numbers == 0] = BAD_NUMBER
        for country in self.lists:
            theirs = np.flatnonzero((owners == INDEX[country]) & (numbers > 0))
            verdicts[theirs] = await self._lawful(country, numbers[theirs])
        # An objection speaks before a list, so it is asked for what is listed too.
        served = np.flatnonzero((verdicts != NOT_SERVED) & (verdicts != BAD_NUMBER))
        against = await self.held.against(numbers[served])
        verdicts[served[against != CLEAR]] = against[against != CLEAR]
        return verdicts

    async def _lawful(self, country: str, numbers: Numbers) -> Verdicts:
        verdicts = np.full(len(numbers), CLEAR, np.uint8)
        for listed, rows in self._alike(country, numbers):
            verdicts[rows] = self.law.unknown(country, listed, numbers[rows])
            stopped = rows[verdicts[rows] != CLEAR]
            if not len(stopped):
                continue
            for row, on_file in (await self.held.on_file(numbers[stopped])).items():
                place = stopped[row]
                verdicts[place] = self.law.known(country, listed, int(numbers[place]), on_file)
        return verdicts

    def _alike(self, country: str, numbers: Numbers) -> Sequence[tuple[frozenset[str], NDArray[np.intp]]]:
        """The rows of those that are on the same lists, and which these are."""
        names, on = [*self.lists[country]], np.zeros(len(numbers), np.uint64)
        for bit, register in enumerate(self.lists[country].values()):
            on |= register.contains(numbers).astype(np.uint64) << np.uint64(bit)
        return [
            (frozenset(name for bit, name in enumerate(names) if bits >> bit & 1), np.flatnonzero(on == bits))
            for bits in np.unique(on).tolist()
        ]


def check_lists(
    campaign: Campaign, rules: Mapping[str, ListRule], in_force: Mapping[str, ListState], now: datetime
) -> None:
    """That every list which the campaign names is there and fresh. Raises `Unscrubbable`."""
    for name in dict.fromkeys(name for names in campaign.lists.values() for name in names):
        state = in_force.get(name)
        if state is None:
            raise Unscrubbable(f"the list {name} was never loaded; import it first")
        allowed = timedelta(days=rules[name].max_age_days)
        if now - state.scrubbed_at > allowed:
            raise Unscrubbable(
                f"the list {name}, version {state.version}, is of {state.scrubbed_at:%Y-%m-%d}; {allowed.days} days are"
                " allowed: import a newer one first"
            )
