"""Pages that are read without callgate: printed, or handed to a person."""

from aiohttp import web


def printed(page: str) -> web.Response:
    """The page. Its style stands in it, which the policy of our own pages does not allow; it has no script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})
