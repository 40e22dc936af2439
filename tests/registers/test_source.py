"""Compressed files are unpacked as they are read, and neither damage nor a bomb gets through."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from callgate.registers import source
from callgate.registers.errors import FileRefused

LINES = b"".join(b"047%07d\n" % number for number in range(0, 300_000, 7))


def content(path: Path | str, member: str | None = None) -> bytes:
    with source.chunks(str(path), member, lambda _: None) as chunks:
        return b"".join(chunks)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        gzip.compress(LINES),
        gzip.compress(LINES[:70_000]) + gzip.compress(LINES[70_000:]),
        zipped({"list.txt": LINES}),
    ],
    ids=["plain", "gzip", "gzip in two", "zip"],
)
@pytest.mark.parametrize("chunk", [1000, 1 << 20])
def test_the_content_is_the_same_however_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, chunk: int
) -> None:
    monkeypatch.setattr(source, "CHUNK", chunk)
    assert content(written(tmp_path, data)) == LINES


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    read: list[int] = []
    with source.chunks(str(written(tmp_path, gzip.compress(LINES))), None, read.append) as chunks:
        assert sum(map(len, chunks)) == len(LINES)
    assert sum(read) == (tmp_path / "file").stat().st_size


def test_a_member_of_a_zip_file_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = written(tmp_path, zipped({"a.txt": b"1\n", "b.txt": b"2\n"}))
    assert content(path, "b.txt") == b"2\n"
    with pytest.raises(FileRefused, match=r"say which with --member: a\.txt, b\.txt"):
        content(path)
    with pytest.raises(FileRefused, match=r"no member 'c\.txt'; there are a\.txt, b\.txt"):
        content(path, "c.txt")


def test_only_a_zip_file_has_members(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no zip file"):
        content(written(tmp_path, LINES), "a.txt")


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a": data})], ids=["gzip", "zip"])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, pack: object, kept: float) -> None:
    assert callable(pack)
    data = pack(LINES)
    with pytest.raises(FileRefused, match="fetch it again"):
        content(written(tmp_path, data[: int(len(data) * kept)]))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a": data})], ids=["gzip", "zip"])
def test_a_damaged_file_is_refused(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    data = bytearray(pack(LINES))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(FileRefused, match="fetch it again"):
        content(written(tmp_path, bytes(data)))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"a": data})], ids=["gzip", "zip"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    assert callable(pack)
    monkeypatch.setattr(source, "UNCOUNTED", 1 << 20)
    monkeypatch.setattr(source, "CHUNK", 1 << 16)
    path = written(tmp_path, pack(b"0470000001\n" * 3_000_000))
    unpacked = 0
    with pytest.raises(FileRefused, match="200 times"), source.chunks(str(path), None, lambda _: None) as chunks:
        for chunk in chunks:
            unpacked += len(chunk)
    assert unpacked <= 33_000_000 // 2


def test_a_zip_file_cannot_come_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, zipped({"a": b"1\n"}))
    os.close(writing)
    with open(reading, "rb") as piped:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(piped))
        with pytest.raises(FileRefused, match="pipe"):
            content("-")


def test_standard_input_may_be_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(LINES))))
    assert content("-") == LINES
