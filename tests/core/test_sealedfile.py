"""A sealed recording opens into what was sealed, in whole and in part, and into nothing once a byte of it is not so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.sealedfile import (
    CHUNK,
    LONGEST_HEADER,
    PREFIX,
    TAG,
    Header,
    NotSealed,
    Opening,
    Sealing,
    decode,
    head_length,
)

KEY = bytes(range(32))
HEADER = Header("c1", "acme", "spring", "2026-11-24T12:00:00+00:00", "ab" * 16, "cd" * 60)
SIZES = st.one_of(
    st.integers(0, 100), st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7, 3 * CHUNK])
)


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sealed(plain: bytes, pieces: int = 1000, key: bytes = KEY, header: Header = HEADER) -> bytes:
    sealing = Sealing(key, header)
    parts = [sealing.head, *(sealing.update(plain[at : at + pieces]) for at in range(0, len(plain), pieces))]
    return b"".join([*parts, sealing.finish()])


def opened(file: bytes, key: bytes = KEY) -> bytes:
    head = file[: head_length(file[:PREFIX])]
    opening = Opening(key, head, len(file))
    return b"".join(opening.chunk(n, file[slice(*opening.place(n))]) for n in range(opening.chunks))


@given(SIZES, st.integers(1, 2 * CHUNK))
def test_what_was_sealed_in_any_pieces_opens_again(size: int, pieces: int) -> None:
    file = sealed(content(size), max(pieces, size // 50))
    assert opened(file) == content(size)
    assert decode(file[: head_length(file[:PREFIX])]) == HEADER


@given(SIZES, st.integers(0, 3 * CHUNK), st.integers(0, 3 * CHUNK))
def test_any_part_opens_by_itself(size: int, one: int, other: int) -> None:
    start, end = sorted((one, other))
    file = sealed(content(size), CHUNK)
    opening = Opening(KEY, file[: head_length(file[:PREFIX])], len(file))
    part = b"".join(opening.chunk(n, file[slice(*opening.place(n))])[of] for n, of in opening.needed(start, end))
    assert part == content(size)[start:end]
    assert opening.size == size


@given(SIZES, st.data())
def test_a_byte_that_was_changed_anywhere_is_found(size: int, data: st.DataObject) -> None:
    file = bytearray(sealed(content(size), CHUNK))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotSealed):
        opened(bytes(file))


@given(SIZES, st.data())
def test_a_file_that_was_cut_off_anywhere_is_found(size: int, data: st.DataObject) -> None:
    file = sealed(content(size), CHUNK)
    with pytest.raises(NotSealed):
        opened(file[: data.draw(st.integers(0, len(file) - 1))])


@pytest.mark.parametrize("chunks", [1, 2])
def test_whole_chunks_at_the_end_that_are_missing_are_found(chunks: int) -> None:
    file = sealed(content(3 * CHUNK), CHUNK)
    with pytest.raises(NotSealed, match="cut off"):
        opened(file[: -chunks * (CHUNK + TAG)])


def test_chunks_that_changed_places_are_found() -> None:
    file = sealed(content(3 * CHUNK), CHUNK)
    at = head_length(file[:PREFIX])
    first, second = (slice(at + n * (CHUNK + TAG), at + (n + 1) * (CHUNK + TAG)) for n in (0, 1))
    with pytest.raises(NotSealed, match="chunk 0"):
        opened(file[:at] + file[second] + file[first] + file[second.stop :])


def test_what_was_added_at_the_end_is_found() -> None:
    file = sealed(content(10))
    last = file[head_length(file[:PREFIX]) :]
    for added in (b"x", b"x" * TAG, last, b"x" * CHUNK):
        with pytest.raises(NotSealed):
            opened(file + added)


def test_the_chunks_of_one_call_are_not_anothers_even_under_the_same_key() -> None:
    other = sealed(content(10), header=replace(HEADER, call="c2"))
    mine = sealed(content(10))
    with pytest.raises(NotSealed):
        opened(other[: head_length(other[:PREFIX])] + mine[head_length(mine[:PREFIX]) :])


def test_another_key_opens_nothing() -> None:
    with pytest.raises(NotSealed):
        opened(sealed(content(10)), key=bytes(32))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_sentence(file: bytes) -> None:
    with pytest.raises(NotSealed):
        decode(file)


@pytest.mark.parametrize(
    "said", ["", "[]", "{}", '"x"', '{"call":"c1"}', "[" * 3000, '{"call":1,"at":2,"key":"","subject":""}']
)
def test_a_header_that_nobody_wrote_is_refused(said: str) -> None:
    head = b"CGATEREC\x01" + len(said).to_bytes(4) + said.encode()
    with pytest.raises(NotSealed, match="cannot be read"):
        decode(head)


@pytest.mark.parametrize("wrong", [{"at": "yesterday"}, {"at": "2026-11-24T12:00:00"}, {"key": "xyz"}])
def test_a_header_whose_parts_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(NotSealed):
        decode(replace(HEADER, **wrong).encode())


def test_a_header_that_is_too_long_is_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="longer"):
        replace(HEADER, call="c" * LONGEST_HEADER).encode()
    with pytest.raises(NotSealed, match="the most"):
        head_length(b"CGATEREC\x01" + (LONGEST_HEADER + 1).to_bytes(4))


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealing(b"short", HEADER)
