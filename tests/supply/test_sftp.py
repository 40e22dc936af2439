"""A list's newest file comes over SFTP from the server whose key is known, and from nobody else."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from callgate.core.places import Place
from callgate.supply.errors import FetchFailed
from callgate.supply.sftp import Login, by_sftp

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse"


@dataclass
class Register:
    """A register's server: its folder, its address, and how to log in."""

    root: Path
    port: int
    key: Path
    password: Path
    host_keys: Path

    @property
    def login(self) -> Login:
        return Login(self.host_keys, key=self.key)

    def url(self, path: str = "lists/tps.txt", user: str = "licence") -> str:
        return f"sftp://{user}@127.0.0.1:{self.port}/{path}"

    def put(self, name: str, body: bytes, at: datetime = NOW) -> None:
        path = self.root / "lists" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (at.timestamp(), at.timestamp()))


class Doorman(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("licence", PASSWORD)


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    mine, theirs = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    root = tmp_path / "root"
    root.mkdir()
    authorized = tmp_path / "authorized"
    authorized.write_bytes(mine.export_public_key())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Doorman,
        server_host_keys=[theirs],
        authorized_client_keys=str(authorized),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
    )
    made = Register(root, server.get_port(), tmp_path / "key", tmp_path / "password", tmp_path / "known")
    mine.write_private_key(str(made.key))
    made.password.write_text(PASSWORD)
    made.password.chmod(0o600)
    made.host_keys.write_bytes(f"[127.0.0.1]:{made.port} ".encode() + theirs.export_public_key())
    yield made
    server.close()
    await server.wait_closed()


async def test_a_file_comes_whole_and_is_true_to_when_it_was_written(register: Register, tmp_path: Path) -> None:
    body = os.urandom(1 << 20)
    register.put("tps.txt", body, NOW - timedelta(hours=7))
    fetched = await by_sftp(register.url(), register.login, tmp_path / "to", NOW)
    assert (fetched.path.read_bytes() == body, fetched.as_of) == (True, NOW - timedelta(hours=7))


async def test_of_dated_files_the_newest_is_taken(register: Register, tmp_path: Path) -> None:
    for day in (23, 25, 24):
        register.put(f"TPS_202611{day}.zip", b"%d" % day, NOW - timedelta(days=25 - day, hours=1))
    register.put("CTPS_20261126.zip", b"another list", NOW)
    (register.root / "lists" / "TPS_folder.zip").mkdir()
    fetched = await by_sftp(register.url("lists/TPS_*.zip"), register.login, tmp_path / "to", NOW)
    assert (fetched.path.read_bytes(), fetched.as_of) == (b"25", NOW - timedelta(hours=1))


async def test_a_server_whose_clock_is_ahead_makes_no_file_of_tomorrow(register: Register, tmp_path: Path) -> None:
    register.put("tps.txt", b"x", NOW + timedelta(days=1))
    assert (await by_sftp(register.url(), register.login, tmp_path / "to", NOW)).as_of == NOW


async def test_a_password_does_where_there_is_no_key(register: Register, tmp_path: Path) -> None:
    register.put("tps.txt", b"x")
    login = Login(register.host_keys, password=register.password)
    assert (await by_sftp(register.url(), login, tmp_path / "to", NOW)).path.read_bytes() == b"x"


async def test_a_server_under_another_key_is_told_nothing(register: Register, tmp_path: Path) -> None:
    register.put("tps.txt", b"x")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key()
    register.host_keys.write_bytes(f"[127.0.0.1]:{register.port} ".encode() + other)
    login = Login(register.host_keys, password=register.password)
    with pytest.raises(FetchFailed, match=r"shows a key that .* does not hold for it"):
        await by_sftp(register.url(), login, tmp_path / "to", NOW)


@pytest.mark.parametrize(
    ("path", "user", "says"),
    [
        ("lists/none.txt", "licence", "has no file none.txt in /lists"),
        ("nowhere/tps.txt", "licence", "has no folder /nowhere"),
        ("lists/../../etc/passwd", "licence", "has no folder"),
    ],
)
async def test_what_is_not_there_is_said(register: Register, tmp_path: Path, path: str, user: str, says: str) -> None:
    register.put("tps.txt", b"x")
    with pytest.raises(FetchFailed, match=says):
        await by_sftp(register.url(path, user), register.login, tmp_path / "to", NOW)
    assert not (tmp_path / "to").exists()


async def test_a_wrong_password_is_refused_and_not_repeated_in_the_error(register: Register, tmp_path: Path) -> None:
    register.password.write_text("wrong horse")
    login = Login(register.host_keys, password=register.password)
    with pytest.raises(FetchFailed, match="refuses the login of licence") as failed:
        await by_sftp(register.url(), login, tmp_path / "to", NOW)
    assert "wrong horse" not in str(failed.value)


async def test_a_server_that_is_away_or_says_nothing_ends_in_an_error(register: Register, tmp_path: Path) -> None:
    callers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(FetchFailed, match=r"did not deliver the file in time"):
        await by_sftp(f"sftp://licence@127.0.0.1:{port}/a", register.login, tmp_path / "to", NOW, within=0.2)
    for caller in callers:
        caller.close()
    silent.close()
    await silent.wait_closed()
    with pytest.raises(FetchFailed, match=r"could not be fetched from 127\.0\.0\.1"):
        await by_sftp(f"sftp://licence@127.0.0.1:{port}/a", register.login, tmp_path / "to", NOW)


@pytest.mark.parametrize("url", ["sftp://host/a", "sftp://u@host", "sftp://u@host/", "sftp://u@/a", "sftp://u@h/*/a"])
def test_a_place_without_user_host_or_file_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="a place is"):
        Place.read(url)


def test_a_place_is_read_with_its_parts() -> None:
    assert Place.read("sftp://me%40home@host:2222/a%20b/c*.zip") == Place("me@home", "host", 2222, "/a b", "c*.zip")
    assert Place.read("sftp://u@host/a").port == 22
