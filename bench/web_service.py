"""What a call centre runs today: a web service that the dialplan asks with CURL(), and that asks Redis.

`python -m bench.web_service HOST PORT REDIS_URL`
"""

import sys

from aiohttp import web
from redis.asyncio import Redis


def main(host: str, port: str, url: str) -> None:
    """Serve until SIGTERM: GET /check?number=… answers `clear` or `blocked`."""
    redis: Redis = Redis.from_url(url)

    async def check(request: web.Request) -> web.Response:
        blocked = await redis.sismember("suppressed", request.query["number"])
        return web.Response(text="blocked" if blocked else "clear")

    app = web.Application()
    app.router.add_get("/check", check)
    web.run_app(app, host=host, port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
