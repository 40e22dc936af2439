"""What the office could not take is given to it later: all of it, in order, whatever happens in between."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.events import Json
from callgate.node.later import LateFile
from tests.node.fakes import NOW, FakeOffice

BLOCK: Mapping[str, Json] = {
    "key": "pbx-1.1",
    "request": {
        "pbx": "pbx", "uniqueid": "1.1", "channel": "", "dialled": "12", "campaign": "", "centre": "", "agent": "",
    },
    "reason": "bad-number",
}  # fmt: skip


class Late:
    """A late file, and the office to which it gives."""

    def __init__(self, folder: Path, *refuses: str) -> None:
        self.done: list[str] = []
        self.office = FakeOffice(self.done, set(refuses))
        self.path = folder / "late.jsonl"
        self.file = LateFile(self.path, self.office, lambda: NOW)

    def reopened(self) -> "Late":
        """As after a crash: the same file, a new office."""
        return Late(self.path.parent)


def owe_everything(file: LateFile) -> None:
    file.keep("record", {"kind": "dialled", "call": "c1", "facts": {}})
    file.keep("object", {"call": "c1", "by": "key"})
    file.keep("withdraw", {"call": "c1", "by": "key"})
    file.keep("close", {"call": "c1"})
    file.keep("block", BLOCK)


async def test_everything_owed_is_given_in_order_and_then_nothing_is_left(tmp_path: Path) -> None:
    late = Late(tmp_path)
    owe_everything(late.file)
    assert await late.file.give()
    assert late.done == ["dialled", "object", "withdraw", "close", "late pbx-1.1"]
    assert not late.path.exists()
    assert await late.file.give()


async def test_what_the_office_refuses_stays_with_all_that_follows(tmp_path: Path) -> None:
    late = Late(tmp_path, "withdraw")
    owe_everything(late.file)
    assert not await late.file.give()
    assert late.done == ["dialled", "object"]
    late.office.refuses.clear()
    assert await late.file.give()
    assert late.done == ["dialled", "object", "withdraw", "close", "late pbx-1.1"]


async def test_what_was_given_but_not_yet_dropped_at_a_crash_is_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Late(tmp_path)
    owe_everything(late.file)

    def crash(given: int) -> None:
        raise SystemExit(given)

    monkeypatch.setattr(late.file, "_drop", crash)
    with pytest.raises(SystemExit):
        await late.file.give()
    after = late.reopened()
    assert await after.file.give()
    assert after.done == late.done


async def test_what_is_kept_while_something_is_given_is_not_dropped_with_it(tmp_path: Path) -> None:
    late = Late(tmp_path)
    late.file.keep("object", {"call": "c1", "by": "key"})
    plain = late.office.object

    async def slow(call: str, by: str) -> None:
        if not late.done:
            late.file.keep("close", {"call": "c1"})
        await plain(call, by)

    late.office.object = slow  # type: ignore[method-assign]
    await late.file.give()
    await late.file.give()
    assert late.done == ["object", "close"]


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"7", b'"text"', b"null", b"\xff\xfe", b"{}", b'{"operation": "object"}',
        b'{"operation": "object", "at": "2026-11-24T12:00:00+00:00"}',
        b'{"operation": "object", "at": "yesterday", "call": "c1", "by": "key"}',
        b'{"operation": "sing", "at": "2026-11-24T12:00:00+00:00", "call": "c1"}',
        b'{"operation": "record", "at": "2026-11-24T12:00:00+00:00", "call": "c1", "kind": "sung", "facts": {}}',
        b'{"operation": "block", "at": "2026-11-24T12:00:00+00:00", "key": "k", "request": {"a": 1}, "reason": "r"}',
    ],
)  # fmt: skip
async def test_a_line_that_nobody_can_read_holds_up_none_behind_it(tmp_path: Path, line: bytes) -> None:
    late = Late(tmp_path)
    late.path.write_bytes(line + b"\n")
    late.file.keep("close", {"call": "c1"})
    assert await late.file.give()
    assert late.done == ["close"]


async def test_a_line_that_a_crash_tore_spoils_no_other(tmp_path: Path) -> None:
    late = Late(tmp_path)
    late.file.keep("object", {"call": "c1", "by": "key"})
    late.path.write_bytes(late.path.read_bytes()[:-20])
    late.file.keep("close", {"call": "c1"})
    assert await late.file.give()
    assert late.done == ["close"]


def test_a_disk_that_takes_half_a_line_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        late.file.keep("close", {"call": "c1"})


def test_only_the_owner_reads_what_is_owed(tmp_path: Path) -> None:
    late = Late(tmp_path / "state")
    late.file.keep("block", BLOCK)
    assert late.path.stat().st_mode & 0o777 == 0o600
    assert late.path.parent.stat().st_mode & 0o077 == 0


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3))
def test_whatever_a_fact_holds_it_stays_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, facts: dict[str, str]
) -> None:
    late = Late(tmp_path_factory.mktemp("late"))
    late.file.keep("record", {"kind": "alarm", "call": None, "facts": dict(facts)})
    (line,) = filter(None, late.path.read_bytes().splitlines())
    assert json.loads(line)["facts"] == facts
