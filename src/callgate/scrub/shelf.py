"""Tokens that were fetched from the cache, searched for many others at once.

A token is its member and its bucket. Members are searched for by halving; of those few that are met, the bucket is
compared too, so that the answer is as exact as Redis's own.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from callgate.core.bulk import Mask, Numbers
from callgate.stores.encoding import TokenKey
from callgate.stores.objections import Audience

Buckets = npt.NDArray[np.uint32]

_DIGEST = np.dtype([("member", ">u8"), ("spread", ">u4"), ("rest", "V20")])
"""Of a token's digest (`TokenKey.token`)."""


class Asked:
    """The tokens of many numbers for one audience under one key: `members`, and `buckets` of 2**`bits`."""

    def __init__(self, key: TokenKey, audience: Audience, numbers: Iterable[bytes], bits: int) -> None:
        digests = np.frombuffer(key.maker(audience).digests(numbers), _DIGEST)
        self.members: Numbers = digests["member"].astype(np.uint64) >> np.uint64(1)
        self.buckets: Buckets = (digests["spread"].astype(np.uint64) >> np.uint64(32 - bits)).astype(np.uint32)


class Shelf:
    """What was fetched so far of the sets of one generation. `sizes` is how many tokens each has."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self._left = np.array([*sizes]) > 0
        self.empty = not self._left.any()
        self._members: Numbers = np.zeros(0, np.uint64)
        self._buckets: Buckets = np.zeros(0, np.uint32)

    def lacks(self, asked: Iterable[Asked]) -> list[int]:
        """The buckets that hold something, may hold one of these and were not fetched."""
        wanted = np.zeros(len(self._left), np.bool_)
        for one in asked:
            wanted[one.buckets] = True
        return [int(bucket) for bucket in np.flatnonzero(wanted & self._left)]

    def add(self, buckets: Iterable[int], of_each: Iterable[Iterable[bytes]]) -> None:
        """Take all the members of some buckets."""
        members, places = [self._members], [self._buckets]
        for bucket, of_one in zip(buckets, of_each, strict=True):
            members.append(np.array([*map(int, of_one)], np.uint64))
            places.append(np.full(len(members[-1]), bucket, np.uint32))
            self._left[bucket] = False
        together = np.concatenate(members)
        order = np.argsort(together)
        self._members, self._buckets = together[order], np.concatenate(places)[order]

    def holds(self, asked: Asked) -> Mask:
        """Of each token whether it is here."""
        found = np.zeros(len(asked.members), np.bool_)
        if not len(self._members):
            return found
        at = np.searchsorted(self._members, asked.members)
        met = np.flatnonzero(self._members[np.minimum(at, len(self._members) - 1)] == asked.members)
        at, end = at[met], np.searchsorted(self._members, asked.members[met], "right")
        while (open_ := np.flatnonzero(at < end)).size:
            found[met[open_]] |= self._buckets[at[open_]] == asked.buckets[met[open_]]
            at[open_] += 1
        return found
