"""What is personal is unreadable without the person's key, and the key without the master's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callgate.core.events import DataClass, Event, Kind, class_of
from callgate.stores.encoding import BadKeyFile
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.keyfile import ENVIRONMENT, LedgerKeys, add_master, read_ledger_keys, write_new_ledger_keys
from callgate.stores.ledger.sealing import KeyRing, Person, person_of

ANNA = "+33199000042"
EVENT = Event(Kind.CONSENT, datetime(2026, 11, 24, tzinfo=UTC), "c1", ANNA, "futura", personal={"said": "oui"})


@pytest.fixture
def keys(tmp_path: Path) -> LedgerKeys:
    write_new_ledger_keys(tmp_path / "ledger.key")
    return read_ledger_keys(tmp_path / "ledger.key")


def test_what_was_sealed_opens_with_the_key_that_was_wrapped(keys: LedgerKeys) -> None:
    subject, master, wrapped = KeyRing(keys).new(EVENT.at)
    sealed = subject.seal(EVENT)
    assert ANNA.encode() not in sealed
    assert sealed != subject.seal(EVENT)
    assert KeyRing(keys).open(subject.id, master, wrapped).unseal(sealed) == (ANNA, {"said": "oui"})


def test_a_persons_key_is_shown_nowhere(keys: LedgerKeys) -> None:
    subject, _, _ = KeyRing(keys).new(EVENT.at)
    assert repr(subject) == f"Subject(id={subject.id!r})"


def test_what_is_one_persons_cannot_be_passed_off_as_anothers(keys: LedgerKeys) -> None:
    ring = KeyRing(keys)
    (anna, master, wrapped), (bram, _, _) = ring.new(EVENT.at), ring.new(EVENT.at)
    with pytest.raises(LedgerUnavailable, match="personal part was changed"):
        bram.unseal(anna.seal(EVENT))
    with pytest.raises(LedgerUnavailable, match="wrapped key was changed"):
        ring.open(bram.id, master, wrapped)


def test_a_key_under_another_master_says_which_line_is_missing(keys: LedgerKeys, tmp_path: Path) -> None:
    subject, _, wrapped = KeyRing(keys).new(EVENT.at)
    with pytest.raises(LedgerUnavailable, match=f"'older', which {tmp_path}/ledger.key does not hold"):
        KeyRing(keys).open(subject.id, "older", wrapped)


def test_a_master_key_that_was_added_since_is_found_in_the_file(keys: LedgerKeys) -> None:
    running = KeyRing(keys)
    newer = KeyRing(add_master(keys.path, "second"))
    subject, master, wrapped = newer.new(EVENT.at)
    assert master == "second"
    sealed = subject.seal(EVENT)
    assert running.open(subject.id, master, wrapped).unseal(sealed)[0] == ANNA
    old, was, before = KeyRing(keys).new(EVENT.at)
    now, after = newer.rewrap(old.id, was, before)
    assert (now, newer.open(old.id, now, after).unseal(old.seal(EVENT))[0]) == ("second", ANNA)


def test_each_number_controller_and_class_has_a_token_of_its_own(keys: LedgerKeys, tmp_path: Path) -> None:
    people = [Person(number, whose, of) for number in (ANNA, "+331990000") for whose in ("", "a") for of in DataClass]
    ring = KeyRing(keys)
    assert len({ring.token(person) for person in people}) == len(people)
    write_new_ledger_keys(tmp_path / "other")
    assert KeyRing(read_ledger_keys(tmp_path / "other")).token(people[0]) != ring.token(people[0])


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        (Kind.VERDICT, DataClass.CONTACT),
        (Kind.CLOSED, DataClass.CONTACT),
        (Kind.RECORDING_SEALED, DataClass.RECORDING),
        (Kind.CONSENT, DataClass.PROOF),
        (Kind.REFUSAL, DataClass.PROOF),
        (Kind.OBJECTION_REMOVED, DataClass.PROOF),
    ],
)
def test_a_kind_has_its_class(kind: Kind, of: DataClass) -> None:
    assert class_of(kind) is of
    assert person_of(Event(kind, EVENT.at, number=ANNA)) == Person(ANNA, "", of)


def test_an_event_about_nobody_has_no_key() -> None:
    assert person_of(Event(Kind.LIST_LOADED, EVENT.at)) is None


MASTER, INDEX, SIGNING = (f"{what} {'0' * 64}\n" for what in ("master first", "index", "signing"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a master key, an index key and a signing key are needed"),
        (MASTER + INDEX, "a master key, an index key and a signing key are needed"),
        (MASTER + MASTER + INDEX + SIGNING, "line 2: first stands there already"),
        (MASTER + INDEX + INDEX + SIGNING, "line 3: index stands there already"),
        (MASTER + INDEX + "signing 12\n", "line 3: `master NAME`"),
        (MASTER.replace("first", "Én"), "cannot be read"),
    ],
)
def test_a_file_of_keys_that_is_not_whole_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "ledger.key"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(BadKeyFile, match=says):
        read_ledger_keys(path)


def test_a_file_of_keys_is_its_owners_and_no_key_is_lost(keys: LedgerKeys) -> None:
    assert keys.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_new_ledger_keys(keys.path)
    added = add_master(keys.path, "second")
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert list(added.masters) == ["second", "first"]
    assert (added.masters["first"], added.index, added.signing) == (keys.masters["first"], keys.index, keys.signing)
    with pytest.raises(BadKeyFile, match="'second' already"):
        add_master(keys.path, "second")
    keys.path.chmod(0o604)
    with pytest.raises(BadKeyFile, match="chmod"):
        read_ledger_keys(keys.path)


def test_no_secret_shows_in_a_representation(keys: LedgerKeys) -> None:
    shown = repr(keys) + repr(KeyRing(keys).new(EVENT.at)[0])
    for secret in (*keys.masters.values(), keys.index, keys.signing):
        assert repr(secret) not in shown


MASTERS = f"second {'ab' * 32}, first {'cd' * 32}"


@pytest.fixture
def without_master(tmp_path: Path) -> Path:
    path = tmp_path / "without.key"
    write_new_ledger_keys(path, {ENVIRONMENT: MASTERS})
    return path


def test_the_master_keys_may_come_from_the_environment(without_master: Path) -> None:
    assert "master" not in without_master.read_text()
    keys = read_ledger_keys(without_master, {ENVIRONMENT: MASTERS})
    assert keys.masters == {"second": bytes.fromhex("ab" * 32), "first": bytes.fromhex("cd" * 32)}
    assert keys.newest == "second"
    with pytest.raises(BadKeyFile, match="may be in CALLGATE_LEDGER_KEY instead"):
        read_ledger_keys(without_master, {})


def test_two_places_for_the_master_key_are_refused(keys: LedgerKeys) -> None:
    with pytest.raises(BadKeyFile, match="take one of the two away"):
        read_ledger_keys(keys.path, {ENVIRONMENT: MASTERS})


@pytest.mark.parametrize("given", ["", "ab" * 32, "first abc", f"first {'ab' * 32}, first {'cd' * 32}", f"{MASTERS},"])
def test_an_environment_that_holds_no_master_key_is_refused_and_not_repeated(without_master: Path, given: str) -> None:
    with pytest.raises(BadKeyFile, match="CALLGATE_LEDGER_KEY, part") as raised:
        read_ledger_keys(without_master, {ENVIRONMENT: given})
    assert "ab" * 4 not in str(raised.value)


def test_a_master_key_is_added_where_the_others_are(without_master: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, MASTERS)
    before = without_master.read_bytes()
    with pytest.raises(BadKeyFile, match="before the others there"):
        add_master(without_master, "third")
    assert without_master.read_bytes() == before
