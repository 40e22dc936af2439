"""Whatever is done to a ledger behind callgate's back, the audit names the first event that it was done to."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callgate.core.anchor import Anchor
from callgate.core.chain import commit, genesis, link
from callgate.core.events import Event, Kind
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.checkpoints import Checkpoint, Stand, checkpoint_of, sign
from callgate.stores.schema import checkpoints, events
from tests.stores.conftest import LEDGER_KEYS, NOW, objection, open_ledger, verdict

Tamper = Callable[[str], None]


@pytest.fixture
async def filled(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Ledger]:
    """Twelve events of two writers, the first eight under two checkpoints."""
    other = await open_ledger(tmp_path, "cli")
    await ledger.append([verdict(f"c{i}") for i in range(4)])
    await ledger.checkpoint(NOW)
    await other.append([objection(), objection()])
    await ledger.append([verdict("c4"), verdict("c5")])
    await ledger.checkpoint(NOW)
    await ledger.append([verdict("c6"), objection(), verdict("c7"), Event(Kind.CLOSED, NOW, "c7")])
    yield ledger
    await other.close()


@pytest.fixture
def tamper(tmp_path: Path) -> Tamper:
    """Runs SQL on the database, as somebody with a shell would."""

    def do(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
            for name in ("update", "delete"):
                direct.execute(f"DROP TRIGGER IF EXISTS events_refuse_{name}")
            direct.executescript(sql)

    return do


async def checkpoint(ledger: Ledger) -> Checkpoint:
    made = await ledger.checkpoint(NOW)
    assert made is not None
    return made


async def problem(ledger: Ledger, *anchors: Anchor) -> str:
    report = await ledger.audit(anchors)
    return report.problems[0] if report.problems else ""


async def test_a_ledger_that_was_left_alone_verifies_and_says_how_far_it_is_signed(filled: Ledger) -> None:
    seen: list[int] = []
    report = await filled.audit(progress=seen.append)
    assert (report.events, report.checkpoints, report.covered, report.problems) == (12, 2, 8, ())
    assert seen == [12]


async def test_an_empty_ledger_verifies(ledger: Ledger) -> None:
    report = await ledger.audit()
    assert (report.events, report.problems) == (0, ())
    assert await ledger.checkpoint(NOW) is None


@pytest.mark.parametrize(
    ("done", "says"),
    [
        ("UPDATE events SET body = replace(body, 'allow', 'block') WHERE seq = 3", r"event 3 \(office 3\) was changed"),
        ("UPDATE events SET sealed = sealed || x'00' WHERE seq = 5", r"event 5 \(cli 1\) was changed"),
        ("UPDATE events SET salt = NULL, sealed = NULL WHERE seq = 2", r"event 2 \(office 2\) was changed: a part"),
        ("UPDATE events SET kind = 'closed' WHERE seq = 4", r"event 4 \(office 4\) was changed"),
        ("UPDATE events SET mark = NULL WHERE seq = 6", r"event 6 \(cli 2\) was changed"),
        ("DELETE FROM events WHERE seq = 7", "event 7 .*was removed"),
        ("DELETE FROM events WHERE writer = 'cli'", "event 5 was removed: event 4 is followed by event 7"),
        (
            "UPDATE events SET seq = 99 WHERE seq = 2; UPDATE events SET seq = 2 WHERE seq = 3;"
            "UPDATE events SET seq = 3 WHERE seq = 99",
            r"event 2 \(office 2\) was moved: it stands at 3",
        ),
        (
            "DROP INDEX events_of_writer; UPDATE events SET seq = seq + 100 WHERE seq > 4;"
            "UPDATE events SET seq = seq - 99 WHERE seq > 100;"
            "INSERT INTO events SELECT 5, writer, n, mark, at, kind, call, subject, controller, version, commitment,"
            " hash, salt, body, sealed FROM events WHERE seq = 4",
            r"event 5 \(office 4\) was inserted",
        ),
    ],
)
async def test_the_first_event_that_was_touched_is_named(filled: Ledger, tamper: Tamper, done: str, says: str) -> None:
    tamper(done)
    report = await filled.audit()
    assert len(report.problems) == 1
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(report.problems[0])


async def test_one_byte_of_one_event_changed_in_the_file_names_that_event(filled: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as direct:
        direct.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(hashed,)] = direct.execute("SELECT hash FROM events WHERE seq = 9").fetchall()
    raw = path.read_bytes()
    assert raw.count(hashed) == 1
    at = raw.index(hashed) + 7
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    assert (await problem(filled)).startswith("event 9 (office 7) was changed")


def relink(path: Path, identity: str) -> None:
    """What a forger without the signing key can do: make every chain anew over what stands there now."""
    with closing(sqlite3.connect(path, isolation_level=None)) as direct:
        heads: dict[bytes, bytes] = {}
        columns = "seq, writer, n, mark, at, kind, call, subject, controller, version, salt, body, sealed"
        for *fields, salt, body, sealed in direct.execute(f"SELECT {columns} FROM events ORDER BY seq").fetchall():
            raw = [field.encode() if isinstance(field, str) else field for field in fields]
            linked: Any = (*raw, commit(salt, body.encode(), sealed))
            hashed = link(heads.get(raw[1]) or genesis(identity.encode(), raw[1]), linked)
            heads[raw[1]] = hashed
            direct.execute("UPDATE events SET commitment = ?, hash = ? WHERE seq = ?", (linked[-1], hashed, raw[0]))


@pytest.mark.parametrize(
    ("seq", "says"),
    [
        (2, "event 1 (office 1) was changed: of office's events 1 to 4"),
        (6, "event 5 (cli 1) was changed: of cli's events 1 to 2"),
        (8, "event 7 (office 5) was changed: of office's events 5 to 6"),
    ],
)
async def test_chains_linked_anew_do_not_fit_the_signed_checkpoints(
    filled: Ledger, tamper: Tamper, tmp_path: Path, seq: int, says: str
) -> None:
    tamper(f"UPDATE events SET body = '{{}}' WHERE seq = {seq}")
    relink(tmp_path / "ledger.db", filled.identity)
    assert (await problem(filled)).startswith(says)


async def test_what_no_checkpoint_covers_can_be_linked_anew(filled: Ledger, tamper: Tamper, tmp_path: Path) -> None:
    """Why there is a schedule."""
    tamper("UPDATE events SET body = '{}' WHERE seq = 11")
    relink(tmp_path / "ledger.db", filled.identity)
    assert await problem(filled) == ""


async def test_a_tail_that_was_cut_off_is_missed_by_the_last_checkpoint(filled: Ledger, tamper: Tamper) -> None:
    tamper("DELETE FROM events WHERE seq > 7")
    assert await problem(filled) == "event 8 (office 6) was removed: office had come to 6, as checkpoint 2 has it"


async def test_a_tail_cut_off_with_its_checkpoints_is_missed_by_an_anchor_only(filled: Ledger, tamper: Tamper) -> None:
    anchor = (await checkpoint(filled)).anchor
    assert await problem(filled, anchor) == ""
    tamper("DELETE FROM events WHERE seq > 8; DELETE FROM checkpoints WHERE number > 2")
    assert await problem(filled) == ""
    assert "the ledger was cut off" in await problem(filled, anchor)


async def test_an_operator_who_signs_everything_anew_is_caught_by_an_anchor(
    filled: Ledger, tamper: Tamper, tmp_path: Path
) -> None:
    anchor = (await checkpoint(filled)).anchor
    tamper("UPDATE events SET body = '{}' WHERE seq = 2; DELETE FROM checkpoints")
    relink(tmp_path / "ledger.db", filled.identity)
    before = None
    for seq, heads in ((4, {"office": 4}), (8, {"office": 6, "cli": 2}), (12, {"office": 10})):
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
            hashes = {
                writer: (
                    n,
                    direct.execute("SELECT hash FROM events WHERE (writer, n) = (?, ?)", (writer, n)).fetchone()[0],
                )
                for writer, n in heads.items()
            }
            before = sign(LEDGER_KEYS.signing, filled.identity, NOW, Stand(seq, 0, hashes), before)
            row = before.number, before.statement, before.signer, before.signature
            direct.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)
    assert await problem(filled) == ""
    assert "the ledger is another than it was" in await problem(filled, anchor)


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (
            "UPDATE checkpoints SET statement = replace(statement, '\"mark\":0', '\"mark\":9')",
            "checkpoint 1 was changed",
        ),
        ("DELETE FROM checkpoints WHERE number = 1", "the checkpoint before checkpoint 2"),
        ("UPDATE checkpoints SET number = 3 WHERE number = 2", "the checkpoint before checkpoint 3"),
    ],
)
async def test_a_checkpoint_that_was_touched_is_named(filled: Ledger, tamper: Tamper, done: str, says: str) -> None:
    tamper(done)
    assert (await problem(filled)).startswith(says)


async def test_a_checkpoint_that_somebody_else_signed_is_none(filled: Ledger, tamper: Tamper) -> None:
    last = await checkpoint(filled)
    forged = sign(b"another key's 32 bytes, not ours", filled.identity, NOW, last.stand, last)
    values = f"4, '{forged.statement}', x'{forged.signer.hex()}', x'{forged.signature.hex()}'"
    tamper(f"INSERT INTO checkpoints VALUES ({values})")
    assert (await problem(filled)).startswith("checkpoint 4 was signed with another key")


async def test_a_checkpoint_signs_the_hashes_of_all_events_since_the_one_before(filled: Ledger, tamper: Tamper) -> None:
    signed = await checkpoint(filled)
    first = (await filled.rows(sa.select(checkpoints.c.statement).where(checkpoints.c.number == 2)))[0]
    since = json.loads(first.statement)["seq"]
    rows = await filled.rows(sa.select(events.c.hash).where(events.c.seq > since).order_by(events.c.seq))
    assert signed.stand.roll == hashlib.sha256(b"".join(row.hash for row in rows)).digest()
    stand = signed.stand._replace(roll=bytes(32))
    before = checkpoint_of((await filled.rows(sa.select(checkpoints).where(checkpoints.c.number == 2)))[0])
    forged = sign(LEDGER_KEYS.signing, filled.identity, NOW, stand, before)
    tamper(f"UPDATE checkpoints SET statement = '{forged.statement}', signature = x'{forged.signature.hex()}' "
           f"WHERE number = {signed.number}")  # fmt: skip
    assert await problem(filled) == "the events up to 12 are others than those whose hashes checkpoint 3 has"


async def test_what_an_event_said_and_no_retention_removed_is_missed(filled: Ledger, tamper: Tamper) -> None:
    tamper("UPDATE events SET salt = NULL, body = NULL, sealed = NULL WHERE seq = 1")
    assert await problem(filled) == (
        "1 events of kind verdict have lost what they said, and the ledger's retention removed 0"
    )


async def test_checkpoints_follow_each_other_whoever_makes_them_and_none_is_empty(
    filled: Ledger, tmp_path: Path
) -> None:
    other = await open_ledger(tmp_path, "other")
    await filled.append([verdict()])
    made = await asyncio.gather(*(ledger.checkpoint(NOW) for ledger in (filled, other) * 5))
    assert {one.number for one in made if one} == {3}
    await other.append([verdict()])
    assert (await checkpoint(filled)).stand.heads.keys() == {"other"}
    assert await problem(other) == ""
    await other.close()
