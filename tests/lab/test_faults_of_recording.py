"""What fails while a call is recorded, on the real thing: what was agreed to is sealed, what was not is nowhere.

Each is looked at from three sides: what the ledger says, what is left in the spool, and what the far end hears. What is
recorded of a call that lasts is at most two seconds behind it: MixMonitor writes 32 KiB at a time (file.c).
"""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    BEFORE,
    Conversation,
    asked,
    both_talk,
    hung_up,
    in_ledger,
    is_in_ledger,
    not_recorded,
    pressed,
)
from lab.place import Place, somewhere
from lab.scene import Result, Scene
from lab.world import Lab

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="session")]

MIB = 2**20


async def conversing(scene: Scene, centre: str, number: str, key: str, seconds: float = 0) -> Conversation:
    """A call in conversation for some time, whose callee pressed `key`."""
    result = Result("fault", centre, number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, key)
    await both_talk(talk, result)
    assert not result.failed
    await scene.listen(talk.callee, seconds)
    return talk


async def is_sealed(scene: Scene, talk: Conversation, *, whole: bool) -> None:
    """Sealed, with both sides and nothing from before the key; nothing is left in the spool."""
    await scene.watcher.until("sealed", talk.since, within=60, call=talk.id)
    (fact,) = await in_ledger(scene, talk.id, "recording-sealed")
    assert fact["whole"] is whole
    callee, other = await scene.heard(talk.id)
    assert audio.has_tone(callee, AFTER)
    assert audio.has_tone(other, AGENT)
    assert not audio.has_tone(callee, BEFORE)
    assert not any(talk.id in path.name for path in scene.spooled())


async def is_nowhere(scene: Scene, talk: Conversation) -> None:
    """There is no recording, and there was none."""
    await scene.watcher.until("call", talk.since, within=60, stage="closed", call=talk.id)
    result = Result("", "", "", "")
    not_recorded(scene, result, talk.id)
    assert not result.failed
    assert not await is_in_ledger(scene, talk.id, "recording-started")


# Programs that are killed.


@pytest.mark.usefixtures("left_in_order")
@pytest.mark.parametrize("callgate_too", [False, True], ids=["Asterisk", "the host"])
async def test_what_was_recorded_when_it_was_killed_is_sealed_and_what_was_not_agreed_to_is_nowhere(
    scene: Scene, callgate_too: bool
) -> None:
    lab, last = scene.lab, 1 if callgate_too else 0
    refused = await conversing(scene, "lille", f"003319900143{last}", "2")
    agreed = await conversing(scene, "brussels", f"003319900144{last}", "1", seconds=5)
    if callgate_too:
        await lab.callgate.kill()
    await lab.asterisk.kill()
    for talk in (refused, agreed):
        for end in (talk.agent, talk.callee):
            end.vanish()
    await lab.asterisk.start()
    if callgate_too:
        await lab.callgate.start()
    await scene.ready()
    await is_sealed(scene, agreed, whole=False)
    await scene.watcher.until("alarm", agreed.since, alarm="recording-incomplete", call=agreed.id)
    await is_nowhere(scene, refused)


@pytest.mark.usefixtures("left_in_order")
@pytest.mark.parametrize("hangs_up_meanwhile", [False, True])
async def test_a_recording_goes_on_while_callgate_is_dead_and_is_sealed_when_it_is_back(
    scene: Scene, hangs_up_meanwhile: bool
) -> None:
    talk = await conversing(scene, "brussels", f"003319900143{2 + hangs_up_meanwhile}", "1", seconds=1)
    await scene.lab.callgate.kill()
    await scene.listen(talk.callee, 1)
    if hangs_up_meanwhile:
        await talk.callee.hangup()
        await talk.agent.until_ended(5)
    await scene.lab.callgate.start()
    if not hangs_up_meanwhile:
        await talk.callee.hangup()
        await talk.agent.until_ended(5)
    await is_sealed(scene, talk, whole=True)


@pytest.mark.usefixtures("left_in_order")
async def test_a_callgate_that_is_killed_before_the_answer_leaves_no_recording(scene: Scene) -> None:
    result = Result("fault", "brussels", "0033199001434", "")
    talk = await asked(scene, result)
    await scene.lab.callgate.kill()
    await talk.callee.until_ended(10)
    await scene.lab.callgate.start()
    await is_nowhere(scene, talk)


# Disks that are full.


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 3 MiB in memory, on a folder that is there."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "callgate-lab", str(folder))
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here (root may): {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A lab whose spool and whose folder of sealed recordings are small disks; 1 MiB is to stay free on each."""
    with ExitStack() as disks:

        def adapt(place: Place) -> None:
            text = place.config.read_text()
            place.config.write_text(text.replace("[recordings]", "[recordings]\nmin_free_mib = 1"))
            sealed = place.state / "sealed"
            sealed.mkdir(mode=0o700)
            for folder in (place.recordings, sealed):
                disks.enter_context(small_disk(folder))

        async with AsyncExitStack() as stack:
            place = stack.enter_context(somewhere(tmp_path_factory.mktemp("faults") / "lab"))
            lab = await stack.enter_async_context(Lab(place, adapt=adapt))
            yield await stack.enter_async_context(Scene.of(lab))


@contextmanager
def filled(folder: Path, left: int) -> Iterator[None]:
    """Somebody fills the disk until so many bytes are left."""
    ballast = folder / "ballast"
    found = subprocess.run(("stat", "-f", "-c", "%a %S", str(folder)), capture_output=True, text=True, check=True)
    blocks, size = map(int, found.stdout.split())
    ballast.write_bytes(bytes(blocks * size - left))
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)


@pytest.mark.parametrize(("number", "disk"), [("0033199001435", "spool"), ("0033199001436", "sealed")])
async def test_on_a_disk_that_is_nearly_full_no_recording_begins_and_the_call_goes_on(
    small: Scene, number: str, disk: str
) -> None:
    folder = small.lab.place.recordings if disk == "spool" else small.lab.place.state / "sealed"
    with filled(folder, MIB // 2):
        talk = await conversing(small, "brussels", number, "1")
        await small.watcher.until("alarm", talk.since, alarm="disk-nearly-full", call=talk.id)
        await hung_up(small, talk)
    await is_nowhere(small, talk)


async def test_what_was_recorded_until_the_spool_was_full_is_sealed(small: Scene) -> None:
    talk = await conversing(small, "brussels", "0033199001437", "1", seconds=5)
    with filled(small.lab.place.recordings, 0):
        await small.listen(talk.callee, 5)
        await small.watcher.until("alarm", talk.since, alarm="disk-nearly-full")
        await hung_up(small, talk)
        await is_sealed(small, talk, whole=False)
    await small.watcher.until("alarm", talk.since, alarm="recording-incomplete", call=talk.id)


async def test_what_cannot_be_sealed_waits_in_the_spool_until_there_is_room(small: Scene) -> None:
    talk = await conversing(small, "brussels", "0033199001438", "1", seconds=2)
    with filled(small.lab.place.state / "sealed", 0):
        await hung_up(small, talk)
        await small.watcher.until("alarm", talk.since, alarm="recording-not-sealed", call=talk.id)
        assert any(talk.id in path.name for path in small.spooled())
        assert not await is_in_ledger(small, talk.id, "recording-sealed")
    await is_sealed(small, talk, whole=True)
