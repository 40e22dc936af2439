"""Nobody hears a byte who may not, or before the ledger holds who it is."""

import asyncio
import hashlib
from datetime import timedelta

import pytest

from callgate.core.access import Principal, Role
from callgate.core.events import Kind
from callgate.core.sealedfile import CHUNK, NotSealed
from callgate.recordings.listening import ONE_LISTENING, NoRecording, NotAllowed, Playing
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.journal import Journal
from tests.node.sounds import AGENT, CALLEE, channels
from tests.recordings.conftest import OFFICER, House
from tests.stores.conftest import BRAM

ACME, FUTURA = frozenset({"acme"}), frozenset({"futura"})
BRUSSELS, LILLE = frozenset({"brussels"}), frozenset({"lille"})


async def whole(playing: Playing) -> bytes:
    return b"".join([chunk async for chunk in playing.read()])


async def played_by(house: House) -> list[object]:
    return [entry.event.payload["by"] for entry in await house.entered(Kind.RECORDING_PLAYED)]


# Who may.


@pytest.mark.parametrize(
    "principal",
    [
        OFFICER,
        Principal("b", Role.OFFICER, ACME),
        Principal("c", Role.SUPERVISOR),
        Principal("d", Role.SUPERVISOR, ACME, BRUSSELS),
    ],
)
async def test_officers_and_supervisors_hear_what_concerns_them(house: House, principal: Principal) -> None:
    sealed = await house.recorded()
    playing = await house.listening.listen(principal, "c1")
    assert hashlib.sha256(await whole(playing)).hexdigest() == sealed.sha256
    assert await played_by(house) == [principal.name]
    assert len(await house.listening.recordings(principal)) == 1


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN, Role.MACHINE])
async def test_no_other_role_hears_or_sees_any(house: House, role: Role) -> None:
    await house.recorded()
    principal = Principal("x", role)
    for asking in (
        house.listening.listen(principal, "c1"),
        house.listening.find(principal, "c1"),
        house.listening.recordings(principal),
    ):
        with pytest.raises(NotAllowed):
            await asking
    assert await played_by(house) == []


@pytest.mark.parametrize(
    "principal",
    [
        Principal("x", Role.OFFICER, FUTURA),
        Principal("x", Role.SUPERVISOR, ACME, LILLE),
        Principal("x", Role.SUPERVISOR, None, LILLE),
        Principal("x", Role.OFFICER, frozenset()),
    ],
)
async def test_what_concerns_others_looks_as_if_it_were_not_there(house: House, principal: Principal) -> None:
    await house.recorded()
    with pytest.raises(NoRecording) as others:
        await house.listening.listen(principal, "c1")
    with pytest.raises(NoRecording) as nones:
        await house.listening.listen(principal, "c9")
    assert str(others.value).replace("c1", "c9") == str(nones.value)
    assert await house.listening.recordings(principal) == []
    assert await played_by(house) == []


# That it is known.


async def test_who_listens_is_in_the_ledger_before_the_first_byte(house: House) -> None:
    await house.recorded()
    playing = await house.listening.listen(OFFICER, "c1", "play")
    (entry,) = await house.entered(Kind.RECORDING_PLAYED)
    assert (entry.event.call, entry.event.number, entry.event.controller) == ("c1", "+33199000042", "acme")
    assert entry.event.payload == {"by": "A. Officer", "role": "officer", "how": "play", "centre": "brussels"}
    assert (await whole(playing))[:4] == b"RIFF"


async def test_what_cannot_be_entered_is_not_played(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the disk is full")

    await house.recorded()
    monkeypatch.setattr(house.ledger, "append", away)
    with pytest.raises(LedgerUnavailable):
        await house.listening.listen(OFFICER, "c1")


async def test_the_parts_that_a_player_asks_for_are_one_listening_and_a_later_one_is_another(house: House) -> None:
    await house.recorded()
    listening = house.listening
    for _ in range(3):
        await listening.listen(OFFICER, "c1")
    await listening.listen(Principal("B. Other", Role.OFFICER), "c1")
    await listening.listen(OFFICER, "c1", "export-wav")
    assert await played_by(house) == ["A. Officer", "B. Other", "A. Officer"]
    house.now += ONE_LISTENING + timedelta(seconds=1)
    await listening.listen(OFFICER, "c1")
    assert len(await played_by(house)) == 4


# What is heard.


async def test_any_part_can_be_heard(house: House) -> None:
    await house.recorded(seconds=10)
    playing = await house.listening.listen(OFFICER, "c1")
    all_of_it = await whole(playing)
    assert len(all_of_it) == playing.size == 44 + 10 * 32_000
    assert (channels(all_of_it) == (CALLEE, AGENT)).all()
    for start, end in ((0, 44), (CHUNK - 1, CHUNK + 1), (100_000, 300_000), (playing.size - 1, None), (5, 5)):
        assert b"".join([chunk async for chunk in playing.read(start, end)]) == all_of_it[start:end]
    assert [chunk async for chunk in playing.read(playing.size, playing.size + 10)] == []


async def test_a_file_that_was_cut_off_is_heard_by_nobody_and_entered_for_nobody(house: House) -> None:
    await house.recorded(seconds=10)
    path = house.archive.path("c1")
    path.write_bytes(path.read_bytes()[:-70_000])
    with pytest.raises(NotSealed):
        await house.listening.listen(OFFICER, "c1")
    assert await played_by(house) == []


async def test_sound_that_was_changed_ends_before_the_change(house: House) -> None:
    await house.recorded(seconds=10)
    path = house.archive.path("c1")
    file = bytearray(path.read_bytes())
    file[len(file) // 2] ^= 1
    path.write_bytes(file)
    playing = await house.listening.listen(OFFICER, "c1")
    with pytest.raises(NotSealed):
        await whole(playing)


# What is there.


async def test_recordings_are_listed_in_order_page_by_page(house: House) -> None:
    for number in range(5):
        await house.recorded(f"c{number}", campaign="autumn" if number % 2 else "spring")
        house.pass_days(1)
    listening = house.listening
    first = await listening.recordings(OFFICER, limit=2)
    assert [one.call for one in first] == ["c0", "c1"]
    rest = await listening.recordings(OFFICER, after_seq=first[-1].seq)
    assert [one.call for one in rest] == ["c2", "c3", "c4"]
    assert [one.call for one in await listening.recordings(OFFICER, campaign="autumn")] == ["c1", "c3"]
    since = house.now - timedelta(days=2)
    assert [one.call for one in await listening.recordings(OFFICER, since=since)] == ["c3", "c4"]


async def test_a_recording_tells_of_itself_and_masks_the_number(house: House) -> None:
    sealed = await house.recorded(seconds=2)
    found = await house.listening.find(OFFICER, "c1")
    assert (found.sha256, found.sealed_sha256, found.seconds) == (sealed.sha256, sealed.sealed_sha256, 2.0)
    assert (found.controller, found.campaign, found.centre, found.agent) == ("acme", "spring", "brussels", "alice")
    assert (found.number, found.kept, found.whole) == ("+33 ••• 42", True, True)


async def test_one_that_was_sealed_again_after_a_power_cut_is_one(house: House) -> None:
    await house.recorded()
    again = await house.seal(seconds=3)
    assert again is not None
    (found,) = await house.listening.recordings(OFFICER)
    assert found.sha256 == again.sha256
    assert await whole(await house.listening.listen(OFFICER, "c1"))


async def test_what_was_destroyed_is_known_and_not_heard(house: House, journal: Journal) -> None:
    await house.recorded()
    await house.recorded("c2", BRAM)
    await asyncio.to_thread(house.archive.path("c1").unlink)
    assert not (await house.listening.find(OFFICER, "c1")).kept
    with pytest.raises(NoRecording, match="was destroyed"):
        await house.listening.listen(OFFICER, "c1")
    assert [one.call for one in await house.listening.recordings(OFFICER)] == ["c2"]


async def test_only_so_many_listenings_are_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callgate.recordings.listening.REMEMBERED", 2)
    await house.recorded()
    listening = house.listening
    for name in ("a", "b", "c"):
        await listening.listen(Principal(name, Role.OFFICER), "c1")
    assert len(listening._lately) == 2
