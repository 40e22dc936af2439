"""A file of consents is read whole or not at all, and its faults name lines and never numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.consentfile import Given, read
from callgate.core.law import Consent
from callgate.core.wholefile import BadFile

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAD = "number,given,proof,expires,appointment"


def test_a_consent_is_read_with_what_is_said_of_it() -> None:
    lines = [
        "Proof , Number,GIVEN,expires,appointment",
        '"form 7, page 2",0199 00 12 34,2026-11-01,2027-11-01,2026-11-24T18:30:00+01:00',
        "",
        "form 8,+33 1 99 00 12 35,2026-11-01T09:00:00+01:00,,",
    ]
    assert read(lines, "FR", NOW) == [
        Given(
            "+33199001234",
            Consent(
                datetime(2026, 11, 1, tzinfo=UTC),
                datetime(2027, 11, 1, tzinfo=UTC),
                datetime(2026, 11, 24, 17, 30, tzinfo=UTC),
            ),
            "form 7, page 2",
        ),
        Given("+33199001235", Consent(datetime(2026, 11, 1, 8, tzinfo=UTC)), "form 8"),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("12,2026-11-01,form,,", "number: "),
        ("0199001234,yesterday,form,,", "given is no moment"),
        ("0199001234,2026-11-01T09:00:00,form,,", "given has no zone"),
        ("0199001234,2026-11-25,form,,", "given is in the future"),
        ("0199001234,2026-11-01, ,,", "proof is missing"),
        (f"0199001234,2026-11-01,{'x' * 501},,", "at most 500"),
        ("0199001234,2026-11-01,form,2026-11-01,", "expires is not after given"),
        ("0199001234,2026-11-01,form,,2026-11-30", "appointment is a precise moment"),
        ("0199001234,2026-11-01,form", "3 fields"),
        ('0199001234,2026-11-01,"form,,', "no CSV"),
    ],
)
def test_a_wrong_line_is_named_and_its_number_is_not(line: str, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        read([HEAD, "0199001235,2026-11-01,form,,", line], "FR", NOW)
    (fault,) = refused.value.faults
    assert fault.startswith("line 3: ")
    assert says in fault
    assert "0199001234" not in fault


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("number,given", "no column proof"),
        ("number,given,proof,name", "a column that is not known"),
        ("number,given,proof,given", "two columns given"),
        ("+33199001234,2026-11-01,form", "no column number"),
    ],
)
def test_a_file_without_the_right_columns_is_refused(heading: str, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        read([heading, "0199001234,2026-11-01,form,"], "FR", NOW)
    assert any(says in fault for fault in refused.value.faults)
    assert "199001234" not in str(refused.value)


def test_every_wrong_line_is_told_at_once() -> None:
    with pytest.raises(BadFile) as refused:
        read([HEAD, "12,2026-11-01,form,,", "0199001234,2026-11-01,form,,", "13,2026-11-01,form,,"], "FR", NOW)
    assert [fault.split(":")[0] for fault in refused.value.faults] == ["line 2", "line 4"]


@given(st.text())
def test_whatever_is_in_a_file_it_is_read_or_refused(text: str) -> None:
    try:
        read([HEAD, *text.splitlines()], "FR", NOW)
    except BadFile as error:
        assert error.faults


def test_a_consent_is_never_from_the_future() -> None:
    later = (NOW + timedelta(seconds=1)).isoformat()
    with pytest.raises(BadFile, match="future"):
        read([HEAD, f"0199001234,{later},form,,"], "FR", NOW)
    assert read([HEAD, f"0199001234,{NOW.isoformat()},form,,"], "FR", NOW)
