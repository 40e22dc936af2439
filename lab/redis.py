"""The lab's Redis: a cache that keeps nothing on disk and evicts nothing."""

from lab.place import Place
from lab.process import Process


class Redis(Process):
    """A real Redis on the lab's address."""

    def __init__(self, place: Place) -> None:
        options = {
            "bind": place.redis.host,
            "port": str(place.redis.port),
            "dir": str(place.run),
            # Nothing is saved: what Redis loses, callgate must rebuild, and a restart here is the test of it.
            "save": "",
            "appendonly": "no",
            # An evicted suppression would read as "nobody is suppressed".
            "maxmemory-policy": "noeviction",
            # The address is loopback. Protected mode would refuse what comes from another one of it.
            "protected-mode": "no",
        }
        command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))]
        super().__init__("redis", command, place, ready=self._serves, deadline=5)

    async def _serves(self) -> bool:
        # Not "its port answers": that could be another program's, while this one is about to fail.
        return self.has_said("Ready to accept connections")
