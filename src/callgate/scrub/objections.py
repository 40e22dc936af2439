"""The objections of a campaign and its controller's marks, asked of the suppression cache many numbers at a time.

The tokens of a batch are sorted by the set that they would be in, so that each set is asked once. The epoch is read
behind the last of them: a rebuild puts a new generation in force before it removes the old one, so an epoch that is
still the same says that the sets were whole.

Which sets hold anything is asked once a generation. Objections that come in during a scrub may so be missed by it, and
are met by the gate.
"""

from collections import defaultdict
from itertools import islice

import numpy as np

from callgate.core.bulk import Numbers
from callgate.core.gate import Scope
from callgate.core.patterns import prefixes
from callgate.scrub.judging import CLEAR, ERASED, OBJECTION, RESTRICTED, Verdicts
from callgate.stores.connection import store
from callgate.stores.encoding import bits_of
from callgate.stores.errors import NotReady
from callgate.stores.objections import audiences, marks
from callgate.stores.suppression import CHANGING, EMPTY, LOOKS, Epoch, SuppressionCache

TOKENS_AT_ONCE = 1000
"""Looked for among the patterns by one command."""
_SAYS = {Scope.ERASED: ERASED, Scope.RESTRICTED: RESTRICTED}


class CacheObjections:
    """What the cache holds against a campaign of a controller. The cache must have been checked."""

    def __init__(self, cache: SuppressionCache, controller: str, campaign: str) -> None:
        self._cache = cache
        self._audiences = audiences(controller, campaign)
        self._asked = (*marks(controller), *self._audiences)
        self._held: tuple[str, list[int]] = ("", [])

    async def against(self, numbers: Numbers) -> Verdicts:
        """Of each number what speaks against it, or `CLEAR`. Raises `NotReady` and `StoreUnavailable`."""
        async with store("looking up objections"):
            for _ in range(LOOKS):
                raw = await self._cache.redis.get(self._cache.keys.epoch)
                if not isinstance(raw, bytes):
                    raise NotReady(EMPTY)
                generation = Epoch.read(raw, self._cache.ledger, self._cache.tokens.layout).generation
                found = await self._ask(numbers, generation, raw)
                if found is not None:
                    return found
        raise NotReady(CHANGING)

    async def _ask(self, numbers: Numbers, generation: str, epoch: bytes) -> Verdicts | None:
        if not len(numbers):
            return np.zeros(0, np.uint8)
        found = await self._covered(numbers, self._cache.keys.patterns(generation))
        bits = bits_of(generation)
        keys = [self._cache.keys.bucket(generation, bucket) for bucket in range(1 << bits)]
        members: defaultdict[int, list[int]] = defaultdict(list)
        rows: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        if self._held[0] != generation:
            self._held = (generation, await self._counted(keys))
        held = self._held[1]
        for row, number in enumerate(numbers.tolist() if any(held) else ()):
            for audience in self._asked:
                for token in self._cache.tokens.all(audience, f"+{number}"):
                    if held[bucket := token.bucket(bits)]:
                        members[bucket].append(token.member)
                        rows[bucket].append((row, _SAYS.get(audience.scope, OBJECTION)))
        async with self._cache.redis.pipeline(transaction=False) as pipe:
            for bucket, asked in members.items():
                pipe.smismember(keys[bucket], asked)
            pipe.get(self._cache.keys.epoch)
            *answers, after = await pipe.execute()
        if after != epoch:
            return None
        for bucket, answer in zip(members, answers, strict=True):
            for (row, reason), member in zip(rows[bucket], answer, strict=True):
                if member:
                    # What says most comes first among the reasons.
                    found[row] = min(found[row] or reason, reason)
        return found

    async def _covered(self, numbers: Numbers, patterns: str) -> Verdicts:
        """Of each number `OBJECTION` where a pattern covers it."""
        found = np.full(len(numbers), CLEAR, np.uint8)
        if not await self._cache.redis.scard(patterns):
            return found
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, number in enumerate(numbers.tolist()):
            for prefix in prefixes(f"+{number}"):
                rows[prefix].append(row)
        tokens = (
            (token.member, prefix)
            for prefix in rows
            for audience in self._audiences
            for token in self._cache.tokens.all(audience, prefix)
        )
        while some := [*islice(tokens, TOKENS_AT_ONCE)]:
            held = await self._cache.redis.smismember(patterns, [member for member, _ in some])
            for (_, prefix), member in zip(some, held, strict=True):
                if member:
                    found[rows[prefix]] = OBJECTION
        return found

    async def _counted(self, keys: list[str]) -> list[int]:
        """How many tokens each set holds."""
        async with self._cache.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.scard(key)
            return [int(count) for count in await pipe.execute()]
