"""Leads are sifted a block at a time, and what comes out is what went in, to the byte."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core import written
from callgate.core.bulk import Mask, Numbers
from callgate.core.law import Consent
from callgate.core.phone import NotANumber
from callgate.registers import sniff
from callgate.registers.errors import FileRefused
from callgate.registers.sorting import contains
from callgate.scrub import leads as leads_of
from callgate.scrub.judging import CLEAR, NATIONAL_LIST, OBJECTION, Judge, OnFile, Verdicts
from callgate.scrub.leads import begin
from callgate.scrub.stream import Counts, Sieve

ANNA, BRAM, CLEO = "0470000001", "0470000002", "0470000003"


@dataclass
class Column:
    """A list or the objections, in memory."""

    numbers: tuple[int, ...] = ()

    def contains(self, numbers: Numbers) -> Mask:
        return contains(np.array(sorted(self.numbers), np.uint64), numbers)

    async def against(self, numbers: Numbers) -> Verdicts:
        return np.where(self.contains(numbers), OBJECTION, CLEAR).astype(np.uint8)

    async def on_file(self, numbers: Numbers) -> Mapping[int, OnFile]:
        return {row: OnFile(Consent(NOW)) for row, number in enumerate(numbers.tolist()) if number in CONSENTED}


class Lists:
    """A law that knows lists, one of which a consent outweighs."""

    def unknown(self, _country: str, listed: frozenset[str], numbers: Numbers) -> Verdicts:
        return np.full(len(numbers), NATIONAL_LIST if listed else CLEAR, np.uint8)

    def known(self, _country: str, listed: frozenset[str], _number: int, _on_file: OnFile) -> int:
        return CLEAR if listed == {"yields"} else NATIONAL_LIST


NOW = datetime(2026, 11, 24, tzinfo=UTC)
LISTED, OBJECTED = Column((32470000002, 33199001234)), Column((32470000003, 33199001234))
YIELDS = Column((442079460001, 442079460002))
CONSENTED = (442079460001, 33199001234)
JUDGE = Judge({"BE": {"list": LISTED}, "FR": {"list": LISTED}, "GB": {"yields": YIELDS}}, OBJECTED, Lists())


async def sifted(data: bytes, column: str | None = None) -> tuple[bytes, bytes, Counts]:
    allowed, blocked = io.BytesIO(), io.BytesIO()
    counts = await Sieve(JUDGE, "BE", allowed, blocked).sift(begin(io.BytesIO(data), column))
    return allowed.getvalue(), blocked.getvalue(), counts


async def test_leads_go_where_they_belong_and_the_blocked_carry_the_reason() -> None:
    data = (
        b'id;name;phone;note\r\n1;"Anna; A";0470 00 00 01;"says ""hi"""\r\n2;Bram;+32470000002;\r\n'
        b"3;Cleo;0470/00.00.03;x\r\n4;Dora;;y\r\n5;Emil;+31612345678;\r\n6;Fran;0033199001234; two  spaces \r\n"
    )
    allowed, blocked, counts = await sifted(data)
    assert allowed == b'id;name;phone;note\r\n1;"Anna; A";0470 00 00 01;"says ""hi"""\r\n'
    assert blocked == (
        b"id;name;phone;note;callgate_reason\r\n2;Bram;+32470000002;;national-list\r\n"
        b"3;Cleo;0470/00.00.03;x;objection\r\n4;Dora;;y;bad-number\r\n5;Emil;+31612345678;;country-not-served\r\n"
        b"6;Fran;0033199001234; two  spaces ;objection\r\n"  # an objection speaks before a list
    )
    assert (counts.leads, counts.allowed) == (6, 1)
    assert counts.by_reason() == {"bad-number": 1, "country-not-served": 1, "objection": 2, "national-list": 1}


@pytest.mark.parametrize(
    ("data", "column", "allowed", "blocked"),
    [
        (b"0470000001\n0470000002", None, b"0470000001\n", b"0470000002,national-list"),
        (b"a,0470000002\na,0470000001", "2", b"a,0470000001", b"a,0470000002,national-list\n"),
        (
            b"\xef\xbb\xbfphone\n0470000001\n",
            None,
            b"\xef\xbb\xbfphone\n0470000001\n",
            b"\xef\xbb\xbfphone,callgate_reason\n",
        ),
        (b"x|PHONE\rZ\xeb|0470000001\r", "phone", b"x|PHONE\rZ\xeb|0470000001\r", b"x|PHONE|callgate_reason\r"),
        (
            b"phone\n0470000001\n\n0470000001\n\n",
            None,
            b"phone\n0470000001\n\n0470000001\n\n",
            b"phone,callgate_reason\n",
        ),
        (
            b'phone\t"phone 2"\n1\t0470000001\n',
            "phone 2",
            b'phone\t"phone 2"\n1\t0470000001\n',
            b'phone\t"phone 2"\tcallgate_reason\n',
        ),
    ],
)
async def test_any_layout_is_kept_as_it_is(data: bytes, column: str | None, allowed: bytes, blocked: bytes) -> None:
    assert (await sifted(data, column))[:2] == (allowed, blocked)


async def test_a_consent_is_asked_for_where_a_list_speaks_against_the_call() -> None:
    allowed, blocked, _ = await sifted(b"phone\n+442079460000\n+442079460002\n+442079460001\n+32470000002\n")
    assert allowed == b"phone\n+442079460000\n+442079460001\n"
    assert blocked.split()[1:] == [b"+442079460002,national-list", b"+32470000002,national-list"]


async def test_a_lead_whose_fields_are_uncertain_is_blocked() -> None:
    data = b'id;phone\n1;0470000001\n"2"x;0470000001\n3;0470000001\n4;"0470000001'
    allowed, blocked, _ = await sifted(data)
    assert allowed == b"id;phone\n1;0470000001\n3;0470000001\n"
    assert blocked == b'id;phone;callgate_reason\n"2"x;0470000001;bad-number\n4;"0470000001;bad-number'


cells = st.text('ab";,\n é', max_size=6)
numbers = st.sampled_from([ANNA, BRAM, CLEO, "+33199001234", "020 7946 0123", "+442079460123", "nobody", "", "\u0660"])
tables = st.lists(st.tuples(cells, numbers, cells), max_size=30)


@given(tables, st.sampled_from([",", ";"]), st.sampled_from(["\n", "\r\n"]), st.integers(5, 200))
async def test_every_lead_comes_out_once_as_it_went_in(
    table: list[tuple[str, str, str]], delimiter: str, line_end: str, chunk: int
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows([("id", "phone", "note"), *table])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads_of, "CHUNK", chunk)
        patch.setattr(sniff, "SAMPLE", 64)
        allowed, blocked, counts = await sifted(text.getvalue().encode(), "phone")
    assert counts.leads == len(table)
    passed, stopped = rows(allowed, delimiter), rows(blocked, delimiter)
    expected = [may_be_called(number) for _, number, _ in table]
    assert passed == [["id", "phone", "note"], *(list(row) for row, may in zip(table, expected, strict=True) if may)]
    assert [row[:3] for row in stopped] == [
        ["id", "phone", "note"],
        *(list(row) for row, may in zip(table, expected, strict=True) if not may),
    ]
    assert all(len(row) == 4 for row in stopped)


def rows(data: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def may_be_called(number: str) -> bool:
    try:
        read = written.read(number, "BE")
    except NotANumber:
        return False
    digits = int(read.digits)
    return read.country in ("BE", "FR", "GB") and digits not in OBJECTED.numbers and digits not in LISTED.numbers


@pytest.mark.parametrize(
    ("data", "column", "says"),
    [
        (b"", None, "no leads"),
        (b"id;name\n1;x\n", None, "id, name"),
        (b"phone;gsm\n1;2\n", None, "phone, gsm"),
        (b"1;2\n3;4\n", None, "there are 2 columns"),
        (b"id;phone\n1;2\n", "tel", "id, phone"),
        ("phone\n0470000001\n".encode("utf-16"), None, "UTF-16"),
    ],
)
async def test_leads_that_cannot_be_told_apart_are_refused(data: bytes, column: str | None, says: str) -> None:
    with pytest.raises(FileRefused, match=says):
        await sifted(data, column)
