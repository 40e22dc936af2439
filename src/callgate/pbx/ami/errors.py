"""What can go wrong between callgate and the manager interface, by whose fault it is.

A `LocalError` is our own misuse: nothing was sent. A `RemoteError` is what the PBX, or the network on the way to it,
did. No text of either holds the value of a field, since fields hold people's numbers.
"""


class LocalError(ValueError):
    """The action cannot be put on the wire as it is. Nothing was sent."""


class RemoteError(Exception):
    """The PBX did not do what it was asked, or nobody knows whether it did."""


class NotConnected(RemoteError):
    """No session is logged in. Nothing was sent; nothing is kept to be sent later."""


class ActionRefused(RemoteError):
    """The PBX answered `Response: Error`. `reason` is its `Message` header."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"the PBX refused {action}: {reason}")
        self.action = action
        self.reason = reason


class OutcomeUnknown(RemoteError):
    """The action was sent and its reply did not come. It may have been done: look before doing it again."""
