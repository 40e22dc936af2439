"""Who is in charge of a PBX: one at a time, and whoever waits as soon as the other is gone."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from callgate.node.charge import Charge

HOLD = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print(flush=True)
time.sleep(60)
"""


async def never(_: float) -> None:
    raise AssertionError("it waited")


async def test_one_alone_is_in_charge_at_once(tmp_path: Path) -> None:
    charge = Charge(tmp_path, never)
    assert charge.hindrance
    assert await charge.take() is False
    assert (charge.held, charge.hindrance) == (True, "")


async def test_while_one_is_the_other_stands_by_and_takes_over_when_it_leaves(tmp_path: Path) -> None:
    first = Charge(tmp_path, never)
    await first.take()
    looked: list[bool] = []

    async def leave_the_third_time(_: float) -> None:
        looked.append(second.elsewhere and not second.held)
        if len(looked) == 3:
            first.leave()

    second = Charge(tmp_path, leave_the_third_time)
    assert await second.take() is True
    assert looked == [True] * 3
    assert (first.held, second.held, second.elsewhere) == (False, True, False)


async def test_one_that_is_killed_leaves_it_at_that_moment(tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD, tmp_path, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    await holder.stdout.readline()

    async def kill(_: float) -> None:
        holder.kill()
        await holder.wait()

    assert await Charge(tmp_path, kill).take() is True


async def test_where_there_is_no_spool_nobody_is_and_it_says_why(tmp_path: Path) -> None:
    spool = tmp_path / "spool"

    async def make(_: float) -> None:
        assert not charge.held
        assert not charge.elsewhere
        assert str(spool) in charge.hindrance
        assert "No such file" in charge.hindrance
        spool.mkdir()

    charge = Charge(spool, make)
    assert await charge.take() is False


async def test_what_is_no_folder_is_no_spool(tmp_path: Path) -> None:
    class GivenUpError(Exception):
        pass

    async def give_up(_: float) -> None:
        raise GivenUpError

    (tmp_path / "spool").touch()
    charge = Charge(tmp_path / "spool", give_up)
    with pytest.raises(GivenUpError):
        await charge.take()
    assert "Not a directory" in charge.hindrance
