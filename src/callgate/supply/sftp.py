"""Brings the newest file of a list here over SFTP.

The server is known by the key that the operator wrote down beforehand: whoever answers under another is nobody, and is
given no password. The last part of the path may be a pattern (`TPS_*.zip`), since registers put a dated file beside the
last one: then it is the newest that is fetched, by the time at which it was written, or by name where two are as old.
That time is the moment to which the file is true; a server whose clock is ahead makes no file of tomorrow.
"""

import asyncio
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

import asyncssh

from callgate.core.places import Place
from callgate.supply.errors import FetchFailed
from callgate.supply.fetching import CONNECT_WITHIN, FETCH_WITHIN, MOST_BYTES, Fetched, secret

_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Login:
    """How both sides show who they are. `host_keys` is written as OpenSSH's known_hosts; one of the others is given."""

    host_keys: Path
    key: Path | None = None
    password: Path | None = None


async def by_sftp(url: str, login: Login, to: Path, now: datetime, within: float = FETCH_WITHIN) -> Fetched:
    """Get the newest file that the URL names. Raises `FetchFailed`, whose message holds nothing of the secrets."""
    place = Place.read(url)
    options = _options(place, login)
    try:
        async with asyncio.timeout(within):
            async with (
                asyncssh.connect(place.host, place.port, options=options) as link,
                link.start_sftp_client() as sftp,
            ):
                return await _newest(sftp, place, to, now)
    except TimeoutError:
        raise FetchFailed(f"{place.host} did not deliver the file in time ({within:.0f} s in all)") from None
    except asyncssh.HostKeyNotVerifiable:
        raise FetchFailed(
            f"{place.host} shows a key that {login.host_keys} does not hold for it; ask its operator which is right"
        ) from None
    except asyncssh.PermissionDenied:
        raise FetchFailed(f"{place.host} refuses the login of {place.user}; look at the key or the password") from None
    except asyncssh.SFTPNoSuchFile:
        raise FetchFailed(f"{place.host} has no folder {place.folder or '/'}") from None
    except (asyncssh.Error, OSError) as error:
        raise FetchFailed(f"the file could not be fetched from {place.host}: {type(error).__name__}") from None


def _options(place: Place, login: Login) -> asyncssh.SSHClientConnectionOptions:
    try:
        key = asyncssh.read_private_key(login.key) if login.key else None
        known = asyncssh.read_known_hosts(str(login.host_keys))
    except (OSError, ValueError) as error:
        which = login.key if isinstance(error, asyncssh.KeyImportError) else login.host_keys
        raise FetchFailed(f"{which} cannot be used: {type(error).__name__}") from None
    return asyncssh.SSHClientConnectionOptions(
        username=place.user,
        client_keys=[key] if key else None,
        password=secret(login.password) if login.password else None,
        known_hosts=known,
        agent_path=None,
        config=None,
        preferred_auth=["publickey"] if key else ["password", "keyboard-interactive"],
        connect_timeout=CONNECT_WITHIN,
        login_timeout=CONNECT_WITHIN,
    )


async def _newest(sftp: asyncssh.SFTPClient, place: Place, to: Path, now: datetime) -> Fetched:
    found = [
        (entry.attrs.mtime or 0, str(entry.filename))
        async for entry in sftp.scandir(place.folder or "/")
        if fnmatchcase(str(entry.filename), place.name) and stat.S_ISREG(entry.attrs.permissions or stat.S_IFREG)
    ]
    if not found:
        raise FetchFailed(f"{place.host} has no file {place.name} in {place.folder or '/'}")
    written, name = max(found)
    await _save(sftp, f"{place.folder}/{name}", to)
    return Fetched(to, min(now, datetime.fromtimestamp(written, UTC)) if written else now)


async def _save(sftp: asyncssh.SFTPClient, path: str, to: Path) -> None:
    size = 0
    async with sftp.open(path, "rb") as source:
        with to.open("xb") as file:
            while block := await source.read(_BLOCK):
                size += len(block)
                if size > MOST_BYTES:
                    raise FetchFailed(f"the file has more than {MOST_BYTES} bytes, and no register has so many")
                file.write(cast(bytes, block))  # a file that was opened for bytes gives bytes
