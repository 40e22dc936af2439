"""What the other lab tests stand on: a lab comes up clean, stands beside others, and goes without a trace."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from asterisk.ami import AMIClient, SimpleAction

from lab.config import TemplateError, render, secret
from lab.install import needed_modules
from lab.keeper import environment
from lab.place import REPOSITORY, Place, TakenError, claimed, holder, somewhere
from lab.process import LabError, Process, accepts, udp_bound, until
from lab.redis import Redis
from lab.world import Lab


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with somewhere(tmp_path / "lab") as free:
        yield free


@pytest.fixture
async def lab(place: Place) -> AsyncIterator[Lab]:
    async with Lab(place, start_callgate=False) as up:
        yield up


@pytest.fixture
def folders(place: Place) -> Place:
    """A place with room for a process's log and pid file, and nothing else."""
    place.logs.mkdir(parents=True)
    place.run.mkdir()
    return place


async def listening(place: Place) -> set[str]:
    """Which servers of a place answer."""
    answers = {name for name in ("ami", "agi", "http", "redis") if await accepts(getattr(place, name))}
    return answers | ({"sip"} if udp_bound(place.sip) else set())


def programs_of(folder: Path) -> list[str]:
    """The programs whose command line names `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if str(folder) in command:
            found.append(command)
    return found


def still_runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def ping(place: Place) -> bytes:
    """What Redis says to PING within half a second; nothing from one that hangs."""
    reader, writer = await asyncio.open_connection(*place.redis)
    with closing(writer):
        writer.write(b"PING\r\n")
        try:
            async with asyncio.timeout(0.5):
                return await reader.readline()
        except TimeoutError:
            return b""


async def python_m_lab(*words: str, place: Place, folder: Path) -> tuple[int, str]:
    """Run the command line on the net of `place`; its exit code and all that it said."""
    chosen = {"LAB_NET": place.net, "LAB_FOLDER": str(folder), "CARRIER": "none", "CALLGATE": "none"}
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "lab", *words),
        cwd=REPOSITORY,
        env=os.environ | chosen,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        said, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, said.decode()


def test_a_claimed_net_is_refused_to_others_and_free_afterwards(tmp_path: Path) -> None:
    with somewhere(tmp_path) as place:
        rival = Place(place.net, tmp_path / "rival")
        with pytest.raises(TakenError, match=rf"net {place.net}\.0/24: process {os.getpid()} in "), claimed(rival):
            pytest.fail("two labs on one net")
    with claimed(rival):
        assert holder(rival) == os.getpid()
    assert holder(rival) is None


def test_a_claimed_folder_is_refused_to_a_lab_on_another_net(place: Place) -> None:
    rival = Place("127.255.254", place.folder)
    with pytest.raises(TakenError, match=rf"folder {place.folder}: process {os.getpid()} in "), claimed(rival):
        pytest.fail("two labs in one folder")


def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with somewhere(tmp_path) as place:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(place.sip)
        with pytest.raises(TakenError, match=rf"udp {place.sip} is in use"), claimed(place):
            pytest.fail("a lab on a port that is taken")


def test_a_folder_too_deep_for_a_socket_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="too long a path for a socket"):
        Place("127.0.0", Path("/" + "deep/" * 30))


def test_a_template_that_asks_for_an_unknown_value_is_refused_with_its_name(tmp_path: Path) -> None:
    template = tmp_path / "some.conf"
    template.write_text("bind=@PBX@\nexten => _X.,1,Dial(PJSIP/${EXTEN}@carrier)\nport=@PORTT@\n")
    with pytest.raises(TemplateError, match=r"some\.conf: no value for PORTT"):
        render(template, {"PBX": "127.0.0.1"})
    assert "bind=127.0.0.1\n" in render(template, {"PBX": "127.0.0.1", "PORTT": "1"})


def test_the_shell_s_view_survives_a_folder_with_a_quote_in_it() -> None:
    assert "export LAB_FOLDER='/tmp/it'\"'\"'s here'\n" in environment(Place("127.0.0", Path("/tmp/it's here")))


async def never() -> bool:
    return False


async def always() -> bool:
    return True


async def test_a_program_that_ends_while_it_starts_shows_its_last_words(folders: Place) -> None:
    failing = Process("failing", ("sh", "-c", "echo no such luck; exit 7"), folders, ready=never, deadline=10)
    with pytest.raises(LabError, match=r"failing ended with status 7.*\n.*failing\.log:\n  no such luck"):
        await failing.start()


async def test_a_program_that_is_never_ready_is_ended_at_its_deadline(folders: Place) -> None:
    idle = Process("idle", ("sleep", "1000.125"), folders, ready=never, deadline=0.1)
    with pytest.raises(LabError, match="idle is not ready"):
        await idle.start()
    assert not idle.running
    assert programs_of(Path("1000.125")) == []


async def test_a_program_is_ended_with_all_that_it_started(folders: Place) -> None:
    parent = Process("parent", ("sh", "-c", "sleep 1000.25 & wait"), folders, ready=always, deadline=5)
    await parent.start()

    async def child_runs() -> bool:
        return any(command.startswith("sleep") for command in programs_of(Path("1000.25")))

    await until(child_runs, "the child", 5)
    await parent.stop()

    async def all_gone() -> bool:
        return programs_of(Path("1000.25")) == []

    await until(all_gone, "the child gone", 5)


@pytest.mark.server
async def test_a_server_that_cannot_have_its_port_says_so(folders: Place) -> None:
    first, second = Redis(folders), Redis(folders)
    await first.start()
    try:
        with pytest.raises(LabError, match="Address already in use"):
            await second.start()
        assert await ping(folders) == b"+PONG\r\n"
    finally:
        await first.stop()


@pytest.mark.server
async def test_a_frozen_server_hangs_and_a_thawed_one_answers(folders: Place) -> None:
    server = Redis(folders)
    await server.start()
    try:
        server.freeze()
        assert await ping(folders) == b""
        server.thaw()
        assert await ping(folders) == b"+PONG\r\n"
        server.freeze()
    finally:
        await server.stop()  # and a frozen one ends all the same
    assert await listening(folders) == set()


@pytest.mark.lab
async def test_asterisk_comes_up_without_a_warning(lab: Lab) -> None:
    assert "System uptime" in await lab.asterisk.cli("core show uptime")
    assert lab.asterisk.complaints() == []
    assert await listening(lab.place) == {"sip", "ami", "redis"}


@pytest.mark.lab
async def test_only_what_modules_conf_names_is_loaded_and_all_of_it_runs(lab: Lab) -> None:
    shown = await lab.asterisk.cli("module show")
    loaded = {line.split()[0]: "Not Running" not in line for line in shown.splitlines() if ".so" in line}
    assert all(loaded.values())
    assert sorted(loaded) == sorted(needed_modules())


@pytest.mark.lab
async def test_who_calls_is_told_by_the_address_and_secrets_are_for_their_owner(lab: Lab) -> None:
    shown = await lab.asterisk.cli("pjsip show identifies")
    for centre in ("brussels", "lille", "casablanca", "carrier"):
        assert f"{centre}/{centre}" in shown
        assert f"{getattr(lab.place, centre).host}/32" in shown
    for file in (lab.place.etc / "manager.conf", lab.place.secrets / "ami-lab"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.lab
# asterisk-ami calls Condition.notifyAll with the lock held: turned into an error, the warning leaves it held for ever.
@pytest.mark.filterwarnings("ignore:notifyAll:DeprecationWarning")
@pytest.mark.parametrize(
    ("user", "name", "may_originate"), [("lab", "ami-lab", True), ("callgate", "ami-callgate", False)]
)
async def test_the_manager_s_accounts_may_do_what_they_are_for(
    lab: Lab, user: str, name: str, may_originate: bool
) -> None:
    def ask() -> tuple[str, str]:
        client = AMIClient(address=lab.place.ami.host, port=lab.place.ami.port)
        try:
            login = client.login(username=user, secret=secret(lab.place, name)).response
            dialled = client.send_action(
                SimpleAction("Originate", Channel="Local/nobody@nowhere", Application="Echo", Async="true")
            ).response
            return str(login), str(dialled)
        finally:
            client.logoff().response  # noqa: B018 - waits for the goodbye, after which the reading thread ends
            client.disconnect()

    login, dialled = await asyncio.to_thread(ask)
    assert "Response: Success" in login
    assert ("Permission denied" not in dialled) == may_originate
    await lab.no_channels()


@pytest.mark.lab
async def test_two_labs_stand_side_by_side(lab: Lab, tmp_path: Path) -> None:
    with somewhere(tmp_path / "other") as place:
        async with Lab(place, start_callgate=False) as other:
            assert other.asterisk.complaints() == []
            assert await listening(place) == await listening(lab.place) == {"sip", "ami", "redis"}
        assert await listening(place) == set()
    assert await lab.asterisk.channels() == 0


@pytest.mark.lab
async def test_nothing_is_left_of_a_lab(place: Place) -> None:
    async with Lab(place, start_callgate=False) as lab:
        pids = [lab.redis.pid, lab.asterisk.pid]
        assert len(programs_of(place.folder)) >= 1
    assert await listening(place) == set()
    assert programs_of(place.folder) == []
    assert [still_runs(pid) for pid in pids] == [False, False]
    assert list(place.run.iterdir()) == []


@pytest.mark.lab
async def test_a_lab_that_cannot_start_says_why_and_leaves_nothing_up(place: Place) -> None:
    lab = Lab(place, start_callgate=False)
    with socket.socket() as other:
        other.bind(place.redis)
        other.listen()
        with pytest.raises(
            LabError, match=r"redis ended with status 1 (.*\n)+.*redis\.log:\n(.*\n)*.*Address already in use"
        ):
            await lab.__aenter__()
    assert await listening(place) == set()
    assert programs_of(place.folder) == []


@pytest.mark.lab
async def test_a_lab_in_the_background_goes_up_and_down_and_leaves_nothing(tmp_path: Path) -> None:
    with somewhere(tmp_path / "free") as place:
        pass
    folder = tmp_path / "lab"
    kept = Place(place.net, folder)

    code, said = await python_m_lab("up", place=place, folder=folder)
    assert (code, "The lab is up" in said) == (0, True), said
    try:
        keeper = holder(kept)
        code, said = await python_m_lab("up", place=place, folder=tmp_path / "second")
        assert code == 1
        assert f"net {place.net}.0/24: process {keeper} in {REPOSITORY}" in said
        assert await listening(kept) == {"sip", "ami", "redis"}
        assert (await python_m_lab("status", place=place, folder=folder))[0] == 0
    finally:
        code, said = await python_m_lab("down", place=place, folder=folder)
    assert (code, said) == (0, "The lab is down.\n")
    assert await listening(kept) == set()
    assert programs_of(folder) == []
    assert list(folder.iterdir()) == []
    assert (await python_m_lab("status", place=place, folder=folder))[0] == 3


@pytest.mark.lab
async def test_what_a_lab_runs_dies_with_a_keeper_that_is_killed(tmp_path: Path) -> None:
    with somewhere(tmp_path / "free") as place:
        pass
    folder = tmp_path / "lab"
    kept = Place(place.net, folder)
    assert (await python_m_lab("up", place=place, folder=folder))[0] == 0
    keeper = holder(kept)
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)

    async def nothing_runs() -> bool:
        return programs_of(folder) == [] and await listening(kept) == set()

    await until(nothing_runs, "everything gone", 5)
    assert await python_m_lab("down", place=place, folder=folder) == (0, "No lab was up here.\n")
    assert list(folder.iterdir()) == []
