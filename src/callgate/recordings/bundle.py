"""A recording and its proof as one ZIP file, made while it is sent: nothing of it touches a disk.

The proof comes last, since the hash of what was sent is in it. A recording that turns out not to be the one that was
entered, or an encoder that fails, ends it before its directory: what arrived is then no ZIP file.
"""

import asyncio
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress

from callgate.core.access import Principal
from callgate.core.events import Json
from callgate.recordings.export import ENCODER, OPTIONS, Format, NoEncoder, proven
from callgate.recordings.listening import Listening, Playing
from callgate.recordings.proof import proof_of

CHUNK = 64 << 10


class _Sent(io.RawIOBase):
    """What a ZIP writer wrote since it was last taken."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._waiting += chunk
        return len(chunk)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


async def bundle(listening: Listening, principal: Principal, call: str, format_: Format) -> AsyncIterator[bytes]:
    """The ZIP file as it comes: `CALL.wav` or `CALL.opus`, and `CALL.json`. Who it is was committed on return.

    Raises what `Listening.listen` raises, and `NoEncoder`; while it is read `NotSealed`, `NoEncoder`, OSError.
    """
    if format_ is Format.OPUS and shutil.which(ENCODER) is None:
        raise NoEncoder(f"Opus is written by {ENCODER}, which is not here: install opus-tools, or export as wav")
    playing = await listening.listen(principal, call, f"export-{format_}")
    return _zipped(listening, principal, playing, format_)


async def _zipped(
    listening: Listening, principal: Principal, playing: Playing, format_: Format
) -> AsyncIterator[bytes]:
    sent, digest, call = _Sent(), hashlib.sha256(), playing.recording.call
    name = f"{call}.{format_}"
    with zipfile.ZipFile(sent, "w") as file:
        with file.open(name, "w", force_zip64=True) as entry:
            async for chunk in proven(playing) if format_ is Format.WAV else _encoded(playing):
                digest.update(chunk)
                entry.write(chunk)
                yield sent.take()
        audio: dict[str, Json] = {"file": name, "format": format_.value, "sha256": digest.hexdigest()}
        proof = await proof_of(listening.ledger, playing.recording) | {"audio": audio, "exported_by": principal.name}
        file.writestr(f"{call}.json", json.dumps(proof, indent=2, ensure_ascii=False) + "\n")
        yield sent.take()
    yield sent.take()


async def _encoded(playing: Playing) -> AsyncIterator[bytes]:
    """The recording as the encoder gives it, while it is fed."""
    encoder = await asyncio.create_subprocess_exec(
        ENCODER, *OPTIONS, "-", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert encoder.stdin is not None  # noqa: S101 - asked for above
    assert encoder.stdout is not None  # noqa: S101
    feeding = asyncio.create_task(_feed(encoder.stdin, playing))
    try:
        while chunk := await encoder.stdout.read(CHUNK):
            yield chunk
        await feeding
        if await encoder.wait():
            raise NoEncoder(f"{ENCODER} failed")
    finally:
        feeding.cancel()
        if encoder.returncode is None:
            encoder.kill()
            await encoder.wait()


async def _feed(stdin: asyncio.StreamWriter, playing: Playing) -> None:
    """Give the encoder the whole recording; one that ends early says so by its exit code."""
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            async for chunk in proven(playing):
                stdin.write(chunk)
                await stdin.drain()
    finally:
        stdin.close()
