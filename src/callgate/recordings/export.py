"""A recording as a file that leaves the house, with its proof beside it.

As WAV it is bit by bit what was sealed, and its SHA-256 is the one that the ledger holds. As Opus (RFC 7845) it is a
tenth of that, and the proof says from which WAV it was made.
"""

import asyncio
import errno
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from callgate.core.access import Principal
from callgate.core.events import Json
from callgate.core.sealedfile import NotSealed
from callgate.recordings.listening import Listening, Playing
from callgate.recordings.proof import proof_of

ENCODER = "opusenc"
"""Of Debian's package opus-tools."""
OPTIONS = ("--quiet", "--speech", "--bitrate", "32", "--no-phase-inv")
"""32 kbit/s for both voices: speech of 8 kHz is clear at half of that."""


class Format(StrEnum):
    """What a recording can leave as."""

    WAV = "wav"
    OPUS = "opus"


class NoEncoder(Exception):
    """There is no program that writes Opus."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where the two files are."""

    audio: Path
    proof: Path


async def export(listening: Listening, principal: Principal, call: str, format_: Format, folder: Path) -> Exported:
    """Write `CALL.wav` or `CALL.opus`, and `CALL.json`, into an existing folder, for their owner only.

    Raises what `Listening.listen` raises, `NoEncoder`, and OSError, also where one of the files is there already. What
    is there afterwards is there whole.
    """
    if format_ is Format.OPUS and shutil.which(ENCODER) is None:
        raise NoEncoder(f"Opus is written by {ENCODER}, which is not here: apt install opus-tools, or export as wav")
    made = Exported(folder / f"{call}.{format_}", folder / f"{call}.json")
    for path in (made.audio, made.proof):
        if path.exists():
            raise FileExistsError(errno.EEXIST, "there is such a file already", str(path))
    playing = await listening.listen(principal, call, f"export-{format_}")
    partial = made.audio.with_name(f"{made.audio.name}.partial")
    try:
        digest = await (_as_wav if format_ is Format.WAV else _as_opus)(playing, partial)
        audio: dict[str, Json] = {"file": made.audio.name, "format": format_.value, "sha256": digest}
        proof = await proof_of(listening.ledger, playing.recording) | {"audio": audio, "exported_by": principal.name}
        with _create(made.proof) as file:
            file.write((json.dumps(proof, indent=2, ensure_ascii=False) + "\n").encode())
        partial.replace(made.audio)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return made


def _create(path: Path) -> BinaryIO:
    """A new file, for its owner only."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb")


async def _as_wav(playing: Playing, to: Path) -> str:
    with _create(to) as file:
        async for chunk in proven(playing):
            await asyncio.to_thread(file.write, chunk)
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    return playing.recording.sha256


async def _as_opus(playing: Playing, to: Path) -> str:
    """The SHA-256 of what the encoder made. Raises `NoEncoder` where it failed."""
    _create(to).close()
    encoder = await asyncio.create_subprocess_exec(
        ENCODER, *OPTIONS, "-", str(to), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        await _feed(encoder.stdin, playing)
        _, said = await encoder.communicate()
    except BaseException:
        if encoder.returncode is None:
            encoder.kill()
            await encoder.wait()
        raise
    if encoder.returncode:
        raise NoEncoder(f"{ENCODER} failed: {said.decode(errors='replace').strip()[-200:]}")
    return await asyncio.to_thread(_digest, to)


async def _feed(stdin: asyncio.StreamWriter | None, playing: Playing) -> None:
    """Give the encoder the whole recording; one that ends early says why itself."""
    with suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in proven(playing):
            if stdin is not None:
                stdin.write(chunk)
                await stdin.drain()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def proven(playing: Playing) -> AsyncIterator[bytes]:
    """The recording from its beginning to its end. Raises `NotSealed` where it is not the one that was entered."""
    seen = hashlib.sha256()
    async for chunk in playing.read():
        seen.update(chunk)
        yield chunk
    if seen.hexdigest() != playing.recording.sha256:
        raise NotSealed("the recording is not the one that the ledger holds the hash of")
