"""What partners are told, when again, and which replies are believed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.partners import (
    FIRST_PAUSE,
    GIVE_UP,
    LONGEST_PAUSE,
    MOST_BYTES,
    BadReply,
    Item,
    Partner,
    Reply,
    Way,
    What,
    harmless,
    item_id,
    pause,
    read_reply,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ASKED = ("a", "b", "c")


@pytest.mark.parametrize(
    ("what", "controller", "hears"),
    [
        (What.OBJECTION, "acme", True),
        (What.OBJECTION, None, True),
        (What.OBJECTION, "other", False),
        (What.ANCHOR, "acme", False),
    ],
)
def test_a_partner_hears_of_its_own_controllers_and_of_what_it_asked_for(
    what: What, controller: str | None, hears: bool
) -> None:
    partner = Partner("crm", frozenset({"acme"}), frozenset({What.OBJECTION}), Way.WEBHOOK)
    assert partner.hears(what, controller) is hears


def test_an_item_is_told_with_the_number_and_named_in_the_ledger_without_it() -> None:
    item = Item("x", 7, What.ERASURE, NOW, "acme", "+33199000042", {"reference": "r1", "scope": "controller"})
    assert item.told() == {
        "id": "x", "what": "erasure", "at": NOW.isoformat(), "controller": "acme", "number": "+33199000042",
        "reference": "r1", "scope": "controller",
    }  # fmt: skip
    assert item.named() == {"id": "x", "what": "erasure", "controller": "acme", "reference": "r1"}


def test_an_id_names_one_item_of_one_partner_and_is_made_by_whoever_has_the_key() -> None:
    first = item_id(b"k", "crm", What.OBJECTION, "7", NOW)
    assert first == item_id(b"k", "crm", What.OBJECTION, "7", NOW)
    others = {
        item_id(b"x", "crm", What.OBJECTION, "7", NOW),
        item_id(b"k", "erp", What.OBJECTION, "7", NOW),
        item_id(b"k", "crm", What.REMOVAL, "7", NOW),
        item_id(b"k", "crm", What.OBJECTION, "8", NOW),
        item_id(b"k", "crm", What.OBJECTION, "7", NOW + timedelta(microseconds=1)),
    }
    assert first not in others
    assert len(others) == 5


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_never_shrinks_below_half_of_its_step_nor_grows_beyond_six_hours(tries: int, chance: float) -> None:
    assert FIRST_PAUSE / 2 <= pause(tries, chance) <= LONGEST_PAUSE
    assert pause(tries, 0) <= pause(tries + 1, 0)
    assert pause(tries, 1) == pause(tries, 0) / 2


def test_a_partner_that_is_down_is_tried_about_thirty_times_before_a_person_has_to_look() -> None:
    waited, tries = timedelta(), 0
    while waited < GIVE_UP:
        tries += 1
        waited += pause(tries, 0)
    assert 25 <= tries <= 35


def test_what_a_partner_did_and_refused_is_read_and_what_it_left_out_is_neither() -> None:
    raw = json.dumps({"done": ["a"], "refused": [{"id": "b", "why": "not our customer"}]}).encode()
    assert read_reply(raw, ASKED) == Reply(frozenset({"a"}), {"b": "not our customer"})
    assert read_reply(b'{"done": []}', ASKED) == Reply(frozenset(), {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "not JSON"),
        (b"ok", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "no object"),
        (b"{}", "no object"),
        (b'{"done": ["a"], "also": 1}', "no object"),
        (b'{"done": "a"}', "no list of ids"),
        (b'{"done": [1]}', "no list of ids"),
        (b'{"refused": {"id": "a"}}', "no list of"),
        (b'{"refused": [{"why": "no"}]}', "no list of"),
        (b'{"done": ["a", "z"]}', "not asked"),
        (b'{"done": ["a", "a"]}', "twice"),
        (b'{"done": ["a"], "refused": [{"id": "a", "why": ""}]}', "twice"),
        (b'{"done": []}' + b" " * MOST_BYTES, "more than"),
    ],
)
def test_a_reply_that_errs_anywhere_is_believed_in_nothing(said: bytes, why: str) -> None:
    with pytest.raises(BadReply, match=why):
        read_reply(said, ASKED)


@given(st.binary(max_size=200))
def test_whatever_comes_as_a_reply_is_read_or_refused(raw: bytes) -> None:
    try:
        found = read_reply(raw, ASKED)
    except BadReply:
        return
    assert found.done | found.refused.keys() <= set(ASKED)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unknown number +33 1 99 00 00 42, sorry", "unknown number •••, sorry"),
        ("tel. 0199/00.00.42", "tel. •••"),
        ("line\x1b[31m\nbreak", "line [31m break"),
        ("x" * 900, "x" * 200),
        ("error 503 at 12:30", "error 503 at 12:30"),
    ],
)
def test_what_a_partner_writes_is_shown_without_numbers_or_control_characters(text: str, shown: str) -> None:
    assert harmless(text) == shown
