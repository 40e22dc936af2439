"""Tokens by the hundred thousand are the tokens of the gate, and are found where Redis would find them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.gate import Scope
from callgate.scrub.objections import covered
from callgate.scrub.shelf import Asked, Shelf
from callgate.stores.encoding import TokenKey
from callgate.stores.objections import Audience

KEY = TokenKey("k1", bytes(range(32)))
digits = st.integers(10**4, 10**15 - 1)
audiences = st.sampled_from([Audience(Scope.ALL), Audience(Scope.CONTROLLER, "acme"), Audience(Scope.ERASED, "acme")])


@given(st.lists(digits, max_size=20), audiences, st.integers(0, 32))
def test_many_tokens_are_the_same_as_one_by_one(numbers: list[int], audience: Audience, bits: int) -> None:
    asked = Asked(KEY, audience, [b"+%d" % number for number in numbers], bits)
    tokens = [KEY.token(audience, f"+{number}") for number in numbers]
    assert asked.members.tolist() == [token.member for token in tokens]
    assert asked.buckets.tolist() == [token.bucket(bits) for token in tokens]


members = st.integers(0, 5) | st.integers(2**63 - 5, 2**63 - 1)
pairs = st.sets(st.tuples(st.integers(0, 7), members), max_size=12)


@given(pairs, pairs, st.integers(0, 8))
def test_exactly_the_tokens_that_were_added_are_held_each_in_its_own_bucket(
    held: set[tuple[int, int]], asked: set[tuple[int, int]], first: int
) -> None:
    shelf = Shelf(sum(bucket == at for bucket, _ in held) for at in range(8))
    of_each = [[b"%d" % member for bucket, member in held if bucket == at] for at in range(8)]
    for buckets in (range(first), range(first, 8)):
        shelf.add(buckets, [of_each[bucket] for bucket in buckets])
    wanted = sorted(asked)
    assert shelf.holds(tokens(wanted)).tolist() == [pair in held for pair in wanted]
    assert shelf.lacks([tokens(wanted)]) == []


@given(pairs, pairs)
def test_only_buckets_that_hold_something_and_are_asked_for_are_fetched(
    held: set[tuple[int, int]], asked: set[tuple[int, int]]
) -> None:
    shelf = Shelf(sum(bucket == at for bucket, _ in held) for at in range(8))
    assert shelf.empty == (not held)
    assert set(shelf.lacks([tokens(sorted(asked))])) == {bucket for bucket, _ in held} & {bucket for bucket, _ in asked}


def tokens(wanted: list[tuple[int, int]]) -> Asked:
    asked = Asked(KEY, Audience(Scope.ALL), [], 3)
    asked.buckets = np.array([bucket for bucket, _ in wanted], np.uint32)
    asked.members = np.array([member for _, member in wanted], np.uint64)
    return asked


beginnings = st.text("01", min_size=1, max_size=15).map(lambda text: f"+1{text}"[:15])


@given(st.lists(digits | beginnings.map(int), max_size=20), st.lists(beginnings, max_size=6))
def test_a_number_is_covered_where_it_begins_with_a_pattern(numbers: list[int], patterns: list[str]) -> None:
    found = covered(np.array(numbers, np.uint64), patterns)
    assert found.tolist() == [f"+{number}".startswith(tuple(patterns)) for number in numbers]
