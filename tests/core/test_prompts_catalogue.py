"""The catalogue: nothing is played that is not, byte for byte, what was built."""

import hashlib
from pathlib import Path

import pytest

from callgate.core.reasons import Reason
from callgate.prompts import names
from callgate.prompts.catalogue import CURRENT, MANIFEST, Catalogue, Entry, Manifest
from callgate.prompts.errors import NoSuchPrompt, SetDamaged

NAMES = ("identification/energy/lille", "question/energy", "identification/care/lille", "blocked/objection")


def entry(name: str, audio: bytes) -> Entry:
    sha256 = hashlib.sha256(audio).hexdigest()
    return Entry(name, "en", f"Text of {name}.", "recording", "key", 1.5, sha256, f"en/{name}")


def store(root: Path, names_: tuple[str, ...] = NAMES) -> Manifest:
    entries = []
    for name in names_:
        audio = name.encode()
        entries.append(entry(name, audio))
        file = root / "en" / f"{name}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(audio)
    manifest = Manifest.of(tuple(entries))
    (root / MANIFEST).write_text(manifest.dump())
    (root / CURRENT).symlink_to(".")
    return manifest


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    stored = store(tmp_path)
    assert Manifest.read(tmp_path) == stored


def test_a_notice_has_two_parts_where_the_campaign_records(tmp_path: Path) -> None:
    store(tmp_path)
    notice = Catalogue.load(tmp_path).notice("energy", "lille", "en")
    assert notice.question is not None
    assert (notice.identification.name, notice.question.name) == NAMES[:2]
    assert notice.seconds == 3.0


def test_a_notice_has_one_part_where_it_does_not(tmp_path: Path) -> None:
    store(tmp_path)
    notice = Catalogue.load(tmp_path).notice("care", "lille", "en")
    assert notice.question is None
    assert notice.seconds == 1.5


def test_a_prompt_carries_what_a_proof_needs_and_a_path_without_extension(tmp_path: Path) -> None:
    store(tmp_path)
    prompt = Catalogue.load(tmp_path).reason(Reason.OBJECTION, "en")
    assert prompt.text == "Text of blocked/objection."
    assert Path(f"{prompt.path}.wav").read_bytes() == b"blocked/objection"
    assert Path(prompt.path).is_absolute()
    assert prompt.sha256 == hashlib.sha256(b"blocked/objection").hexdigest()


def test_every_file_that_is_not_as_built_is_listed(tmp_path: Path) -> None:
    manifest = store(tmp_path)
    changed, missing, *_ = manifest.prompts
    (tmp_path / f"{changed.path}.wav").write_bytes(b"another voice")
    (tmp_path / f"{missing.path}.wav").unlink()
    with pytest.raises(SetDamaged) as raised:
        Catalogue.load(tmp_path)
    assert raised.value.faults == (
        f"{tmp_path}/{changed.path}.wav: is not what was built",
        f"{tmp_path}/{missing.path}.wav: is missing",
        f"{tmp_path}: the set of prompts is damaged: run `callgate prompts build`",
    )


@pytest.mark.parametrize("stored", ["", "{}", "[]", '{"version": "1", "prompts": [{"name": "x"}]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, stored: str) -> None:
    (tmp_path / CURRENT).symlink_to(".")
    (tmp_path / MANIFEST).write_text(stored)
    with pytest.raises(SetDamaged, match="not a manifest of prompts: run `callgate prompts build`"):
        Catalogue.load(tmp_path)


def test_words_changed_behind_the_proofs_are_refused(tmp_path: Path) -> None:
    store(tmp_path)
    file = tmp_path / MANIFEST
    file.write_text(file.read_text().replace("Text of question", "Another question"))
    with pytest.raises(SetDamaged, match="was changed after it was built"):
        Catalogue.load(tmp_path)


def test_without_a_build_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetDamaged, match="no prompts have been built: run `callgate prompts build`"):
        Catalogue.load(tmp_path)


def test_a_prompt_that_was_not_built_is_named(tmp_path: Path) -> None:
    store(tmp_path)
    catalogue = Catalogue.load(tmp_path)
    with pytest.raises(NoSuchPrompt, match="no prompt 'callee/apology' in 'fr' has been built"):
        catalogue.prompt(names.Callee.APOLOGY, "fr")
    with pytest.raises(NoSuchPrompt, match="'identification/energy/oslo'"):
        catalogue.notice("energy", "oslo", "en")


def test_the_version_is_that_of_words_audio_and_names_and_of_nothing_else() -> None:
    one, two = entry("callee/dropped", b"1"), entry("callee/apology", b"2")
    version = Manifest.of((one, two)).version
    assert Manifest.of((two, one)).version == version
    assert Manifest.of((one,)).version != version
    assert Manifest.of((one, entry("callee/apology", b"3"))).version != version
