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


@pytest.mark.parametrize("error", [None, LedgerUnavailable("broken")])
async def test_who_waits_is_told_before_the_thread_does_what_comes_after(disk: Disk, error: Exception | None) -> None:
    told = threading.Event()
    in_time: list[bool] = []
    disk.error = error
    disk.go.release()
    with ThreadPoolExecutor(1) as thread:
        group = GroupCommit(disk.commit, thread, bound=4, after=lambda: in_time.append(told.wait(timeout=10)))
        await asyncio.gather(group.add([1], 10), return_exceptions=True)
        told.set()
    assert in_time == [True]


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


LONG = 1000.0
"""Seconds of patience that no test lasts."""


@pytest.fixture
def patient(disk: Disk) -> Iterator[GroupCommit[int, int]]:
    """A group commit in which nobody loses patience while a test lasts."""
    with ThreadPoolExecutor(1) as thread:
        yield GroupCommit(disk.commit, thread, bound=4, patience=LONG)


def queued(group: GroupCommit[int, int], items: list[int]) -> asyncio.Task[int]:
    """A patient group, once it has been given a step to queue."""
    return asyncio.create_task(group.add(items, 10, patient=True))


async def test_a_patient_group_goes_with_the_next_that_somebody_waits_for_and_before_it(
    disk: Disk, patient: GroupCommit[int, int]
) -> None:
    first, second = queued(patient, [1]), queued(patient, [2])
    await asyncio.sleep(0)
    disk.go.release()
    assert await patient.add([3], 10) == 3
    assert (await first, await second) == (1, 2)
    assert disk.commits == [[1, 2, 3]]


async def test_a_patient_group_that_queues_during_a_commit_begins_none_of_its_own(
    disk: Disk, patient: GroupCommit[int, int]
) -> None:
    urgent = asyncio.create_task(patient.add([1], 10))
    await begun(disk)
    waiting = queued(patient, [2])
    await asyncio.sleep(0)
    disk.go.release(2)
    await urgent
    await patient.add([3], 10)
    assert await waiting == 2
    assert disk.commits == [[1], [2, 3]]


@pytest.mark.parametrize("busy", [False, True])
async def test_patience_ends_and_what_is_alone_is_committed_by_itself(disk: Disk, busy: bool) -> None:
    with ThreadPoolExecutor(1) as thread:
        group = GroupCommit(disk.commit, thread, bound=4, patience=0)
        urgent = asyncio.create_task(group.add([1], 10)) if busy else None
        if urgent:
            await begun(disk)
        waiting = [queued(group, [2]), queued(group, [3])]
        disk.go.release(2)
        assert await asyncio.gather(*waiting) == [2, 3]
        assert disk.commits == ([[1], [2, 3]] if busy else [[2, 3]])


async def test_patient_groups_that_fill_a_transaction_are_committed_at_once(
    disk: Disk, patient: GroupCommit[int, int]
) -> None:
    disk.go.release()
    assert await asyncio.gather(*(patient.add([n], 10, patient=True) for n in range(4))) == [0, 1, 2, 3]
    assert disk.commits == [[0, 1, 2, 3]]


async def test_groups_for_which_there_was_no_room_go_next_without_waiting_again(
    disk: Disk, patient: GroupCommit[int, int]
) -> None:
    urgent = asyncio.create_task(patient.add([1], 10))
    await begun(disk)
    waiting = [queued(patient, [n, n]) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    disk.go.release(3)
    assert await asyncio.gather(urgent, *waiting) == [1, 4, 6, 8]
    assert disk.commits == [[1], [2, 2, 3, 3], [4, 4]]


@pytest.mark.parametrize("busy", [False, True])
async def test_closing_commits_what_was_patient(disk: Disk, patient: GroupCommit[int, int], busy: bool) -> None:
    urgent = asyncio.create_task(patient.add([1], 10)) if busy else None
    if urgent:
        await begun(disk)
    waiting = queued(patient, [2])
    await asyncio.sleep(0)
    disk.go.release(2)
    await patient.close()
    assert await waiting == 2
    assert disk.commits == ([[1], [2]] if busy else [[2]])


async def test_a_patient_group_that_gives_up_is_never_written(disk: Disk, patient: GroupCommit[int, int]) -> None:
    with pytest.raises(LedgerUnavailable) as raised:
        await patient.add([1], 0.01, patient=True)
    assert raised.value.outcome is Outcome.NOT_WRITTEN
    disk.go.release()
    assert await patient.add([2], 10) == 2
    assert disk.commits == [[2]]
