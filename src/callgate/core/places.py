"""Where a list's file lies on an SFTP server."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PORT = 22


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: `sftp://USER@HOST:PORT/PATH`, read."""

    user: str
    host: str
    port: int
    folder: str
    name: str

    @classmethod
    def read(cls, url: str) -> "Place":
        """Raises ValueError with what would be right."""
        parts = urlsplit(url)
        folder, _, name = unquote(parts.path).rpartition("/")
        if parts.scheme != "sftp" or not parts.hostname or not parts.username or not name or "*" in folder:
            raise ValueError("a place is sftp://USER@HOST/PATH; only its last part may hold a *")
        return cls(unquote(parts.username), parts.hostname, parts.port or PORT, folder, name)
