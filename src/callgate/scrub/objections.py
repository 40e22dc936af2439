"""What ledger and cache hold against a campaign, and for it, asked for many numbers at a time.

The tokens of a batch say which sets they would be in. Each of these is fetched once and kept, and the tokens are looked
for here: so Redis is asked for what it holds, and not about every lead. A small file fetches a few sets, a large one
all of them, 12 bytes an objection.

The epoch is read behind what was fetched: a rebuild puts a new generation in force before it removes the old one, so an
epoch that is still the same says that the sets were whole. Objections that come in during a scrub may be missed by it,
and are met by the gate.

Patterns are few and stand plainly in the ledger, where they are read once. The cache has only their tokens, and would
have to be asked for every beginning of every number.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from callgate.core.bulk import Mask, Numbers
from callgate.office.onfile import patterns_in_force
from callgate.scrub.judging import CLEAR, ERASED, OBJECTION, PATTERN, RESTRICTED, OnFile, Verdicts
from callgate.scrub.shelf import Asked, Shelf
from callgate.stores.cache import consents, relations
from callgate.stores.cache.connection import store
from callgate.stores.cache.suppression import CHANGING, EMPTY, LOOKS, Epoch, SuppressionCache
from callgate.stores.encoding import Token
from callgate.stores.errors import NotReady
from callgate.stores.ledger import Ledger
from callgate.stores.objections import Audience, audiences, marks

SETS_AT_ONCE = 256
"""Fetched in one round trip: some 3 MB."""
_POWERS: Numbers = np.array([10**power for power in range(20)], np.uint64)

_T = TypeVar("_T")


class _Changed(Exception):
    """Another generation came into force."""


@dataclass(slots=True)
class _Held:
    """What was fetched of one generation: tokens of objections; of files tokens, and by key what each field says."""

    raw: bytes
    epoch: Epoch
    objections: Shelf
    files: Shelf
    said: dict[str, Mapping[bytes, bytes]] = field(default_factory=dict)


class CacheObjections:
    """What is held against a campaign of a controller. `patterns` cover its calls; the cache must have been checked."""

    def __init__(self, cache: SuppressionCache, controller: str, campaign: str, patterns: Iterable[str]) -> None:
        self._cache = cache
        self._everyones, self._controllers, self._campaigns = audiences(controller, campaign)
        erased, restricted = marks(controller)
        # What says more is written over what says less.
        self._asked = (
            (OBJECTION, (self._everyones, self._controllers, self._campaigns)),
            (RESTRICTED, (restricted,)),
            (ERASED, (erased,)),
        )
        self._patterns = [*patterns]
        self._held: _Held | None = None

    async def against(self, numbers: Numbers) -> Verdicts:
        """Of each number what speaks against it, or `CLEAR`. Raises `NotReady` and `StoreUnavailable`."""

        async def work(held: _Held) -> Verdicts:
            found = np.where(covered(numbers, self._patterns), PATTERN, CLEAR).astype(np.uint8)
            if held.objections.empty:
                return found
            texts = _texts(numbers)
            asked = [
                (reason, one)
                for reason, whose in self._asked
                for audience in whose
                for one in self._tokens(audience, texts, held)
            ]
            await self._fetch_objections(held, [one for _, one in asked])
            for reason, one in asked:
                found[held.objections.holds(one)] = reason
            return found

        return await self._steadily(work)

    async def on_file(self, numbers: Numbers) -> Mapping[int, OnFile]:
        """What counts of consents and relations, by the row of the number. Raises as `against`."""

        async def work(held: _Held) -> Mapping[int, OnFile]:
            if held.files.empty:
                return {}
            own = [*self._tokens(self._controllers, _texts(numbers), held)]
            await self._fetch_files(held, own)
            rows = np.flatnonzero(np.any([held.files.holds(one) for one in own], axis=0))
            some = _texts(numbers[rows])
            await self._fetch_files(held, [*self._tokens(self._everyones, some, held)])
            return {int(row): self._file(held, text.decode()) for row, text in zip(rows, some, strict=True)}

        return await self._steadily(work)

    async def _steadily(self, work: Callable[[_Held], Awaitable[_T]]) -> _T:
        """Do it with what is held of the generation in force, again where another comes into force meanwhile."""
        async with store("looking up objections"):
            for _ in range(LOOKS):
                try:
                    self._held = self._held or await self._begin()
                    return await work(self._held)
                except _Changed:
                    self._held = None
        raise NotReady(CHANGING)

    async def _begin(self) -> _Held:
        """See which generation is in force, and which of its sets hold anything."""
        keys = self._cache.keys
        raw = await self._cache.redis.get(keys.epoch)
        if not isinstance(raw, bytes):
            raise NotReady(EMPTY)
        epoch = Epoch.read(raw, self._cache.ledger, self._cache.tokens.layout)
        buckets = range(1 << epoch.bits)
        objections = await self._ask(raw, "SCARD", [keys.bucket(epoch.generation, bucket) for bucket in buckets])
        files = await self._ask(raw, "HLEN", [keys.consents(epoch.generation, bucket) for bucket in buckets])
        return _Held(raw, epoch, Shelf(objections), Shelf(files))

    async def _fetch_objections(self, held: _Held, asked: Sequence[Asked]) -> None:
        lacking = held.objections.lacks(asked)
        keys = [self._cache.keys.bucket(held.epoch.generation, bucket) for bucket in lacking]
        held.objections.add(lacking, await self._ask(held.raw, "SMEMBERS", keys))

    async def _fetch_files(self, held: _Held, asked: Sequence[Asked]) -> None:
        lacking = held.files.lacks(asked)
        keys = [self._cache.keys.consents(held.epoch.generation, bucket) for bucket in lacking]
        answers = await self._ask(held.raw, "HGETALL", keys)
        held.said |= zip(keys, answers, strict=True)
        # A person's consent stands under their token, relations behind an r; behind an o, what everyone is asked of.
        held.files.add(lacking, [{name.lstrip(b"r") for name in answer if name[:1] != b"o"} for answer in answers])

    async def _ask(self, raw: bytes, command: str, keys: Sequence[str]) -> list[Any]:
        """The answer for each key; raises `_Changed` where the epoch is another afterwards."""
        answers: list[Any] = []
        for first in range(0, len(keys), SETS_AT_ONCE):
            async with self._cache.redis.pipeline(transaction=False) as pipe:
                for key in keys[first : first + SETS_AT_ONCE]:
                    pipe.execute_command(command, key)
                pipe.get(self._cache.keys.epoch)
                *some, after = await pipe.execute()
            if after != raw:
                raise _Changed
            answers += some
        return answers

    def _tokens(self, audience: Audience, texts: Sequence[bytes], held: _Held) -> Iterable[Asked]:
        return (Asked(key, audience, texts, held.epoch.bits) for key in self._cache.tokens.keys)

    def _file(self, held: _Held, number: str) -> OnFile:
        generation, bits = held.epoch.generation, held.epoch.bits

        def said(audience: Audience, name: Callable[[Token], str]) -> list[bytes | None]:
            tokens = self._cache.tokens.all(audience, number)
            keyed = ((self._cache.keys.consents(generation, token.bucket(bits)), name(token)) for token in tokens)
            return [held.said.get(key, {}).get(named.encode()) for key, named in keyed]

        own = said(self._controllers, lambda token: f"{token.member}")
        objected = said(self._everyones, consents.field_of_objection)
        return OnFile(consents.read(own, objected), relations.read(said(self._controllers, relations.field)))


async def read_objections(cache: SuppressionCache, ledger: Ledger, controller: str, campaign: str) -> CacheObjections:
    """What is held against a campaign, from now on. Raises `LedgerUnavailable`."""
    whose = audiences(controller, campaign)
    standing = await patterns_in_force(ledger)
    return CacheObjections(cache, controller, campaign, [pattern for of, pattern in standing if of in whose])


def covered(numbers: Numbers, patterns: Iterable[str]) -> Mask:
    """Of each number whether it begins with one of the patterns, each a plus and digits."""
    found = np.zeros(len(numbers), np.bool_)
    lengths = np.searchsorted(_POWERS, numbers, "right")
    beginnings = {pattern.removeprefix("+") for pattern in patterns}
    for digits in {len(beginning) for beginning in beginnings}:
        wanted = np.array([int(beginning) for beginning in beginnings if len(beginning) == digits], np.uint64)
        long_enough = np.flatnonzero(lengths >= digits)
        leading = numbers[long_enough] // _POWERS[lengths[long_enough] - digits]
        found[long_enough] |= np.isin(leading, wanted)
    return found


def _texts(numbers: Numbers) -> list[bytes]:
    """The numbers as tokens are made of them."""
    return [b"+%d" % number for number in numbers.tolist()]
