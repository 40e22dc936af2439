"""What a handler can do with the channel that called it: the AGI commands that callgate uses, and what they mean."""

from dataclasses import dataclass
from typing import Final

from callgate.pbx.agi.connection import Connection, Limits
from callgate.pbx.agi.errors import ChannelGone, CommandRefused, LocalError
from callgate.pbx.agi.wire import Reply, Request, command

_DIGITS: Final = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Played:
    """How a sound ended: exactly one of `digit`, `finished` and `failed` is set.

    `digit` is the key that stopped it, `endpos` the position reached, in samples of the file. `failed` says that it
    was not played, or not to its end: no such file, nothing in it, stopped by AMI, the caller left. Not played is not
    heard.
    """

    digit: str | None
    endpos: int
    finished: bool
    failed: bool


class Session:
    """The channel that runs AGI, as long as its caller stays.

    Every command raises ChannelGone once the caller has hung up, PeerTimeout where Asterisk does not answer in time,
    PeerGone where the connection ended, RemoteError where it is no Asterisk, CommandRefused where Asterisk cannot,
    and LocalError for what cannot be sent. One command at a time; one that is cancelled is given up, and the sound it
    plays stops when the next is sent. Keys that come while none is under way are lost: in between, Asterisk reads the
    channel's frames and drops them (res_agi.c 4404).
    """

    def __init__(self, request: Request, connection: Connection, limits: Limits) -> None:
        self.request = request
        self._connection = connection
        self._limits = limits

    @property
    def peer(self) -> str:
        """The address of the PBX that asks."""
        return self._connection.peer

    @property
    def hung_up(self) -> bool:
        """Whether the caller is known to have left. With AGISIGHUP=no, Asterisk tells only at the next command."""
        return self._connection.hung_up

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, or write a dialplan function such as `CHANNEL(language)`."""
        await self._ask("SET", "VARIABLE", name, value)

    async def get_variable(self, name: str) -> str | None:
        """The value of a channel variable or of a dialplan function, None where there is none."""
        return (await self._ask("GET", "VARIABLE", name)).data

    async def stream_file(self, path: str, escape: str = "", offset: int = 0, *, lasts_s: float = 15.0) -> Played:
        """Play a sound, without the extension of its file, from `offset` (samples), until its end or a key of `escape`.

        `lasts_s` is how long it plays; a margin is added.
        """
        reply = await self._ask("STREAM", "FILE", path, escape, str(offset), within_s=lasts_s + self._limits.margin_s)
        return _played(reply, offset)

    async def wait_for_digit(self, ms: int) -> str | None:
        """The key pressed within `ms` milliseconds, None for silence. Raises ChannelGone when the caller leaves."""
        if ms < 0:
            raise LocalError(f"{ms} ms would wait for ever; give the milliseconds that the caller has")
        reply = await self._ask("WAIT", "FOR", "DIGIT", str(ms), within_s=ms / 1000 + self._limits.margin_s)
        if reply.result < 0:
            self._connection.hung_up = True
            raise ChannelGone("the caller hung up while a key was awaited")
        return _digit(reply.result)

    async def execute(self, application: str, *args: str, within_s: float | None = None) -> int:
        """Run a dialplan application with these arguments, and return what it did.

        0 is success, -1 a failure or a hang-up, -2 no such application (res_agi.c 3314). Applications take their
        arguments apart at commas, outside quotes and backslashes (app.c 2357), so none may hold one.
        """
        if any(mark in arg for arg in args for mark in ',"\\'):
            raise LocalError(
                f"an argument of {application} holds a comma, a quote or a backslash, which would split it"
            )
        return (await self._ask("EXEC", application, ",".join(args), within_s=within_s)).result

    async def hangup(self) -> None:
        """Hang this channel up. Raises nothing where the caller was faster."""
        try:
            await self._ask("HANGUP")
        except ChannelGone:
            return
        self._connection.hung_up = True

    async def database_put(self, family: str, key: str, value: str) -> None:
        """Write to AstDB. Raises CommandRefused where Asterisk could not."""
        await self._change_database("PUT", family, key, value)

    async def database_del(self, family: str, key: str) -> None:
        """Delete from AstDB, where the key may be missing. Raises CommandRefused where Asterisk could not."""
        await self._change_database("DEL", family, key)

    async def _change_database(self, verb: str, family: str, *rest: str) -> None:
        if (await self._ask("DATABASE", verb, family, *rest)).result != 1:
            raise CommandRefused(f"Asterisk could not do DATABASE {verb} in the family {family!r}; is its disk full?")

    async def _ask(self, *words: str, within_s: float | None = None) -> Reply:
        deadline = self._limits.command_s if within_s is None else within_s
        reply = await self._connection.ask(command(*words), deadline)
        if reply.code == 511:
            self._connection.hung_up = True
            raise ChannelGone("the caller has hung up")
        if reply.code != 200:
            why = "used wrongly" if reply.code == 520 else "unknown; is its module loaded?"
            raise CommandRefused(f"Asterisk answered {words[0]} with {reply.code}: {why}")
        return reply


def _played(reply: Reply, offset: int) -> Played:
    """What handle_streamfile (res_agi.c 2722) meant.

    A file that cannot be opened and a caller who leaves are both -1. A stream that ends by itself is 0 with the file's
    length, so that 0 with no way gone is a file without sound. Other codes are AMI's ControlPlayback (file.c 1647).
    """
    endpos = reply.endpos or 0
    digit = _digit(reply.result)
    finished = reply.result == 0 and endpos > offset
    return Played(digit, endpos, finished, failed=digit is None and not finished)


def _digit(result: int) -> str | None:
    key = chr(result) if 0 < result < 128 else ""
    return key if key in _DIGITS else None
