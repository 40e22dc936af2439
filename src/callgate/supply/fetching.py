"""Brings the newest file of a list here: over HTTPS, or by a command of the operator's.

What arrives is only a file; whether it may come into force is for the import to say. A server's `Last-Modified` is the
moment to which the file is true (RFC 9110, 8.8.2); without it, and for a command, that is the moment when the fetch
began, which is the earlier one where the file is made anew meanwhile.

Redirects are not followed: they would carry the password, and the choice of the address, to where somebody else says.
"""

import asyncio
import base64
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp

from callgate.supply.errors import FetchFailed

CONNECT_WITHIN = 30.0
FETCH_WITHIN = 3600.0
"""Seconds for the whole file. The largest register has a few gigabytes, zipped less than one."""
MOST_BYTES = 16 << 30
FILE = "{file}"
"""What stands for the file in a command's words."""
_BLOCK = 1 << 18
_SAID = 300


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that arrived, and the aware moment to which it is true."""

    path: Path
    as_of: datetime


async def by_command(words: tuple[str, ...], to: Path, now: datetime, within: float = FETCH_WITHIN) -> Fetched:
    """Run the operator's command, which writes the file to the path that stands where it says `{file}`.

    No shell has a part in it. Raises `FetchFailed`.
    """
    called = [word.replace(FILE, str(to)) for word in words]
    try:
        process = await asyncio.create_subprocess_exec(
            *called, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise FetchFailed(f"{words[0]} cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(within):
            _, said = await process.communicate()
    except TimeoutError:
        raise FetchFailed(f"{words[0]} did not end within {within:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        tail = said.decode(errors="replace").strip()[-_SAID:]
        raise FetchFailed(f"{words[0]} ended with {process.returncode}: {tail or 'it said nothing'}")
    if not to.is_file():  # noqa: ASYNC240 - one look, in a process that does nothing else
        raise FetchFailed(f"{words[0]} ended well and wrote no file to the path that was put in the place of {FILE}")
    return Fetched(to, now)


async def by_url(
    url: str, headers: Mapping[str, str], to: Path, now: datetime, within: float = FETCH_WITHIN
) -> Fetched:
    """Get the file with one request. Raises `FetchFailed`."""
    limits = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_WITHIN, sock_read=CONNECT_WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=limits, auto_decompress=False, trust_env=True) as session,
            session.get(url, headers={"Accept-Encoding": "identity", **headers}, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise FetchFailed(_refusal(answer.status))
            await _save(answer, to)
            return Fetched(to, _true_at(answer.headers.get("Last-Modified"), now))
    except TimeoutError:
        raise FetchFailed(f"the server did not deliver the file in time ({within:.0f} s in all)") from None
    except aiohttp.ClientError as error:
        # The message of some repeats the URL.
        raise FetchFailed(f"the file could not be fetched: {type(error).__name__}") from None


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"the server answered {status} and names another address; write that one into the configuration"
    if status in (401, 403):
        return f"the server answered {status}; look at the secret, and whether the licence still holds"
    return f"the server answered {status}"


async def _save(answer: aiohttp.ClientResponse, to: Path) -> None:
    size = 0
    with to.open("xb") as file:
        async for block in answer.content.iter_chunked(_BLOCK):
            size += len(block)
            if size > MOST_BYTES:
                raise FetchFailed(f"the file has more than {MOST_BYTES} bytes, and no register has so many")
            file.write(block)


def _true_at(last_modified: str | None, now: datetime) -> datetime:
    try:
        told = parsedate_to_datetime(last_modified or "")
    except ValueError:
        return now
    # A server whose clock is ahead makes no file of tomorrow.
    return min(now, told if told.tzinfo else told.replace(tzinfo=UTC))


def authorization(bearer_file: Path | None, basic_file: Path | None) -> dict[str, str]:
    """The header that the secret file gives: a token, or `user:password`. Raises `FetchFailed`."""
    if bearer_file is not None:
        return {"Authorization": f"Bearer {secret(bearer_file)}"}
    if basic_file is not None:
        login = secret(basic_file)
        if ":" not in login:
            raise FetchFailed(f"{basic_file} holds no user and password; write user:password")
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    return {}


def secret(path: Path) -> str:
    """The one line of a file that others may not read. Raises `FetchFailed`."""
    try:
        with path.open(encoding="utf-8") as file:
            open_to_all = os.fstat(file.fileno()).st_mode & stat.S_IRWXO
            said = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FetchFailed(f"the secret {path} cannot be read: {type(error).__name__}") from None
    if open_to_all:
        raise FetchFailed(f"others than owner and group may use the secret {path}: chmod o-rwx")
    if not said or not said.isprintable():
        raise FetchFailed(f"the secret {path} is empty or has more than one line")
    return said
