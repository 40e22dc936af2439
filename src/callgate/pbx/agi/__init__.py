"""Our own FastAGI server: the gate's synchronous question from the dialplan, and what is said on a channel."""

from callgate.pbx.agi.connection import Limits
from callgate.pbx.agi.errors import ChannelGone, CommandRefused, LocalError, PeerGone, PeerTimeout, RemoteError
from callgate.pbx.agi.server import AgiServer, Counters, Handler, Refusal
from callgate.pbx.agi.session import Played, Session
from callgate.pbx.agi.wire import Request

__all__ = [
    "AgiServer",
    "ChannelGone",
    "CommandRefused",
    "Counters",
    "Handler",
    "Limits",
    "LocalError",
    "PeerGone",
    "PeerTimeout",
    "Played",
    "Refusal",
    "RemoteError",
    "Request",
    "Session",
]
