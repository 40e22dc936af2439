import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.gate import Scope
from callgate.stores.cache.keys import Keys, named
from callgate.stores.encoding import (
    BadKeyFile,
    TokenKey,
    TokenKeys,
    bits_for,
    bits_of,
    crowded,
    generation_of,
    read_keys,
    write_new_key,
)
from callgate.stores.objections import Audience, audiences, digits
from tests.stores.conftest import ANNA, BRAM

E164 = st.integers(10, 10**15 - 1)
AUDIENCES = [
    Audience(Scope.ALL),
    Audience(Scope.CONTROLLER, "futura"),
    Audience(Scope.CONTROLLER, "acme"),
    Audience(Scope.CAMPAIGN, "futura", "solar"),
    Audience(Scope.CAMPAIGN, "futura", "heat"),
    Audience(Scope.CAMPAIGN, "acme", "solar"),
]


@given(st.text())
def test_only_e164_has_digits_and_an_error_never_repeats_what_was_given(text: str) -> None:
    try:
        assert f"+{digits(text)}" == text
    except ValueError as error:
        assert str(error) == "not an E.164 number: a plus and 2 to 15 digits are needed"


@pytest.mark.parametrize(
    "text", ["", "+", "33199000042", "+0199000042", "+1", "+3319900004200000", "+٣٣١٩٩٠٠", ANNA + "\n"]
)
def test_what_is_no_e164_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an E\.164 number"):
        digits(text)


@given(E164)
def test_a_token_fits_an_intset_and_its_bucket(number: int) -> None:
    token = TokenKey("k", b"s" * 32).token(AUDIENCES[0], f"+{number}")
    assert 0 <= token.member < 2**63
    assert [token.bucket(bits) >> bits for bits in range(33)] == [0] * 33


@pytest.mark.parametrize(
    ("objections", "bits"),
    [(0, 8), (98_304, 8), (98_305, 9), (1_500_000, 12), (6_000_000, 14), (6_291_456, 14), (6_291_457, 15)],
)
def test_there_are_as_many_buckets_as_are_well_filled(objections: int, bits: int) -> None:
    assert bits_for(objections) == bits == bits_of(generation_of("name", bits))
    assert not crowded(objections, bits)


@given(st.integers(0, 10**9))
def test_crowded_buckets_get_room_and_not_for_a_moment_only(objections: int) -> None:
    for bits in range(8, 32):
        if crowded(objections, bits):
            assert bits_for(objections) > bits
            assert not crowded(objections + objections // 10, bits_for(objections))


@pytest.mark.parametrize("generation", ["", "name", "name.", "name.x", "name.33", "name.-1"])
def test_a_generation_that_does_not_say_how_many_buckets_it_has_is_not_ours(generation: str) -> None:
    with pytest.raises(ValueError, match=r"bits for the bucket|invalid literal"):
        bits_of(generation)


def test_tokens_differ_by_person_audience_and_secret() -> None:
    keys = [TokenKey("k", bytes([i]) * 32) for i in range(3)]
    tokens = {key.token(audience, number) for key in keys for audience in AUDIENCES for number in (ANNA, BRAM)}
    assert len(tokens) == 3 * len(AUDIENCES) * 2


def test_a_token_never_changes_since_those_on_file_must_be_found_again() -> None:
    token = TokenKey("k1", bytes(32)).token(Audience(Scope.CONTROLLER, "futura"), ANNA)
    assert (token.bucket(14), token.member) == (3399, 630215992382047062)


def test_a_campaign_belongs_to_its_own_its_controllers_and_everyones_audience() -> None:
    mine = set(audiences("futura", "solar"))
    assert mine & set(AUDIENCES) == {AUDIENCES[0], AUDIENCES[1], AUDIENCES[3]}
    assert len(mine) == 3


def test_the_newest_key_makes_tokens_and_all_keys_find_them() -> None:
    old, new = TokenKey("k1", bytes(32)), TokenKey("k2", b"\1" * 32)
    keys = TokenKeys((new, old))
    assert keys.new(AUDIENCES[0], ANNA) == new.token(AUDIENCES[0], ANNA)
    assert list(keys.all(AUDIENCES[0], ANNA)) == [key.token(AUDIENCES[0], ANNA) for key in (new, old)]


def test_the_layout_tells_keys_apart_that_have_the_same_name_and_keeps_their_secret() -> None:
    one, other = (TokenKeys((TokenKey("k1", secret * 32),)) for secret in (b"\1", b"\2"))
    assert one.layout != other.layout
    assert "01010101" not in one.layout + repr(one)


def test_a_key_that_was_written_is_read_back_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    write_new_key(path, "k1")
    (key,) = read_keys(path).keys
    assert (key.id, len(key.secret)) == ("k1", 32)
    with pytest.raises(FileExistsError):
        write_new_key(path, "k1")


GOOD = "k1 " + "0" * 64


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (GOOD, 0o604, "chmod it to 0600"),
        ("", 0o600, "at least one key"),
        (f"{GOOD}\nk1 {'1' * 64}", 0o600, "no two of one name"),
        (f"{GOOD}\nk2 {'1' * 63}", 0o600, "line 2: a name, a space and 64"),
        (f"{GOOD}\nclé {'1' * 64}", 0o600, "cannot be read"),
    ],
)
def test_a_bad_key_file_says_what_is_wrong_with_it(tmp_path: Path, content: str, mode: int, says: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(BadKeyFile, match=says) as raised:
        read_keys(path)
    assert "1" * 20 not in str(raised.value)


def test_a_key_file_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match="FileNotFoundError"):
        read_keys(tmp_path / "keys")


def test_a_new_key_file_is_its_owners_even_under_a_careless_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_new_key(tmp_path / "keys", "k1")
    finally:
        os.umask(before)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "a:b", "a*", "{a}", "a b", "ä", "-a", "x" * 65])
def test_a_name_that_would_change_a_keys_meaning_cannot_be_part_of_it(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a key"):
        named("list", name)


@pytest.mark.parametrize("prefix", ["a*", "{a}", "a b", "x" * 65])
def test_a_prefix_that_would_change_a_keys_meaning_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="cannot begin a key"):
        Keys(prefix)


def test_everything_but_the_chunks_of_lists_shares_one_hash_tag() -> None:
    keys = Keys("p:")
    for key in (keys.epoch, keys.lists, keys.rebuild, keys.loading("be"), keys.mark("g"), keys.bucket("g", 1)):
        assert key.startswith("p:{gate}:")
    assert "{" not in keys.chunk("be", "l", 1)
