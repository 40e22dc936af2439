import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from callgate.stores.errors import LedgerUnavailable, Outcome
from callgate.stores.ledger.group import GroupCommit


class Disk:
    """Stands in for a database: each commit waits until it is let go."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.error: Exception | None = None

    def commit(self, groups: Sequence[Sequence[int]]) -> list[int]:
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.error is not None:
            raise self.error
        self.commits.append([item for group in groups for item in group])
        return [sum(group) for group in groups]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def group(disk: Disk) -> Iterator[GroupCommit[int, int]]:
    with ThreadPoolExecutor(1) as thread:
        yield GroupCommit(disk.commit, thread, bound=4)


async def begun(disk: Disk) -> None:
    assert await asyncio.to_thread(disk.begun.acquire, timeout=10)


async def test_what_queues_up_during_a_commit_shares_the_next_up_to_the_bound(
    disk: Disk, group: GroupCommit[int, int]
) -> None:
    first = asyncio.create_task(group.add([1], 10))
    await begun(disk)
    others = [asyncio.create_task(group.add(items, 10)) for items in ([2, 3], [4], [5, 6], [7])]
    await asyncio.sleep(0)
    disk.go.release(3)
    assert await first == 1
    assert await asyncio.gather(*others) == [5, 4, 11, 7]
    assert disk.commits == [[1], [2, 3, 4], [5, 6, 7]]


async def test_a_group_larger_than_the_bound_goes_alone(disk: Disk, group: GroupCommit[int, int]) -> None:
    disk.go.release(2)
    assert list(await asyncio.gather(group.add([1] * 9, 10), group.add([2], 10))) == [9, 2]
    assert disk.commits == [[1] * 9, [2]]


async def test_a_commit_that_fails_fails_all_that_share_it_and_not_the_next(
    disk: Disk, group: GroupCommit[int, int]
) -> None:
    disk.error = LedgerUnavailable("broken")
    failing = [asyncio.create_task(group.add([i], 10)) for i in range(3)]
    await begun(disk)
    disk.go.release()
    assert [type(error) for error in await asyncio.gather(*failing, return_exceptions=True)] == [LedgerUnavailable] * 3
    disk.error = None
    disk.go.release()
    assert await group.add([5], 10) == 5


async def test_a_deadline_that_passes_during_the_commit_leaves_the_outcome_unknown(
    disk: Disk, group: GroupCommit[int, int]
) -> None:
    with pytest.raises(LedgerUnavailable, match="may be there all the same") as raised:
        await group.add([1], 0.01)
    assert raised.value.outcome is Outcome.UNKNOWN
    disk.go.release()
    await group.close()
    assert disk.commits == [[1]]


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_who_gives_up_while_queueing_is_never_written(disk: Disk, group: GroupCommit[int, int], how: str) -> None:
    first = asyncio.create_task(group.add([1], 10))
    await begun(disk)
    queued = asyncio.create_task(group.add([2], 0.01 if how == "deadline" else 10))
    await asyncio.sleep(0)
    if how == "cancelled":
        queued.cancel()
    (error,) = await asyncio.gather(queued, return_exceptions=True)
    if isinstance(error, LedgerUnavailable):
        assert error.outcome is Outcome.NOT_WRITTEN
    else:
        assert isinstance(error, asyncio.CancelledError)
    disk.go.release(2)
    await first
    await group.close()
    assert disk.commits == [[1]]
