"""A recording opens with the person's key only, and with it a recording ends."""

from dataclasses import replace
from pathlib import Path

import pytest

from callgate.boundary import NotCommitted
from callgate.core.events import DataClass, Kind
from callgate.core.sealedfile import NotSealed
from callgate.recordings.listening import NoRecording
from callgate.stores.ledger import Ledger, vault
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.sealing import Person
from callgate.stores.ledger.upkeep import rewrap
from callgate.stores.ledger.vault import KeyDestroyed
from tests.recordings.conftest import OFFICER, House, make_house
from tests.stores.conftest import ANNA, BRAM, LEDGER_KEYS, verdict


@pytest.fixture
def house(either: Ledger, tmp_path: Path) -> House:
    """In each kind of database."""
    return make_house(either, tmp_path)


ANNAS = Person(ANNA, "acme", DataClass.RECORDING)


async def test_each_recording_has_a_key_of_its_own_that_only_the_ledger_finds_again(house: House) -> None:
    await house.consented()
    one, other = await house.office.recording_key("c1"), await house.office.recording_key("c1")
    assert one is not None and other is not None
    assert (len(one.key), one.key != other.key) == (32, True)
    assert one.key.hex() not in one.wrapped
    subject, wrapped = bytes.fromhex(one.subject), bytes.fromhex(one.wrapped)
    assert await vault.open_key(house.ledger, subject, wrapped, "c1") == one.key
    assert "key" not in repr(one).replace("RecordingKey", "")


async def test_the_key_of_one_call_opens_no_other(house: House) -> None:
    await house.consented()
    given = await vault.new_key(house.ledger, ANNAS, "c1")
    assert given is not None
    with pytest.raises(KeyDestroyed):
        await vault.open_key(house.ledger, given.subject, given.wrapped, "c2")
    with pytest.raises(KeyDestroyed):
        await vault.open_key(house.ledger, given.subject, b"", "c1")


async def test_a_key_outlives_the_rotation_of_the_master_keys(house: House) -> None:
    await house.recorded()
    house.ledger.ring._load(replace(LEDGER_KEYS, masters={"second": bytes([7]) * 32, **LEDGER_KEYS.masters}))
    assert await rewrap(house.ledger) > 0
    playing = await house.listening.listen(OFFICER, "c1")
    assert b"".join([chunk async for chunk in playing.read()])[:4] == b"RIFF"


async def test_to_erase_the_persons_recordings_is_to_end_all_of_them_and_nobody_elses(
    house: House, journal: Journal
) -> None:
    await house.recorded("c1")
    await house.recorded("c2")
    await house.recorded("c3", BRAM)
    assert await house.erase(journal) == 1
    for call in ("c1", "c2"):
        with pytest.raises(NoRecording, match="destroyed"):
            await house.listening.listen(OFFICER, call)
    assert (await house.listening.listen(OFFICER, "c3")).size > 44


async def test_to_erase_contacts_leaves_the_recordings(house: House, journal: Journal) -> None:
    await house.recorded()
    assert await house.erase(journal, of=DataClass.CONTACT) == 1
    assert (await house.listening.listen(OFFICER, "c1")).size > 44


async def test_who_was_erased_during_the_call_gets_no_key_and_the_recording_is_destroyed(
    house: House, journal: Journal
) -> None:
    await house.consented()
    await house.erase(journal)
    assert await house.seal() is None
    assert not house.recordings.spool.taken("c1")
    destroyed = await house.entered(Kind.RECORDING_DESTROYED)
    assert [entry.event.payload["why"] for entry in destroyed] == ["not to be kept"]


async def test_who_withdrew_gets_no_key(house: House) -> None:
    await house.consented()
    await house.office.withdraw("c1", "kept-by-pbx")
    assert await house.seal() is None


async def test_a_recording_of_which_the_ledger_knew_nothing_yet_is_entered_and_sealed(house: House) -> None:
    await house.ledger.append([verdict("c1")])
    assert await house.seal("c1", controller="futura") is not None
    started = await house.entered(Kind.RECORDING_STARTED)
    assert [(entry.event.number, entry.event.payload) for entry in started] == [(ANNA, {"late": True})]


async def test_a_call_that_the_ledger_does_not_know_gets_no_key(house: House) -> None:
    with pytest.raises(NotCommitted):
        await house.office.recording_key("c9")


async def test_a_sealed_file_that_was_put_in_anothers_place_does_not_open(house: House) -> None:
    await house.recorded("c1")
    await house.recorded("c2")
    house.archive.path("c1").replace(house.archive.path("c2"))
    with pytest.raises(NotSealed, match="another call"):
        await house.listening.listen(OFFICER, "c2")


@pytest.mark.parametrize("call", ["", "../c1", "c1/../c1", "*", "c1\0", "é"])
async def test_what_is_no_call_is_no_recording(house: House, call: str) -> None:
    await house.recorded()
    with pytest.raises(NoRecording):
        await house.listening.listen(OFFICER, call)
