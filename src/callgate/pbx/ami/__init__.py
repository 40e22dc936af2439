"""The client of the Asterisk Manager Interface. docs/decisions/0001-ami-client.md says why it is our own."""

from callgate.pbx.ami.errors import ActionRefused, LocalError, NotConnected, OutcomeUnknown, RemoteError
from callgate.pbx.ami.link import Link
from callgate.pbx.ami.session import Address, Session, State, Timing
from callgate.pbx.ami.wire import Fields, Message

__all__ = [
    "ActionRefused",
    "Address",
    "Fields",
    "Link",
    "LocalError",
    "Message",
    "NotConnected",
    "OutcomeUnknown",
    "RemoteError",
    "Session",
    "State",
    "Timing",
]
