"""How telling a partner fails. No message repeats what a partner said, or a person's number."""


class Undelivered(Exception):
    """The partner could not be told, or did not say that it was; what it was to be told, it is told again."""


class NotBelieved(Exception):
    """The partner answered, and the answer cannot be taken for its own word on what it was asked."""
