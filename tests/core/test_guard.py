"""The guard's rulings on what rings, and the tokens on which they rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callgate.core import token
from callgate.core.token import Permit
from callgate.pbx.guard import Allowed, Dial, Ruling, dialled_digits, judge, permit_for

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = b"k" * 32
PERMIT = permit_for("pbx", "1.1", "33199001234", "spring", NOW)
DIAL = Dial(
    caller="PJSIP/brussels-1",
    uniqueid="1.1",
    callee="PJSIP/carrier-00000002",
    callee_uniqueid="1.2",
    digits="33199001234",
    call="abc",
    token=token.issue(KEY, PERMIT),
    context="agents",
    extension="s",
)
ALLOWED = Allowed(PERMIT, first_dialled=False, live_legs=0, open=True)


def ruling(dial: Dial = DIAL, allowed: Allowed | None = ALLOWED, now: datetime = NOW) -> Ruling:
    return judge(dial, trunks={"PJSIP/carrier"}, emergency={"112", "100"}, key=KEY, allowed=allowed, now=now)


LATE = NOW + timedelta(seconds=5, milliseconds=1)


@pytest.mark.parametrize(
    ("dial", "allowed", "now", "expected"),
    [
        (DIAL, ALLOWED, NOW, Ruling.PERMITTED),
        (DIAL, ALLOWED, NOW + timedelta(seconds=5), Ruling.PERMITTED),
        (DIAL, ALLOWED, LATE, Ruling.EXPIRED),
        (DIAL, replace(ALLOWED, first_dialled=True), LATE, Ruling.PERMITTED),  # trunk failover
        (DIAL, replace(ALLOWED, first_dialled=True, live_legs=1), NOW, Ruling.SECOND_LEG),
        (DIAL, replace(ALLOWED, open=False), NOW, Ruling.NO_VERDICT),
        (DIAL, None, NOW, Ruling.NO_VERDICT),
        (replace(DIAL, token=""), ALLOWED, NOW, Ruling.NO_VERDICT),
        (replace(DIAL, token="0-forged"), ALLOWED, NOW, Ruling.NOT_FOR_THIS),
        (replace(DIAL, digits="33199001235"), ALLOWED, NOW, Ruling.NOT_FOR_THIS),
        (replace(DIAL, uniqueid="1.9"), ALLOWED, NOW, Ruling.NOT_FOR_THIS),  # inherited by another channel
        (replace(DIAL, callee="PJSIP/lille-00000002", token=""), None, NOW, Ruling.ELSEWHERE),
        (replace(DIAL, callee="PJSIP/carrier2-00000002", token=""), None, NOW, Ruling.ELSEWHERE),
        (replace(DIAL, digits="112", token=""), None, NOW, Ruling.EMERGENCY),
        (replace(DIAL, digits="1123", token=""), None, NOW, Ruling.NO_VERDICT),
        (replace(DIAL, digits="0112", token=""), None, NOW, Ruling.NO_VERDICT),
    ],
)
def test_what_rings_is_ruled_on(dial: Dial, allowed: Allowed | None, now: datetime, expected: Ruling) -> None:
    assert ruling(dial, allowed, now) is expected


@pytest.mark.parametrize(
    ("dial_string", "digits"),
    [
        ("33199001234@carrier", "33199001234"),
        ("carrier/sip:33199001234@192.0.2.1", "33199001234"),
        ("g1/33199001234", "33199001234"),
        ("carrier/33199001234", "33199001234"),
        ("33199001234@carrier&PJSIP/33199001234@carrier", ""),  # two destinations: no permit is for that
        ("3390@b&PJSIP/33199001234@carrier", ""),
        ("", ""),
    ],
)
def test_the_number_is_read_from_any_dial_string(dial_string: str, digits: str) -> None:
    assert dialled_digits(dial_string) == digits


permits = st.builds(
    Permit,
    st.text(max_size=8),
    st.text(max_size=8),
    st.text("0123456789", max_size=15),
    st.text(max_size=8),
    st.datetimes(datetime(2020, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
)


@given(permits, permits)
def test_a_token_permits_its_permit_and_no_other(one: Permit, other: Permit) -> None:
    issued = token.issue(KEY, one)
    assert token.permits(KEY, issued, one)
    if (one.pbx, one.uniqueid, one.digits, one.campaign) != (other.pbx, other.uniqueid, other.digits, other.campaign):
        assert not token.permits(KEY, issued, other)
    assert not token.permits(b"another key of 32 bytes in length", issued, one)


@given(permits, st.integers(0, 60), st.characters())
@example(PERMIT, 40, "\ud800")
def test_a_token_with_one_character_changed_is_none(permit: Permit, at: int, other: str) -> None:
    issued = token.issue(KEY, permit)
    at %= len(issued)
    changed = issued[:at] + other + issued[at + 1 :]
    assert token.permits(KEY, changed, permit) == (changed == issued)


@given(permits, st.text())
def test_no_made_up_string_is_a_token(permit: Permit, made_up: str) -> None:
    assert not token.permits(KEY, made_up, permit)


@given(st.text(max_size=40))
def test_whatever_a_channel_carries_its_expiry_is_read_or_there_is_none(said: str) -> None:
    assert token.expiry(said) is None or ruling(replace(DIAL, token=said)) is Ruling.NOT_FOR_THIS


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_token_says_when_it_expires_to_the_millisecond(now: datetime) -> None:
    permit = permit_for("pbx", "1.1", "33199001234", "spring", now)
    assert token.expiry(token.issue(KEY, permit)) == permit.expires


def test_one_that_did_not_issue_the_token_goes_by_the_tokens_own_expiry() -> None:
    heir = replace(ALLOWED, permit=replace(PERMIT, expires=NOW + timedelta(hours=1)))
    assert ruling(allowed=heir) is Ruling.PERMITTED
    assert ruling(allowed=heir, now=LATE) is Ruling.EXPIRED
