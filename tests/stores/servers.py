"""A real Redis server of the test's own, on a Unix socket, that can be frozen, killed and started again."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

READY = b"eady to accept connections"


class RedisServer:
    """One redis-server without persistence."""

    def __init__(self) -> None:
        # A short path of our own: a Unix socket's may have 107 bytes, fewer than some of pytest's directories.
        self.home = Path(tempfile.mkdtemp(prefix="cg-"))
        self.url = f"unix://{self.home}/redis.sock"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        options = {"port": "0", "unixsocket": "redis.sock", "save": "", "appendonly": "no", "daemonize": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", *words, cwd=self.home, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            async for line in self._process.stdout:
                if READY in line:
                    return
        raise RuntimeError("redis-server ended before it was ready")

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.communicate()
            self._process = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        await self.stop()
        shutil.rmtree(self.home)
