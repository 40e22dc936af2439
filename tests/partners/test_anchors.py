"""An anchor leaves the house every day, by each way; that it arrived is in the ledger, and it holds the ledger to
it."""

import json
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from callgate.core.anchor import read_anchor
from callgate.core.events import Kind
from callgate.core.partners import Partner, Way, What
from callgate.partners import drops
from callgate.partners.anchors import put_anchor
from callgate.partners.courier import Courier, Deliver
from callgate.partners.drops import Command, Folder
from callgate.partners.errors import Undelivered
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from tests.partners.partner import Moved
from tests.stores.conftest import objection

ACME = Partner("acme", frozenset({"futura"}), frozenset({What.ANCHOR}), Way.FOLDER)
DEAF = Partner("deaf", frozenset({"futura"}), frozenset({What.OBJECTION}), Way.FEED)


def script(folder: Path, body: str) -> tuple[str, ...]:
    path = folder / "mail.py"
    path.write_text(body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return sys.executable, str(path)


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def outbox(ledger: Ledger, clock: Moved) -> Outbox:
    return Outbox(ledger, [ACME, DEAF], clock)


async def told(outbox: Outbox, clock: Moved, way: Deliver) -> list[str]:
    alarms: list[str] = []
    courier = Courier(outbox, {"acme": way}, clock=clock, alarm=lambda _, why: alarms.append(why))
    await courier.step(ACME)
    return alarms


async def test_an_anchor_a_day_is_put_where_others_keep_it_and_holds_the_ledger(
    ledger: Ledger, outbox: Outbox, clock: Moved, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    await ledger.append([objection()])
    for _ in range(3):
        await put_anchor(ledger, outbox, clock)
        assert await told(outbox, clock, Folder(drop).deliver) == []
    clock.now += timedelta(days=1)
    await put_anchor(ledger, outbox, clock)
    await told(outbox, clock, Folder(drop).deliver)
    files = sorted(drop.iterdir())
    assert [file.name[:17] for file in files] == ["2026-11-24-anchor", "2026-11-25-anchor"]
    lines = [json.loads(file.read_text())["anchor"] for file in files]
    assert (await ledger.audit([read_anchor(line) for line in lines])).problems == ()
    entries = await ledger.read(kinds=[Kind.DELIVERY_DONE])
    where = [(entry.event.payload["partner"], entry.event.payload["items"]) for entry in entries]
    assert [partner for partner, _ in where] == ["acme", "acme"]
    assert all(line in str(items) for line, (_, items) in zip(lines, where, strict=True))


async def test_an_empty_ledger_has_nothing_to_be_held_to(ledger: Ledger, outbox: Outbox, clock: Moved) -> None:
    assert await put_anchor(ledger, outbox, clock) == ()


async def test_a_command_is_given_the_anchor_and_is_done_when_it_ends_well(
    ledger: Ledger, outbox: Outbox, clock: Moved, tmp_path: Path
) -> None:
    await ledger.append([objection()])
    await put_anchor(ledger, outbox, clock)
    words = script(tmp_path, f"import sys; open({str(tmp_path / 'mail')!r}, 'w').write(sys.stdin.read())")
    assert await told(outbox, clock, Command(words).deliver) == []
    assert json.loads((tmp_path / "mail").read_text())["what"] == "anchor"
    assert (await outbox.stand("acme")).waiting == 0


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (Folder(Path("/no/such/folder")), "cannot be written: No such file"),
        (Command(("/no/such/program",)), "cannot be started"),
        (Command(("false",)), "ended with 1"),
    ],
)
async def test_what_could_not_be_put_there_is_told_again(
    ledger: Ledger, outbox: Outbox, clock: Moved, way: Folder | Command, why: str
) -> None:
    await ledger.append([objection()])
    await put_anchor(ledger, outbox, clock)
    [alarm] = await told(outbox, clock, way.deliver)
    assert why in alarm
    assert (await outbox.stand("acme")).waiting == 1


async def test_a_command_that_does_not_end_is_ended(
    ledger: Ledger, outbox: Outbox, clock: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drops, "WITHIN_S", 0.1)
    await ledger.append([objection()])
    await put_anchor(ledger, outbox, clock)
    with pytest.raises(Undelivered, match="did not end"):
        await Command(("sleep", "60")).deliver(await outbox.due("acme"))
