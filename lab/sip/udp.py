"""A UDP socket on the running loop, opened and closed in one step."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

Address = tuple[str, int]
"""IPv4 address and port."""


class Udp:
    """Bound to `host`; each datagram that comes goes to `on_datagram` with its source.

    A plain socket and not an asyncio transport: closing takes effect at once, and sending costs one system call.
    """

    def __init__(self, host: str, port: int, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._on_datagram = on_datagram
        try:
            self._socket.setblocking(False)
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise OSError(error.errno, f"cannot listen on UDP {host}:{port}: {error.strerror}") from error
        self.address: Address = self._socket.getsockname()
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    @classmethod
    def even(cls, host: str, on_datagram: Callable[[bytes, Address], None]) -> "Udp":
        """On a free even port, as RTP wants it: the odd one above is RTCP's, and nothing else should listen there."""
        while (found := cls(host, 0, on_datagram)).address[1] % 2:
            found.close()
        return found

    def _readable(self) -> None:
        # One datagram each time: the loop comes back while there are more, and other sockets get their turn.
        with contextlib.suppress(BlockingIOError):
            data, source = self._socket.recvfrom(65536)
            self._on_datagram(data, source)

    def send(self, data: bytes, to: Address) -> None:
        """Sends, or loses it when the buffer is full, as the network would."""
        with contextlib.suppress(BlockingIOError):
            self._socket.sendto(data, to)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
