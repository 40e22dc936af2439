"""Why a lead must not be called for a campaign: the gate's rules about the person, for many numbers at a time.

1. The number can be read (else who is it?).
2. The campaign calls its country.
3. The controller erased or restricted nobody there, and nobody objected: to it, to the campaign, or to everyone.
4. It is on no national list that binds calls to its country.

The reasons are the gate's, and so is their order. What concerns the call and not the person (the centre's contract, the
hour) is left to the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from callgate.core.bulk import Mask, Numbers
from callgate.core.gate import ListState
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
    Reason.NATIONAL_LIST,
)
CLEAR, BAD_NUMBER, NOT_SERVED, ERASED, RESTRICTED, OBJECTION, NATIONAL_LIST = range(len(REASONS))
"""Reasons by their index."""

Verdicts = NDArray[np.uint8]
"""Of each lead the index of its reason."""


class Listed(Protocol):
    """A national list."""

    def contains(self, numbers: Numbers) -> Mask:
        """Of each number whether it is on the list."""


class Objected(Protocol):
    """The objections that speak against a campaign, and the people whom its controller erased or restricted."""

    async def against(self, numbers: Numbers) -> Verdicts:
        """Of each number what of these speaks against it, or `CLEAR`. Raises where that cannot be known."""


class Unscrubbable(Exception):
    """What is needed to judge cannot be used; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Judge:
    """`lists` are those that bind, by the country that is called; each country that the campaign calls is in it."""

    lists: Mapping[str, Sequence[Listed]]
    objected: Objected

    async def verdicts(self, numbers: Numbers, owners: NDArray[np.uint16]) -> Verdicts:
        """Judge numbers (0: none) of countries (their index in `plan.COUNTRIES`)."""
        verdicts = np.full(len(numbers), NOT_SERVED, np.uint8)
        verdicts[numbers == 0] = BAD_NUMBER
        for country, lists in self.lists.items():
            theirs = np.flatnonzero((owners == INDEX[country]) & (numbers > 0))
            verdicts[theirs] = CLEAR
            for register in lists:
                verdicts[theirs[register.contains(numbers[theirs])]] = NATIONAL_LIST
        # An objection speaks before a list, so it is asked for what is listed too.
        served = np.flatnonzero((verdicts == CLEAR) | (verdicts == NATIONAL_LIST))
        against = await self.objected.against(numbers[served])
        verdicts[served[against != CLEAR]] = against[against != CLEAR]
        return verdicts


def check_lists(
    campaign: Campaign, rules: Mapping[str, ListRule], in_force: Mapping[str, ListState], now: datetime
) -> None:
    """That every list which binds the campaign is there and fresh. Raises `Unscrubbable`."""
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
