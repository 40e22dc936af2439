"""How a fetch fails."""


class FetchFailed(Exception):
    """The file did not come. The message says what is so, and never holds a password or an address with one."""
