"""Whatever is done to a bundle is noticed, and the first event that it was done to is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgate.config import Settings
from callgate.evidence.verifier import RECORD_BYTES, Broken, Shown, verify
from callgate.stores.ledger import Ledger
from tests.evidence.conftest import contents, exported, rebuilt

Files = dict[str, bytes]


@pytest.fixture
async def files(ledger: Ledger, settings: Settings, tmp_path: Path) -> Files:
    """What is in a bundle of acme's: events 3, 6 and 10 are the rival's, and not shown."""
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme")
    return contents(tmp_path / "b.zip")


def problem(files: Files, tmp_path: Path) -> str:
    """The first problem of a bundle that was made anew by whoever has the key."""
    return [*verify(rebuilt(files, tmp_path / "forged.zip")).problems, ""][0]


def with_lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Files], None]:
    def do(files: Files) -> None:
        files[name] = b"".join(line + b"\n" for line in change(files[name].splitlines()))

    return do


def edited(place: int, **fields: object) -> Callable[[Files], None]:
    """The event in this place of the extract says something else."""

    def change(lines: list[bytes]) -> list[bytes]:
        lines[place] = json.dumps(json.loads(lines[place]) | fields).encode()
        return lines

    return with_lines("events.jsonl", change)


def rehashed(place: int, **fields: object) -> Callable[[Files], None]:
    """So does it, and the roll has the hash that this comes to."""

    def do(files: Files) -> None:
        from callgate.evidence.verifier import read_event  # noqa: PLC0415

        edited(place, **fields)(files)
        event: Shown = read_event(files["events.jsonl"].splitlines()[place], "it")
        roll = bytearray(files["roll.bin"])
        begin = (event.seq - 1) * RECORD_BYTES
        roll[begin + 1 : begin + RECORD_BYTES] = event.hash()
        files["roll.bin"] = bytes(roll)

    return do


def sign_of(seq: int, sign: bytes) -> Callable[[Files], None]:
    def do(files: Files) -> None:
        roll = bytearray(files["roll.bin"])
        roll[(seq - 1) * RECORD_BYTES] = sign[0]
        files["roll.bin"] = bytes(roll)

    return do


def both(*changes: Callable[[Files], None]) -> Callable[[Files], None]:
    def do(files: Files) -> None:
        for change in changes:
            change(files)

    return do


def swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def another_mark(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'\\"mark\\":', b'\\"mark\\":1') for line in lines]


def out_of_roll(files: Files) -> None:
    files["roll.bin"] = files["roll.bin"][: 2 * RECORD_BYTES] + files["roll.bin"][3 * RECORD_BYTES :]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edited(1, kind="closed"), "event 2 (office 2) was changed: its hash"),
        (edited(1, controller="rival"), "event 2 (office 2) was changed: its hash"),
        (edited(1, at="2027-01-01"), "event 2 (office 2) was changed: its hash"),
        (edited(1, call=None), "event 2 (office 2) was changed: its hash"),
        (edited(1, body="{}"), "event 2 (office 2) was changed: what it says"),
        (edited(1, sealed=None), "event 2 (office 2) was changed: what it says"),
        (edited(1, salt="00" * 16), "event 2 (office 2) was changed: what it says"),
        (edited(1, salt=None), "event 2 (office 2) was changed: what it says"),
        (rehashed(1, kind="closed"), "of the hashes of events 1 to 3 one was changed"),
        (rehashed(2, kind="closed"), "event 5 (office 5), or the one of its writer before it, was changed"),
        (rehashed(9, n=3), "event 13 (office 3) was moved"),
        (with_lines("events.jsonl", lambda lines: [lines[0], *lines[2:]]), "event 2 was removed"),
        (with_lines("events.jsonl", lambda lines: lines[:-1]), "event 13 was removed"),
        (both(with_lines("events.jsonl", lambda lines: lines[:-1]), sign_of(13, b"-")), ""),
        (with_lines("events.jsonl", swap), "event 2 was removed"),
        (with_lines("events.jsonl", lambda lines: [*lines[:2], *lines[1:]]), "event 2 (office 2) was moved"),
        (with_lines("events.jsonl", lambda lines: [*lines, lines[0]]), "event 1 (office 1) was inserted"),
        (sign_of(2, b"-"), "event 2 (office 2) was inserted"),
        (sign_of(3, b"+"), "event 3 was removed"),
        (sign_of(2, b"="), "event 2 (office 2) was changed: what it says"),
        (sign_of(2, b"?"), "event 2 has a sign"),
        (out_of_roll, "event 3 was removed: it should be shown, and event 4"),
        (with_lines("checkpoints.jsonl", lambda lines: [lines[0], *lines[2:]]), "the checkpoint before checkpoint 3"),
        (with_lines("checkpoints.jsonl", lambda lines: lines[:-1]), "the checkpoint that ends with event 13"),
        (with_lines("checkpoints.jsonl", lambda lines: lines[::-1]), "checkpoint 5 stands where the first should"),
        (with_lines("checkpoints.jsonl", another_mark), "the checkpoint before checkpoint 2"),
    ],
)  # fmt: skip
def test_the_first_event_that_was_touched_is_named_also_where_the_bundle_is_signed_anew(
    files: Files, tmp_path: Path, change: Callable[[Files], None], says: str
) -> None:
    change(files)
    found = problem(files, tmp_path)
    assert found.startswith(says) if says else found == ""


@pytest.mark.parametrize(
    ("name", "before", "after", "says"),
    [
        ("policies.jsonl", b"DPA-1", b"DPA-2", "the policy"),
        ("policies.jsonl", b'"others":["', b'"others":["' + b"00" * 32 + b'","', "the policy"),
        ("policies.jsonl", b'"version":"', b'"version":"0', "the policy"),
        ("prompts.jsonl", b"Bonjour", b"Bonsoir", "prompts.jsonl, line 1, has a prompt that no event"),
    ],
)
def test_a_policy_and_a_prompt_are_held_against_the_events_that_name_them(
    files: Files, tmp_path: Path, name: str, before: bytes, after: bytes, says: str
) -> None:
    assert before in files[name]
    files[name] = files[name].replace(before, after)
    assert problem(files, tmp_path).startswith(says)


def test_audio_is_what_its_name_says(files: Files, tmp_path: Path) -> None:
    files[f"audio/{'ab' * 32}.wav"] = b"another sound"
    assert "is not the audio that its name says" in problem(files, tmp_path)


def test_an_event_that_is_withheld_cannot_be_exchanged(files: Files, tmp_path: Path) -> None:
    roll = bytearray(files["roll.bin"])
    roll[2 * RECORD_BYTES + 1] ^= 1
    files["roll.bin"] = bytes(roll)
    assert problem(files, tmp_path).startswith("of the hashes of events 1 to 3 one was changed")


def test_a_bundle_signed_with_another_key_is_not_that_ledgers(files: Files, tmp_path: Path) -> None:
    forged = rebuilt(files, tmp_path / "forged.zip", bytes([7]) * 32)
    assert "signed with another key" in verify(forged).problems[0]


def test_a_file_that_was_changed_after_the_seal_is_named_and_so_are_one_more_and_one_less(
    files: Files, tmp_path: Path
) -> None:
    manifest = json.loads(files["manifest.json"])
    files["report.html"] += b"<p>more</p>"
    files["more.txt"] = b"more"
    del files["lists.jsonl"]
    path = rebuilt(files, tmp_path / "forged.zip")
    raw = path.read_bytes()
    said = contents(path)
    said["manifest.json"] = json.dumps(manifest).encode()
    assert raw
    forged = repacked(said, tmp_path / "again.zip", path)
    problems = verify(forged).problems
    assert problems[:3] == ["lists.jsonl is missing", "more.txt is not in the manifest", "report.html was changed"]
    assert "the bundle is not as it was signed" in problems[-1]


def repacked(files: Files, to: Path, sealed_like: Path) -> Path:
    """An archive of these files with the seal of another."""
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(sealed_like) as other, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
        packed.comment = other.comment
    return to


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_one_byte_changed_anywhere_is_noticed(files: Files, tmp_path: Path, place: float, change: int) -> None:
    raw = bytearray((tmp_path / "b.zip").read_bytes())
    raw[int(place * len(raw))] ^= change
    changed = tmp_path / "changed.zip"
    changed.write_bytes(raw)
    try:
        assert verify(changed).problems
    except Broken as error:
        assert str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1, exclude_max=True), more=st.binary(min_size=1, max_size=8))
def test_a_bundle_that_was_cut_off_or_added_to_is_noticed(
    files: Files, tmp_path: Path, cut: float, more: bytes
) -> None:
    raw = (tmp_path / "b.zip").read_bytes()
    for other in (raw[: int(cut * len(raw))], raw + more, more + raw):
        changed = tmp_path / "changed.zip"
        changed.write_bytes(other)
        try:
            assert verify(changed).problems
        except Broken as error:
            assert str(error)
