"""Speaks in many calls at once: a process of its own, so that its packets cost the timing of calls nothing.

    python -m bench.voices HOST[,HOST…]

It reads one line a change from its standard input: `+ INDEX HOST PORT ID` begins to speak from the INDEX-th of its own
hosts to HOST:PORT, and `- ID` ends it. Twenty milliseconds of G.711 go to each fifty times a second (RFC 3550, RFC
3551). What comes back is left to the kernel, which drops it.
"""

import os
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.place import Address

PORT = 40_000
FRAME_S = 0.02
SAMPLES = 160
SPEECH = bytes(0xFF ^ (n * 37 % 128) for n in range(SAMPLES))
"""Not silence: something that a bridge has to carry. What it sounds like is nobody's concern."""
HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)
class Voice:
    """One end of one call."""

    mouth: socket.socket
    to: Address
    source: int
    sent: int = 0

    def speak(self) -> None:
        """Send the next frame."""
        head = HEADER.pack(0x80, 0, self.sent & 0xFFFF, self.sent * SAMPLES & 0xFFFFFFFF, self.source)
        self.sent += 1
        self.mouth.sendto(head + SPEECH, self.to)


def main(hosts: Sequence[str]) -> None:
    """Speak until the standard input ends."""
    mouths = [_mouth(host) for host in hosts]
    voices: dict[str, Voice] = {}
    rest, tick = b"", time.monotonic()
    while True:
        tick += FRAME_S
        while (wait := tick - time.monotonic()) > 0:
            if not select.select([0], [], [], wait)[0]:
                break
            if not (read := os.read(0, 65536)):
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                _heed(line.decode().split(), mouths, voices)
        for voice in voices.values():
            voice.speak()


def _heed(words: Sequence[str], mouths: Sequence[socket.socket], voices: dict[str, Voice]) -> None:
    match words:
        case ["+", mouth, host, port, name]:
            voices[name] = Voice(mouths[int(mouth)], Address(host, int(port)), len(voices) + 1)
        case ["-", name]:
            voices.pop(name, None)


def _mouth(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    made.bind((host, PORT))
    return made


if __name__ == "__main__":
    main(sys.argv[1].split(","))
