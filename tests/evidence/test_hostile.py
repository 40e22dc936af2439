"""A bundle that somebody made to do harm gets a clear sentence, and nothing of it is unpacked, written or believed."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.config import Settings
from callgate.core.anchor import Anchor
from callgate.core.chain import commit, link
from callgate.evidence.verifier import Broken, Shown, main, read_anchor, read_event, verify
from callgate.stores.ledger import Ledger
from tests.evidence.conftest import contents, exported, rebuilt

Files = dict[str, bytes]


@pytest.fixture
async def files(ledger: Ledger, settings: Settings, tmp_path: Path) -> Files:
    await exported(ledger, settings, tmp_path / "b.zip")
    return contents(tmp_path / "b.zip")


def refusal(files: Files, tmp_path: Path) -> str:
    try:
        return verify(rebuilt(files, tmp_path / "forged.zip")).problems[0]
    except Broken as error:
        return str(error)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "does not end with the seal"), (b"PK\x05\x06" + bytes(18), "does not end with the seal"),
     (b"callgate-evidence 1 " + b"0" * 64 + b" " + b"0" * 128 + b"\n", "no archive that can be read")],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(Broken, match=says):
        verify(tmp_path / "it")
    with pytest.raises(Broken, match="cannot be read"):
        verify(tmp_path / "nothing")


def test_a_file_that_unpacks_to_far_more_than_it_holds_is_not_unpacked(files: Files, tmp_path: Path) -> None:
    files["bomb.bin"] = bytes(50_000_000)
    assert "bomb.bin would unpack to far more" in refusal(files, tmp_path)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../b", "..", "a\\b", "a/b/c", "C:evil", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    files[name] = b"x"
    assert "which no bundle has" in refusal(files, tmp_path)


def test_two_files_of_one_name_are_refused(files: Files, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "b.zip") as whole,
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(tmp_path / "two.zip", "w") as packed,
    ):
        for name in ("manifest.json", "manifest.json"):
            packed.writestr(name, files[name])
        packed.comment = whole.comment
    with pytest.raises(Broken, match="two of one name"):
        verify(tmp_path / "two.zip")


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(
            ("events.jsonl", content)
            for content in (
                b"\n", b"[]\n", b"null\n", b"{}\n", b"\xff\xfe\n", b'{"seq":1}', b'{"seq":' + b"9" * 5000 + b"}\n",
                b'{"seq":NaN}\n', b'{"seq":1e999}\n', DEEP + b"\n", b'{"a":' + DEEP + b"\n", b"x" * 5_000_000,
            )
        ),
        *(
            ("checkpoints.jsonl", content)
            for content in (
                b"", b"{}\n", b'{"statement":"{}"}\n', b'{"statement":1,"signer":[],"signature":{}}\n',
                b'{"statement":"{\\"heads\\":{\\"a\\":[]}}","signer":"","signature":""}\n',
            )
        ),
        ("roll.bin", b""), ("roll.bin", b"+"),
        *(
            ("policies.jsonl", content)
            for content in (
                b"[]\n", b"{}\n", b'{"version":"x","digest":"y","parts":1,"others":2}\n',
                b'{"version":"x","digest":"y","parts":[1],"others":[]}\n',
                b'{"version":"x","digest":"y","parts":["\\ud800"],"others":[[]]}\n',
            )
        ),
        ("prompts.jsonl", b'{"sha256":[],"text":{}}\n'),
    ],
)  # fmt: skip
def test_what_callgate_never_wrote_is_told_in_a_sentence(
    files: Files, tmp_path: Path, name: str, content: bytes
) -> None:
    files[name] = content
    assert refusal(files, tmp_path)


VALUES: list[object] = [None, True, -1, 1 << 63, 1 << 64, 1.5, "x", "", "00", "AA" * 32, [], {}, "\ud800"]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_field_of_another_type_or_size_is_no_way_in(files: Files, tmp_path: Path, value: object) -> None:
    lines = files["events.jsonl"].splitlines()
    event = json.loads(lines[1])
    for name in event:
        if event[name] != value:
            lines[1] = json.dumps(event | {name: value}).encode()
            assert refusal(files | {"events.jsonl": b"\n".join(lines) + b"\n"}, tmp_path), name
            (tmp_path / "forged.zip").unlink()


@pytest.mark.parametrize("key", ["ledger", "first", "last", "format"])
@pytest.mark.parametrize("value", VALUES[:-1], ids=repr)
def test_neither_is_one_of_the_manifest(files: Files, tmp_path: Path, key: str, value: object) -> None:
    manifest = json.loads(files["manifest.json"]) | {key: value}
    assert refusal(files | {"manifest.json": json.dumps(manifest).encode()}, tmp_path)


def test_a_checkpoint_that_claims_a_billion_events_is_not_followed(files: Files, tmp_path: Path) -> None:
    files["checkpoints.jsonl"] = files["checkpoints.jsonl"].replace(b'\\"seq\\":3', b'\\"seq\\":3000000000')
    manifest = json.loads(files["manifest.json"]) | {"last": 3_000_000_000}
    assert "more events than one may" in refusal(files | {"manifest.json": json.dumps(manifest).encode()}, tmp_path)


texts = st.text(max_size=6)
numbers = st.integers(0, 2**63 - 1)


@given(
    seq=numbers, n=numbers, mark=st.none() | numbers, writer=texts, at=texts, kind=texts, call=st.none() | texts,
    subject=st.none() | st.binary(max_size=4), controller=st.none() | texts, version=st.integers(0, 2**32 - 1),
    salt=st.binary(min_size=16, max_size=16), body=texts, sealed=st.none() | st.binary(max_size=9),
    before=st.binary(min_size=32, max_size=32),
)  # fmt: skip
def test_the_verifier_links_and_commits_as_the_ledger_does(
    seq: int, n: int, mark: int | None, writer: str, at: str, kind: str, call: str | None, subject: bytes | None,
    controller: str | None, version: int, salt: bytes, body: str, sealed: bytes | None, before: bytes,
) -> None:  # fmt: skip
    commitment = commit(salt, body.encode(), sealed)

    def raw(text: str | None) -> bytes | None:
        return None if text is None else text.encode()

    linked = (seq, writer.encode(), n, mark, at.encode(), kind.encode(), raw(call), subject, raw(controller), version)
    line = {
        "seq": seq, "writer": writer, "n": n, "mark": mark, "at": at, "kind": kind, "call": call,
        "subject": subject.hex() if subject is not None else None, "controller": controller, "version": version,
        "commitment": commitment.hex(), "before": before.hex(), "salt": salt.hex(), "body": body,
        "sealed": sealed.hex() if sealed is not None else None,
    }  # fmt: skip
    event: Shown = read_event(json.dumps(line).encode(), "it")
    assert event.hash() == link(before, (*linked, commitment))
    assert event.fits()


@given(number=st.integers(1, 10**9), digest=st.binary(min_size=20, max_size=20))
def test_the_verifier_reads_anchors_as_the_ledger_writes_them(number: int, digest: bytes) -> None:
    line = str(Anchor(number, digest))
    assert read_anchor(line)[:2] == (number, digest)
    slipped = line.replace(line[-1], "A" if line[-1] != "A" else "B")
    with pytest.raises(Broken):
        read_anchor(slipped)


@pytest.mark.parametrize("line", ["x", "42", "42 AAAA", "9" * 5000 + " AAAA", "é"])
def test_a_line_that_is_no_anchor_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(Broken):
        read_anchor(line)
    (tmp_path / "anchors").write_text(line)
    assert main([str(tmp_path / "b.zip"), "--anchor", str(tmp_path / "anchors")]) == 2
