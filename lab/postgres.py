"""A PostgreSQL server for tests and benchmarks, on a Unix socket, that can be frozen, killed and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psycopg

USER, GROUP = "nobody", "nogroup"
"""Who runs it where we are root: postgres refuses to be."""
_numbers = count()


def programs() -> Path:
    """The folder of the newest PostgreSQL: Debian keeps each release apart and none on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return (found[-1] if found else Path(shutil.which("initdb") or "initdb")).parent


class PostgresServer:
    """One server, as durable as the default configuration makes it, whose files are its own.

    With `of`, it is the streaming standby of that one.
    """

    def __init__(self, of: "PostgresServer | None" = None) -> None:
        # A short path of our own: a Unix socket's may have 107 bytes, fewer than some folders have.
        self.home = Path(tempfile.mkdtemp(prefix="cg-"))
        if os.getuid() == 0:
            shutil.chown(self.home, USER, GROUP)
        if of is None:
            self._run("initdb", "-U", "callgate", "-A", "trust", "-E", "UTF8", "--no-sync")
        else:
            self._run("pg_basebackup", "-h", str(of.home), "-U", "callgate", "-R", "--checkpoint=fast", "--no-sync")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        drop = ("setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups") if os.getuid() == 0 else ()
        command = (*drop, str(programs() / program), "-D", f"{self.home}/data", *words)
        subprocess.run(command, check=True, cwd=self.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.home} -c max_connections=40"
        self._run("pg_ctl", "start", "-w", "-l", f"{self.home}/log", "-o", options)

    def stop(self, how: str = "fast") -> None:
        """`fast` ends the sessions and shuts down; `immediate` is a crash."""
        self._run("pg_ctl", "stop", "-w", "-m", how)

    def restart(self, how: str = "fast") -> None:
        self.stop(how)
        self.start()

    def promote(self) -> None:
        """Make a standby the primary, as it is."""
        self._run("pg_ctl", "promote", "-w")

    def set(self, setting: str, value: str) -> None:
        """Change the configuration of the running server."""
        with psycopg.connect(host=str(self.home), user="callgate", dbname="postgres", autocommit=True) as session:
            session.execute(f"ALTER SYSTEM SET {setting} = '{value}'".encode())
            session.execute("SELECT pg_reload_conf()")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and to every process of a session."""
        parent = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            os.kill(pid, number)

    def new_database(self) -> str:
        """The URL of a fresh database."""
        name = f"ledger{next(_numbers)}"
        with psycopg.connect(host=str(self.home), user="callgate", dbname="postgres", autocommit=True) as session:
            session.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql://callgate@/{name}?host={self.home}"

    def end(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.home)
