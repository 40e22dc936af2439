"""What can go wrong between callgate and a FastAGI peer, by whose fault it is.

A `LocalError` is our own misuse: nothing was sent. A `RemoteError` is what the peer did, or the network on the way to
it. No text of either holds what the peer sent: it may be somebody's number, and errors are logged.
"""


class LocalError(ValueError):
    """What was asked for cannot be sent. Nothing was."""


class RemoteError(Exception):
    """The peer did what an Asterisk does not do."""


class PeerTimeout(RemoteError):
    """The peer did not answer in time. The connection is closed; the command may have been carried out."""


class PeerGone(RemoteError):
    """The connection ended. With AGIEXITONHANGUP=yes this is also what a hang-up looks like."""


class ChannelGone(RemoteError):
    """The caller has hung up; the connection may still stand."""


class CommandRefused(RemoteError):
    """Asterisk answered that it cannot do this: 510, 520, or a result that says so."""
