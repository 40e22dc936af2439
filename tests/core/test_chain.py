"""The chain: whatever is done to committed events, the first of them that was touched is named."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.chain import SALT_BYTES, Chains, Fault, Linked, Record, Wrong, astray, commit, genesis, link

LEDGER = b"ledger-1"
texts = st.binary(max_size=4)


def chained(writers: str = "aababbaaab", ledger: bytes = LEDGER) -> list[Record]:
    """One event for each letter, which names its writer; every third suppresses."""
    heads: dict[bytes, tuple[int, bytes]] = {}
    records: list[Record] = []
    mark = 0
    for seq, letter in enumerate(writers, 1):
        writer = letter.encode()
        n, before = heads.get(writer, (0, genesis(ledger, writer)))
        mark += seq % 3 == 0
        salt, body, sealed = bytes([seq]) * SALT_BYTES, b'{"n":%d}' % seq, None if seq % 2 else b"sealed"
        linked: Linked = (
            seq, writer, n + 1, mark if seq % 3 == 0 else None, b"2026", b"verdict", b"call", None, b"acme", 1,
            commit(salt, body, sealed),
        )  # fmt: skip
        hashed = link(before, linked)
        heads[writer] = n + 1, hashed
        records.append((linked, hashed, (salt, body, sealed)))
    return records


def verify(records: list[Record]) -> Fault | None:
    return Chains(LEDGER).verify(records)


def test_events_as_they_were_committed_verify_and_end_at_their_heads() -> None:
    records = chained()
    chains = Chains(LEDGER)
    assert chains.verify(records[:4]) is None
    assert chains.verify(records[4:]) is None
    assert chains.heads == {b"a": (6, records[8][1]), b"b": (4, records[9][1])}
    assert (chains.seq, chains.mark) == (10, 3)


def test_a_chain_belongs_to_its_ledger_and_its_writer() -> None:
    assert len({genesis(LEDGER, b"a"), genesis(LEDGER, b"b"), genesis(b"ledger-2", b"a")}) == 3
    assert genesis(b"x", b"yz") != genesis(b"xy", b"z")
    fault = verify(chained(ledger=b"ledger-2"))
    assert fault is not None
    assert (fault.what, fault.seq) == (Wrong.CHANGED, 1)


CHANGES = {
    "writer": (1, b"c"),
    "mark": (3, 9),
    "at": (4, b"2027"),
    "kind": (5, b"closed"),
    "call": (6, None),
    "subject": (7, b"\0" * 16),
    "controller": (8, b"other"),
    "version": (9, 2),
    "commitment": (10, bytes(32)),
    "n": (2, "a text"),
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("seq", [1, 3, 10])
def test_an_event_that_was_changed_is_named(field: str, seq: int) -> None:
    records = chained()
    linked, hashed, said = records[seq - 1]
    at, value = CHANGES[field]
    changed = (*linked[:at], value, *linked[at + 1 :])
    records[seq - 1] = changed, hashed, said  # type: ignore[assignment]
    fault = verify(records)
    assert fault is not None
    assert fault.seq == seq


@pytest.mark.parametrize(
    "said", [(b"x" * 16, b"{}", None), (None, b"{}", None), (b"x" * 16, None, None), (None, None, b"s")]
)
def test_what_an_event_says_cannot_be_changed_nor_taken_away_in_part(
    said: tuple[bytes | None, bytes | None, bytes | None],
) -> None:
    records = chained()
    records[4] = *records[4][:2], said
    fault = verify(records)
    assert fault is not None
    assert (fault.what, fault.seq, fault.writer, fault.n) == (Wrong.CHANGED, 5, "b", 2)


def test_what_an_event_said_may_go_whole_and_is_counted() -> None:
    records = chained()
    records[4] = *records[4][:2], (None, None, None)
    chains = Chains(LEDGER)
    assert chains.verify(records) is None
    assert chains.bare == {b"verdict": 1}


@given(at=st.integers(1, 9))
def test_an_event_that_was_removed_is_missed_where_it_was(at: int) -> None:
    records = chained()
    gone = records.pop(at - 1)
    fault = verify(records)
    assert fault is not None
    assert (fault.what, fault.seq) == (Wrong.REMOVED, gone[0][0])


@given(at=st.integers(1, 9))
def test_removing_an_event_and_closing_the_gap_does_not_help(at: int) -> None:
    records = chained()
    del records[at - 1]
    records = [((seq, *linked[1:]), *rest) for seq, (linked, *rest) in enumerate(records, 1)]  # type: ignore[misc]
    fault = verify(records)
    assert fault is not None
    assert fault.seq == at


@given(first=st.integers(1, 10), second=st.integers(1, 10))
def test_two_events_that_changed_places_are_seen_at_the_first(first: int, second: int) -> None:
    if first == second:
        return
    first, second = sorted((first, second))
    records = chained()
    for one, other in ((first, second), (second, first)):
        records[one - 1] = ((one, *chained()[other - 1][0][1:]), *chained()[other - 1][1:])
    fault = verify(records)
    assert fault is not None
    assert fault.seq == first


def test_an_event_that_was_slipped_in_is_seen_even_where_it_is_linked_well() -> None:
    records = chained("aaaa")
    before, (linked, _, said) = records[1], records[2]
    forged: Linked = (3, b"a", 3, linked[3], b"2020", *linked[5:])
    later = [((seq, *one[1:]), *rest) for seq, (one, *rest) in enumerate(records[2:], 4)]
    fault = verify([*records[:2], (forged, link(before[1], forged), said), *later])  # type: ignore[list-item]
    assert fault is not None
    assert (fault.what, fault.seq) == (Wrong.INSERTED, 4)


def test_marks_out_of_order_are_seen_although_each_chain_is_whole() -> None:
    records = chained("aaaaaa")
    linked, _, said = records[5]
    moved: Linked = (*linked[:3], 7, *linked[4:])
    fault = verify([*records[:5], (moved, link(records[4][1], moved), said)])
    assert fault is not None
    assert (fault.what, fault.seq) == (Wrong.MOVED, 6)


def test_an_event_found_elsewhere_was_moved_and_not_removed() -> None:
    missing = Fault(Wrong.REMOVED, 5, "a", 3, "")
    assert astray(missing, None) == missing
    assert astray(missing, 9) == replace(missing, what=Wrong.MOVED, shows="it stands at 9")
    changed = replace(missing, what=Wrong.CHANGED)
    assert astray(changed, 9) == changed


linkeds = st.tuples(
    st.integers(0, 2), texts, st.integers(0, 2), st.none() | st.integers(0, 2), texts, texts, st.none() | texts,
    st.none() | texts, st.none() | texts, st.integers(0, 2), st.just(bytes(32)),
)  # fmt: skip


@given(one=linkeds, other=linkeds)
def test_no_two_events_are_written_alike_for_hashing(one: Linked, other: Linked) -> None:
    before = bytes(32)
    assert (link(before, one) == link(before, other)) is (one == other)


@given(one=st.tuples(texts, st.none() | texts), other=st.tuples(texts, st.none() | texts))
def test_no_two_contents_have_one_commitment(
    one: tuple[bytes, bytes | None], other: tuple[bytes, bytes | None]
) -> None:
    salt = bytes(SALT_BYTES)
    assert (commit(salt, *one) == commit(salt, *other)) is (one == other)
    assert commit(salt, *one) != commit(b"x" * SALT_BYTES, *one)


def test_a_hash_is_what_the_docs_say_for_whoever_checks_it_without_callgate() -> None:
    """Written out by hand: the header of 12 numbers, big-endian, then the texts."""
    linked: Linked = (7, b"office", 3, None, b"2026", b"closed", None, b"S" * 16, b"", 1, b"C" * 32)
    head = b"B" * 32 + b"C" * 32 + (7).to_bytes(8) + (3).to_bytes(8) + (-1).to_bytes(8, signed=True) + (1).to_bytes(4)
    lengths = b"".join(length.to_bytes(4, signed=True) for length in (6, 4, 6, -1, 16, 0))
    expected = hashlib.sha256(head + lengths + b"office2026closed" + b"S" * 16).digest()
    assert link(b"B" * 32, linked) == expected
