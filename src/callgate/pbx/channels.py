"""The channels of one PBX as AMI shows them: which are live, under which CALLGATE_ID, and of which call centre.

A fold over AMI events; a snapshot begins it anew. Events may come twice or tell what a snapshot held already.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from callgate.core.dialplan import Variable
from callgate.pbx.ami import Message

LONGEST = 5
"""Digits of an extension of the PBX's own."""


class Channel(NamedTuple):
    """One live channel."""

    uniqueid: str
    name: str
    call: str = ""
    centre: str = ""
    context: str = ""
    extension: str = ""

    @property
    def endpoint(self) -> str:
        """`PJSIP/brussels` of `PJSIP/brussels-00000012`."""
        return self.name.rpartition("-")[0]

    @property
    def is_local(self) -> bool:
        """Whether it is half of a Local channel: `…;1` or `…;2`."""
        return self.name.startswith("Local/")


def hidden(extension: str) -> str:
    """An extension that may be told: what is long enough to be somebody's number is cut down to its end."""
    if len(extension) <= LONGEST:
        return extension
    return f"•••{extension[-2:]}" if sum(character.isdigit() for character in extension) > LONGEST else extension


class Channels:
    """Live channels by UNIQUEID."""

    def __init__(self) -> None:
        self._live: dict[str, Channel] = {}
        self._changed = asyncio.Event()

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._live

    def get(self, uniqueid: str) -> Channel | None:
        """The live channel with this UNIQUEID."""
        return self._live.get(uniqueid)

    def named(self, name: str) -> Channel | None:
        """The live channel of this name."""
        return next((channel for channel in self._live.values() if channel.name == name), None)

    def of_call(self, call: str) -> list[Channel]:
        """The live channels that carry this CALLGATE_ID."""
        return [channel for channel in self._live.values() if channel.call == call]

    def reset(self, snapshot: Iterable[Message]) -> None:
        """What CoreShowChannels lists is what there is."""
        self._live = {}
        for message in snapshot:
            self._put(message, "")
        self._tell()

    def see(self, message: Message) -> None:
        """Take in one event."""
        if message.get("Event") == "Hangup":
            self.forget(message.get("Uniqueid"))
            return
        for prefix in ("", "Dest"):
            self._put(message, prefix)
        self._tell()

    def forget(self, uniqueid: str) -> None:
        """This channel is gone."""
        self._live.pop(uniqueid, None)
        self._tell()

    def _put(self, message: Message, prefix: str) -> None:
        uniqueid = message.get(f"{prefix}Uniqueid")
        if not uniqueid:
            return
        name = message.get("Newname") or message.get(f"{prefix}Channel")
        variables = message.variables(f"{prefix}ChanVariable")
        call, centre = variables.get(Variable.ID, ""), variables.get(Variable.CENTRE, "")
        seen = self._live.get(uniqueid) or Channel(uniqueid, name)
        self._live[uniqueid] = Channel(
            uniqueid,
            name=name or seen.name,
            call=call or seen.call,
            centre=centre or seen.centre,
            context=message.get(f"{prefix}Context") or seen.context,
            extension=hidden(message.get(f"{prefix}Exten")) or seen.extension,
        )

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait for the events to make `holds` true; False after `within_s`. An AGI request may be ahead of AMI."""
        if holds():
            return True
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _tell(self) -> None:
        self._changed.set()
        self._changed.clear()
